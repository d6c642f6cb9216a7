"""One claimed slope along a line, and the way from estimates of it to an entry of the report.

The checks of graphs, of other code and along directions all go this way, each as far as needed:

1. a few likely differences, which confirm most right claims: `Claim.confirmed`
2. differences of all steps, until they decide: `Claim.judged`
3. where there may be no single slope, the slopes on both sides, and beside the line: `Claim.seen_closely`
4. before a claim is called wrong, the finest and the widest steps: `Claim.after_second_look`

Once many claims have gone the whole way and were wrong, others go only the first two steps: `Claim.glanced_at`,
`in_turn`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from .estimates.clarke import Neighbourhood, beside
from .estimates.differences import (
    Estimate,
    Line,
    central,
    central_estimates,
    likely_estimates,
    one_sided,
    steps,
)
from .estimates.noise import grain, grid_of_differences, wide_step
from .estimates.second_look import second_look
from .estimates.slopes import RangeVerdict, Side, Slopes, slopes_at
from .estimates.thresholds import TELLS, resolution
from .estimates.verdicts import Verdict, confirming, judge
from .report import Derivative, Kink, contradicted

__tracebackhide__ = True  # pytest then shows the user's own lines

# So close together that an exponential, and farther out a cubic, moves little at the first step that shows it.
_WIDER = [2.0**k for k in (*range(1, 12), *range(12, 33, 2))]

OF_A_NEIGHBOUR = "it is off by no more than the slope changes within a few floats"

MANY_WRONG = 10
"""After this many wrong or excluded claims, others are only glanced at: a close look takes hundreds of values."""


@dataclass(frozen=True)
class Claim:
    """A claimed slope of a function along a line, and all that a verdict on it depends on.

    Attributes:
        name: what the report calls it.
        line: the function along the line.
        at: the point on the line.
        slope: the claim.
        slack: how far off a right claim may be by its own rounding.
        noise: how far a value of the function may be off.
        epsilon: the relative spacing of the numbers on the line.
        near: the function of all its inputs; if there are several, slopes beside the line count too at kinks.
        direction: the direction of the line, a number for each input.
        order: the order of the derivative.
        origin: the place on the line that the report calls 0.
    """

    name: str
    line: Line
    at: float
    slope: float
    slack: float
    noise: float
    epsilon: float
    near: Neighbourhood
    direction: Sequence[float]
    order: int = 1
    origin: float = 0.0

    @property
    def likely(self) -> float:
        """The step that is likeliest to serve."""
        return steps(self.at, epsilon=self.epsilon)[0]

    def confirmed(self, bent: bool) -> Derivative | None:
        """The report's entry if a likely estimate is sharp and agrees with the claim, or is flat and hides no slope.

        Args:
            bent: whether there may be a kink, where no estimate confirms a claim.
        """
        if bent:
            return None
        estimates = likely_estimates(self.line, self.at, self.likely, self.noise, self.epsilon)
        found = confirming(self.slope, self.slack, estimates, self.epsilon)
        return None if found is None or (found.flat and self.hides_slope()) else self.entry(Verdict("agrees", found))

    def bent(self, value: float) -> bool:
        """Whether the second difference at most halves with the step, as at a kink; a smooth function's quarters.

        Args:
            value: the function's value at the point.
        """
        line, x, step = self.line, self.at, self.likely / 4
        wide, narrow = (abs((line(x + h) - value) - (value - line(x - h))) for h in (step, step / 2))
        return narrow > 0.4 * wide and narrow > max(16 * self.noise, 1e-6 * step * abs(self.slope))

    def differences(self, reach: float = math.inf) -> Iterator[Estimate | None]:
        """Central differences of all steps, no wider than `reach`."""
        return central_estimates(self.line, self.at, self.noise, reach, self.epsilon)

    def on_grid(self) -> Claim:
        """The same, with room for the grid that values lie on if something inside is rounded more coarsely."""
        where = self.line, self.at, self.epsilon
        return replace(self, noise=max(self.noise, grain(*where), grid_of_differences(*where)))

    def hides_slope(self) -> bool:
        """Whether equal values near the point may hide a slope: one within rounding, which wide steps show.

        A step as wide as the point's number shows the function around the point; even a small part of its slope there
        may be hidden. Wider steps may show something else, such as the slope of a relu far off. As steps grow, a slope
        at the point moves values out of rounding little by little; what is far off moves them all at once.
        """
        wide = wide_step(self.at)
        before = self._moved(wide)
        if before:
            return resolution(self.epsilon) * before / wide < 16 * self.on_grid().noise / self.likely
        for further in [wide * factor for factor in _WIDER]:
            moved = self._moved(further)
            if moved > 16 * self.noise and not (before and self._is_rough(further)):
                return before > 0
            before = max(before, moved)
        return 0.0 < before <= 16 * self.noise  # they move, and nowhere by much more than rounding

    def _moved(self, wide: float) -> float:
        """How far a wide step moves the value, either way."""
        value = self.line(self.at)
        moves = (abs(self.line(self.at + w) - value) for w in (wide, -wide))
        return max(filter(math.isfinite, moves), default=0.0)

    def _is_rough(self, wide: float) -> bool:
        """Whether values rise or fall all the way to a wide step on neither side, so that rounding moves them."""
        for w in (wide, -wide):
            values = [self.line(self.at + w * part) for part in (0.0, 0.31, 0.53, 0.72, 0.85, 1.0)]
            if any(all(in_order(a, b) for a, b in pairwise(values)) for in_order in (operator.lt, operator.gt)):
                return False
        return True

    def judged(self, estimates: Iterable[Estimate | None]) -> Verdict:
        """What estimates say about the claim; one by equal values that may hide a slope says nothing about 0."""
        known = (e and (e._replace(truncation=math.inf) if self._is_blind(e) else e) for e in estimates)
        verdict = judge(self.slope, self.slack, known, self.epsilon)
        return verdict._replace(excluded=verdict.excluded and not self._may_be_mixed(verdict.estimate))

    def _is_blind(self, found: Estimate) -> bool:
        return found.flat and self.slope == 0 and self.hides_slope()

    def _may_be_mixed(self, found: Estimate | None) -> bool:
        """Whether the estimate may mix slopes of a kink, the claim among them, that rounding hides from finer steps.

        Values bend within its finest step; if they do so at one place, slopes differ from the estimate by that much. A
        smooth function bends by the square of the step instead, which two wider steps show.
        """
        if found is None or found.rounding <= found.truncation:
            return False
        line, at, step = self.line, self.at, abs(found.step) / 8
        here, wider = line(at), (step, 2 * step, 4 * step)
        first, second, third = ((line(at + h) - here) - (here - line(at - h)) for h in wider)
        bend = abs(4 * (second - first) - (third - second)) / 4
        return (abs(self.slope - found.derivative) - found.bound - self.slack) * step <= bend

    def glanced_at(self, bent: bool) -> Derivative:
        """The report's entry if nothing but differences is tried: the claim agrees, or is left open.

        Args:
            bent: whether there may be a kink, where differences are no evidence for a claim.
        """
        verdict = self.judged(self.differences())
        if verdict.status == "agrees" and not bent:
            return self.entry(verdict)
        return replace(self.entry(Verdict("unresolved", verdict.estimate)), closely=False)

    def slopes(self, finest: float = 0.0) -> Slopes:
        """The slopes on both sides of the point, and the jump there unless the claim explains it, as beside a pole."""
        found = slopes_at(self.line, self.at, self.noise, self.epsilon, abs(self.slope), finest)
        return found._replace(jump=0.0) if found.jump < abs(self.slope) * self.epsilon * abs(self.at) else found

    def kink(self, slopes: Slopes, distance: float = 0.0, why: str = "") -> Kink:
        """The kink that slopes show."""
        left, right = (math.nan if side is None else side.slope for side in (slopes.left, slopes.right))
        at, reach = self.at - self.origin, self.likely
        return Kink(why or slopes.reason(), distance, self.slope, left, right, (at - reach, at + reach), slopes.jump)

    def entry(self, verdict: Verdict, kink: Kink | None = None) -> Derivative:
        """The report's entry where the function has one slope."""
        found = verdict.estimate or Estimate(math.nan, math.inf, 0.0, 0.0)
        return replace(self._entry(verdict, found.derivative, found.bound, kink), why=verdict.why)

    def entry_between(self, found: RangeVerdict, kink: Kink, bound: float = 0.0) -> Derivative:
        """The report's entry where the function has several slopes."""
        nearest = found.low if math.isnan(self.slope) else min(max(self.slope, found.low), found.high)
        return replace(self._entry(found, nearest, bound, kink), slopes=(found.low, found.high))

    def _entry(self, found: Verdict | RangeVerdict, expected: float, bound: float, kink: Kink | None) -> Derivative:
        at, status, excluded = self.at - self.origin, found.status, found.excluded
        return Derivative(self.name, self.order, at, self.slope, expected, bound, status, kink, excluded=excluded)

    def at_kink(self, slopes: Slopes, kink: Kink) -> Derivative:
        """The verdict at a kink, a jump, or the end of a domain; where the value jumps, no claim is confirmed."""
        found = self._beside(slopes) or slopes.verdict(self.slope, self.slack)
        if slopes.jump and found.status == "agrees":
            found = found._replace(status="unresolved")
        return self.entry_between(found, kink, slopes.bound)

    def seen_closely(self, verdict: Verdict, slopes: Slopes, why: str = "") -> Derivative:
        """The same verdict if there is one slope; else what the slopes say."""
        if slopes.singular:
            return self.at_kink(slopes, self.kink(slopes, why=why))
        verdict, refuted = self.unless_between(verdict, slopes), self._refuted(slopes)
        # To wide steps, a function with a hump between them is flat.
        if refuted and verdict.status == "agrees" and not slopes.spans(self.slope):
            verdict = self.judged(slopes.estimates)
        mixed = None if refuted else self._mixed(verdict)
        if mixed is not None:
            why = f"or within {mixed.low.step:.2g} of it, where rounding hides the slopes"
            between = RangeVerdict("unresolved", mixed.low.slope, mixed.high.slope)
            return self.entry_between(between, self.kink(mixed, why=why), mixed.bound)
        doubtful = verdict.status != "agrees" and slopes.sides
        found = self._beside(slopes) if doubtful else None
        if found is None:
            return self.entry(verdict)
        return self.entry_between(found, self.kink(slopes, why="slopes beside the line"), slopes.bound)

    def unless_between(self, verdict: Verdict, slopes: Slopes) -> Verdict:
        """The verdict, left open if the claim lies between two slopes that are nearly one."""
        between = verdict.status == "differs" and slopes.sides and slopes.spans(self.slope)
        return verdict._replace(status="unresolved") if between else verdict

    def _refuted(self, slopes: Slopes) -> bool:
        """Whether the finest steps see one slope, known well enough to tell the claim from it."""
        return bool(slopes.sides) and slopes.bound + self.slack <= TELLS * abs(self.slope - slopes.low.slope)

    def _mixed(self, verdict: Verdict) -> Slopes | None:
        """The slopes on both sides if the steps that contradict the claim mix these two, and it lies between them.

        They do at a kink where values are so large that finer steps, which would show it, drown in rounding. Where
        rounding blurs these steps too, wider ones tell the two slopes apart.
        """
        found = verdict.estimate
        if found is None or not (verdict.status == "differs" or verdict.excluded):
            return None
        clear = found.bound <= TELLS * abs(self.slope - found.derivative)
        for step in [abs(found.step) * factor for factor in ((1,) if clear else (1, 2, 4))]:
            below, above = (one_sided(self.line, self.at, s * step, self.noise, self.epsilon) for s in (-1.0, 1.0))
            if below is None or above is None:
                return None
            left, right = (Side(side.derivative + 0.0, side.bound, step) for side in (below, above))
            slopes = Slopes(left, right)
            if slopes.apart:
                return slopes if slopes.status(self.slope, self.slack) != "differs" else None
        return None

    def _beside(self, slopes: Slopes) -> RangeVerdict | None:
        if len(self.near.point) < 2 or not math.isfinite(self.slope):
            return None
        near = replace(self.near, noise=max(self.near.noise, self.noise))
        return beside(near, self.direction, self.slope, self.slack, slopes)

    def after_second_look(self, found: Derivative) -> Derivative:
        """The same entry, or that of a second look if differences contradict the claim."""
        if not contradicted(found):
            return found
        verdict = second_look(self.line, self.at, self.slope, self.slack, found.expected, self.noise, self.epsilon)
        if verdict is not None and not (verdict.status == "differs" and found.slopes is not None):
            found = self.entry(verdict, None if verdict.why else found.kink)
        if contradicted(found) and self._at_a_neighbour(found):
            return replace(found, status="unresolved", excluded=False, why=OF_A_NEIGHBOUR)
        return found

    def _at_a_neighbour(self, found: Derivative) -> bool:
        """Whether the slope changes by as much as the claim is off when the point's numbers move by a few floats.

        It does where a sum of squared residuals is smallest: residuals are what rounding leaves of larger numbers.
        """
        if not math.isfinite(self.slope - found.expected):
            return False
        step = min(self.likely, self.near.step(self.direction))
        lines = (self.near.line(self.direction, start) for start in self.near.neighbours())
        estimates = [central(line, 0.0, step, self.noise, levels=2, epsilon=self.epsilon) for line in lines]
        known = [e for e in estimates if e is not None]
        largest = max((e.derivative - e.bound for e in known), default=0.0)
        spread = max(largest - min((e.derivative + e.bound for e in known), default=0.0), 0.0)
        return abs(self.slope - found.expected) <= found.bound + self.slack + spread

    def within(self, reach: float, kink: Kink) -> Derivative:
        """The report's entry at a place beside a kink, where the function is smooth as far as `reach`."""
        return self.after_second_look(self.entry(self.judged(self.differences(reach)), kink))


def in_turn(looks: Iterable[Callable[[bool], Derivative]], most: float = MANY_WRONG) -> Iterator[Derivative]:
    """The verdicts on one claim after another, with a close look at each until `most` of them are wrong.

    Args:
        looks: one for each claim, called with whether to look closely.
        most: after this many wrong claims, others are only glanced at.
    """
    wrong = 0
    for look in looks:
        found = look(wrong < most)
        wrong += contradicted(found)
        yield found
