"""Lines of a report: a verdict on one derivative, on one at a kink, and on a direction of several inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from .estimates.clarke import Found, Neighbourhood, refuted
from .estimates.differences import EPSILON, Estimate
from .estimates.slopes import Slopes
from .estimates.verdicts import Verdict
from .report import Derivative, Kink

__tracebackhide__ = True  # pytest then shows the user's own lines


def slack_of(claim: float, epsilon: float = EPSILON) -> float:
    """The rounding of a claim; that of what is no finite number would be infinite."""
    return 8 * epsilon * abs(claim) if math.isfinite(claim) else 0.0


def derivative(
    name: str, at: float, claimed: float, verdict: Verdict, kink: Kink | None = None, order: int = 1
) -> Derivative:
    """Where the function has one slope."""
    estimate = verdict.estimate or Estimate(math.nan, math.inf, 0.0, 0.0)
    return Derivative(
        name, order, at, claimed, estimate.derivative, estimate.bound, verdict.status, kink, excluded=verdict.excluded
    )


def at_slopes(name: str, at: float, found: Found, kink: Kink, bound: float, order: int = 1) -> Derivative:
    """Where the function has several slopes."""
    expected = found.low if math.isnan(found.claimed) else min(max(found.claimed, found.low), found.high)
    slopes = found.low, found.high
    return Derivative(name, order, at, found.claimed, expected, bound, found.status, kink, slopes, found.excluded)


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
) -> Iterator[Derivative]:
    """At a kink of several inputs, what speaks against the claim along directions besides the coordinates."""
    kinked = [k for k, d in enumerate(found) if d.kink is not None and d.kink.distance == 0]
    if not kinked or len(gradient) < 2 or any(d.status == "differs" for d in found):
        return
    if not all(map(math.isfinite, gradient)):
        return
    against = refuted(near, gradient, slack, kinked)
    if against is None:
        return
    moved = [f"{d:+.4g} {name}" for d, name in zip(against.direction, names) if d]
    name = "the direction " + " ".join(moved[:6]) + (" ..." if len(moved) > 6 else "") + suffix
    kink = Kink("slopes along it", 0.0, against.claimed, against.low, against.high, (0.0, 0.0))
    yield at_slopes(name, 0.0, against, kink, 0.0, found[0].order)
