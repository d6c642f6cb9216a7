"""The slopes of a function on both sides of a point, where it may have a kink, a jump or an end.

A smooth function has one slope. At a kink it has two, and a claim agrees if it lies between them: then it can be a
gradient in Clarke's sense (Optimization and Nonsmooth Analysis, 1983, chapter 2). At a jump, the slopes are those of
the pieces; at the end of a domain there is one; where slopes grow without bound, the slope is infinite.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from .differences import EPSILON, Estimate, Line, limit, one_sided, power_of_two, steps, uneven
from .thresholds import APART, PERCENT, PERMILLE, SAFETY, TELLS, TOUCH
from .verdicts import Status

_RATIO = 8.0  # from one step to the next finer one
_LEVELS = 17
_CLOSE = 2.0**-20  # how far away jumps are looked for, as a part of the step of a slope
_FARTHER = 2.0**10  # this many times as far away, a jump is as high
_STEADY = 5  # how many equal ratios of increments show a power of the step; the last three may be rounded
_FAST, _SLOW = 0.2, 0.985  # ratios of a smooth function's increments are smaller; those of unbounded slopes larger


class Side(NamedTuple):
    """The slope on one side.

    Attributes:
        slope: the slope itself; inf where it grows without bound.
        bound: how far off it may be.
        step: the step at which it was found.
        reach: how far it holds, at least.
        scale: the slope of the secant over the likeliest step, beside which this one may be small.
    """

    slope: float
    bound: float
    step: float
    reach: float = math.inf
    scale: float = 0.0


class RangeVerdict(NamedTuple):
    """What several slopes say about a claim.

    Attributes:
        status: the verdict.
        low: the smallest slope found.
        high: the largest.
        excluded: whether the claim, though unresolved, is outside what the slopes allow.
    """

    status: Status
    low: float
    high: float
    excluded: bool = False


class Slopes(NamedTuple):
    """The slopes on both sides of a point, None where the function has no values, and how far its value jumps there."""

    left: Side | None
    right: Side | None
    jump: float = 0.0

    @property
    def sides(self) -> list[Side]:
        """The sides that have a slope, left first."""
        return [side for side in (self.left, self.right) if side is not None]

    @property
    def apart(self) -> bool:
        """Whether the two slopes differ."""
        if self.left is None or self.right is None:
            return False
        if math.isinf(self.left.slope) or math.isinf(self.right.slope):
            return self.left.slope != self.right.slope
        size = max(abs(self.left.slope), abs(self.right.slope))
        return abs(self.left.slope - self.right.slope) > self.left.bound + self.right.bound + APART * size

    @property
    def finite(self) -> bool:
        """Whether no slope is infinite."""
        return all(math.isfinite(side.slope) for side in self.sides)

    @property
    def smooth(self) -> bool:
        """Whether there is one finite slope, the same on both sides, and no jump."""
        return len(self.sides) == 2 and self.finite and not self.apart and self.jump == 0

    @property
    def singular(self) -> bool:
        """Whether there is a kink, a jump, an end or an infinite slope."""
        return bool(self.sides) and not self.smooth

    def spans(self, claimed: float) -> bool:
        """Whether there are two slopes, however close for their size, and a claim between them."""
        known = 2 * sum(side.bound for side in self.sides) < self.high.slope - self.low.slope
        return known and self.low.slope - self.low.bound <= claimed <= self.high.slope + self.high.bound

    @property
    def low(self) -> Side:
        """The smaller slope."""
        return min(self.sides, key=lambda side: side.slope)

    @property
    def high(self) -> Side:
        """The larger slope."""
        return max(self.sides, key=lambda side: side.slope)

    @property
    def bound(self) -> float:
        """How far off the slopes may be."""
        return max(side.bound for side in self.sides)

    @property
    def estimates(self) -> list[Estimate]:
        """The finite slopes as estimates of the derivative of a smooth function."""
        return [Estimate(s.slope, s.bound, 0.0, s.step) for s in self.sides if math.isfinite(s.slope)]

    def reason(self) -> str:
        """Why the function is not smooth, in words."""
        if self.jump:
            return f"the value jumps by {self.jump:.9g}"
        if len(self.sides) == 1:
            return "the domain ends here"
        return "one-sided differences disagree" if self.apart else "the slopes grow without bound"

    def verdict(self, claimed: float, slack: float = 0.0) -> RangeVerdict:
        """What they say about a claim if there are no others, as with one input."""
        return RangeVerdict(self.status(claimed, slack), self.low.slope, self.high.slope)

    def status(self, claimed: float, slack: float = 0.0) -> Status:
        """Whether a claim lies between the slopes, if they are known well enough to tell.

        >>> kink = Slopes(Side(-1.0, 1e-9, 0.1), Side(1.0, 1e-9, 0.1))
        >>> kink.status(0.5), kink.status(1.5), kink.status(math.nan)
        ('agrees', 'differs', 'differs')
        """
        if math.isnan(claimed):
            return "differs"
        low, high = self.low.slope, self.high.slope
        least, most = min(s.slope - s.bound for s in self.sides), max(s.slope + s.bound for s in self.sides)
        size, scale = max(abs(low), abs(high)), max(side.scale for side in self.sides)
        if not (math.isfinite(claimed) and self.finite):
            growing = size > scale and self.bound > TELLS * size  # perhaps further, below rounding
            return "agrees" if least <= claimed <= most else "unresolved" if growing else "differs"
        if max(least - claimed, claimed - most) > slack + TOUCH * size:
            return "differs"
        inside = min(claimed - low, high - claimed)
        if inside >= 0:  # a claim of 0 has no size to compare bounds with
            known = claimed == 0 or self.bound <= max(inside, PERCENT * max(size, scale))
        else:
            known = self.bound + slack <= max(PERMILLE * size, TOUCH * scale)
        return "agrees" if known else "unresolved"


def slopes_at(
    f: Line, x: float, noise: float = 0.0, epsilon: float = EPSILON, size: float = 0.0, finest: float = 0.0
) -> Slopes:
    """The slopes of `f` on both sides of `x` (none if that is infinite), and the jump if values do not meet there.

    Args:
        f: the function, along a line.
        x: the point on the line.
        noise: how far a value of `f` may be off.
        epsilon: the relative spacing of the numbers that `f` takes.
        size: the expected size of a slope; steps become no finer once rounding drowns it.
        finest: the finest step, unless floats near `x` allow only a larger one.

    >>> found = slopes_at(abs, 0.0)
    >>> found.left.slope, found.right.slope, found.apart
    (-1.0, 1.0, True)
    """
    if not math.isfinite(x):
        return Slopes(None, None)
    left, right = (_side(f, x, sign, noise, epsilon, size, finest) for sign in (-1.0, 1.0))
    found = Slopes(left, right)
    if not found.sides:
        return found
    close = max(finest, 64 * epsilon * abs(x)) or min(side.step for side in found.sides) * _CLOSE
    jump = _jump(f, x, found, close, noise)
    if not found.finite and abs(_jump(f, x, found, _FARTHER * close, noise) - jump) > jump / 8:
        jump = 0.0  # values tend to one slowly, as a root does
    return found._replace(jump=jump)


def _jump(f: Line, x: float, slopes: Slopes, step: float, noise: float) -> float:
    """How far apart the limits on both sides and the value at the point are; 0 if slopes or noise explain it.

    Args:
        f: the function, along a line.
        x: the point on the line.
        slopes: the slopes beside it.
        step: how close to the point values are taken for the limits.
        noise: how far a value may be off.
    """
    reached, spread = [f(x)], 0.0
    for reach, side in ((-step, slopes.left), (step, slopes.right)):
        if side is not None:
            end = limit(f, x, reach)
            reached.append(end)
            spread += max(abs(f(x + reach * part) - end) for part in (0.25, 0.5, 0.75, 1.0))
    jump = max(reached) - min(reached)
    return jump if 64 * noise + 4 * spread < jump < math.inf else 0.0


def _ladders(x: float, epsilon: float, finest: float) -> list[list[float]]:
    """Steps from the likeliest down, in a fixed ratio; for a tiny `x` then those that are small beside it."""
    own, likely = power_of_two(abs(x)), power_of_two(steps(x, epsilon=epsilon)[0])
    smallest = max(finest, 16 * epsilon * abs(x), 2.0**-1068 if x else 2.0**-1000)
    ladders = [[likely / _RATIO**level for level in range(_LEVELS)]]
    if 0 < own < likely:
        ladders = [[step for step in ladders[0] if step >= own], [own / _RATIO**level for level in range(1, _LEVELS)]]
    return [[step for step in (uneven(each, x) for each in ladder) if step >= smallest] for ladder in ladders]


def _side(f: Line, x: float, sign: float, noise: float, epsilon: float, size: float, finest: float) -> Side | None:
    """The slope on one side: the best estimate by finer and finer steps, or the limit that these tend to slowly."""
    found, secants = _by_finer_steps(f, x, sign, noise, epsilon, size, finest)
    slow = _slow_limit(secants)
    if found is None or slow is None or abs(slow.slope - found.slope) <= slow.bound:
        return found
    return found._replace(slope=slow.slope, bound=slow.bound)


def _by_finer_steps(
    f: Line, x: float, sign: float, noise: float, epsilon: float, size: float, finest: float
) -> tuple[Side | None, list[float]]:
    """The best estimate of the slope on one side, and the slopes of the secants over the last ladder's steps.

    A finer estimate that contradicts a coarser one by more than their bounds is the truer one: something lies between.
    """
    known = cache(f)
    size = size if math.isfinite(size) else 0.0
    best: Estimate | None = None
    outside, reach, scale, at_first = False, math.inf, 0.0, 0.0
    for ladder in _ladders(x, epsilon, finest):
        secants: list[float] = []
        for step in ladder:
            found = one_sided(known, x, sign * step, noise, epsilon)
            if found is None and best is None:
                outside = True
                continue
            if found is None:
                break
            secants.append((known(x + sign * step) - known(x + sign * step / 2)) / (sign * step / 2))
            size = max(size, abs(secants[-1]))
            if best is None:
                best, scale, at_first = found, abs(secants[-1]), found.rounding
                reach = step if outside else math.inf
            elif found.contradicts(best):
                best, reach = found, step
            elif found.bound < best.bound:
                best = found
            if found.rounding > size >= at_first:  # a slope below rounding from the start may be steep close by
                break
    side = best and Side(best.derivative + 0.0, best.bound, abs(best.step), reach, scale)
    return side, secants


class _Limit(NamedTuple):
    slope: float
    bound: float


def _slow_limit(secants: list[float]) -> _Limit | None:
    """What slopes tend to as steps shrink, if by a power of the step that no smooth function has; else None.

    Slopes like those of log(x) and sqrt(x) grow without bound: their increments do not shrink, and grow by less than
    the steps shrink, unlike those of rounding. Slopes like those of x**1.5 settle slowly, by increments that shrink by
    less than the steps; Aitken's formula gives their limit.
    """
    increments = [later - earlier for earlier, later in pairwise(secants)]
    for end in range(len(increments), max(_STEADY, len(increments) - 3), -1):
        last = increments[end - _STEADY - 1 : end]
        ratios = [later / earlier if earlier else 0.0 for earlier, later in pairwise(last)]
        if all(_SLOW < ratio < 0.95 * _RATIO for ratio in ratios) and last[-1] * secants[end] > 0:
            return _Limit(math.copysign(math.inf, secants[-1]), 0.0)
        if all(_FAST < ratio <= _SLOW for ratio in ratios) and max(ratios) - min(ratios) < 0.05:
            limits = [secants[end - k] + last[-1 - k] * ratios[-1 - k] / (1 - ratios[-1 - k]) for k in range(3)]
            return _Limit(limits[0] + 0.0, SAFETY * max(abs(other - limits[0]) for other in limits))
    return None
