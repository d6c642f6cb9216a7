"""The gradient along random directions: many inputs for the price of a few.

A direction changes every input by plus or minus one unit, so that an error in one coordinate changes the slope along
every direction by as much: none above the slopes' bound can hide. Errors in several coordinates cancel in one
direction with a probability of at most 1/2 (Erdős, Bulletin of the AMS 51 (1945) 898), so in k with at most 2**-k. No
line is tried twice, so that for two inputs two directions suffice.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from ..ieee import inner
from .entries import at_slopes, between, derivative, kink_of_slopes, on_appeal
from .estimates.differences import EPSILON, Line, central, likely_estimates, measured_noise, power_of_two, steps
from .estimates.slopes import slopes_at
from .estimates.verdicts import Verdict, confirming, judge
from .report import Derivative

__tracebackhide__ = True  # pytest then shows the user's own lines


def random_directions(count: int, directions: int) -> Iterator[list[float]]:
    """Directions of plus and minus ones, the same in every run; no two on one line, as long as there are others.

    >>> [len(direction) for direction in random_directions(5, 2)]
    [5, 5]
    >>> [x * y for x, y in random_directions(2, 2)]
    [1.0, -1.0]
    """
    drawn, numbers, whole = set[int](), itertools.count(), (1 << count) - 1
    for _ in range(directions):
        if len(drawn) >= (1 << count) // 2:  # all there are have been drawn
            drawn.clear()
        bits = next(b for b in (random.Random(n).getrandbits(count) for n in numbers) if min(b, whole ^ b) not in drawn)
        drawn.add(min(bits, whole ^ bits))
        yield [1.0 if bit == "1" else -1.0 for bit in f"{bits:0{count}b}"]


def slope_along(
    name: str,
    line: Line,
    claims: tuple[float, float],
    point: Sequence[float],
    noise: float,
    epsilon: float = EPSILON,
    order: int = 1,
) -> Derivative:
    """The verdict on the slope along one direction.

    Args:
        name: its name in the report.
        line: the function along the direction; 0 is the point.
        claims: the claimed slope and its rounding.
        point: the numbers that the direction moves.
        noise: how far a value may be off.
        epsilon: the relative spacing of the numbers.
        order: which derivative is checked.
    """
    claimed, slack = claims
    typical = math.hypot(*point) / math.sqrt(len(point)) if point else 0.0
    origin = power_of_two(typical) if typical else 0.0  # so that steps suit numbers of the point's size, not 0
    likely = steps(typical, epsilon=epsilon)
    finest = 4096 * epsilon * typical
    known = cache(lambda u: line(u - origin))
    agreed = confirming(claimed, slack, likely_estimates(known, origin, likely[0], noise), epsilon)
    if agreed is not None:
        return derivative(name, 0.0, claimed, Verdict("agrees", agreed), order=order)
    exact, noise = noise, max(noise, measured_noise(known, origin, epsilon))
    candidates = (central(known, origin, step, noise) for step in likely if step > finest)
    verdict = judge(claimed, slack, candidates, epsilon)
    slopes = slopes_at(known, origin, noise, epsilon, abs(claimed), finest)
    if verdict.status != "agrees" and slopes.sides and not slopes.smooth:
        bound = max(side.bound for side in slopes.sides)
        kink = kink_of_slopes(0.0, likely[0], claimed, slopes)
        found = at_slopes(name, origin, between(claimed, slack, slopes), kink, bound, order)
    else:
        found = derivative(name, origin, claimed, verdict, order=order)
    return replace(on_appeal(found, known, slack, exact, epsilon), at=0.0)


def along(
    line: Callable[[Sequence[float]], Line],
    gradient: Sequence[float],
    slack: Sequence[float],
    point: Sequence[float],
    noise: float,
    directions: int,
    epsilon: float = EPSILON,
    order: int = 1,
    suffix: str = "",
) -> list[Derivative]:
    """The verdicts on a gradient along random directions."""
    finite = all(map(math.isfinite, gradient))
    moved = epsilon * math.hypot(*(g * x for g, x in zip(gradient, point))) if finite else 0.0
    loose = math.hypot(*slack) if finite else 0.0
    found: list[Derivative] = []
    for number, direction in enumerate(random_directions(len(point), directions), 1):
        claimed = inner(gradient, direction) if finite else math.nan
        name = f"direction {number}{suffix}"
        entry = slope_along(name, line(direction), (claimed, loose), point, max(noise, 4 * moved), epsilon, order)
        found.append(replace(entry, direction=tuple(direction)))
    return found
