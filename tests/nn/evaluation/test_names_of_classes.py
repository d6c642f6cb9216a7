"""Which labels are the names of classes, which are not, and of which it cannot be told."""

from __future__ import annotations

from typing import Any

import pytest

import nn
from nn.evaluation.labels import LabelFromText, are_names, classes_of, name_positions
from tests.needs import needs

np = needs("numpy")


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (["a", "b"], None, True),
        (np.array(["a", "b"]), ["1", "2"], True),
        ([1, 0], ["no", "yes"], False),
        ([1, 0], ["0", "1"], False),  # of which the numbers are the indices
        ([1, 0], None, False),
        ([LabelFromText(1), LabelFromText(0)], ["1", "2"], False),  # numbers that names have become
        ([[0, 1], [1, 0]], ["1", "2"], False),
        ([[], []], ["1", "2"], False),
        ([1, "a"], None, "some labels are texts and others are not, such as int 1"),
        (["a", 1], None, "some labels are texts and others are not, such as int 1"),
        ([["a"], ["b"]], None, "a label is one text, not a row of them.*: y.squeeze"),
        ([[b"a"], [b"b"]], None, "a label is one text, not a row of them"),
        (
            [["a", "b"], ["b", "a"]],
            None,
            "a label is one text, not a row of them.*: number those of positions by np.unique",
        ),
        ([1, 0], ["1", "0"], "such as '1': give texts"),
        ([1, 0], ["no", "-1"], "such as '-1': give texts"),
        ([1, 0], ["0.5", "no"], "such as '0.5': give texts"),
    ],
)
def test_which_labels_are_names(labels: Any, classes: Any, expected: Any) -> None:
    if isinstance(expected, bool):
        assert are_names(labels, classes) is expected
        return
    with pytest.raises((TypeError, ValueError), match=expected):
        are_names(labels, classes)


@pytest.mark.parametrize("own", [3, [], [0, 1], ["a", 1], ("a", "b")])
def test_what_else_a_model_calls_its_classes_names_none(own: Any) -> None:
    model = nn.MLP(1, [2], seed=0)
    vars(model)["classes"] = own
    assert classes_of(model) is None
    assert nn.classify(model, [[1.0]], loss=nn.cross_entropy) in ([0], [1])


@pytest.mark.parametrize(
    ("labels", "loss", "expected"),
    [
        ([[2, 0, 1], [1, 1]], nn.nll, True),
        (np.array([[2.0, 0.0], [1.0, 1.0]]), nn.cross_entropy, True),
        (np.array([[0.3, 0.7], [1.0, 0.0]]), nn.cross_entropy, False),
        ([[1, 0], [1, 1]], nn.bce, False),  # a yes or no for each output
        ([[1, None]], nn.cross_entropy, False),
        ([1, 0], nn.cross_entropy, False),
    ],
)
def test_which_rows_are_classes_of_positions(labels: Any, loss: Any, expected: bool) -> None:
    assert name_positions(labels, nn.per_sample(loss)) is expected


def test_a_text_for_all_positions_of_a_sequence_is_told_of() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Layer(1, 3, "identity", seed=0)

        def __call__(self, sample: Any) -> Any:
            return [self.layer([each]) for each in sample]

    model = Positions()
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    with pytest.raises(TypeError, match="targets must be a list, tuple or array, not LabelFromText 0"):
        nn.fit(model, [[0.0, 1.0, 2.0]], ["abc"], nn.per_sample(nn.cross_entropy), optimizer, epochs=1)
