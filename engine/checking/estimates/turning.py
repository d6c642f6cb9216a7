"""Whether a function turns between neighbouring floats, or climbs to a pole, so that no difference can show its slope.

The values of ``sin(x**5)`` at the floats around 950 look like noise, since the next float is half a radian further on.
A claim that says just that is not called wrong there. Where a function is smooth among neighbouring floats, or its
values are off by rounding alone, a claim that is too steep remains wrong.
"""

from __future__ import annotations

import math

from .differences import EPSILON, Line, steps
from .noise import NEIGHBOURS, differences_of, scale_of, spacing_at
from .thresholds import CLEAR, EXPLAINED, ROUGH, TELLS

BY_FLOATS = "from one float to the next values change by about as much, and floats are too far apart for more"

_MUCH = 5e-4  # as part of the largest value near and far


def turns_between_floats(f: Line, x: float, claimed: float, noise: float, epsilon: float = EPSILON) -> bool:
    """Whether values at neighbouring floats scatter like those of a function that turns between them, as claimed.

    They do if they are rough on both sides, by more than half of their digits, and the claim is steep enough, or nearly
    so, to move the value that far from one float to the next. Where values at adjacent floats are smooth, they show how
    steep the function is at most.

    Args:
        f: the function, along a line.
        x: the point on the line.
        claimed: the claimed slope.
        noise: how far values may be off.
        epsilon: the relative spacing of the numbers that `f` takes.

    >>> f = lambda x: x * x + math.sin(x**5)
    >>> [turns_between_floats(f, 950.0, slope, 1e-9) for slope in (3e12, 1e3)]
    [True, False]
    >>> turns_between_floats(lambda x: x * x, 950.0, 3e12, 1e-9)
    False
    """
    spacing = spacing_at(x, epsilon)
    above, below = (_differences(f, x, [n * spacing for n in NEIGHBOURS if n * sign > 0]) for sign in (1, -1))
    likely = min(steps(x, epsilon=epsilon)[0], scale_of(x) / 8 if x else math.inf)
    size = max(filter(math.isfinite, (abs(f(x + move)) for move in (-likely, 0.0, likely))))
    explained = max(EXPLAINED * noise, math.sqrt(epsilon) * size)
    if not all(_rough(side) and max(third for _, third in side) > explained for side in (above, below)):
        return False
    close = _differences(f, x, [spacing, -spacing])
    steepest = max(first for first, _ in close) / spacing
    return TELLS * CLEAR * steepest < abs(claimed) < (math.inf if _rough(close) else 4 * steepest)


def climbs_by_floats(f: Line, x: float, claimed: float, epsilon: float = EPSILON) -> bool:
    """Whether a value changes much from one float to the next, and about as claimed, as within some floats of a pole.

    >>> f = lambda x: 1 / (x - 1)
    >>> [climbs_by_floats(f, 1 + 2.0**-50, slope) for slope in (-(2.0**100), -(2.0**90))]
    [True, False]
    >>> climbs_by_floats(lambda x: x, 0.0, 1.5)
    False
    """
    spacing, likely = spacing_at(x, epsilon), steps(x, epsilon=epsilon)[0]
    here = f(x)
    size = max(filter(math.isfinite, (abs(here), abs(f(x + likely)), abs(f(x - likely)))))
    beside = [(sign, f(x + sign * spacing)) for sign in (1, -1)]
    moves = [sign * (value - here) for sign, value in beside if value * here > 0]  # else they are beyond the pole
    return any(_MUCH * size < abs(move) and 1 / 8 <= claimed * spacing / move <= 8 for move in moves)


def _differences(f: Line, x: float, units: list[float]) -> list[tuple[float, float]]:
    return [differences_of(f, x, unit) for unit in units]


def _rough(grids: list[tuple[float, float]]) -> bool:
    """Whether values on one of the grids are rough; where there are no values, they are not known to be."""
    return any(third > ROUGH * first for first, third in grids)
