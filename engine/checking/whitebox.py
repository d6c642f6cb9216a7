"""Checks a function of Values by differences that keep clear of kinks, and finds the culprit if something is wrong.

Each derivative is judged by differences whose error is computed (`differences`), on the smooth piece around the
point (`kinks`); forward mode is compared with reverse mode; what differences cannot resolve is settled primitive by
primitive (`faults`), or by the graph as a whole (`proof`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from typing import Any

from ..backprop import local_derivatives, sweep
from ..functional import push_forward
from ..ieee import inner
from ..value import Value
from .claim import MANY_WRONG, Claim, in_turn
from .culprit import find_culprit
from .directional import Gradient
from .estimates.clarke import Neighbourhood
from .estimates.differences import Estimate, Line, limit, one_sided, steps
from .estimates.slopes import Slopes
from .estimates.taylor import looks_wrong, taylor_direction, taylor_rate
from .estimates.verdicts import Verdict
from .faults import audit, compared, undeclared_kink, unlike_on_values
from .foreign.points import NO_VALUE
from .kinks import BRANCH, Piece, at_kink, piece
from .proof import is_own, kinks_between_floats, proven
from .replay import Replay
from .report import Derivative, Fault, Kink, Report, contradicted, worst
from .rounding import inherited, lost_forward, rounding
from .subject import Recording, Subject, require_repeatable, require_same_gradient, weight

__tracebackhide__ = True  # pytest then shows the user's own lines


def check_subject(subject: Subject, order: int, directions: int = 0) -> Report:
    """Check order by order, up to the first fault, since all higher orders would be wrong too.

    Args:
        subject: what is checked.
        order: the highest order.
        directions: the number of random directions to check along; 0: along every coordinate.
    """
    rate = math.nan
    derivatives: list[Derivative] = []
    notes: list[str] = []
    fault: Fault | None = None
    for each in (subject.of_order(k) for k in range(1, order + 1)):
        gradient, judged, found = _verdicts(each, directions)
        if each.order == 1 and found == judged and not any(d.kink is not None for d in found):
            rate = _rate(each.here, gradient)
            if looks_wrong(rate) and not directions:
                found += [_unless_proven(each, d) for d in gradient.across(found, everywhere=True)]
            if looks_wrong(rate) and not any(map(contradicted, found)):
                rate = math.nan  # its steps are too wide for a function that turns fast
        derivatives += found
        if wrong := [d for d in found if d.status == "differs"]:
            fault = find_culprit(each, wrong[0])
        elif each.order < order and (there := _moved_aside(each)) and (wrong := _wrong_at(there, directions)):
            fault = find_culprit(there, wrong[0])
            derivatives += [replace(d, name=f"{d.name}, beside the point") for d in wrong]
            notes.append(f"beside the point, at {there.written}, derivatives of order {each.order} are wrong")
            rate = math.nan
        else:
            fault = _hidden_fault(each, gradient, found, notes)
        if fault is not None:
            break
    require_repeatable(lambda: [subject.value(subject.numbers)], len(subject.numbers), subject.noise)
    if not subject.noise:
        again = partial(_adjoints, subject.here)
        require_same_gradient(again(), again, len(subject.numbers))
    faults = () if fault is None else (fault,)
    return Report(subject.title, tuple(derivatives), faults, tuple(notes), subject.written, directions, rate)


def _unless_proven(subject: Subject, found: Derivative) -> Derivative:
    """The verdict, left open if differences contradict what is proven, or do not see kinks between floats."""
    if not contradicted(found):
        return found
    if proven(subject, found):
        return replace(found, status="unresolved", excluded=False)
    unseen = kinks_between_floats(subject, found)
    return replace(found, status="unresolved", excluded=not all(map(is_own, unseen))) if unseen else found


def _hidden_fault(subject: Subject, gradient: Gradient, found: list[Derivative], notes: list[str]) -> Fault | None:
    """A fault that differences do not show: in derivatives that they leave open, on Values, or in one mode alone.

    Args:
        subject: what is checked, at one order.
        gradient: its claims.
        found: the verdicts on these.
        notes: if no fault is found, this says why some derivatives are left open.
    """
    nodes = subject.here.nodes
    left_open = [d for d in found if d.status == "unresolved"]
    fault = audit(nodes if left_open else _flat(nodes))
    if fault is None and left_open:
        notes.append(f"{_why_open(left_open)} of order {subject.order}; {compared(nodes)}")
    if fault is None and subject.order > 1:
        fault = unlike_on_values(nodes)
    return fault or _forward_against_reverse(subject.here, gradient)


def _why_open(left_open: Sequence[Derivative]) -> str:
    if all(d.at_jump for d in left_open):
        return "where the value jumps, no differences can confirm derivatives"
    return "differences lack the digits to confirm some derivatives"


def _flat(nodes: Iterable[Value]) -> list[Value]:
    """The nodes with a local derivative of exactly 0; the right one may be too small for differences to see."""
    return [node for node in nodes if any(d == 0 for d in local_derivatives(node))]


def _adjoints(recording: Recording) -> list[float]:
    adjoints = sweep(recording.output)
    return [adjoints.get(x, 0.0) + 0.0 for x in recording.coordinates]


def _gradient(subject: Subject, recording: Recording) -> Gradient:
    """The engine's gradient at one point, with bounds on the rounding of gradient and value."""
    claims, errors = _adjoints(recording), rounding(recording.output)
    slack = [errors.derivatives.get(x, 0.0) for x in recording.coordinates]
    near = Neighbourhood(subject.value_or_nan, subject.numbers, max(subject.noise, errors.value))
    return Gradient(near, subject.names, claims, slack, subject.order)


def _loosened(gradient: Gradient, here: Recording) -> Gradient:
    """The same, with room for what rounded intermediate numbers do to the gradient."""
    more = inherited(here.output)
    return replace(gradient, slack=[s + more.get(x, 0.0) for s, x in zip(gradient.slack, here.coordinates)])


def _verdicts(subject: Subject, directions: int) -> tuple[Gradient, list[Derivative], list[Derivative]]:
    """The claims at the point, the verdicts of differences on them, and these corrected by what is proven.

    If so many seem wrong that others are not looked at closely, and all of these are proven right, it starts again and
    looks at all closely.
    """
    for most in (MANY_WRONG, math.inf):
        gradient, judged = _judged(subject, directions, most)
        found = [_unless_proven(subject, d) for d in judged]
        if all(d.closely for d in found) or any(map(contradicted, found)):
            break
    return gradient, judged, found


def _judged(subject: Subject, directions: int, most: float) -> tuple[Gradient, list[Derivative]]:
    """The claims at the point, with as much room as they need, and the verdicts of differences on them."""
    here = subject.here

    def verdicts(gradient: Gradient) -> list[Derivative]:
        return _along(here, gradient, directions) if directions else _by_coordinate(subject, here, gradient, most)

    gradient = _gradient(subject, here)
    found = verdicts(gradient)
    if any(d.status == "differs" for d in found):
        gradient = _loosened(gradient, here)
        found = verdicts(gradient)
    return gradient, found


def _moved_aside(subject: Subject) -> Subject | None:
    """The same at a point close by, if the function has a value at one.

    Derivatives of the next order are compared with differences of these ones, which proves nothing if a rule is right
    only at the point, as -2 * x is for the square of x at 0.
    """
    for part in (32.0, -32.0, 1.0, -1.0):
        numbers = tuple(x + part * weight(k) * steps(x)[0] for k, x in enumerate(subject.numbers))
        if math.isfinite(subject.value_or_nan(numbers)):
            return replace(subject, numbers=numbers, recorded=None)
    return None


def _wrong_at(subject: Subject, directions: int) -> list[Derivative]:
    """The derivatives that are wrong at the subject's point."""
    *_, found = _verdicts(subject, directions)
    return [d for d in found if d.status == "differs"]


def _by_coordinate(subject: Subject, here: Recording, gradient: Gradient, most: float) -> list[Derivative]:
    found = list(in_turn(_looks(subject, here, gradient), most))
    return found + list(gradient.across(found))


def _along(here: Recording, gradient: Gradient, directions: int) -> list[Derivative]:
    near, graph = gradient.near, Replay(here)

    def line(direction: Sequence[float]) -> Line:
        return graph.line(near.line(direction, near.point), direction, near.point)

    return list(gradient.along(line, directions))


def _rate(here: Recording, gradient: Gradient) -> float:
    """How fast Taylor's remainder shrinks along a fixed direction."""
    near, direction = gradient.near, taylor_direction(gradient.near.point)
    slope = inner(gradient.claims, direction)
    line = Replay(here).line(near.line(direction, near.point), direction, near.point)
    return taylor_rate(line, here.output.data, slope, near.noise + 2 * near.moved_by_rounding(gradient.claims))


def _looks(subject: Subject, here: Recording, gradient: Gradient) -> Iterator[Callable[[bool], Derivative]]:
    """For `in_turn`: the check of each coordinate, closely or not."""
    cornered = bool(at_kink(here.nodes))

    def look(position: int, closely: bool) -> Derivative:
        claim = gradient.by(position, cache(subject.line(position)), subject.numbers[position])
        bent = cornered or claim.bent(here.output.data)
        confirmed = claim.confirmed(bent)
        if confirmed is not None:
            return confirmed
        return _Coordinate(subject, here, position, claim).check() if closely else claim.glanced_at(bent)

    return (partial(look, position) for position in range(len(subject.numbers)))


class _Coordinate:
    """A close check of one coordinate: it looks for kinks around the point, and compares on the pieces between them."""

    def __init__(self, subject: Subject, here: Recording, position: int, claim: Claim) -> None:
        self.subject, self.here, self.position, self.claim = subject, here, position, claim

    def check(self) -> Derivative:
        claim = self.claim
        below, above = (piece(self._nodes, claim.at, sign * claim.likely) for sign in (-1, 1))
        if not any(p.why and p.end > 4 * p.start for p in (below, above)):  # else it is no piece: it changes everywhere
            return claim.after_second_look(self._without_declared_kink())
        kink = _kink(claim, below, above)
        if below.start == 0 and above.start == 0:
            verdict = claim.judged(_between_kinks(claim, below.end, above.end))
            if verdict.status != "unresolved":
                return claim.after_second_look(claim.entry(verdict, kink))
            return worst(list(self._on_pieces(kink, below, above)))
        slopes = claim.slopes()
        if not slopes.sides:
            return claim.entry(Verdict("unresolved", None), kink)
        left, right = (math.nan if side is None else side.slope for side in (slopes.left, slopes.right))
        why = f"{kink.why}, where {slopes.reason()}" if slopes.jump else kink.why
        kink = replace(kink, why=why, left=left, right=right, jump=slopes.jump)
        here = claim.after_second_look(self._unless_infinite(claim.at_kink(slopes, kink), slopes))
        found = worst([here, *(d for d in self._on_pieces(kink, below, above) if d.status == "differs")])
        if found.status == "agrees" and slopes.smooth:
            return replace(found, kink=None, slopes=None)  # only the formula changes, as in the rule of x**3
        return found

    def _without_declared_kink(self) -> Derivative:
        """The verdict where no primitive, branch or end of a domain makes a kink, though slopes may show one."""
        claim = self.claim
        verdict = claim.judged(claim.differences())
        if verdict.status == "agrees" and not claim.bent(self.here.output.data):
            return claim.entry(verdict)
        slopes = claim.slopes()
        why = "" if slopes.smooth else undeclared_kink(self.here.nodes)
        return self._unless_infinite(claim.seen_closely(verdict, slopes, why), slopes)

    def _nodes(self, u: float) -> Sequence[Any]:
        try:
            return self.subject.record(self.subject.moved(self.position, u)).nodes
        except NO_VALUE:
            return ()

    def _unless_infinite(self, found: Derivative, slopes: Slopes) -> Derivative:
        """Left open if the claim is the infinite slope of a jump at the point, as for x**1e-300 at 0."""
        claim = self.claim
        if found.slopes is None or found.status != "differs" or not math.isinf(claim.slope):
            return found
        jumping = any(abs(jump) > 64 * claim.noise and jump * claim.slope > 0 for jump in self._jumps(slopes))
        return replace(found, status="unresolved") if jumping else found

    def _jumps(self, slopes: Slopes) -> list[float]:
        """How far the function jumps up from the left to its value at the point, and from there to the right."""
        line, at = self.claim.line, self.claim.at
        return [
            sign * (limit(line, at, sign * side.step) - line(at))
            for sign, side in ((-1.0, slopes.left), (1.0, slopes.right))
            if side is not None
        ]

    def _on_pieces(self, kink: Kink, below: Piece, above: Piece) -> Iterator[Derivative]:
        """The verdicts in the middle of the smooth piece on either side."""
        for sign, side in ((-1.0, below), (1.0, above)):
            there = self.claim.at + sign * (side.start + side.end) / 2
            try:
                recording = self.subject.record(self.subject.moved(self.position, there))
            except NO_VALUE:
                continue
            gradient, reach = _gradient(self.subject, recording), (side.end - side.start) / 2
            found = gradient.by(self.position, self.claim.line, there).within(reach, kink)
            if found.status == "differs":
                gradient = _loosened(gradient, recording)
                found = gradient.by(self.position, self.claim.line, there).within(reach, kink)
            yield found


def _between_kinks(claim: Claim, below: float, above: float) -> Iterator[Estimate | None]:
    """One-sided differences on the wider side of the point, then central ones up to the nearer kink."""
    side = above if above > below else -below
    yield from (one_sided(claim.line, claim.at, side / 8**k, claim.noise) for k in range(6))
    yield from islice(claim.differences(min(below, above)), 4)


def _kink(claim: Claim, below: Piece, above: Piece) -> Kink:
    """The nearer of the two kinks where the pieces end."""
    x = claim.at
    nearest = min((p for p in (below, above) if p.why), key=lambda p: abs(p.at - x))
    reach = max(below.end, above.end, abs(nearest.at - x)) / 2
    left, right = (_slope(claim, nearest.at, sign * reach) for sign in (-1.0, 1.0))
    why = f"{BRANCH}, or of a rule" if nearest.why == BRANCH and claim.order > 1 else nearest.why
    return Kink(why, nearest.at - x, claim.slope, left, right, (x - below.end, x + above.end))


def _slope(claim: Claim, x: float, step: float) -> float:
    """The derivative from the side of `step`; nan if there is none."""
    candidates = [one_sided(claim.line, x, step / 4**k, claim.noise) for k in range(6)]
    found = [estimate for estimate in candidates if estimate is not None]
    return min(found, key=lambda e: e.bound).derivative + 0.0 if found else math.nan


def _forward_against_reverse(here: Recording, gradient: Gradient) -> Fault | None:
    """A fault if both modes, which add the same products in opposite order, differ along a fixed direction."""
    weights = [weight(k) for k in range(len(here.coordinates))]
    seeds = dict(zip(here.coordinates, weights))
    forward, backward = push_forward(here.output, seeds), inner(gradient.claims, weights)
    slack = inner(gradient.slack, weights) + lost_forward(here.output, seeds)
    if not math.isfinite(forward) or not math.isfinite(backward) or not abs(forward - backward) > slack:
        return None
    return Fault(
        f"forward mode gives {forward!r} along a direction where reverse mode gives {backward!r}; "
        f"rounding explains {slack:.2g}"
    )
