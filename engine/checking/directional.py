"""Checks whole gradients along directions that move several inputs: random ones, or at a kink those that may refute it.

A random direction moves every input by plus or minus one unit, so an error in one coordinate changes the slope along
every direction by as much: none above the slopes' bounds can hide. Errors in several coordinates cancel along a
direction with a probability of at most 1/2 (Erdős, Bulletin of the AMS 51 (1945) 898), so along k with at most 2**-k.
No line is tried twice, so for two inputs two directions suffice.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from ..ieee import inner
from .claim import Claim
from .estimates.clarke import Neighbourhood, refuted
from .estimates.differences import Line, central, power_of_two, steps
from .estimates.noise import grain, measured_noise
from .estimates.second_look import second_look
from .estimates.taylor import taylor_direction
from .estimates.thresholds import APART
from .report import Derivative, Kink

__tracebackhide__ = True  # pytest then shows the user's own lines


def random_directions(count: int, directions: int) -> Iterator[list[float]]:
    """Directions of plus and minus ones, the same in every run; no two on one line while there are others.

    >>> [len(direction) for direction in random_directions(5, 2)]
    [5, 5]
    >>> [x * y for x, y in random_directions(2, 2)]
    [1.0, -1.0]
    """
    drawn, numbers, whole = set[int](), itertools.count(), (1 << count) - 1
    for _ in range(directions):
        if len(drawn) >= (1 << count) // 2:  # every line has been drawn
            drawn.clear()
        bits = next(b for b in (random.Random(n).getrandbits(count) for n in numbers) if min(b, whole ^ b) not in drawn)
        drawn.add(min(bits, whole ^ bits))
        yield [1.0 if bit == "1" else -1.0 for bit in f"{bits:0{count}b}"]


def direction_name(direction: Sequence[float], names: Sequence[str]) -> str:
    """What a report calls a direction that moves several inputs.

    >>> direction_name([1.0, 0.0, -0.5], ["x", "y", "z"])
    'the direction +1 x -0.5 z'
    """
    moves = [f"{d:+.4g} {name}" for d, name in zip(direction, names) if d]
    return "the direction " + " ".join(moves[:6]) + (" ..." if len(moves) > 6 else "")


def slope_along(
    name: str,
    near: Neighbourhood,
    direction: Sequence[float],
    line: Line,
    slope: float,
    slack: float,
    order: int = 1,
) -> Derivative:
    """The verdict on the slope along one direction; 0 on the line is the point."""
    typical = math.hypot(*near.point) / math.sqrt(len(near.point)) if near.point else 0.0
    origin = power_of_two(typical)  # so that steps suit the point's size, not 0
    known = cache(lambda u: line(u - origin))
    claim = Claim(name, known, origin, slope, slack, near.noise, near.epsilon, near, direction, order, origin)
    bent = claim.bent(known(origin))
    confirmed = claim.confirmed(bent)
    if confirmed is not None:
        return confirmed
    claim = claim.on_grid()
    rough = replace(claim, noise=max(claim.noise, measured_noise(known, origin, near.epsilon)))
    finest = 4096 * near.epsilon * typical
    likely = steps(typical, epsilon=near.epsilon)
    estimates = (central(known, origin, step, rough.noise) for step in likely if step > finest)
    verdict = rough.judged(estimates)
    if verdict.status == "agrees" and not bent:
        return claim.entry(verdict)
    return claim.after_second_look(rough.seen_closely(verdict, rough.slopes(finest)))


@dataclass(frozen=True)
class Gradient:
    """The claimed gradient of a function of several inputs.

    Attributes:
        near: the function, near the point.
        names: the inputs' names.
        claims: a derivative for each input.
        slack: how far off each claim may be by its own rounding.
        order: the order of the derivatives.
        suffix: what the report adds to names.
    """

    near: Neighbourhood
    names: Sequence[str]
    claims: Sequence[float]
    slack: Sequence[float]
    order: int = 1
    suffix: str = ""

    def by(self, position: int, line: Line, at: float) -> Claim:
        """The claim for one input, on a line that moves only this one."""
        name, slope, slack = self.names[position], self.claims[position], self.slack[position]
        near, axis = self.near, self.near.axis(position)
        return Claim(name, line, at, slope, slack, near.noise, near.epsilon, near, axis, self.order)

    def along(self, line: Callable[[Sequence[float]], Line], directions: int) -> Iterator[Derivative]:
        """The verdicts on the slopes along that many random directions.

        Raises:
            ValueError: a claim is infinite.
        """
        for name, slope in zip(self.names, self.claims):
            if math.isinf(slope):
                order = f" of order {self.order}" if self.order > 1 else ""
                raise ValueError(
                    f"the derivative{order} by {name} is {slope}, which hides all others along a direction: "
                    "check without directions="
                )
        near = self._with_noise(4 * self.near.moved_by_rounding(self.claims))
        slack = math.hypot(*self.slack)
        for number, direction in enumerate(random_directions(len(near.point), directions), 1):
            name, slope = f"direction {number}{self.suffix}", inner(self.claims, direction)
            entry = slope_along(name, near, direction, line(direction), slope, slack, self.order)
            yield replace(entry, direction=tuple(direction))

    def across(self, found: Sequence[Derivative], everywhere: bool = False) -> Iterator[Derivative]:
        """A direction that moves several coordinates and along which the slopes at a kink refute the claims, if any.

        Args:
            found: the verdicts by coordinate.
            everywhere: whether to move all coordinates, not only those with a kink at the point: a function may have
                kinks that no coordinate shows, like the median of three equal numbers.
        """
        kinked = [k for k, d in enumerate(found) if everywhere or (d.kink is not None and d.kink.distance == 0)]
        if not kinked or len(self.claims) < 2 or any(d.status == "differs" for d in found):
            return
        if everywhere and any(d.status == "unresolved" and d.kink is None for d in found):
            return  # what differences cannot tell along one input, they cannot along several
        if not all(map(math.isfinite, self.claims)):
            return
        sizes = taylor_direction(self.near.point)

        def line(moved: Sequence[int]) -> Line:
            away = self.near.line([d if k in moved else 0.0 for k, d in enumerate(sizes)], self.near.point)
            return lambda u: away(u - 1.0)  # each number moves by its own size

        everything = line(range(len(sizes)))
        measured = measured_noise(everything, 1.0, self.near.epsilon) if everywhere else 0.0
        # Along one input too, as a smooth part of another input would hide a grid.
        grains = [grain(each, 1.0, self.near.epsilon) for each in (everything, *(line([k]) for k in kinked))]
        steepest = [max(map(abs, (d.claimed, *(d.slopes or (d.expected,))))) for d in found]
        near = self._with_noise(max(measured, *grains, 4 * self.near.moved_by_rounding(steepest)))
        against = refuted(near, self.claims, self.slack, kinked)
        if against is None:
            return
        direction, slope, verdict = against
        name = direction_name(direction, self.names) + self.suffix
        own = near.line(direction, near.point)
        slack = inner(self.slack, [*map(abs, direction)]) + APART * abs(slope)  # places on the line are rounded
        seen = second_look(own, 0.0, slope, slack, (verdict.low + verdict.high) / 2, near.noise, near.epsilon)
        if seen is not None and seen.status != "differs":
            return
        claim = Claim(name, own, 0.0, slope, 0.0, near.noise, near.epsilon, near, direction, self.order)
        kink = Kink("slopes along it", 0.0, slope, verdict.low, verdict.high, (0.0, 0.0))
        yield replace(claim.entry_between(verdict, kink), direction=tuple(direction))

    def _with_noise(self, noise: float) -> Neighbourhood:
        return replace(self.near, noise=max(self.near.noise, noise))
