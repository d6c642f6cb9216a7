"""Stairs: what a function climbs that adds its argument to a large number, or rounds its values.

In sin(x + 1e8) the sum moves by whole floats, 1.5e-8 wide, or not at all: fine steps see a tread, or a kink where it
ends, and wide ones more than one wave. Yet from the middle of a tread to that of the next, the function moves as if
nothing were rounded.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .differences import Estimate, Line
from .noise import noise_among_floats, spacing_at
from .thresholds import APART, PERCENT, SAFETY
from .verdicts import Verdict, agrees

ON_STAIRS = "values climb stairs of slope {:.4g}, as where they are rounded, or a number is added to a far larger one"

_BESIDE = 32  # steps
_HALVINGS = 24  # of the distance in which the end of a tread lies
_BENT = 8.0  # twice as far away a smooth function is four times as far off a line; at a jump, far more
_INSIDE = 0.4  # from the middle of a tread to a place inside, as part of the tread
_ALIKE = range(-3, 4)  # treads that must be, counted from the one at the point
_SPANS = (1, 2**5, 2**10)  # how many treads a step may span


def on_stairs(f: Line, x: float, claimed: float, slack: float, noise: float, epsilon: float) -> Verdict | None:
    """The verdict where a function climbs stairs: "unresolved" for their slope; None if it does not.

    Args:
        f: the function along a line.
        x: the point on the line.
        claimed: the claim.
        slack: how far off the claim may be by rounding.
        noise: how far off a value may be.
        epsilon: the relative spacing of the numbers that `f` takes.
    """
    slope = slope_of_stairs(f, x, max(noise, noise_among_floats(f, x, epsilon, min)), epsilon)
    if slope is None:
        return None
    if agrees(claimed, slope, slack):
        return Verdict("unresolved", slope, why=ON_STAIRS.format(slope.derivative))
    return Verdict("differs", slope)


def slope_of_stairs(f: Line, x: float, noise: float, epsilon: float) -> Estimate | None:
    """The slope of stairs, over whole treads; None if there are none, or those next to the point are not alike.

    >>> found = slope_of_stairs(lambda x: math.sin(x + 1e8), 1.0, 1e-16, 2.0**-52)
    >>> abs(found.derivative - math.cos(1.0 + 1e8)) < found.bound < 1e-6
    True
    """
    step, widest = 16 * spacing_at(x, epsilon), epsilon**0.2 * max(abs(x), 1.0)
    places = (x, x + _BESIDE * step)  # the first may be the end of a tread
    stairs = next(filter(None, (_found(f, place, step, widest, 4 * noise, epsilon) for place in places)), None)
    if stairs is None or not stairs.are_alike(1):
        return None
    blur = max(2.0**-_HALVINGS, spacing_at(x, epsilon) / stairs.tread)  # what a tread is off by, as part of it
    spans = [span for span in _SPANS if span == 1 or (span * stairs.tread <= widest and stairs.are_alike(span))]
    estimates = (stairs.over(span, noise, blur, 4 * widest) for span in spans)
    best = min(estimates, key=lambda each: each.bound)
    climbs = abs(best.derivative) >= APART * abs(best.derivative - stairs.slope)  # unlike a sawtooth
    return best if climbs and blur <= PERCENT and math.isfinite(best.bound) else None


class _Stairs(NamedTuple):
    """Stairs, by the tread at a point."""

    f: Line
    middle: float
    tread: float
    slope: float  # of each tread

    def height(self, count: float) -> float:
        """The value in the middle of a tread, so many away."""
        return self.f(self.middle + count * self.tread)

    def are_alike(self, span: int) -> bool:
        """Whether treads, so many from one to the next, are as wide, and the stairs between as high."""
        inside, rise = _INSIDE * self.slope * self.tread, self.slope * self.tread
        most = abs(self.height(1) - self.height(0) - rise) / _BENT
        counts = [span * each for each in _ALIKE]
        heights = [self.height(count) for count in counts]
        off = [
            abs(self.height(count + sign * _INSIDE) - height - sign * inside)
            for count, height in zip(counts, heights)
            for sign in (-1, 1)
        ]
        bent = [abs(low - 2 * here + high) for low, here, high in zip(heights, heights[1:], heights[2:])]
        return all(each <= most for each in (*off, *(bent if span == 1 else ())))

    def over(self, span: int, noise: float, blur: float, wide: float) -> Estimate:
        """The slope by steps of so many treads, of a width known to such a part; x may be anywhere in its own."""
        step = span * self.tread
        low, left, right, high = (self.height(count * span) for count in (-2, -1, 1, 2))
        climb, wider = (right - left) / (2 * step), (high - low) / (4 * step)
        apart = abs(self.f(self.middle + wide) - 2 * self.height(0) + self.f(self.middle - wide))
        bent = (apart + 2 * abs(self.height(1) - self.height(0))) / wide**2  # each value may be off by half a stair
        blurred = 4 * blur * (abs(climb) + abs(self.slope))
        return Estimate(climb, SAFETY * abs(wider - climb), 2 * noise / step + blurred + bent * self.tread / 2, step)


def _found(f: Line, x: float, step: float, widest: float, noise: float, epsilon: float) -> _Stairs | None:
    """The stairs at a place; None if no jumps on both sides are close."""
    above, below = (_end(f, x, sign * step, widest, noise, epsilon) for sign in (1.0, -1.0))
    if above is None or below is None:
        return None
    middle, tread = x + (above + below) / 2, above - below
    low, high = (f(middle + sign * _INSIDE * tread) for sign in (-1, 1))
    return _Stairs(f, middle, tread, (high - low) / (2 * _INSIDE * tread))


def _end(f: Line, x: float, step: float, widest: float, noise: float, epsilon: float) -> float | None:
    """The distance of the first jump in the direction of a step; None if there is none that close."""
    value, at_near, near, bent = f(x), f(x + step), step, 0.0
    while True:
        far = 2 * near
        at_far = f(x + far)
        off_far = abs(at_far - 2 * at_near + value)
        most = noise + 8 * epsilon * (abs(value) + abs(at_far)) + _BENT * bent
        if not off_far <= most:
            break
        near, at_near, bent = far, at_far, off_far
        if abs(near) > widest:
            return None
    slope = (at_near - value) / near

    def off(u: float) -> float:
        return abs(f(x + u) - value - u * slope)

    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (middle, far) if off(middle) <= most else (near, middle)
    return far if off(far) - off(near) >= off(far) / 2 else None
