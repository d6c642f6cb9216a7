"""Batches and splits: every sample exactly once, beside its label; reproducible; refusals."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn import MLP, SGD, batches, bce_with_logits, cross_entropy, fit, train_test_split
from tests.needs import needs


def test_by_hand():
    pieces = list(batches(["a", "b", "c", "d", "e"], [0, 1, 2, 3, 4], 2, shuffle=False))
    assert pieces == [(["a", "b"], [0, 1]), (["c", "d"], [2, 3]), (["e"], [4])]


@given(st.integers(1, 60), st.integers(1, 70) | st.none(), st.booleans(), st.integers(0, 99))
def test_batches_are_a_partition(count, batch_size, shuffle, seed):
    X, y = [[i] for i in range(count)], [10 * i for i in range(count)]
    pieces = list(batches(X, y, batch_size, shuffle, seed))
    size = count if batch_size is None else min(batch_size, count)
    assert all(len(xs) == len(ys) == size for xs, ys in pieces[:-1])
    assert 1 <= len(pieces[-1][0]) <= size
    seen = [x[0] for xs, _ in pieces for x in xs]
    assert sorted(seen) == list(range(count))
    assert [label for _, ys in pieces for label in ys] == [10 * i for i in seen]
    assert shuffle or seen == list(range(count))


def test_shuffling():
    X = list(range(50))
    first, again, other = ([xs for xs, _ in batches(X, X, 7, seed=seed)] for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert [x for xs in first for x in xs] != X


def test_a_shared_source_gives_different_batches_each_time():
    rng, X = random.Random(1), list(range(50))
    assert list(batches(X, X, 7, seed=rng)) != list(batches(X, X, 7, seed=rng))


def test_batches_made_once_serve_every_epoch():
    """They were a generator: a loop over epochs, as with a DataLoader, trained in the first one only."""
    X = list(range(20))
    made = batches(X, X, 6, seed=1)
    epochs = [[x for xs, _ in made for x in xs] for _ in range(3)]
    assert all(sorted(order) == X for order in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert [x for xs, _ in batches(X, X, 6, seed=1) for x in xs] == epochs[0]
    assert len(made) == 4
    assert repr(made) == "<4 batches of 20 samples>"
    assert [*zip(made, made, strict=True)]
    still = batches(X, X, 6, shuffle=False)
    assert [*still] == [*still]


def test_numpy_arrays():
    X, y = np.arange(12.0).reshape(6, 2), np.arange(6)
    pieces = list(batches(X, y, 4, seed=1))
    assert [len(xs) for xs, _ in pieces] == [4, 2]
    assert all(row[0] == 2.0 * label for xs, ys in pieces for row, label in zip(xs, ys, strict=True))


def test_batches_of_arrays_are_arrays():
    """With the same samples as of lists; a compiled step reads them at once."""
    np = needs("numpy")
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10)
    for of_arrays, of_lists in zip(batches(X, y, 4, seed=1), batches(X.tolist(), y.tolist(), 4, seed=1)):
        assert [type(part) for part in of_arrays] == [np.ndarray] * 2
        assert tuple(part.tolist() for part in of_arrays) == of_lists


def test_the_data_may_change_while_batches_are_drawn():
    X = [1, 2, 3]
    pieces = batches(X, X, 1, shuffle=False)
    X.clear()
    assert len(list(pieces)) == 3


REFUSED = [
    ([1, 2], [1], {}, ValueError, "2 samples against 1 label: give one for each"),
    ([1], [1, 2], {}, ValueError, "1 sample against 2 labels"),
    ([], [], {}, ValueError, "X is empty"),
    ([1], [], {}, ValueError, "y is empty"),
    (3, [1], {}, TypeError, "X must be a list, tuple or array, not int 3"),
    ([1], "a", {}, TypeError, "y must be a list, tuple or array, not str 'a'"),
    ([1, 2], [1, 2], {"seed": "x"}, TypeError, "seed must be a whole number"),
]


@pytest.mark.parametrize(("X", "y", "options", "error", "message"), REFUSED)
def test_batches_refuse_data_at_the_call(X, y, options, error, message):
    with pytest.raises(error, match=message):
        batches(X, y, 1, **options)


@pytest.mark.parametrize(
    ("batch_size", "error", "message"),
    [
        (0, ValueError, "batch_size must be at least 1, not 0"),
        (-1, ValueError, "batch_size must be at least 1, not -1"),
        (2.5, TypeError, "batch_size must be a whole number, not float 2.5"),
        (2.0, TypeError, "batch_size must be a whole number, not float 2.0"),
        ("2", TypeError, "batch_size must be a whole number, not str '2'"),
    ],
)
def test_batch_sizes_refused_at_the_call(batch_size, error, message):
    with pytest.raises(error, match=message):
        batches([1, 2], [1, 2], batch_size)


@given(st.integers(2, 40), st.floats(0.05, 0.95), st.integers(0, 9))
def test_a_split_is_a_partition(count, share, seed):
    held_out = round(count * share)
    if not 0 < held_out < count:
        with pytest.raises(ValueError, match=f"leaves one side of {count} samples? empty"):
            train_test_split(list(range(count)), list(range(count)), share)
        return
    X = list(range(count))
    y = [10 * x for x in X]
    X_train, X_test, y_train, y_test = train_test_split(X, y, share, seed)
    assert len(X_test) == held_out
    assert sorted(X_train + X_test) == list(X)
    assert [10 * x for x in X_train] == y_train
    assert [10 * x for x in X_test] == y_test
    assert train_test_split(X, y, test_size=share, random_state=seed)[1] == X_test
    arrays = train_test_split(np.array(X), np.array(y), share, seed)
    assert all(isinstance(part, np.ndarray) for part in arrays)
    assert [part.tolist() for part in arrays] == [X_train, X_test, y_train, y_test]
    in_order = train_test_split(X, y, share, shuffle=False)
    assert in_order == (X[:-held_out], X[-held_out:], y[:-held_out], y[-held_out:])


@pytest.mark.parametrize(("X", "y", "options", "error", "message"), REFUSED)
def test_splits_refuse_data(X, y, options, error, message):
    with pytest.raises(error, match=message):
        train_test_split(X, y, 0.5, **options)


def test_to_stratify_is_to_choose_at_random():
    with pytest.raises(ValueError, match="stratify chooses at random from each class: leave it out, or shuffle=False"):
        train_test_split([1, 2, 3, 4], [0, 1, 0, 1], 0.5, stratify=[0, 1, 0, 1], shuffle=False)


@pytest.mark.parametrize(
    ("share", "error"),
    [(0.0, ValueError), (1.0, ValueError), (-0.5, ValueError), (3, ValueError), ("a", TypeError)],
)
def test_shares_refused(share, error):
    with pytest.raises(error, match="test"):
        train_test_split([1, 2], [1, 2], share)


@pytest.mark.filterwarnings("ignore:test_size holds out all samples")  # of classes of one, some of which must be
@given(st.lists(st.integers(0, 3), min_size=8, max_size=60), st.integers(2, 6), st.integers(0, 5))
def test_a_stratified_split_takes_the_same_share_of_each_class(y, held_out, seed):
    X = list(range(len(y)))
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=held_out, random_state=seed, stratify=y)
    assert sorted(X_train + X_test) == X
    assert [y[x] for x in X_test] == y_test
    assert [y[x] for x in X_train] == y_train
    assert len(X_test) == held_out
    for label in set(y):
        assert abs(y_test.count(label) - y.count(label) * held_out / len(y)) < 1.0


def test_the_only_sample_of_a_class_is_learned_from(recwarn):
    """Of half the samples a class of one could be in either part."""
    labels = ["rare", *["often"] * 9]
    for seed in range(50):
        assert "rare" in train_test_split(range(10), labels, test_size=0.5, seed=seed, stratify=labels)[2]
    assert not recwarn.list


def test_classes_that_are_held_out_entirely_are_told():
    labels = ["a", "b", "c", "d", "e"]
    with pytest.warns(UserWarning, match=r"test_size holds out all samples of 2 classes \('\w', '\w'\), so that"):
        train_test_split(range(5), labels, test_size=2, seed=0, stratify=labels)
    model = MLP(1, [5], seed=0)
    with pytest.warns(UserWarning, match=r"validation holds out all samples of 1 class \('\w'\), so that") as told:
        fit(model, [[0.0]] * 5, labels, cross_entropy, SGD(model.parameters(), lr=0.1), epochs=1, validation=0.2)
    assert told[0].filename == __file__


def test_shares_as_labels_are_no_classes(recwarn):
    model, X = MLP(1, [1], seed=0), [[k / 10] for k in range(10)]
    for y in ([k / 10 for k in range(10)], np.arange(10) / 10):
        optimizer = SGD(model.parameters(), lr=0.1)
        fit(model, X, y, bce_with_logits, optimizer, epochs=1, validation=0.3, metrics=())
    assert not recwarn.list


def test_one_hot_rows_and_columns_part_like_their_classes():
    y, X = [0, 1, 1, 0, 1, 1, 0, 1], list(range(8))
    for rows in ([[1 - k, k] for k in y], [[k] for k in y]):
        found = train_test_split(X, y, test_size=3, random_state=1, stratify=rows)
        assert found == train_test_split(X, y, test_size=3, random_state=1, stratify=y)


def test_data_frames_stay_data_frames():
    pandas = needs("pandas")
    frame = pandas.DataFrame({"a": range(8), "b": range(8)})
    X_train, X_test, y_train, y_test = train_test_split(frame, frame["a"], seed=1)
    assert list(X_train.columns) == ["a", "b"]
    assert list(X_test["b"]) == list(y_test)
    assert len(X_train) == len(y_train) == 6


class Table:
    """As those of polars: columns with names, and rows by their number, of which one alone is a table too."""

    def __init__(self, columns):
        self.columns, self._columns = [*columns], columns

    def to_numpy(self):
        return np.column_stack([*self._columns.values()])

    __array__ = to_numpy

    def __len__(self):
        return len(self.to_numpy())

    def __getitem__(self, rows):
        return Table({name: np.asarray(column)[np.ravel(rows)] for name, column in self._columns.items()})


def test_other_tables_stay_tables():
    table = Table({"a": [0.0, 1.0, 2.0, 3.0], "b": [0.0, 10.0, 20.0, 30.0]})
    parts = train_test_split(table, [0, 1, 2, 3], test_size=2, seed=1)
    for X, y in (parts[::2], parts[1::2]):
        assert isinstance(X, Table)
        assert X.to_numpy().tolist() == [[label, 10 * label] for label in y]


class Column(Table):
    """As one of PyArrow, whose [...] takes one place or slice."""

    def to_pylist(self):
        return self.to_numpy().tolist()

    def __getitem__(self, place):
        raise TypeError("Index must either be string or integer")

    def take(self, rows):
        return Column({name: np.asarray(column)[rows] for name, column in self._columns.items()})


def test_what_pyarrow_has_stays_its_own():
    """Its error was shown: Index must either be string or integer."""
    parts = train_test_split(Column({"a": [0.0, 1.0, 2.0, 3.0]}), [0, 1, 2, 3], test_size=2, seed=1)
    for X, y in (parts[::2], parts[1::2]):
        assert isinstance(X, Column)
        assert X.to_pylist() == [[label] for label in y]


@pytest.mark.parametrize("options", [{}, {"test_size": 0.5, "random_state": 0}])
def test_a_third_array_is_split_by_places(options):
    """It was taken for the share to hold out, and told that this has two names."""
    X, y, weights = np.arange(8).reshape(4, 2), [0, 1, 0, 1], np.arange(4.0)
    with pytest.raises(
        TypeError, match=r"no third array: split their places, as in train, held, \*_ = train_test_split\("
    ):
        train_test_split(X, y, weights, **options)
    train, held, *_ = train_test_split(range(len(y)), y, **options)
    assert (2 * weights[train]).tolist() == X[train][:, 0].tolist()
    assert sorted([*train, *held]) == [0, 1, 2, 3]


def test_two_names_for_one_thing():
    for names in ({"test": 0.5, "test_size": 0.5}, {"seed": 1, "random_state": 1}):
        with pytest.raises(TypeError, match="two names for one thing"):
            train_test_split([1, 2], [1, 2], **names)


def test_shuffle_is_a_bool():
    with pytest.raises(TypeError, match="shuffle must be True or False, not str 'no'"):
        batches([1, 2], [1, 2], 1, shuffle="no")


def test_batches_of_a_table_are_of_its_rows():
    pandas = needs("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, index=[7, 3])
    found = list(batches(frame, pandas.Series([0, 1], index=[7, 3]), 1, shuffle=False))
    assert [([row.tolist() for row in rows], labels) for rows, labels in found] == [
        ([[1.0, 3.0]], [0]),
        ([[2.0, 4.0]], [1]),
    ]


def test_a_share_out_of_range_is_told_under_the_name_it_was_given():
    with pytest.raises(ValueError, match=r"^test_size must be a finite number .*, not 1.5$"):
        train_test_split([1, 2, 3], [1, 2, 3], test_size=1.5)
    with pytest.raises(ValueError, match=r"^test must be a finite number .*, not 1.5$"):
        train_test_split([1, 2, 3], [1, 2, 3], 1.5)
