"""Lines of a report: a verdict on one derivative, on one at a kink, and on a direction of several inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .estimates.appeal import heard
from .estimates.clarke import Found, Neighbourhood, refuted
from .estimates.differences import EPSILON, Estimate, Line, measured_noise
from .estimates.slopes import Slopes
from .estimates.taylor import taylor_direction
from .estimates.verdicts import Verdict
from .report import Derivative, Kink

__tracebackhide__ = True  # pytest then shows the user's own lines


def rounding_of(claim: float, epsilon: float = EPSILON) -> float:
    """The rounding of a claim; 0 if it is not finite, as no bound is known then."""
    return 8 * epsilon * abs(claim) if math.isfinite(claim) else 0.0


def slack_of(claim: float, epsilon: float = EPSILON) -> float:
    """How far off a right claim may be if its formula cancels, as 1 - x*x does near 1."""
    return math.sqrt(epsilon) / 4 * abs(claim) if math.isfinite(claim) else 0.0


def derivative(
    name: str, at: float, claimed: float, verdict: Verdict, kink: Kink | None = None, order: int = 1
) -> Derivative:
    """The line for a point where the function has one slope."""
    estimate = verdict.estimate or Estimate(math.nan, math.inf, 0.0, 0.0)
    return Derivative(
        name, order, at, claimed, estimate.derivative, estimate.bound, verdict.status, kink, excluded=verdict.excluded
    )


def at_slopes(name: str, at: float, found: Found, kink: Kink, bound: float, order: int = 1) -> Derivative:
    """The line for a point where the function has several slopes."""
    expected = found.low if math.isnan(found.claimed) else min(max(found.claimed, found.low), found.high)
    slopes = found.low, found.high
    return Derivative(name, order, at, found.claimed, expected, bound, found.status, kink, slopes, found.excluded)


def on_appeal(found: Derivative, line: Line, slack: float, noise: float, epsilon: float = EPSILON) -> Derivative:
    """The same line, or a second look's at a finite claim that differences contradict."""
    if not (found.status == "differs" or found.excluded) or not math.isfinite(found.claimed):
        return found
    verdict = heard(line, found.at, found.claimed, slack, found.expected, noise, epsilon)
    if verdict is None or (verdict.status == "differs" and found.slopes is not None):
        return found
    return derivative(found.name, found.at, found.claimed, verdict, found.kink, found.order)


def between(claim: float, slack: float, slopes: Slopes) -> Found:
    """The verdict of the slopes on the line alone: with one input they are all that there are."""
    return Found([], claim, slopes.low.slope, slopes.high.slope, slopes.status(claim, slack))


def kink_of_slopes(x: float, reach: float, claim: float, slopes: Slopes, distance: float = 0.0, why: str = "") -> Kink:
    """The kink that slopes show."""
    left, right = (math.nan if side is None else side.slope for side in (slopes.left, slopes.right))
    return Kink(why or slopes.reason(), distance, claim, left, right, (x - reach, x + reach))


def across(
    near: Neighbourhood,
    names: Sequence[str],
    gradient: Sequence[float],
    slack: Sequence[float],
    found: Sequence[Derivative],
    suffix: str = "",
    everywhere: bool = False,
) -> Iterator[Derivative]:
    """At a kink of several inputs, a direction other than the coordinates' whose slopes refute the claim.

    A function may have kinks that show along no coordinate, like the median of three equal numbers: `everywhere` looks
    for these as well.
    """
    kinked = [k for k, d in enumerate(found) if everywhere or (d.kink is not None and d.kink.distance == 0)]
    if not kinked or len(gradient) < 2 or any(d.status == "differs" for d in found):
        return
    if not all(map(math.isfinite, gradient)):
        return
    if everywhere:
        line = near.line(taylor_direction(near.point), near.point)
        noise = measured_noise(lambda u: line(u - 1.0), 1.0, near.epsilon)  # each number moves by its own size
        near = replace(near, noise=max(near.noise, noise))
    steepest = [max(map(abs, (d.claimed, *(d.slopes or (d.expected,))))) for d in found]
    changes = (slope * x for slope, x in zip(steepest, near.point) if math.isfinite(slope))
    rounded = 4 * near.epsilon * math.hypot(*changes)  # as what a direction makes of a number is rounded
    near = replace(near, noise=max(near.noise, rounded))
    against = refuted(near, gradient, slack, kinked)
    if against is None:
        return
    moved = [f"{d:+.4g} {name}" for d, name in zip(against.direction, names) if d]
    name = "the direction " + " ".join(moved[:6]) + (" ..." if len(moved) > 6 else "") + suffix
    kink = Kink("slopes along it", 0.0, against.claimed, against.low, against.high, (0.0, 0.0))
    entry = at_slopes(name, 0.0, against, kink, 0.0, found[0].order)
    yield replace(entry, direction=tuple(against.direction))
