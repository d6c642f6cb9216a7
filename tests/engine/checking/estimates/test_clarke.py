"""Gradients at kinks of several inputs: every limit of gradients agrees, and nothing far outside does."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from engine import check_gradients
from engine.checking.estimates.clarke import Neighbourhood


def difference_of_maxima(seed: int) -> tuple[Any, Any, list[float]]:
    """A piecewise linear function with all its pieces at one point: its value, its gradient, the point."""
    random_ = random.Random(seed)
    inputs, pieces = random_.choice([1, 2, 3]), random_.choice([2, 3, 4])
    up, down = ([[random_.gauss(0, 1) for _ in range(inputs)] for _ in range(pieces)] for _ in range(2))
    point = [random_.choice([0.0, 1.0, -2.5]) for _ in range(inputs)]

    def heights(x: list[float], slopes: list[list[float]]) -> list[float]:
        return [sum(s * (u - p) for s, u, p in zip(row, x, point)) for row in slopes]

    def f(x: list[float]) -> float:
        return max(heights(x, up)) - max(heights(x, down))

    def gradient(x: list[float]) -> list[float]:
        first, second = (max(zip(heights(x, slopes), slopes)) for slopes in (up, down))
        return [a - b for a, b in zip(first[1], second[1])]

    return f, gradient, point


@pytest.mark.parametrize("seed", range(40))
def test_a_limit_of_gradients_agrees_and_what_is_far_off_differs(seed: int) -> None:
    f, gradient, point = difference_of_maxima(seed)
    random_ = random.Random(seed)
    limit = gradient([x + 1e-6 * random_.gauss(0, 1) for x in point])
    assert check_gradients(f, point, grad=lambda x: limit if x == point else gradient(x)).ok
    far = [g + random_.choice([-50.0, 50.0]) for g in limit]
    assert check_gradients(f, point, grad=lambda x: far if x == point else gradient(x)).wrong


@pytest.mark.parametrize("distance", [4.4e-7, 1.9e-7, 1e-9])
def test_close_to_a_kink_no_claim_is_excused_by_the_points_beyond_it(distance: float) -> None:
    def f(x: list[float]) -> float:
        return max(x[0], 0.0) * (1 + x[1]) + x[1]

    for factor in (-1.0, 1.001, 0.5):
        claim = [factor, 1 + distance]
        assert not check_gradients(f, [distance, 0.0], grad=lambda x, claim=claim: claim), factor
    assert check_gradients(f, [distance, 0.0], grad=lambda x: [float(x[0] > 0) * (1 + x[1]), 1 + max(x[0], 0.0)])


def test_a_direction_leaves_the_sign_of_another_zero() -> None:
    """Which tells the side of a cut: with the zero of the other sign, a line along y would be another function's."""
    near = Neighbourhood(lambda numbers: math.atan2(*numbers), [-0.0, -1.0], 0.0)
    assert near.line(near.axis(1), near.point)(0.5) == -math.pi
