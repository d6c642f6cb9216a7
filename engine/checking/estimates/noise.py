"""How far off values of a function are: by their roughness on small grids, or by a coarse grid that they lie on.

Measured noise may be the function itself, if that turns between the places where it is measured: so before a claim is
called wrong, noise is measured at neighbouring floats.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from itertools import pairwise

from .differences import EPSILON, Line, power_of_two

SMALLEST = 2.0**-1074
NEIGHBOURS = (61.0, -53.0, 37.0, -101.0)
"""How far away "neighbouring floats" are, in floats: at several distances, as at some an argument such as 1e10 * x
happens to be exact, or a function to make whole turns."""
_CANCELLED = 2.0**10  # numbers inside a function are at most this many times as large as its values some way off
_COARSE = 2.0**-9  # the coarsest grid of rounded values, as a part of their size: that of half precision


def measured_noise(f: Line, x: float, epsilon: float = EPSILON) -> float:
    """How far off values of `f` near `x` are by rounding, judged by how rough they are on a small grid.

    The second smoothest of four grids counts: noise is everywhere, a kink or a jump is not. A function that is smooth
    among neighbouring floats turns fast, like a root close to its end; if its values there are equal, it has stairs,
    and if none is rounded, as those of x**3 - 8 next to 2, they say nothing.
    """
    unit = epsilon**0.625 * scale_of(x)
    away = scale_of(x) * power_of_two(epsilon**0.2)
    # of different widths, as one may happen to be that of a grid that the values lie on
    grids = ((0.0, -1.37), (0.0, 1.43), (-away, -1.61), (away, 1.79))
    found = sorted(filter(math.isfinite, (_roughness(f, x + far, width * unit) for far, width in grids)))
    noise = found[(len(found) - 1) // 2] if found else 0.0
    near = NEIGHBOURS[0] * epsilon * scale_of(x)
    stairs = not noise or f(x + near) == f(x - near) == f(x + 8 * near)
    return noise if stairs else min(noise, noise_among_floats(f, x, epsilon) or noise)


def noise_among_floats(f: Line, x: float, epsilon: float = EPSILON, side: Callable[..., float] = max) -> float:
    """The same, at neighbouring floats: roughness among these is noise, not finer structure of the function.

    With `side=min`, that on the smoother side: a jump next to x is no noise.
    """
    units = [count * spacing_at(x, epsilon) for count in NEIGHBOURS]
    return side(filter(math.isfinite, (_roughness(f, x, unit) for unit in units)), default=0.0)


def spacing_at(x: float, epsilon: float) -> float:
    """The distance from `x` to the next number."""
    return max(epsilon * scale_of(x), SMALLEST)


def scale_of(x: float) -> float:
    """The power of two that steps at `x` are measured by."""
    return power_of_two(abs(x)) or 2.0**-10


def wide_step(x: float) -> float:
    """A wide step at `x`, with all digits of a float."""
    return max(scale_of(x), 2.0**-10) / math.sqrt(2)


def _roughness(f: Line, start: float, step: float) -> float:
    """The largest third difference: 0 for a smooth function, about sqrt(20) times s for noise of size s."""
    return differences_of(f, start, step)[1]


def differences_of(f: Line, start: float, step: float) -> tuple[float, float]:
    """The largest first difference of values on a grid beside a place, and the largest third one."""
    values = [f(start + k * step) for k in range(1, 9)]
    first = [later - earlier for earlier, later in pairwise(values)]
    second = [later - earlier for earlier, later in pairwise(first)]
    third = [later - earlier for earlier, later in pairwise(second)]
    return max(map(abs, first)), max(map(abs, third))


def grain(f: Line, x: float, epsilon: float = EPSILON) -> float:
    """The grid that values of `f` lie on if they are rounded more coarsely than floats; 0.0 if they are not.

    Values computed in single precision have no digits beyond its own. The steps are wide, as values close to `x` may be
    equal, and have all digits of a float, so that exact values have them too. For a tiny `x` they are first as wide as
    `x`: farther away values may be far larger, and so may their grid.

    Args:
        f: the function, along a line.
        x: the point on the line.
        epsilon: the relative spacing of the numbers that `f` takes; a grid of values must be coarser.

    >>> import struct
    >>> grain(lambda x: struct.unpack("f", struct.pack("f", 100 + x / 1000))[0], 2.0) == 2.0**-17
    True
    >>> grain(lambda x: 100 + x / 1000, 2.0)
    0.0
    """
    here = f(x)
    for width in sorted({scale_of(x) / math.sqrt(2), wide_step(x)}):
        values = [f(x + sign * width * part) for part in (1, 0.31, 0.093) for sign in (1, -1)]
        values = [value for value in values if math.isfinite(value) and value not in (0, here)]
        if len(values) < 3:
            continue
        finest = min(map(_last_digit, values))
        size = max(map(abs, values))
        return finest if 4 * epsilon * size < finest <= _COARSE * size else 0.0
    return 0.0


def grid_of_differences(f: Line, x: float, epsilon: float = EPSILON) -> float:
    """The grid that small values of `f` lie on if they are differences of larger, rounded numbers; else 0.0.

    Examples are log(1 + x*x) and 1 - cos(x) near 0, and -log(p) where p is next to 1. Close to `x` all values are
    equal, and far away too many differ to show the grid. In between a few differ, all by multiples of the least gap.

    Args:
        f: the function, along a line.
        x: the point on the line.
        epsilon: the relative spacing of the numbers that `f` takes.

    >>> round(grid_of_differences(lambda x: -math.log(1 / (1 + math.exp(-x))), 32.0) * 2**52)
    1
    >>> round(grid_of_differences(lambda x: 3 * math.log(1 + x * x), 1e-9) * 2**52)
    3
    >>> grid_of_differences(lambda x: math.log1p(math.exp(-x)), 32.0), grid_of_differences(math.floor, 0.5)
    (0.0, 0.0)
    """
    narrow, width, gaps = wide_step(x) * 2.0**-40, wide_step(x) * 2.0**8, list[float]()
    while width > 4 * narrow:
        middle = math.sqrt(narrow * width)
        found = _gaps(f, x, middle)
        narrow, width, gaps = (narrow, middle, found) if len(found) > 2 else (middle, width, gaps)
    grid = min(gaps, default=0.0)
    if not gaps or any(abs(math.remainder(gap, grid)) > epsilon**0.25 * grid for gap in gaps):
        return 0.0
    near, far = (
        max(filter(math.isfinite, (abs(f(x + sign * move)) for sign in (0, 1, -1))))
        for move in (width, max(abs(x), 1.0))
    )
    return grid if 4 * epsilon * near < grid <= _CANCELLED * epsilon * far else 0.0


def _gaps(f: Line, x: float, width: float) -> list[float]:
    """The gaps between values at uneven places; on an even grid, even those of x*x would be multiples of one."""
    values = sorted({value for k in range(9) if math.isfinite(value := f(x + width * math.sin(k)))})
    return [min(higher - lower, sys.float_info.max) for lower, higher in pairwise(values)]


def _last_digit(x: float) -> float:
    """The value of the last binary digit of `x` that is not zero."""
    mantissa, exponent = math.frexp(x)
    whole = int(abs(mantissa) * 2**53)
    return math.ldexp(float(whole & -whole), exponent - 53)
