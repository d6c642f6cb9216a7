"""Extrapolated differences: the bound holds at every scale; a verdict needs agreement, or a confirmed disagreement."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.checking.estimates.differences import (
    Estimate,
    central,
    grain,
    limit,
    measured_noise,
    one_sided,
    power_of_two,
    steps,
    uneven,
)
from engine.checking.estimates.slopes import slopes_at
from engine.checking.estimates.verdicts import confirming, judge

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
@given(st.floats(-10, 10), st.sampled_from([-1.0, 1.0]))
def test_one_side_is_enough(x: float, side: float) -> None:
    estimate = one_sided(math.sin, x, side * 2.0**-8, noise=1e-15)
    assert estimate is not None
    assert abs(estimate.derivative - math.cos(x)) <= estimate.bound
    assert estimate.bound < 1e-4
    assert limit(math.sin, x, side * 2.0**-8) == pytest.approx(math.sin(x), abs=1e-8)


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


def test_power_of_two() -> None:
    assert [power_of_two(x) for x in (1.0, 1.9, 4.0, 5e-324)] == [1.0, 1.0, 4.0, 5e-324]


def test_outside_of_the_domain_there_is_no_estimate() -> None:
    assert central(lambda x: math.nan, 1.0, 0.1) is None
    assert central(lambda x: math.inf if x > 1 else x, 1.0, 0.125) is None
    assert one_sided(lambda x: math.nan, 1.0, 0.1) is None


def test_slopes_are_taken_where_there_are_values_and_rounding_is_small() -> None:
    hollow = slopes_at(lambda x: 3.0 * x if abs(x) > 1e-8 else math.nan, 0.0)
    assert [side.slope for side in hollow.sides] == pytest.approx([3.0, 3.0])
    noisy = slopes_at(lambda x: 0.0, 1.0, noise=1e-3)
    assert all(abs(side.slope) <= side.bound for side in noisy.sides)


@given(st.floats(1e-14, 1e-3))
def test_noise_is_measured(size: float) -> None:
    def noisy(x: float) -> float:
        return math.sin(x) + size * ((x * 1e15) % 1.0)  # jagged on the scale of the spacing of floats

    assert 0.1 * size < measured_noise(noisy, 1.0) < 20 * size
    assert measured_noise(math.sin, 1.0) < 1e-14
    assert measured_noise(math.floor, 2.0) == 0.0, "a jump at the point is no noise"


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0, 3.0])
def test_no_whole_frequency_passes_with_slope_0(shift: float) -> None:
    """All powers of two, and others that a step could be a whole number of periods of."""
    ladder = [2**k * odd for k in range(21) for odd in (1, 3, 5, 181, 11863283)]
    for frequency in [k for k in ladder if k <= 2**20] + list(range(1, 2**20, 4093)):
        omega = 2 * math.pi * frequency

        def f(x: float, omega: float = omega) -> float:
            return math.sin(omega * x)

        likely = steps(shift)[0]
        quick = (central(f, shift, step, 1e-15, levels) for step, levels in ((likely / 4, 2), (likely, 4)))
        assert confirming(0.0, 0.0, quick) is None, frequency


def test_the_grid_of_coarse_values() -> None:
    def single(x: float) -> float:
        return struct.unpack("f", struct.pack("f", 100 + x / 1000))[0]

    assert grain(single, 2.0) == 2.0**-17
    for exact in (lambda x: 3.0, abs, math.floor, math.sin, lambda x: max(x - 1, 0), lambda x: round(100 * x) / 100):
        assert grain(exact, 0.503) == 0.0


def estimate(derivative: float, bound: float) -> Estimate:
    return Estimate(derivative, bound, 0.0, 0.1)


@pytest.mark.parametrize(
    ("claimed", "estimates", "status"),
    [
        (1.0, [estimate(1.0, 1e-9)], "agrees"),
        (1.0, [None, estimate(0.5, 0.1), estimate(1.0, 1e-9)], "agrees"),
        (1.0, [estimate(1.001, 1e-9), estimate(1.001, 1e-8)], "differs"),
        (1.0, [estimate(1.001, 1e-9)], "unresolved"),  # not confirmed
        (1.0, [estimate(1.001, 1e-9), estimate(0.7, 1e-8)], "unresolved"),  # they contradict each other
        (1.0, [estimate(1.001, 0.1)], "unresolved"),  # too blunt
        (1e-20, [estimate(0.0, 1e-15)], "unresolved"),
        (0.0, [Estimate(0.0, 0.0, 1e-12, 0.1)], "agrees"),
        (1.0, [None, None], "unresolved"),
        (math.nan, [estimate(1.0, 1e-9), estimate(1.0, 1e-8)], "differs"),
        (math.inf, [estimate(1.0, 1e-9), estimate(1.0, 1e-8)], "differs"),
    ],
)
def test_verdicts(claimed: float, estimates: list[Estimate | None], status: str) -> None:
    assert judge(claimed, 0.0, iter(estimates)).status == status
