"""The second hearing: what the finest steps see counts, and what wide ones see where the finest see stairs."""

from __future__ import annotations

import math

import pytest

from engine.checking.estimates.noise import noise_among_floats
from engine.checking.estimates.second_look import second_look


def turning(x: float) -> float:
    return x * x * math.sin(1 / x)


def slope(x: float) -> float:
    return 2 * x * math.sin(1 / x) - math.cos(1 / x)


@pytest.mark.parametrize("x", [1e-12, 1e-9, -1e-8, 3e-7])
def test_the_finest_steps_decide(x: float) -> None:
    right = second_look(turning, x, slope(x), 0.0, 0.0, 1e-16 * x * x)
    assert right is not None
    assert right.status in ("agrees", "unresolved")
    wrong = second_look(turning, x, slope(x) + 0.1, 0.0, 0.0, 1e-16 * x * x)
    assert wrong is not None
    assert wrong.status == "differs"
    assert wrong.estimate is not None
    assert wrong.estimate.derivative == pytest.approx(slope(x), abs=1e-3)


def test_stairs_are_seen_from_afar() -> None:
    def stairs(x: float) -> float:
        return round(math.sin(x), 7)

    found = second_look(stairs, 1.0, math.cos(1.0), 0.0, 0.0, 1e-16)
    assert found is not None
    assert found.status == "unresolved"
    assert found.estimate is not None
    assert found.estimate.derivative == pytest.approx(math.cos(1.0), rel=1e-3)
    denied = second_look(stairs, 1.0, 1.01 * math.cos(1.0), 0.0, 0.0, 1e-16)
    assert denied is None or denied.status == "differs"


def test_what_turns_between_neighbouring_floats_is_no_business_of_differences() -> None:
    def fast(x: float) -> float:
        return math.sin(math.exp(x))

    found = second_look(fast, 30.0, math.exp(30) * math.cos(math.exp(30)), 0.0, 0.0, 1e-16)
    assert found is not None
    assert (found.status, found.estimate) == ("unresolved", None)


@pytest.mark.parametrize(
    ("x", "claimed", "overflows"),
    [(1e-300, math.inf, True), (1e-300, -math.inf, False), (1e-310, math.nan, False), (0.0, math.inf, False)],
)
def test_a_slope_beyond_the_largest_float_is_one_on_both_sides(x: float, claimed: float, overflows: bool) -> None:
    steep = second_look(lambda x: x * 1e300 * 1e10, x, claimed, 0.0, math.nan, 0.0)
    assert (steep is not None) is overflows
    assert second_look(lambda x: 1e10 if x > 1e-300 else 0.0, x, claimed, 0.0, math.nan, 0.0) is None


def test_of_a_slope_beyond_the_largest_float_values_lie_apart_by_more_than_they_are_off() -> None:
    def fall(x: float) -> float:
        return -x * 1e300 * 1e10

    assert second_look(fall, 1e-300, -math.inf, 0.0, math.nan, 1e8) is not None
    assert second_look(fall, 1e-300, -math.inf, 0.0, math.nan, 2e8) is None


def test_an_estimate_that_agrees_is_to_be_sharp_beside_the_claims_own_rounding() -> None:
    found = [second_look(math.sin, 1.0, math.cos(1.0), slack, 0.0, 1e-16) for slack in (0.0, 0.1)]
    assert [each and each.status for each in found] == ["agrees", "unresolved"]


def test_at_0_the_finest_steps_are_small_beside_the_usual_ones() -> None:
    found = [second_look(lambda x: math.sin(1e9 * x) / 1e9, 0.0, slope, 0.0, 0.0, 1e-30) for slope in (1.0, 0.5)]
    assert [each and each.status for each in found] == ["agrees", "differs"]


def test_neighbouring_floats() -> None:
    assert noise_among_floats(math.sin, 1.0) < 1e-15
    assert 1e-7 < noise_among_floats(lambda x: math.sin(1e10 * x), 1.0) < 1e-4
    assert noise_among_floats(lambda x: math.nan, 5e-324) == 0.0
