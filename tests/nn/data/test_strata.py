"""Classes of samples, of which a held-out share takes its part each."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import nn
from nn.evaluation.labels import strata


def ranked(outputs: Any, labels: Any) -> Any:
    """A loss of the user's."""
    return sum(out[0] for out in outputs)


@pytest.mark.parametrize(
    ("labels", "loss", "expected"),
    [
        (["dog", "cat"], ranked, ["dog", "cat"]),
        (np.array(["dog", "cat"]), nn.cross_entropy, ["dog", "cat"]),
        (np.array([1, 0]), nn.cross_entropy, [1, 0]),
        ([1, 0], ranked, None),
        ([[0, 1], [1, 0]], nn.cross_entropy, [(0, 1), (1, 0)]),
        ([[[0, 1], [1, 0]], [[1, 0], [1, 0]]], nn.cross_entropy, None),  # of each position of a sequence
        ([[0.3, 0.7], [1, 0]], nn.cross_entropy, None),
        (np.array([1.0, 0.0]), nn.cross_entropy, [1.0, 0.0]),
        (np.array([1.0, np.nan]), nn.cross_entropy, None),
        (np.array([1.0, np.inf]), nn.bce, None),
        (np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), nn.cross_entropy, [(0.0, 1.0), (1.0, 0.0)]),
        (np.array([[False, True], [True, False]]), nn.cross_entropy, [(False, True), (True, False)]),
        (np.array([[1], [0]]), nn.bce, [(1,), (0,)]),
        (np.array([[0.5, 0.5], [1.0, 0.0]]), nn.cross_entropy, None),
        (np.array([[1, 1, 0], [1, 0, 0]]), nn.bce, None),  # several of a sample
        (np.array([[2, -1], [1, 0]]), nn.cross_entropy, None),
        (np.array([[0, 0], [1, 0]]), nn.cross_entropy, None),
        (np.ones((2, 2, 2)), nn.cross_entropy, None),
        ([np.float64(1.0), np.int8(0)], nn.cross_entropy, [1.0, 0]),
        ([1, True, 0.5], nn.bce, None),
        (np.array([1.0, 0.0], "g"), nn.bce, [1.0, 0.0]),
        (np.array([0.5, 1.0], "g"), nn.bce, None),  # shares, whatever their precision
        ([Fraction(1, 2), 1], nn.bce, None),
        (np.array([[0.5, 0.5]], "g"), nn.cross_entropy, None),
    ],
)
def test_which_labels_are_classes(labels: Any, loss: Any, expected: Any) -> None:
    assert strata(labels, loss) == expected


def make(seed: int) -> Any:
    model = nn.MLP(1, [2], seed=seed)
    return model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1)


def test_a_share_held_out_for_many_nets_is_that_of_the_classes_whatever_names_them() -> None:
    X, rare = [[float(k)] for k in range(20)], [k in (3, 11) for k in range(20)]
    for seed in range(3):
        first, second = [
            nn.fit_many(make, [{"seed": 1}], X, y, epochs=1, validation=0.5, seed=seed)[0]
            for y in ([*map(int, rare)], ["rare" if r else "common" for r in rare])
        ]
        assert first["error"] is None
        assert {**first, "seconds": 0.0} == {**second, "seconds": 0.0}
