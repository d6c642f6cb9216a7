"""A second opinion that needs no step: the rate at which the remainder of Taylor's formula shrinks.

For a right gradient g, ``f(x + t d) - f(x) - t g.d`` shrinks like the square of t or faster; for a wrong one, like t.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from .differences import Line, power_of_two
from .thresholds import EQUAL_RATES

_OCTAVES = (-4, -9, -14, -19)  # the steps, relative to the numbers
_ABOVE = 32.0  # a remainder this many times the rounding is above it


def looks_wrong(rate: float) -> bool:
    """Whether a rate is that of a wrong gradient, not of noise.

    >>> looks_wrong(1.001), looks_wrong(0.5), looks_wrong(1.5)
    (True, False, False)
    """
    return abs(rate - 1) < EQUAL_RATES


def taylor_direction(point: Sequence[float]) -> list[float]:
    """A random direction that moves each number in proportion to its size.

    >>> [abs(d) for d in taylor_direction([3.0, 0.0, 0.25])]
    [2.0, 1.0, 0.25]
    """
    random_ = random.Random(len(point))
    return [random_.choice((-1.0, 1.0)) * (power_of_two(abs(x)) or 1.0) for x in point]


def taylor_rate(line: Line, value: float, slope: float, noise: float) -> float:
    """The rate along a line: 2 for a right slope at 0, 1 for a wrong one; 3 and more where there is no curvature.

    Args:
        line: the function along the line.
        value: its value at 0.
        slope: the claim.
        noise: how far a value may be off.

    Returns:
        The power of t, at the smallest steps that rounding leaves; inf if the remainder is lost in rounding from the
        start, as for a linear function; nan where the function has no values.

    >>> round(taylor_rate(math.exp, 1.0, 1.0, 1e-15), 1), round(taylor_rate(math.exp, 1.0, 1.001, 1e-15), 1)
    (2.0, 1.0)
    """
    remainders: list[tuple[int, float]] = []
    for octave in _OCTAVES:
        t = 2.0**octave / 0.7
        remainder = abs(line(t) - value - t * slope)
        if not math.isfinite(remainder):
            return math.nan
        if remainder <= _ABOVE * noise:
            break
        remainders.append((octave, math.log2(remainder)))
    if len(remainders) < 2:
        return math.inf
    (coarse, before), (fine, after) = remainders[-2:]
    return (before - after) / (coarse - fine)
