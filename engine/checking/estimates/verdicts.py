"""Verdicts on a claim by estimates: it agrees, it differs, or it stays unresolved."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

from .differences import EPSILON, Estimate
from .thresholds import ENOUGH, PERCENT, resolution

Status = Literal["agrees", "differs", "unresolved"]


class Verdict(NamedTuple):
    """How a claimed derivative compares with the best estimate of it.

    Attributes:
        status: ``"unresolved"`` if the differences have too few digits to confirm or refute the claim.
        estimate: the best estimate; None if there is none.
        excluded: whether the claim, though unresolved, is off by more than the estimate's bound and 1 %, and no other
            estimate supports it.
        why: why no differences can tell, in words; "" if they only lack the digits.
    """

    status: Status
    estimate: Estimate | None
    excluded: bool = False
    why: str = ""


def agrees(claimed: float, estimate: Estimate, slack: float) -> bool:
    """Whether the claim lies within the bound; `slack` is the claim's own rounding."""
    return math.isfinite(claimed) and abs(claimed - estimate.derivative) <= estimate.bound + slack


def _excludes(claimed: float, estimate: Estimate, slack: float) -> bool:
    """Whether the claim is off by more than the bound and 1 %."""
    margin = estimate.bound + slack + PERCENT * max(abs(claimed), abs(estimate.derivative))
    return not abs(claimed - estimate.derivative) <= margin


def resolved(claimed: float, estimate: Estimate, fine: float, slack: float = 0.0, scale: float = 0.0) -> bool:
    """Whether the estimate, and a claim that may be off by `slack`, are sharp enough to decide.

    That is measured beside the larger of the two, or `scale` if that is larger still.
    """
    size = abs(claimed) if math.isfinite(claimed) else 0.0
    return estimate.bound + slack <= fine * max(size, abs(estimate.derivative), scale)


def _confirms(claimed: float, estimate: Estimate, fine: float, slack: float) -> bool:
    """Whether the estimate is sharp, and agrees with the claim."""
    return resolved(claimed, estimate, fine, slack) and agrees(claimed, estimate, slack)


def confirming(
    claimed: float, slack: float, candidates: Iterable[Estimate | None], epsilon: float = EPSILON
) -> Estimate | None:
    """The first estimate that is sharp and agrees, or shows a flat function where 0 is claimed; None if none does.

    If the values have finer structure than its steps, another estimate that meets none must agree, too.
    """
    fine = resolution(epsilon)
    first: Estimate | None = None
    for estimate in candidates:
        if estimate is None:
            continue
        if estimate.flat and claimed == 0:
            return estimate
        if _confirms(claimed, estimate, fine, slack):
            first = first or estimate
            if not estimate.structured:
                return first
    return None


def judge(claimed: float, slack: float, candidates: Iterable[Estimate | None], epsilon: float = EPSILON) -> Verdict:
    """Compare a claimed derivative with estimates, taken from an iterator one after another until they decide.

    The first sharp estimate that agrees decides, unless its own or finer steps have met structure that it passes over:
    of x*x + 1e-10*sin(1e7*x), wide steps see a parabola. A disagreement must be confirmed: at least two estimates at
    different steps agree with each other and not with the claim; three sharp ones end the search. A claim that is not
    finite differs from any estimate. A claim near 0 is judged beside the spread of the function's values at the first
    step, the likeliest; a function that is flat there has the slope 0. Equal values farther apart, as of a saturated
    tanh, only show that the slopes in between cancel.
    """
    fine = resolution(epsilon)
    found: list[Estimate] = []
    for estimate in candidates:
        if estimate is None or (found and estimate.flat and estimate.step > found[0].step):
            continue
        overlooks = any(each.structured and each.step <= estimate.step for each in (*found, estimate))
        confirms = _confirms(claimed, estimate, fine, slack) and not overlooks
        if confirms or (estimate.flat and claimed == 0 and not found):
            return Verdict("agrees", estimate)
        found.append(estimate)
        sharp = [e for e in found if resolved(claimed, e, fine)]
        if len(sharp) >= ENOUGH and not any(agrees(claimed, e, slack) for e in found):
            break
    return _weighed(claimed, slack, found, fine) if found else Verdict("unresolved", None)


def _weighed(claimed: float, slack: float, found: list[Estimate], fine: float) -> Verdict:
    """The verdict of estimates none of which decides alone; the first is by the likeliest step."""
    best = _truest(found)
    if agrees(claimed, best, slack):
        enough = resolved(claimed, best, fine, slack, found[0].scale)
        return Verdict("agrees" if enough else "unresolved", best)
    against = [e for e in found if e is not best and not agrees(claimed, e, slack)]
    if not math.isfinite(claimed) or any(agrees(best.derivative, e, best.bound) for e in against):
        return Verdict("differs", best)
    backed = any(agrees(claimed, e, slack) and e.bound <= PERCENT * abs(claimed) for e in found)
    return Verdict("unresolved", best, _excludes(claimed, best, slack) and not backed)


def _truest(found: list[Estimate]) -> Estimate:
    """The sharpest; but a finer estimate that contradicts a coarser one by more than their bounds is truer.

    Between wide steps, a function may do what their bounds do not account for.
    """
    ordered = sorted(found, key=lambda estimate: -estimate.step)
    best = ordered[0]
    for finer in ordered[1:]:
        if finer.contradicts(best) or finer.bound < best.bound:
            best = finer
    return best
