"""The slopes of a function on both sides of a point, where it may have a kink, a jump or an end there.

A smooth function has one slope. At a kink it has two, and a claim agrees if it lies between them: then it can be a
gradient in Clarke's sense (Optimization and Nonsmooth Analysis, 1983, chapter 2). Of a jump, the slopes are those of
its pieces; at the end of a domain there is one; where slopes grow without bound, the slope is infinite.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from .differences import EPSILON, Estimate, Line, limit, one_sided, power_of_two, steps, uneven
from .verdicts import Status

_RATIO = 8.0  # from one step to the next finer one
_LEVELS = 17
_GROWING = 5  # so many increments that do not shrink are growth without bound
_APART = 1e-4  # slopes that differ by less than this part may be one
_BLUNT = 1e-3  # an interval known to this part of its size decides
_TOUCH = 1e-6  # a claim that is beyond the interval by less than this part is at its end


class Side(NamedTuple):
    """The slope on one side.

    Attributes:
        slope: the slope itself; inf where it grows without bound.
        bound: how far off it may be.
        step: at which step it was found.
        reach: how far it holds at least.
        scale: the slope of a secant as long as the likeliest step, beside which a slope may be small.
    """

    slope: float
    bound: float
    step: float
    reach: float = math.inf
    scale: float = 0.0


class Slopes(NamedTuple):
    """The slopes on both sides of a point, None where the function has no values; and how far its value jumps."""

    left: Side | None
    right: Side | None
    jump: float = 0.0

    @property
    def sides(self) -> list[Side]:
        """Those that there are, left first."""
        return [side for side in (self.left, self.right) if side is not None]

    @property
    def apart(self) -> bool:
        """Whether the two slopes are not one and the same."""
        if self.left is None or self.right is None:
            return False
        if math.isinf(self.left.slope) or math.isinf(self.right.slope):
            return self.left.slope != self.right.slope
        size = max(abs(self.left.slope), abs(self.right.slope))
        return abs(self.left.slope - self.right.slope) > self.left.bound + self.right.bound + _APART * size

    @property
    def smooth(self) -> bool:
        """Whether there is nothing but one finite slope, the same on both sides."""
        finite = all(math.isfinite(side.slope) for side in self.sides)
        return len(self.sides) == 2 and finite and not self.apart and self.jump == 0

    @property
    def low(self) -> Side:
        """The smaller slope."""
        return min(self.sides, key=lambda side: side.slope)

    @property
    def high(self) -> Side:
        """The larger slope."""
        return max(self.sides, key=lambda side: side.slope)

    @property
    def estimates(self) -> list[Estimate]:
        """The finite slopes as estimates of the derivative of a smooth function."""
        return [Estimate(s.slope, s.bound, 0.0, s.step) for s in self.sides if math.isfinite(s.slope)]

    def reason(self) -> str:
        """What there is besides one slope, in words."""
        if self.jump:
            return f"the value jumps by {self.jump:.9g}"
        if len(self.sides) == 1:
            return "the domain ends here"
        return "one-sided differences disagree" if self.apart else "the slopes grow without bound"

    def status(self, claimed: float, slack: float = 0.0) -> Status:
        """Whether a claim lies between the slopes.

        >>> kink = Slopes(Side(-1.0, 1e-9, 0.1), Side(1.0, 1e-9, 0.1))
        >>> kink.status(0.5), kink.status(1.5), kink.status(math.nan)
        ('agrees', 'differs', 'differs')
        """
        low, high = self.low, self.high
        if math.isnan(claimed):
            return "differs"
        if math.isinf(claimed) or math.isinf(low.slope) or math.isinf(high.slope):
            return "agrees" if low.slope - low.bound <= claimed <= high.slope + high.bound else "differs"
        size = max(abs(low.slope), abs(high.slope))
        outside = max(low.slope - low.bound - claimed, claimed - high.slope - high.bound)
        if outside > slack + _TOUCH * size:
            return "differs"
        scale = max(low.scale, high.scale)
        sharp = max(low.bound, high.bound) <= max(_BLUNT * max(size, abs(claimed)), _TOUCH * scale)
        return "agrees" if low.slope <= claimed <= high.slope or sharp else "unresolved"


def slopes_at(
    f: Line, x: float, noise: float = 0.0, epsilon: float = EPSILON, size: float = 0.0, finest: float = 0.0
) -> Slopes:
    """The slopes of `f` on both sides of `x`; the value at `x` itself plays no part.

    Args:
        f: the function, along a line.
        x: where.
        noise: how far a value of `f` may be off.
        epsilon: the relative spacing of the numbers that `f` takes.
        size: how large a slope is expected; where rounding drowns it, steps become no finer.
        finest: the finest step; what floats near `x` can tell apart if that is more.

    >>> found = slopes_at(abs, 0.0)
    >>> found.left.slope, found.right.slope, found.apart
    (-1.0, 1.0, True)
    """
    left, right = (_side(f, x, sign, noise, epsilon, size, finest) for sign in (-1.0, 1.0))
    if left is None or right is None or math.isinf(left.slope) or math.isinf(right.slope):
        return Slopes(left, right)
    step = min(left.step, right.step)
    jump = abs(limit(f, x, step) - limit(f, x, -step))
    slope = max(abs(left.slope), abs(right.slope))
    return Slopes(left, right, jump if jump > 64 * noise + slope * step else 0.0)


def _side(f: Line, x: float, sign: float, noise: float, epsilon: float, size: float, finest: float) -> Side | None:
    """The slope on one side, by ever finer steps.

    A finer estimate that contradicts a coarser one by more than their bounds is the truer one: something lies between.
    """
    best: Estimate | None = None
    secants: list[float] = []
    values: dict[float, float] = {}

    def known(u: float) -> float:
        if u not in values:
            values[u] = f(u)
        return values[u]

    smallest = max(finest, 16 * epsilon * abs(x))
    reach = math.inf
    size = abs(size) if math.isfinite(size) else 0.0
    likely = power_of_two(steps(x, epsilon=epsilon)[0])
    for level in range(_LEVELS):
        step = uneven(likely / _RATIO**level, x)
        if step < smallest:
            break
        found = one_sided(known, x, sign * step, noise)
        if found is not None:
            far, middle = known(x + sign * step), known(x + sign * step / 2)
            secant = (far - middle) / (sign * step / 2)
            secants.append(secant)
            size = max(size, abs(secant)) if len(secants) == 1 else size
            contradicts = best is not None and abs(found.derivative - best.derivative) > found.bound + best.bound
            if contradicts or (best is None and level > 0):
                reach = step
            if best is None or contradicts or found.bound < best.bound:
                best = found
            if found.rounding > size:
                break
        elif best is not None:
            break
    if best is None:
        return None
    if _grows(secants):
        return Side(math.copysign(math.inf, secants[-1]), 0.0, abs(best.step))
    return Side(best.derivative + 0.0, best.bound, abs(best.step), reach, abs(secants[0]))


def _grows(secants: list[float]) -> bool:
    """Whether slopes grow without bound as steps shrink.

    They do by increments that shrink no more, as those of log(x) and sqrt(x), and that grow less than the steps
    shrink, as those of rounding do.
    """
    increments = [later - earlier for earlier, later in pairwise(secants)]
    for end in range(len(increments), max(_GROWING, len(increments) - 3), -1):
        last = increments[end - _GROWING - 1 : end]
        ratios = [later / earlier if earlier else 0.0 for earlier, later in pairwise(last)]
        if all(0.985 < ratio < 0.95 * _RATIO for ratio in ratios) and last[-1] * secants[end] > 0:
            return True
    return False
