"""Claims that no difference can judge, as the function turns between floats; and those that only look like these."""

from __future__ import annotations

import math
import random

import pytest

from engine import check_gradients
from engine.checking.estimates.differences import Line
from engine.checking.estimates.turning import turns_between_floats


def _fifth(x: float) -> float:
    return math.sin(x**5)


def _noisy(x: float) -> float:
    return x + 1e-3 * random.Random(x).random()


@pytest.mark.parametrize(
    ("f", "x", "claimed", "noise", "turns"),
    [
        (_fifth, 650.0, 5 * 650.0**4 * math.cos(650.0**5), 1e-15, True),
        (_fifth, 950.0, 5 * 950.0**4 * math.cos(950.0**5), 1e-15, True),
        (lambda x: _fifth(x) + x * x, 950.0, 3e12, 1e-9, True),
        # many turns in between
        (lambda x: math.sin(1e20 * x), 1.0, 1e20 * math.cos(1e20), 1e-15, True),
        (lambda x: math.sin(math.exp(x)), 30.0, 1e12, 1e-15, True),
        # values that are far smaller near a tiny number than further away
        (lambda x: x**4 * math.sin(1e7 / x), 1e-9, -1e-11 * math.cos(1e16), 1e-50, True),
        # values next to one another show how steep it is
        (lambda x: math.sin(math.exp(x)), 30.0, 1e20, 1e-15, False),
        (_fifth, 610.0, 1e14, 1e-15, False),
        # what is no steeper than at a distance does not explain how far neighbours lie apart
        (_fifth, 950.0, 1.0, 1e-15, False),
        (_noisy, 1.0, 1.0, 1e-15, False),
        # smooth among neighbours, kinks and cusps at the point, rounding, declared noise
        (math.sin, 1.0, 1e20, 1e-15, False),
        (lambda x: math.sqrt(abs(x)), 0.0, 1e9, 1e-15, False),
        (lambda x: abs(x - 1), 1.0, 1e20, 1e-15, False),
        (lambda x: (1 - math.cos(x)) / x / x, 1e-4, 1e15, 1e-15, False),
        (_fifth, 950.0, 3e12, 1.0, False),
        # values that are off in less than half of their digits
        (lambda x: math.sin(x) + 1e-10 * random.Random(x).random(), 1.0, 1e5, 1e-15, False),
        # what turns on one side only
        (lambda x: _fifth(x) if x > 950 else 0.0, 950.0, 3e12, 1e-9, False),
        (lambda x: _fifth(x) if x < 950 else 0.0, 950.0, 3e12, 1e-9, False),
    ],
)
def test_which_functions_turn_between_floats(f: Line, x: float, claimed: float, noise: float, turns: bool) -> None:
    assert turns_between_floats(f, x, claimed, noise) is turns


@pytest.mark.parametrize("x", [600.0, 650.0, 700.0, 725.0, 750.0, 800.0, 850.0, 900.0, 950.0, 10.0**4])
def test_their_right_gradients_are_left_open_with_the_reason(x: float) -> None:
    report = check_gradients(_fifth, x, grad=lambda x: 5 * x**4 * math.cos(x**5))
    assert [d.status for d in report.derivatives] == ["unresolved"]
    assert report.ok
    assert "no differences can tell: values at neighbouring floats scatter like those of so steep a function" in str(
        report
    )


@pytest.mark.parametrize("claim", [0.0, 1.9, 1e5, 1e20, -1e300, math.nan, math.inf])
def test_no_claim_agrees_there_and_those_of_other_steepness_are_wrong(claim: float) -> None:
    report = check_gradients(lambda x: math.sin(610.0**4 * x) + x * x, 950.0, grad=lambda x: claim)
    assert [d.status for d in report.derivatives] == ["differs"]
