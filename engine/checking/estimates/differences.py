"""Derivatives from values alone: central differences, extrapolated, each with a bound on its own error.

A difference quotient has two errors: truncation, which shrinks with the step, and rounding, which grows as the step
shrinks. Richardson's extrapolation removes truncation order by order, and the last order removed says how much is
left; rounding is the function's noise over the step. So the tolerance of a comparison is computed and not guessed.
See Ridders, Advances in Engineering Software 4 (1982) 75. What estimates say about a claim is decided in `verdicts`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from .thresholds import SAFETY

Line = Callable[[float], float]
"""The function to differentiate, as a function of one coordinate."""

EPSILON = 2.0**-52
_MANTISSA = 181 / 128  # of steps, about sqrt(2): powers of two are whole periods of many functions
_LONG_MANTISSA = 94906265 / 2**26  # of wide steps, which have room for its digits
_OCTAVES = (0, -4, 5, -8, 9, 7, -12, 11, 13, -16, -20, -24, -28, -32, -36)  # of the steps to try, the likeliest first


class Estimate(NamedTuple):
    """A derivative computed from values, and how far off it may be by truncation and by rounding."""

    derivative: float
    truncation: float
    rounding: float
    step: float
    scale: float = 0.0  # the spread of the values over the step, to compare a slope of 0 with

    @property
    def bound(self) -> float:
        """How far off the derivative may be."""
        return self.truncation + self.rounding

    @property
    def structured(self) -> bool:
        """Whether smaller and smaller steps disagree by more than rounding: the values have finer structure."""
        return self.truncation > 4 * SAFETY * self.rounding

    @property
    def flat(self) -> bool:
        """Whether all values were equal."""
        return self.derivative == 0 and self.truncation == 0 and self.scale == 0

    def contradicts(self, other: Estimate) -> bool:
        """Whether the two are further apart than both bounds allow."""
        return abs(self.derivative - other.derivative) > self.bound + other.bound


def power_of_two(x: float) -> float:
    """The largest power of two that is not above `x`; 0 for 0.

    >>> power_of_two(10.0), power_of_two(0.3), power_of_two(0.0)
    (8.0, 0.25, 0.0)
    """
    return 2.0 ** (math.frexp(x)[1] - 1) if x else 0.0


def uneven(step: float, x: float) -> float:
    """A power of two times about sqrt(2), in so few digits that ``x + step`` is exact."""
    return step * (_LONG_MANTISSA if step >= abs(x) * 2.0**-24 else _MANTISSA)


def steps(x: float, reach: float = math.inf, epsilon: float = EPSILON) -> list[float]:
    """Steps for differences around `x` that stay within `reach` of it, the likeliest to do well first.

    They adapt to the scale of `x` and to `epsilon`, the relative spacing of numbers there. Each is `uneven`: no whole
    number of periods of ``sin(2 * pi * n * x)``, for n up to 2**20 and more.
    """
    own = power_of_two(abs(x))
    scale = max(own, 2.0**-10)
    precision = power_of_two(epsilon**0.2)
    found = [scale * precision * 2.0**octave for octave in _OCTAVES]
    if 0 < reach < math.inf:
        found.insert(0, min(found[0], power_of_two(reach) / 4))
    if 0 < own < scale:  # for a tiny x also steps that are small beside it
        found[1:1] = [own * 2.0**-octave for octave in (10, 13, 7, 16, 4)]
    smallest = 4 * epsilon * max(abs(x), 2.0**-1000)
    found = [uneven(step, x) for step in found]
    return list(dict.fromkeys(step for step in found if smallest <= step < reach))


def _rounded(place: float, epsilon: float) -> float:
    """The place where a function that takes numbers of this relative spacing is really evaluated."""
    if epsilon <= EPSILON or not place:
        return place
    spacing = epsilon * power_of_two(abs(place))
    return round(place / spacing) * spacing


def central(
    f: Line, x: float, step: float, noise: float = 0.0, levels: int = 4, epsilon: float = EPSILON
) -> Estimate | None:
    """The derivative of `f` at `x` from values on both sides, up to `step` away.

    Args:
        f: the function.
        x: the point.
        step: the largest distance, halved from level to level.
        noise: how far a value of `f` may be off by rounding.
        levels: how many steps are extrapolated; twice as many values are computed.
        epsilon: the relative spacing of the numbers that `f` takes.

    Returns:
        The estimate, or None if a value is not finite.

    >>> import math
    >>> estimate = central(math.sin, 1.0, 2**-5)
    >>> abs(estimate.derivative - math.cos(1.0)) < 1e-13
    True
    """
    row: list[float] = []
    low, high = math.inf, -math.inf
    for level in range(levels):
        h = step / 2**level
        right, left = f(x + h), f(x - h)
        low, high = min(low, left, right), max(high, left, right)
        apart = (x + h) - (x - h)
        quotient = (right - left) / apart if apart else math.nan  # the smallest float has no half
        if not math.isfinite(quotient):
            return None
        coarser, row = row, [quotient]
        for order, coarse in enumerate(coarser, 1):  # Neville: each entry removes one more power of h * h
            row.append(row[-1] + (row[-1] - coarse) / (4**order - 1))
    scale = min((high - low) / step, sys.float_info.max)  # it may overflow where the derivative does not
    off = max(abs(_rounded(x + sign * h, epsilon) - x - sign * h) for sign in (1, -1))  # the rounding of x + h
    noise = max(noise, 4 * EPSILON * max(abs(right), abs(left))) + off * scale
    if row[-1] == row[-2] == 0:  # equal values may hide what is below the rounding of x
        noise = max(noise, EPSILON * (abs(x) + step))
    left_out = max(SAFETY * abs(row[-1] - row[-2]), abs(row[-1] - coarser[-1]))
    return Estimate(row[-1], left_out, 2 * noise / h, step, scale)


def central_estimates(
    f: Line, x: float, noise: float, reach: float, epsilon: float = EPSILON
) -> Iterator[Estimate | None]:
    """An estimate by central differences for each of the `steps`."""
    return (central(f, x, step, noise, epsilon=epsilon) for step in steps(x, reach, epsilon))


def likely_estimates(
    f: Line, x: float, likely: float, noise: float, epsilon: float = EPSILON
) -> Iterator[Estimate | None]:
    """The first estimates to try: by four values, by more, and by wider steps in case the function is noisy."""
    yield central(f, x, likely / 4, noise, levels=2, epsilon=epsilon)
    found = central(f, x, likely, noise, epsilon=epsilon)
    yield found
    if found is None or not found.structured:
        yield central(f, x, likely * 32, noise, epsilon=epsilon)


def one_sided(f: Line, x: float, step: float, noise: float = 0.0, epsilon: float = EPSILON) -> Estimate | None:
    """The derivative of `f` at `x` from the side that `step` points to (its sign).

    It is right even if the value at `x` belongs to the other side, since `f` is not evaluated there.

    >>> one_sided(abs, 0.0, -0.25).derivative, one_sided(abs, 0.0, 0.25).derivative
    (-1.0, 1.0)
    """
    steps = [step * part for part in (1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)]
    places = [x + each for each in steps]
    unit = step / 4
    off = max(abs((_rounded(place, epsilon) - x) - each) for place, each in zip(places, steps))
    if off > abs(unit) / 8:
        return None  # the floats near x are too far apart
    nearest, near, second, third, far = values = [f(place) for place in places]
    # by differences, as multiples of values may overflow
    first, middle, last = second - near, third - second, far - third
    quadratic = (5 * first - 3 * middle) / 2
    cubic = (26 * first - 31 * middle + 11 * last) / 6
    another = (32 * (near - nearest) - 12 * first + (far - second)) / 6  # its error is 3/10 of the cubic's
    if not math.isfinite(cubic) or not math.isfinite(nearest):
        return None
    left_out = max(SAFETY * abs(cubic - quadratic), 2 * abs(cubic - another))  # a third derivative of 0 hides the first
    moved = off * max(abs(b - a) for a, b in pairwise(values)) / abs(unit)
    noise = max(noise, 2 * EPSILON * max(abs(near), abs(far))) + moved
    if len(set(values)) == 1:  # as in `central`
        noise = max(noise, EPSILON * (abs(x) + abs(step)))
    return Estimate(cubic / unit, left_out / abs(unit), 23 * noise / abs(unit), step)


def limit(f: Line, x: float, step: float) -> float:
    """The value that `f` tends to at `x` from the side that `step` points to.

    >>> import math
    >>> limit(math.floor, 2.0, -0.25), limit(math.floor, 2.0, 0.25)
    (1.0, 2.0)
    """
    near, second, third, far = (float(f(x + step * k / 4)) for k in (1, 2, 3, 4))
    return near + 3 * (near - second) - 3 * (second - third) + (third - far)
