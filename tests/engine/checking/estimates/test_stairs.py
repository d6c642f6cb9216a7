"""The slope of stairs, and what are none."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checking.estimates.differences import EPSILON
from engine.checking.estimates.stairs import slope_of_stairs


@given(st.floats(-3, 3), st.floats(1e7, 1e12))
def test_the_slope_of_a_wave_on_stairs(x: float, large: float) -> None:
    found = slope_of_stairs(lambda x: math.sin(x + large), x, 1e-16, EPSILON)
    if found is not None:  # None where the wave is flat
        assert abs(found.derivative - math.cos(x + large)) <= found.bound
    if abs(math.cos(x + large)) > 0.1:
        assert found is not None
        assert found.bound < 5e-3


@pytest.mark.parametrize("digits", [4, 5, 6, 7, 8])
@pytest.mark.parametrize("x", [0.3, 1.0, 2.0, -1.1])
def test_the_slope_of_rounded_values(x: float, digits: int) -> None:
    """Of four digits it was said to be known to 1e-7."""
    found = slope_of_stairs(lambda x: round(math.sin(x), digits), x, 1e-16, EPSILON)
    assert found is not None
    assert abs(found.derivative - math.cos(x)) <= found.bound < 0.01 * abs(math.cos(x))


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (math.sin, 1.0),
        (lambda x: x**3, 0.0),
        (lambda x: 3.0, 1.0),
        (abs, 1e-9),
        (lambda x: float(x > 1e-9), 0.0),  # a single stair
        (math.floor, 0.5),  # stairs as wide as those are meant
        (lambda x: math.floor(x * 1e6 + 3 * math.sin(x * 3e5)), 0.5),  # of many widths
        (lambda x: x * 1e6 % 1, 0.3 + 3e-7),  # a sawtooth climbs nowhere
        (lambda x: math.sqrt(x) if x >= 0 else math.nan, 0.0),
        (lambda x: math.inf if x > 1 else 0.0, 1.0),
    ],
)
def test_what_are_no_stairs(f: Callable[[float], float], x: float) -> None:
    assert slope_of_stairs(f, x, 1e-16, EPSILON) is None
