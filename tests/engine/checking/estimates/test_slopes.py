"""The slopes on both sides of a point: what they are, and what they say about a claim."""

from __future__ import annotations

import math

import pytest

from engine.checking.estimates.differences import Line
from engine.checking.estimates.slopes import Side, Slopes, _slow_limit, slopes_at

INF = math.inf
TINY = 1e-9
ONE, TWO, UP, DOWN = (Side(slope, 0.0 if math.isinf(slope) else TINY, 0.1) for slope in (1.0, 2.0, INF, -INF))


def side(slope: float, bound: float, scale: float = 0.0) -> Side:
    return Side(slope, bound, 0.1, scale=scale)


@pytest.mark.parametrize(
    ("low", "high", "claimed", "slack", "status"),
    [
        (ONE, TWO, 1.5, 0.0, "agrees"),
        (ONE, TWO, 1 - 0.5 * TINY, 0.0, "agrees"),  # at an end
        (ONE, TWO, 2 + 1e-6, 0.0, "agrees"),
        (ONE, TWO, 2 + 1e-5, 0.0, "differs"),
        (ONE, TWO, 2 + 1e-5, 1e-5, "agrees"),  # by the claim's own rounding
        (ONE, TWO, 5.0, 10.0, "unresolved"),  # by so much of it that it says nothing
        (ONE, TWO, 1.5, 10.0, "agrees"),
        (side(-30.0, 250.0), side(20.0, 250.0), 3.0, 0.0, "unresolved"),  # rounding: they may be both above it
        (side(0.0, 3.0), side(20.0, 3.0), 4.0, 0.0, "agrees"),
        (side(0.0, 3.0), side(20.0, 3.0), 2.0, 0.0, "unresolved"),
        (side(0.0, 3.0), side(20.0, 3.0), 18.0, 0.0, "unresolved"),
        (side(0.0, 0.1), side(20.0, 0.1), 0.01, 0.0, "agrees"),  # known well enough
        (side(0.0, 3.0), side(20.0, 3.0, scale=400.0), 2.0, 0.0, "agrees"),
        (side(-1e-10, 1e-8), side(1e-10, 1e-8), 0.0, 0.0, "agrees"),
        (ONE, TWO, math.nan, 10.0, "differs"),
        (side(1.0, 0.01), side(1.0, 0.01), 1.005, 0.0, "unresolved"),  # the slopes are not known well enough
        (ONE, side(0.99, 0.5), 1.3, 0.0, "unresolved"),  # it may be the other one
        (TWO, side(2.01, 1.5), 1.0, 0.0, "unresolved"),
        (side(1.0, 5e-4), side(1.0, 5e-4), 1.0004, 0.0, "agrees"),
        (side(0.0, 1e-4), side(0.0, 1e-4), 1e-5, 0.0, "unresolved"),
        (side(0.0, 1e-4), side(0.0, 1e-4, scale=1000.0), 1e-5, 0.0, "agrees"),  # beside so steep a secant
        (ONE, UP, 1e300, 0.0, "agrees"),
        (ONE, UP, INF, 0.0, "agrees"),
        (ONE, UP, 1 - 0.5 * TINY, 0.0, "agrees"),
        (ONE, UP, 0.5, 0.0, "differs"),
        (DOWN, UP, 0.0, 0.0, "agrees"),
        (UP, UP, 1e300, 0.0, "differs"),
        (ONE, TWO, INF, 0.0, "differs"),
        (ONE, TWO, 0.5, 0.0, "differs"),
        (side(1e3, TINY), side(2e3, TINY), 2e3 + 1.5e-3, 0.0, "agrees"),  # at an end, beside the larger slope
        (side(-2e3, TINY), side(-1e3, TINY), -2e3 - 1.5e-3, 0.0, "agrees"),
        (side(10.0, 3.0), side(30.0, 3.0), 12.0, 0.0, "unresolved"),
        (side(0.0, 1e-4, scale=1.0), side(0.0, 1e-4), 1e-5, 0.0, "unresolved"),
        (side(5.0, 3.0), side(6.0, 3.0), INF, 0.0, "unresolved"),  # they may go on growing below rounding
        (side(5.0, 3.0), side(6.0, 3.0), math.nan, 0.0, "differs"),
        (side(5.0, 0.3), side(6.0, 0.3), INF, 0.0, "differs"),
        (side(5.0, 3.0, scale=10.0), side(6.0, 3.0), INF, 0.0, "differs"),  # they grow no more
    ],
)
def test_what_slopes_say_about_a_claim(low: Side, high: Side, claimed: float, slack: float, status: str) -> None:
    assert Slopes(low, high).status(claimed, slack) == status
    assert Slopes(high, low).status(claimed, slack) == status


@pytest.mark.parametrize(
    ("left", "right", "jump", "apart", "finite", "smooth"),
    [
        (ONE, TWO, 0.0, True, True, False),
        (ONE, ONE, 0.0, False, True, True),
        (ONE, ONE, 0.5, False, True, False),
        (ONE, None, 0.0, False, True, False),
        (None, ONE, 0.0, False, True, False),
        (ONE, side(1 + 5e-5, TINY), 0.0, False, True, True),  # as near as one slope
        (ONE, side(1 + 2e-4, TINY), 0.0, True, True, False),
        (ONE, side(1.2, 0.3), 0.0, False, True, True),
        (UP, UP, 0.0, False, False, False),
        (DOWN, UP, 0.0, True, False, False),
        (ONE, UP, 0.0, True, False, False),
    ],
)
def test_whether_there_is_one_slope(
    left: Side | None, right: Side | None, jump: float, apart: bool, finite: bool, smooth: bool
) -> None:
    found = Slopes(left, right, jump)
    assert (found.apart, found.finite, found.smooth) == (apart, finite, smooth)


@pytest.mark.parametrize(
    ("right", "claimed", "spans"),
    [
        (side(1 + 1e-6, TINY), 1 + 5e-7, True),
        (side(1 + 1e-6, TINY), 1 + 2e-6, False),
        (side(1 + 3e-9, TINY), 1 + 1e-9, False),  # they may be one slope
        (side(1 + 5e-9, TINY), 1 + 1e-9, True),
    ],
)
def test_a_claim_between_slopes_that_are_nearly_one(right: Side, claimed: float, spans: bool) -> None:
    assert Slopes(ONE, right).spans(claimed) is spans


def steps_down(x: float) -> float:
    return 3 * x if x > 0 else x - 1


@pytest.mark.parametrize(
    ("f", "x", "left", "right", "jump"),
    [
        (abs, 0.0, -1.0, 1.0, 0.0),
        (lambda x: abs(x - 3), 3.0, -1.0, 1.0, 0.0),
        (steps_down, 0.0, 1.0, 3.0, 1.0),
        (math.floor, 2.0, 0.0, 0.0, 1.0),
        (lambda x: 7.0 if x == 2.0 else x * x, 2.0, 4.0, 4.0, 3.0),  # at the point alone
        (lambda x: math.sqrt(abs(x)), 0.0, -INF, INF, 0.0),
        (lambda x: abs(x) ** 0.05, 0.0, -INF, INF, 0.0),  # and no jump, though values so close are far off
        (lambda x: x**0.06 if x >= 0 else math.nan, 0.0, None, INF, 0.0),
        (lambda x: math.sqrt(x) - 1 if x > 0 else -math.sqrt(-x), 0.0, INF, INF, 1.0),
        (lambda x: math.sqrt(x) - 1 if x > 0 else 0.0 if x == 0 else math.nan, 0.0, None, INF, 1.0),
        (lambda x: -math.sqrt(x) if x >= 0 else math.nan, 0.0, None, -INF, 0.0),
        (lambda x: abs(x) ** 1.5, 0.0, 0.0, 0.0, 0.0),  # they settle slowly
        (lambda x: 2 * x + abs(x) ** 1.3, 0.0, 2.0, 2.0, 0.0),
        (lambda x: max(x, 0.0) + max(x - 1e-9, 0.0), 1e-9, 1.0, 2.0, 0.0),  # for a tiny x, steps beside it
        (lambda x: max(x, 1e-9), 0.0, 0.0, 0.0, 0.0),  # what the widest steps see is not here
        (lambda x: x * x * math.sin(1 / x) if x else 0.0, 0.0, 0.0, 0.0, 0.0),
        (lambda x: x if abs(x) < 1e-4 else math.nan, 0.0, 1.0, 1.0, 0.0),  # the domain is narrower than most steps
        (lambda x: math.nan, 0.0, None, None, 0.0),
        (lambda x: x, INF, None, None, 0.0),
    ],
)
def test_the_slopes_of_a_function(f: Line, x: float, left: float | None, right: float | None, jump: float) -> None:
    found = slopes_at(f, x)
    for each, slope in ((found.left, left), (found.right, right)):
        assert (each is None) == (slope is None)
        assert each is None or each.slope == pytest.approx(slope, abs=max(1e-6, each.bound))
        assert each is None or each.bound < 1e-3
    assert found.jump == pytest.approx(jump, rel=1e-6)


def test_a_jump_that_noise_or_the_slopes_explain_is_none() -> None:
    assert slopes_at(math.floor, 2.0, noise=1 / 64).jump == 0.0
    assert slopes_at(math.floor, 2.0, noise=1 / 128).jump == 1.0
    assert slopes_at(lambda x: 1e9 * x, 1.0).jump == 0.0
    assert slopes_at(lambda x: math.copysign(1e308, x) * 1.5 if x else 0.0, 0.0).jump == 0.0  # beyond all floats


@pytest.mark.parametrize("x", [1.0, -1.0])
def test_a_jump_is_looked_for_as_close_as_floats_allow(x: float) -> None:
    """So that neither a kink next to it hides it, which only the finest steps tell from it, nor another jump."""
    for beside in (lambda u: max(u - x - 1e-12, 0.0), lambda u: 2.0 * (u >= x + 1e-12)):
        assert slopes_at(lambda u, beside=beside: (u >= x) + beside(u), x).jump == 1.0


def test_steps_become_no_finer_than_asked_for() -> None:
    asked: list[float] = []

    def f(x: float) -> float:
        asked.append(x)
        return x * x

    slopes_at(f, 1.0, finest=1e-4)
    assert min(abs(x - 1.0) for x in asked if x != 1.0) > 1e-5


def test_how_far_a_slope_holds() -> None:
    """A finer estimate contradicts those whose steps reach a kink nearby."""
    found = slopes_at(lambda x: max(x, 1e-8), 0.0)
    assert found.right is not None
    assert found.left is not None
    assert found.right.reach <= 1e-8
    assert found.left.reach == INF
    narrow = slopes_at(lambda x: x if abs(x) < 1e-8 else math.nan, 0.0)
    assert all(side.reach <= 1e-8 for side in narrow.sides)


@pytest.mark.parametrize(
    ("secants", "limit"),
    [
        ([2.0**k for k in range(7)], INF),
        ([-(2.0**k) for k in range(7)], -INF),
        ([2.0**k for k in range(6)], None),  # too few
        ([*(2.0**k for k in range(8)), 130.0, 150.0], INF),  # the last are rounded
        ([7.8**k for k in range(7)], None),  # as by rounding
        ([200.0 - 2.0**k for k in range(7)], None),  # they may shrink and turn
        ([3 + 0.5**k for k in range(7)], 3.0),
        ([3 - 0.5**k for k in range(7)], 3.0),
        ([3 + 0.125**k for k in range(7)], None),  # as where a function is smooth
        ([3 + 0.5**k * (1 + 0.1 * (-1) ** k) for k in range(7)], None),  # by no one power
        ([3.0] * 7, None),
    ],
)
def test_what_slopes_tend_to_slowly(secants: list[float], limit: float | None) -> None:
    found = _slow_limit(secants)
    assert (None if found is None else found.slope) == (limit if limit is None else pytest.approx(limit, rel=1e-12))
    assert found is None or found.bound < 1e-12
