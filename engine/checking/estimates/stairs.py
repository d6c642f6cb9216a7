"""Stairs: what a function does that adds its argument to a large number, or rounds it.

In sin(x + 1e8) the sum moves by whole floats, 1.5e-8 wide, or not at all: fine steps see a tread, and wide ones more
than one wave. Yet from the middle of a tread to that of the next, the function moves as if nothing were rounded.
"""

from __future__ import annotations

from collections.abc import Callable

from .differences import Estimate, Line
from .noise import spacing_at
from .thresholds import PERCENT, SAFETY

_HALVINGS = 24  # of the distance in which the end of a tread lies
_BENT = 8.0  # twice as far away a smooth function is four times as far off a line; at a jump, far more
_INSIDE = (-0.4, 0.4)  # places in a tread, as parts of it from its middle
_CHECKED = (-3, -2, -1, 1, 2, 3)  # treads that must be as wide as the one at the point


def slope_of_stairs(f: Line, x: float, fine: Estimate | None, noise: float, epsilon: float) -> Estimate | None:
    """The slope of stairs that are all as wide as the one at a point, over whole treads; None if there are none.

    Args:
        f: the function along a line.
        x: the point on the line.
        fine: what steps within the tread see, if they see a slope.
        noise: how far off a value may be.
        epsilon: the relative spacing of the numbers that `f` takes.

    >>> import math
    >>> found = slope_of_stairs(lambda x: math.sin(x + 1e8), 1.0, None, 1e-16, 2.0**-52)
    >>> abs(found.derivative - math.cos(1.0 + 1e8)) < found.bound < 1e-6
    True
    """
    slope, step = (0.0, 16 * spacing_at(x, epsilon)) if fine is None else (fine.derivative, fine.step)
    off, widest = _off_line(f, x, slope), epsilon**0.2 * max(abs(x), 1.0)
    above, below = (_end(off, sign * step, widest, 4 * noise) for sign in (1.0, -1.0))
    if above is None or below is None:
        return None
    tread, middle = above - below, x + (above + below) / 2
    most = _off_line(f, middle, slope)(tread) / _BENT
    others = [_off_line(f, middle + k * tread, slope) for k in _CHECKED]
    if not all(there(part * tread) <= most for there in others for part in _INSIDE):
        return None
    low, left, value, right, high = (f(middle + k * tread) for k in (-2, -1, 0, 1, 2))
    climb, wider = (right - left) / (2 * tread), (high - low) / (4 * tread)
    if abs(climb) < PERCENT * abs(climb - slope):
        return None  # a sawtooth, which climbs nowhere
    blurred = 4 * abs(climb) * max(2.0**-_HALVINGS, spacing_at(x, epsilon) / tread)
    turned = abs(right - 2 * value + left) / (2 * tread)  # x is anywhere in the tread
    return Estimate(climb, SAFETY * abs(wider - climb), 2 * noise / tread + blurred + turned, tread)


def _off_line(f: Line, place: float, slope: float) -> Callable[[float], float]:
    """How far values at a distance from a place are off a line through the value there."""
    value = f(place)
    return lambda u: abs(f(place + u) - value - u * slope)


def _end(off: Callable[[float], float], step: float, widest: float, noise: float) -> float | None:
    """The distance of the first jump off a line in the direction of a step; None if there is none that close."""
    near, far = step, 2 * step
    while off(far) <= (most := noise + _BENT * off(near)):
        near, far = far, 2 * far
        if abs(near) > widest:
            return None
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (middle, far) if off(middle) <= most else (near, middle)
    return far if off(far) - off(near) >= off(far) / 2 else None
