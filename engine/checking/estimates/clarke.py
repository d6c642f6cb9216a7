"""Kinks of several inputs: whether a claim can be a gradient in Clarke's sense, tried along further directions.

Clarke's gradients at a point are all limits of gradients at smooth points near it, and their averages. So their slope
along any direction d lies between the smallest and the largest slope along d at smooth points nearby, not only on
the line through the point: relu(x + y) - relu(x - y) has one slope on the line of x through 0, and three beside it.
Nearby points are drawn at random, so slopes may be missed: a claim differs only if it lies outside the slopes found by
more than their range. See Clarke, Optimization and Nonsmooth Analysis (1983), theorem 2.5.1.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from ...ieee import inner
from .differences import EPSILON, Estimate, Line, central, steps
from .slopes import RangeVerdict, Side, Slopes, slopes_at
from .thresholds import PERCENT

_FEW, _MANY = 8, 96  # points drawn nearby, each with its mirror image; many before a claim differs
_SMALL = 8  # with up to this many inputs, many points are drawn even if nothing looks like a kink yet
_SHRINK = 8.0  # how many times smaller the second cloud of points is
# How wide clouds are, and how long steps are beside that; in single precision, rounding may drown all but the last.
_AT_A_KINK = (1.0, 2.0**-6)  # wider clouds hold slopes of other places, too
_CLOUDS = ((2.0**-6, 2.0**-6), (2.0**-3, 2.0**-6), _AT_A_KINK, (8.0, 2.0**-3))
_PAIRS = 6  # how many kinked inputs are combined two by two
_ALIKE = 1e8  # scales of numbers that one reach suits differ by less
_NEIGHBOURS, _FLOATS = 4, 4.0  # pairs of neighbours of a point, and how many floats away their numbers are
_MIXED = 4  # directions that move all kinked inputs at once


@dataclass(frozen=True)
class Neighbourhood:
    """A function of several numbers, near a point.

    Attributes:
        value: the function at other numbers.
        point: the numbers.
        noise: how far a value may be off.
        epsilon: the relative spacing of the numbers.
    """

    value: Callable[[list[float]], float]
    point: Sequence[float]
    noise: float
    epsilon: float = EPSILON

    def line(self, direction: Sequence[float], start: Sequence[float]) -> Line:
        """The function along a direction, from a start."""
        return lambda t: self.value([x + t * d if d else x for x, d in zip(start, direction)])

    def axis(self, position: int) -> list[float]:
        """The direction that moves one number."""
        direction = [0.0] * len(self.point)
        direction[position] = 1.0
        return direction

    def step(self, direction: Sequence[float]) -> float:
        """A step that suits every number that the direction moves."""
        moved = [(x, d) for x, d in zip(self.point, direction) if d]
        return min(steps(x, epsilon=self.epsilon)[0] / abs(d) for x, d in moved)

    def neighbours(self) -> Iterator[list[float]]:
        """Points whose numbers are a few floats from the point's, in pairs on opposite sides of it."""
        random_ = random.Random(2)
        for _ in range(_NEIGHBOURS):
            moves = [random_.choice((-_FLOATS, _FLOATS)) * self.epsilon * x for x in self.point]
            yield from ([x + sign * move for x, move in zip(self.point, moves)] for sign in (1, -1))

    def moved_by_rounding(self, gradient: Sequence[float]) -> float:
        """How far the rounding of the point's numbers moves a value, by the gradient's finite slopes."""
        return self.epsilon * math.hypot(*(g * x for g, x in zip(gradient, self.point) if math.isfinite(g)))


def along(near: Neighbourhood, direction: Sequence[float], claimed: float, slack: float) -> RangeVerdict | None:
    """The verdict on a claimed slope along one direction; None where the function has no values."""
    line = near.line(direction, near.point)
    unit = near.step(direction) / steps(0.0, epsilon=near.epsilon)[0]  # so that steps for 0 suit the point's numbers
    finest = max(4096 * near.epsilon * abs(x / d) for x, d in zip(near.point, direction) if d) / unit
    found = slopes_at(lambda t: line(t * unit), 0.0, near.noise, near.epsilon, abs(claimed) * unit, finest)
    left, right = (
        side and Side(side.slope / unit, side.bound / unit, side.step * unit) for side in (found.left, found.right)
    )
    slopes = Slopes(left, right, found.jump)
    if not slopes.sides:
        return None
    return beside(near, direction, claimed, slack, slopes) or slopes.verdict(claimed, slack)


def beside(
    near: Neighbourhood, direction: Sequence[float], claimed: float, slack: float, slopes: Slopes
) -> RangeVerdict | None:
    """The verdict for known slopes on the line through the point; None if nothing looks like a kink."""
    own = slopes.verdict(claimed, slack)
    if not slopes.finite or (slopes.apart and own.status != "differs"):
        return own
    found = _in_clouds(near, direction, claimed, slack, slopes, _FEW)
    if found is None and len(near.point) > _SMALL:
        return None
    return found if found and found.status == "agrees" else _in_clouds(near, direction, claimed, slack, slopes, _MANY)


def _in_clouds(
    near: Neighbourhood, direction: Sequence[float], claimed: float, slack: float, slopes: Slopes, points: int
) -> RangeVerdict | None:
    """The verdict by slopes on the line and at that many points beside it; None if these may be one slope."""
    low, high = slopes.low, slopes.high
    size, tolerance = max(abs(low.slope), abs(high.slope)), slopes.bound
    wide, narrow = _two_clouds(near, direction, slopes, size, points)
    if not slopes.apart:
        if not (wide and narrow):
            return None
        spread = max(narrow) - min(narrow)
        if spread < 0.5 * (max(wide) - min(wide)) or spread <= 4 * tolerance + PERCENT * abs(high.slope):
            return None  # it shrinks with the cloud, as near a point where a function is smooth
    narrow = narrow or wide or [low.slope, high.slope]  # rounding may drown the narrow cloud
    wide = wide or narrow
    bottom, top = min(low.slope, *narrow), max(high.slope, *narrow)
    tolerance += max(abs(min(wide) - min(narrow)), abs(max(wide) - max(narrow))) / 4  # what is left is a seventh
    outside = max(bottom - claimed, claimed - top)
    if outside <= tolerance:
        return RangeVerdict("agrees", bottom, top)
    tolerance += slack
    if outside > top - bottom + tolerance:
        return RangeVerdict("differs", bottom, top)
    loose = tolerance + PERCENT * size  # slopes nearby are known to this
    convex = low.slope - loose <= min(narrow) and max(narrow) <= high.slope + loose
    excluded = convex and outside > tolerance + PERCENT * max(abs(claimed), abs(bottom), abs(top))
    return RangeVerdict("unresolved", bottom, top, excluded)


def _two_clouds(
    near: Neighbourhood, direction: Sequence[float], slopes: Slopes, size: float, points: int
) -> tuple[list[float], list[float]]:
    """Slopes nearby and nearer still; without a kink on the line, the finest that rounding does not drown."""
    limit = math.inf if slopes.apart else min(side.step for side in slopes.sides) / 4  # surely smooth there
    reach = [min(steps(x, epsilon=near.epsilon)[0] / 4, limit) for x in near.point]
    step = min(near.step(direction), limit / max(map(abs, direction)))
    for radius, part in (_AT_A_KINK,) if slopes.apart else _CLOUDS:
        wide, narrow = (
            _slopes_near(near, direction, [shrunk * each for each in reach], shrunk * step * part, size, points)
            for shrunk in (radius, radius / _SHRINK)
        )
        if wide and narrow:
            break
    return wide, narrow


def _slopes_near(
    near: Neighbourhood, direction: Sequence[float], reach: Sequence[float], step: float, size: float, points: int
) -> list[float]:
    """Slopes along a direction at random points within reach, if they are known well beside this size."""
    random_ = random.Random(0)
    found: list[Estimate] = []
    for number in range(points):
        away = _drawn(random_, reach, number)
        for sign in (1, -1):
            start = [x + sign * each for x, each in zip(near.point, away)]
            estimate = central(near.line(direction, start), 0.0, step, near.noise, levels=2)
            found += [estimate] if estimate is not None else []
    size = max([size, *(abs(e.derivative) for e in found if e.bound <= PERCENT * abs(e.derivative))])
    return [estimate.derivative for estimate in found if estimate.bound <= PERCENT * size]


def _drawn(random_: random.Random, reach: Sequence[float], number: int) -> list[float]:
    """A point of a cloud around 0: in turn by each number's own reach, by one reach for all, or close to some plane.

    The one reach is the longest or the shortest, in turn; at too different scales the longest would leave the others'
    neighbourhood.
    """
    ratio = max(reach) / min(reach)
    if number % 3 == 1 and ratio < _ALIKE:
        reach = [max(reach) if number % 2 else min(reach)] * len(reach)
    away = [random_.uniform(-1, 1) * each for each in reach]
    if number % 3 == 2:
        away = [each * 10 ** random_.uniform(-2 - math.log10(ratio), 0) for each in away]
    return away


def directions(count: int, kinked: Sequence[int], gradient: Sequence[float]) -> Iterator[list[float]]:
    """Directions, besides the coordinates, along which a wrong claim at a kink may show.

    They are the claimed gradient, sums and differences of two kinked inputs, and sums of all, with random signs too.

    >>> [direction for direction in directions(2, [0, 1], [3.0, 4.0])][:3]
    [[3.0, 4.0], [1.0, 1.0], [1.0, -1.0]]
    """
    if any(gradient):
        yield list(gradient)
    for first, second in combinations(kinked[:_PAIRS], 2):
        for sign in (1.0, -1.0):
            yield [1.0 if k == first else sign if k == second else 0.0 for k in range(count)]
    random_ = random.Random(1)
    if len(kinked) > 2:
        for mixed in range(_MIXED):
            signs = {k: random_.choice((-1.0, 1.0)) if mixed else 1.0 for k in kinked}
            yield [signs.get(k, 0.0) for k in range(count)]


class Refutation(NamedTuple):
    """A direction along which the slope that a gradient claims is not among the function's."""

    direction: Sequence[float]
    claimed: float
    verdict: RangeVerdict


def refuted(
    near: Neighbourhood, gradient: Sequence[float], slack: Sequence[float], kinked: Sequence[int]
) -> Refutation | None:
    """The direction that contradicts the claim most clearly, if one does."""
    worst: Refutation | None = None
    for direction in directions(len(near.point), kinked, gradient):
        claimed, loose = inner(gradient, direction), inner(slack, [*map(abs, direction)])
        found = along(near, direction, claimed, loose) if math.isfinite(claimed) else None  # else the sum overflows
        if found is None or found.status == "agrees":
            continue
        if found.status == "differs":
            return Refutation(direction, claimed, found)
        if worst is None or (found.excluded and not worst.verdict.excluded):
            worst = Refutation(direction, claimed, found)
    return worst
