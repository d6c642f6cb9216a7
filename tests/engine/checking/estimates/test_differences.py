"""Extrapolated differences: the bound holds at every scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.checking.estimates.differences import (
    Estimate,
    central,
    likely_estimates,
    limit,
    one_sided,
    power_of_two,
    steps,
    uneven,
)
from engine.checking.estimates.slopes import slopes_at
from engine.checking.estimates.verdicts import judge

# Functions with their derivatives, written down independently of the engine.
SMOOTH: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "sin": (math.sin, math.cos),
    "exp": (math.exp, math.exp),
    "cube": (lambda x: x**3, lambda x: 3 * x * x),
    "atan": (math.atan, lambda x: 1 / (1 + x * x)),
    "fast": (lambda x: math.sin(50 * x), lambda x: 50 * math.cos(50 * x)),
    "offset": (lambda x: 1e6 + math.cos(x), lambda x: -math.sin(x)),
}


@settings(max_examples=200)
@given(st.sampled_from(sorted(SMOOTH)), st.floats(-10, 10), st.integers(2, 5))
def test_the_bound_holds(name: str, x: float, levels: int) -> None:
    f, derivative = SMOOTH[name]
    noise = 4 * 2.0**-52 * abs(f(x)) + 2.0**-52 * abs(x)  # that of the argument 50 * x included
    noise *= 50 if name == "fast" else 1
    for step in steps(x)[:5]:
        estimate = central(f, x, step, noise, levels)
        if step * (50 if name == "fast" else 1) < 0.5:  # below the scale on which the function turns
            assert estimate is not None
            assert abs(estimate.derivative - derivative(x)) <= estimate.bound


@settings(max_examples=100)
@example(4.71484375, -1.0)
@given(st.floats(-10, 10), st.sampled_from([-1.0, 1.0]))
def test_one_side_is_enough(x: float, side: float) -> None:
    """Also where the third derivative, of which the bound is mostly made, is 0."""
    estimate = one_sided(math.sin, x, side * 2.0**-8, noise=1e-15)
    assert estimate is not None
    assert abs(estimate.derivative - math.cos(x)) <= estimate.bound
    assert estimate.bound < 1e-4
    assert limit(math.sin, x, side * 2.0**-8) == pytest.approx(math.sin(x), abs=1e-8)


@pytest.mark.parametrize("step", [0.25, -0.25])
def test_where_the_third_difference_vanishes_the_bound_is_that_of_the_fourth(step: float) -> None:
    """Of (x - c)**4 around the middle of the four places a formula of one order less gives the same."""

    def f(x: float) -> float:
        return float((x - 2.5 * step / 4) ** 4)

    estimate = one_sided(f, 0.0, step)
    assert estimate is not None
    error = abs(estimate.derivative - 4 * (-2.5 * step / 4) ** 3)
    assert 1e-4 < error <= estimate.bound < 2 * error


@pytest.mark.parametrize("x", [2.0**52, 1e16, 1e300])
def test_a_side_knows_that_floats_are_far_apart(x: float) -> None:
    """Places that are rounded are counted as noise, and none that are not told apart."""
    ulp = math.ulp(x)
    for step in (ulp * 2.0**k * 181 / 128 for k in range(-8, 9)):
        estimate = one_sided(lambda u: u - x, x, step)
        assert estimate is None or abs(estimate.derivative - 1.0) <= estimate.bound
        assert estimate is not None or step < 64 * ulp
    assert one_sided(lambda u: u - x, x, ulp) is None


def test_the_value_at_the_point_plays_no_part_on_one_side() -> None:
    def f(x: float) -> float:
        return 7.0 if x == 1 else x * x if x > 1 else -x

    above, below = one_sided(f, 1.0, 2.0**-6), one_sided(f, 1.0, -(2.0**-6))
    assert above is not None
    assert below is not None
    assert (above.derivative, below.derivative) == pytest.approx((2.0, -1.0))
    assert (limit(f, 1.0, 2.0**-6), limit(f, 1.0, -(2.0**-6))) == pytest.approx((1.0, -1.0))


@pytest.mark.parametrize("x", [0.0, 1.0, -3.7, 1e-12, 1e12, 5e-324, 1e300])
def test_steps_move_the_point_and_are_no_powers_of_two(x: float) -> None:
    found = steps(x)
    assert found
    for step in found:
        assert math.frexp(step)[0] != 0.5
        assert x - step < x < x + step
    for step in steps(x, reach=max(abs(x), 1.0) * 1e-3):
        assert step < max(abs(x), 1.0) * 1e-3
    assert steps(x, reach=0.0) == []


def test_the_first_step_fits_the_reach() -> None:
    """A quarter of it or less where there is one; the usual first step if none is known, or it is wide."""
    usual = steps(1e6)[0]
    assert steps(1e6, reach=1e300)[0] == usual
    assert steps(1e6, reach=8.0)[0] == uneven(2.0, 1e6)
    assert steps(1.0, reach=2.0**-10)[0] == uneven(2.0**-12, 1.0)
    assert steps(1.0)[:3] == [uneven(2.0**k, 1.0) for k in (-11, -15, -6)]
    assert steps(0.0)[:2] == [uneven(2.0**k, 0.0) for k in (-21, -25)]
    assert steps(2.0**-20)[:3] == [uneven(2.0**k, 2.0**-20) for k in (-21, -30, -33)], "what is small beside a tiny x"
    assert steps(1.0, reach=-1.0) == []
    assert uneven(2.0**-24, 1.0) == 2.0**-24 * 94906265 / 2**26
    least = 94906265 / 2**26
    assert 2.0**-21 * least in steps(least, epsilon=2.0**-23), "four of its last digit are enough"
    edge = uneven(2.0**-15, 1.0)
    assert edge in steps(1.0)
    assert edge not in steps(1.0, reach=edge), "within reach, and not at its end"


def test_all_steps_by_hand() -> None:
    """Powers of two times about the root of two; where less than 24 binary digits are left, times fewer of its own."""

    def lengthened(x: float, exponents: Sequence[int], short: int = 2000) -> list[float]:
        long = [2.0**k * 94906265 / 2**26 if k >= short else 2.0**k * 181 / 128 for k in exponents]
        assert long == [uneven(2.0**k, x) for k in exponents]
        return long

    usual = [-11, -15, -6, -19, -2, -4, -23, 0, 2, -27, -31, -35, -39, -43, -47]
    assert steps(1.0) == lengthened(1.0, usual, -24)
    assert steps(-3.0) == lengthened(-3.0, [k + 1 for k in usual], -22)
    assert steps(1.0, reach=2.0**-10) == lengthened(1.0, [-12, -11, *(k for k in usual[1:] if k < -11)], -24)
    assert steps(0.0) == lengthened(0.0, [k - 10 for k in usual], -2000)
    tiny = [-21, -30, -33, -27, -36, -24, -25, -16, -29, -12, -14, -10, -8, -37, -41, -45, -49, -53, -57]
    assert steps(2.0**-20) == lengthened(2.0**-20, tiny, -44)
    single = [14, 10, 19, 6, 23, 21, 2, 25, 27]  # where x itself has 24 digits, no step is below 4 of the last one
    assert steps(1e6, epsilon=2.0**-23) == lengthened(1e6, single, -4)
    assert steps(1e6, reach=8.0) == lengthened(1e6, [1, 0, -4, -8, -12, -16, -20, -24, -28], -4)


def test_power_of_two() -> None:
    assert [power_of_two(x) for x in (1.0, 1.9, 4.0, 5e-324, 0.0)] == [1.0, 1.0, 4.0, 5e-324, 0.0]


@pytest.mark.parametrize(
    ("power", "levels", "truncation"),
    [
        # of x**n at 1 with steps 1/2, 1/4, ... the quotients are n + ..., with h**(n - 1) last of all: what is left
        # of it in the last but one, ten times; or in the best of one level less, the product of its steps squared
        (3, 2, 10 * 0.25**2),
        (5, 3, (0.5 * 0.25) ** 2),
        (7, 4, (0.5 * 0.25 * 0.125) ** 2),
    ],
)
def test_an_extrapolation_by_hand(power: int, levels: int, truncation: float) -> None:
    found = central(lambda x: x**power, 1.0, 0.5, 1e-6, levels)
    smallest = 0.5 / 2 ** (levels - 1)
    assert found == pytest.approx((power, truncation, 2e-6 / smallest, 0.5, (1.5**power - 0.5**power) / 0.5), rel=1e-12)


def test_the_rounding_of_a_difference_is_that_of_its_values_or_more() -> None:
    eps = 2.0**-52

    def rounding(f: Callable[[float], float], x: float, noise: float = 0.0) -> float:
        estimate = central(f, x, 0.5, noise, levels=2)
        assert estimate is not None
        return estimate.rounding

    assert rounding(lambda x: x, 1.0) == 2 * 4 * eps * 1.25 / 0.25
    assert rounding(lambda x: -x, -1.0) == 2 * 4 * eps * 1.25 / 0.25, "of the larger value, whatever its sign"
    assert rounding(lambda x: 8 - x, 1.0, 1e-3) == 2 * 1e-3 / 0.25
    assert rounding(lambda x: 0.0, -3.0) == 2 * eps * 3.5 / 0.25, "of the point, where the values are equal"
    assert rounding(lambda x: 5.0, -3.0) == 2 * 4 * eps * 5.0 / 0.25
    flat = [central(lambda x: 5.0, 1.0, 0.5), central(abs, 0.0, 0.5), central(lambda x: x, 0.0, 0.5)]
    assert [estimate is not None and estimate.flat for estimate in flat] == [True, False, False]
    assert all(estimate is not None and estimate.derivative == 0.0 for estimate in flat[:2])
    sides = [Estimate(slope, left_out, 1e-9, 0.1) for slope, left_out in ((0, 0), (0, 1e-3), (1e-3, 0), (-1e-3, 0))]
    assert [side.flat for side in sides] == [True, False, False, False], "of one side the spread is not known"
    sharp = central(math.sin, 1.0, 2.0**-5)
    assert sharp is not None
    assert sharp.bound < 1e-9


@pytest.mark.parametrize(
    "quotients", [(0, 4, 1), (0, -4, -1), (60, 3, 0), (45, 0, 0), (1, 1, 1), (-1, -1, -1), (0, 0, 0)]
)
def test_only_a_derivative_of_0_is_as_blunt_as_the_point(quotients: Sequence[float]) -> None:
    """Not one whose last two extrapolations are not both 0: the quotients at the three levels are chosen so."""
    x, eps = 2.0**20, 2.0**-52

    def f(u: float) -> float:
        level = round(-math.log2(abs(u - x)))
        return quotients[level - 1] * (u - x)

    found = central(f, x, 0.5, levels=3)
    assert found is not None
    noise = eps * (x + 0.5) if not any(quotients) else 4 * eps * abs(quotients[2]) * 0.125
    assert found.rounding == 2 * noise / 0.125


def test_the_spread_of_values_does_not_begin_at_0() -> None:
    for shift in (-8.0, 8.0):
        found = central(lambda x, shift=shift: x + shift, 0.0, 0.5)
        assert found is not None
        assert found.scale == 2.0


def test_a_smooth_function_is_looked_at_closely_and_then_from_further_away() -> None:
    calls: list[float] = []

    def f(x: float) -> float:
        calls.append(x)
        return 3.0 * x

    found = []
    for estimate in likely_estimates(f, 1.0, 0.125, 0.5):
        assert estimate is not None
        found.append((estimate.step, len(calls), estimate.rounding))
    assert found == [
        (0.125 / 4, 4, 2 * 0.5 / (0.125 / 8)),
        (0.125, 12, 2 * 0.5 / (0.125 / 8)),
        (4.0, 20, 2 * 0.5 / 0.5),
    ]


@pytest.mark.parametrize("step", [0.5, -0.5])
def test_a_side_by_hand(step: float) -> None:
    """A cubic is exact; a formula of one order less is off by 11 * (step / 4)**2, which counts ten times."""

    def cubic(x: float) -> float:
        return x**3 + 2 * x * x - 3 * x + 1

    found = one_sided(cubic, 0.0, step, 1e-3)
    assert found == pytest.approx((-3.0, 10 * 11 * (step / 4) ** 2, 23 * 1e-3 / 0.125, step, 0.0), rel=1e-12)
    assert limit(cubic, 2.0, step) == pytest.approx(11.0, rel=1e-12)
    asked = Scripted(1.0, 2.0, 3.0, 4.0)
    assert limit(asked, 2.0, step) == 0.0
    assert asked.asked == [2.0 + step * k / 4 for k in (1, 2, 3, 4)]


def test_the_rounding_of_a_side_is_that_of_its_values_or_more() -> None:
    eps = 2.0**-52
    for f, largest in (
        (lambda x: 5.0, 5.0),
        (lambda x: 8.0 - x, 7.875),
        (lambda x: x - 8.0, 7.875),
        (lambda x: x, 0.5),
    ):
        found = one_sided(f, 0.0, 0.5)
        assert found is not None
        assert found.rounding == 23 * 2 * eps * largest / 0.125


def test_outside_of_the_domain_there_is_no_estimate() -> None:
    assert central(lambda x: math.nan, 1.0, 0.1) is None
    assert central(lambda x: math.inf if x > 1 else x, 1.0, 0.125) is None
    assert one_sided(lambda x: math.nan, 1.0, 0.1) is None


def test_slopes_are_taken_where_there_are_values_and_rounding_is_small() -> None:
    hollow = slopes_at(lambda x: 3.0 * x if abs(x) > 1e-8 else math.nan, 0.0)
    assert [side.slope for side in hollow.sides] == pytest.approx([3.0, 3.0])
    noisy = slopes_at(lambda x: 0.0, 1.0, noise=1e-3)
    assert all(abs(side.slope) <= side.bound for side in noisy.sides)


class Scripted:
    """A function that gives one number after the other, then 0, and notes where it was asked."""

    def __init__(self, *values: float) -> None:
        self.values = iter(values)
        self.asked: list[float] = []

    def __call__(self, x: float) -> float:
        self.asked.append(x)
        return next(self.values, 0.0)


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0, 3.0])
def test_no_whole_frequency_passes_with_slope_0(shift: float) -> None:
    """All powers of two, and others that a step could be a whole number of periods of."""
    ladder = [2**k * odd for k in range(21) for odd in (1, 3, 5, 181, 11863283)]
    for frequency in [k for k in ladder if k <= 2**20] + list(range(1, 2**20, 4093)):
        omega = 2 * math.pi * frequency
        line = [central(lambda x, w=omega: math.sin(w * x), shift, step, 1e-15) for step in steps(shift)]
        assert judge(0.0, 0.0, line).status != "agrees", frequency
