"""Single and half precision inside of a function: its values lie on a grid, where equal ones hide a slope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import check_gradients

A = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)
X = np.random.default_rng(2).normal(size=4)

Gradient = Callable[[Any], Any]


def _nothing(x: Any) -> Any:
    return 0 * x


@pytest.mark.parametrize("directions", [None, 3])
@pytest.mark.parametrize(
    ("f", "point", "right", "wrong"),
    [
        (lambda x: np.float32(100 + np.tanh(A @ x).sum()), X, lambda x: A.T @ (1 - np.tanh(A @ x) ** 2), []),
        (
            lambda x: np.float32(np.abs(x).sum()),
            [0.0, 1.0, -2.0],
            np.sign,
            [lambda x: np.sign(x) + np.array([1.5, 0, 0])],
        ),
        (lambda x: np.float16(np.sin(x).sum()), [0.3, 1.0, -2.0], np.cos, [lambda x: 2 * np.cos(x)]),
        (
            lambda x: np.float32(np.maximum(x, 0).sum() + 10),
            [-0.3, 1.0, -2.0],
            lambda x: (x > 0) * 1.0,
            [lambda x: np.ones(3), lambda x: np.array([0.1, 1.0, 0.0])],
        ),
        (
            lambda x: np.float32(100 + x[0] * 1e-3 + x[1] * 2e-3),
            [2.0, 3.0],
            lambda x: np.array([1e-3, 2e-3]),
            [lambda x: np.array([1e-3, 0.0])],
        ),
        (
            lambda x: np.float32(x[0] * 1e-3 + x[1] ** 2),
            [2.0, 10.0],
            lambda x: np.array([1e-3, 2 * x[1]]),
            [lambda x: np.array([0.0, 2 * x[1]]), lambda x: np.array([1e-3, 19.0])],
        ),
        (lambda x: int(1e6 * np.sin(x).sum()) / 2**20, [0.3, 1.0, -2.0], lambda x: 1e6 / 2**20 * np.cos(x), []),
    ],
    ids=["tanh", "abs", "half", "relu", "tiny slopes", "slopes apart", "integers"],
)
def test_equal_values_hide_no_slope(
    f: Callable[[Any], Any], point: Any, right: Gradient, wrong: list[Gradient], directions: int | None
) -> None:
    """Zeros passed along directions, with a bound of 1e-9, and at kinks right gradients were refuted."""
    point = np.array(point)
    report = check_gradients(lambda x: float(f(x)), point, grad=right, directions=directions)
    assert report, report
    for claim in (_nothing, lambda x: -right(x), *wrong):
        assert not check_gradients(lambda x: float(f(x)), point, grad=claim, directions=directions), claim(point)


@pytest.mark.parametrize("directions", [None, 2])
def test_a_slope_below_the_rounding_of_a_large_sum_is_not_confirmed_to_be_zero(directions: int | None) -> None:
    report = check_gradients(
        lambda x: x[0] + x[1] + 1e15, [2.0, 10.0], grad=lambda x: [0.0, 0.0], directions=directions
    )
    assert report.unresolved
