"""Labels in arrays are read at once, and mean and refuse what they do one by one."""

import random

import pytest

import nn
from nn.evaluation import labels as labels_module
from nn.evaluation.columns import places_taken
from nn.evaluation.labels import label_indices
from tests.needs import needs

np = needs("numpy")

RIGHT = [
    ([2, 0, 1], (3,)),
    ([2.0, 0.0, 1.0], (3,)),
    ([[0, 1, 0], [1, 0, 0]], (3,)),
    ([[False, True], [True, False]], (2,)),
    ([[0, 1], [2, 2]], (2, 3)),
    ([[[0, 1], [1, 0]]], (2, 2)),
    ([0, 1, 1], ()),
    ([-1.0, 1.0], (1,)),
    ([[0], [1]], (1,)),
    ([[1], [0]], (1, 1)),
    ([[1, 0], [0, 0]], (2, 1)),
]

WRONG = [
    ([0.5, 1.0], (3,)),
    ([np.nan, 1.0], (3,)),
    ([np.inf, 1.0], (3,)),
    ([0, 3], (3,)),
    ([0, -1], (3,)),
    ([True, False], (3,)),
    ([[0, 1, 1], [1, 0, 0]], (3,)),
    ([[0, 0], [0, 1]], (2,)),
    ([[1, 2], [0, 1]], (2,)),
    ([[0, 2], [1, 0]], (2,)),
    ([[0, 1, 2], [1, 0, 2]], (2,)),
    ([[0], [1]], (2,)),
    ([0, 1, -1], ()),
    ([1, 2], (1,)),
    ([0.5, 1.0], (1,)),
    ([True, False], (1,)),
]


@pytest.mark.parametrize(("labels", "shape"), RIGHT)
def test_arrays_mean_what_their_entries_mean(labels, shape):
    one_by_one = label_indices(np.array(labels, object), shape)
    at_once = label_indices(np.array(labels), shape)
    assert isinstance(at_once, np.ndarray)
    assert np.array_equal(np.ravel(at_once), np.ravel(one_by_one))
    assert len(at_once) == len(labels)
    for listed in (labels, list(np.array(labels))):
        assert np.array_equal(np.ravel(at_once), np.ravel(label_indices(listed, shape)))


@pytest.mark.parametrize(("labels", "shape"), WRONG)
def test_arrays_refuse_what_their_entries_refuse(labels, shape):
    with pytest.raises((TypeError, ValueError, IndexError)) as one_by_one:
        label_indices(np.array(labels, object), shape)
    for given in (np.array(labels), list(np.array(labels)), labels):
        with pytest.raises(one_by_one.type) as at_once:
            label_indices(given, shape)
        assert str(at_once.value) == str(one_by_one.value)


def test_rows_in_lists_are_read_alone_where_they_make_no_array():
    assert label_indices([[True, 0], [0, 1.0]], (2,)) == [0, 1]
    with pytest.raises(ValueError, match="a row of one number"):
        label_indices([[0, 1], [1]], (2,))
    with pytest.raises(ValueError, match="3 one-hot numbers against 2 outputs"):
        label_indices([[0, 1, 0], [1, 0]], (2,))
    assert label_indices([[0, 1], 0], (2,)) == [1, 0]


@pytest.mark.parametrize("form", [list, np.array])
def test_rows_are_no_labels_beside_one_output(form):
    with pytest.raises(TypeError, match="a label must be a number"):
        label_indices(form([[0, 1], [1, 0]]), (1,))


def test_a_bool_among_numpys_numbers_is_no_label():
    with pytest.raises(TypeError, match="not the bool True"):
        label_indices([np.int64(0), np.True_], (2,))


ARRAYS = [*map(np.array, ([0, 1, 1], [0.0, 1.0, 1.0], [[0], [1], [1]], [-1, 1, 1]))]
LISTS = [[np.int64(0), np.int64(1), 1], [np.float32(0.0), 1, np.float64(1.0)], [[0], [1], [1]]]


@pytest.mark.parametrize("labels", [*ARRAYS, *LISTS])
def test_no_label_of_an_array_is_read_alone(labels, monkeypatch):
    def read(*_):
        raise AssertionError("one by one")

    monkeypatch.setattr(labels_module, "real_number", read)
    found = nn.accuracy(lambda x: x[0], np.array([[1.0], [2.0], [-1.0]]), labels, threshold=0.0, backend="numpy")
    assert found == 1 / 3
    assert [*label_indices([[0, 1], [1, 0]], (2,))] == [1, 0]


def test_one_position_of_one_output_is_no_matrix_of_pairs():
    def model(x):
        return [[x[0]]]

    X, labels = np.array([[1.0], [-1.0], [1.0], [-1.0]] * 50), np.array([[1], [0], [1], [1]] * 50)
    assert nn.accuracy(model, X, labels, threshold=0.0, backend="numpy") == 0.75


def test_places_in_arrays_are_those_in_lists():
    rng = random.Random(1)
    rows = [[float(rng.randrange(4)) for _ in range(6)] for _ in range(200)]
    chosen = [rng.randrange(6) for _ in rows]
    found = places_taken(rows, chosen)
    assert found == places_taken(np.array(rows), np.array(chosen))
    assert found == [sorted(range(6), key=lambda k: -row[k]).index(place) for row, place in zip(rows, chosen)]
