"""The check of a function of Values: differences of its values, clear of kinks, and the culprit of what is wrong.

Each derivative is judged by differences whose error is computed (`differences`), on the smooth piece around the
point (`kinks`); forward mode is compared with reverse mode; what differences cannot resolve is settled primitive by
primitive (`faults`), or by the graph as a whole (`proof`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from typing import Any, NamedTuple

from ..backprop import local_derivatives, sweep
from ..functional import push_forward
from ..ieee import inner
from ..value import Value
from .directional import along
from .entries import across, at_slopes, between, derivative, kink_of_slopes, on_appeal
from .estimates.clarke import Found, Neighbourhood, beside
from .estimates.differences import EPSILON, Estimate, Line, central_estimates, likely_estimates, limit, one_sided, steps
from .estimates.slopes import Slopes, slopes_at
from .estimates.taylor import looks_wrong, taylor_direction, taylor_rate
from .estimates.verdicts import Verdict, confirming, judge
from .faults import audit, compared, find_culprit, undeclared_kink, unlike_on_values
from .foreign.points import NO_VALUE
from .kinks import Piece, at_kink, piece
from .proof import is_own, kinks_between_floats, proven
from .replay import Replay
from .report import Derivative, Fault, Kink, Report, worst
from .rounding import inherited, lost_forward, rounding
from .subject import Recording, Subject, require_repeatable, require_same_gradient, weight

__tracebackhide__ = True  # pytest then shows the user's own lines


def check_subject(subject: Subject, order: int, directions: int = 0) -> Report:
    """The check itself, order by order; a fault ends it, as what is built on it would be wrong too.

    Args:
        subject: what is checked.
        order: up to which order.
        directions: along how many random directions; 0: along every coordinate.
    """
    rate = math.nan
    derivatives: list[Derivative] = []
    notes: list[str] = []
    fault: Fault | None = None
    for each in (subject.of_order(k) for k in range(1, order + 1)):
        here = each.here
        claims, judged = _judged(each, here, directions)
        found = [_unless_proven(each, d) for d in judged]
        if each.order == 1 and found == judged and not any(d.kink is not None for d in found):
            rate = _rate(each, here, claims)
            if looks_wrong(rate) and not directions:
                near = _neighbourhood(each, claims)
                more = across(near, each.names, claims.gradient, claims.slack, found, everywhere=True)
                found += [_unless_proven(each, d) for d in more]
        derivatives += found
        wrong = [d for d in found if d.status == "differs"]
        if wrong:
            fault = find_culprit(each, wrong[0])
        elif each.order < order and (there := _beside(each)) and (wrong := _wrong_at(there, directions)):
            fault = find_culprit(there, wrong[0])
            derivatives += [replace(d, name=f"{d.name}, beside the point") for d in wrong]
            notes.append(f"beside the point, at {there.written}, derivatives of order {each.order} are wrong")
            rate = math.nan
        else:
            blind = any(d.status == "unresolved" for d in found)
            fault = audit(here.nodes if blind else _flat(here.nodes))
            if blind and fault is None:
                lacking = f"differences lack the digits to confirm some derivatives of order {each.order}"
                notes.append(f"{lacking}; {compared(here.nodes)}")
        if fault is None and each.order > 1:
            fault = unlike_on_values(here.nodes)
        fault = fault or _forward_against_reverse(here, claims)
        if fault is not None:
            break
    require_repeatable(lambda: [subject.value(subject.numbers)], subject.noise, len(subject.numbers))
    if not subject.noise:
        require_same_gradient(partial(_gradient, subject.here), len(subject.numbers))
    faults = () if fault is None else (fault,)
    return Report(subject.title, tuple(derivatives), faults, tuple(notes), subject.written, directions, rate)


def _unless_proven(subject: Subject, found: Derivative) -> Derivative:
    """A verdict, left open where differences contradict what is proven, or cannot see kinks between floats."""
    if not (found.status == "differs" or found.excluded):
        return found
    if proven(subject, found):
        return replace(found, status="unresolved", excluded=False)
    unseen = kinks_between_floats(subject, found)
    return replace(found, status="unresolved", excluded=not all(map(is_own, unseen))) if unseen else found


def _flat(nodes: Iterable[Value]) -> list[Value]:
    """The nodes with a local derivative of exactly 0, which may stand for one too small for differences to see."""
    return [node for node in nodes if any(d == 0 for d in local_derivatives(node))]


class _Claims(NamedTuple):
    """The engine's gradient at one point, its own rounding, and that of the value."""

    gradient: list[float]
    slack: list[float]
    noise: float

    def loosened(self, here: Recording) -> _Claims:
        """The same, with room for what the rounding of intermediate numbers does to the gradient."""
        more = inherited(here.output)
        return self._replace(slack=[s + more.get(x, 0.0) for s, x in zip(self.slack, here.coordinates)])


def _gradient(recording: Recording) -> list[float]:
    adjoints = sweep(recording.output)
    return [adjoints.get(x, 0.0) + 0.0 for x in recording.coordinates]


def _claims(subject: Subject, recording: Recording) -> _Claims:
    gradient, errors = _gradient(recording), rounding(recording.output)
    slack = [errors.derivatives.get(x, 0.0) for x in recording.coordinates]
    slack = [s if math.isfinite(g) else 0.0 for g, s in zip(gradient, slack)]
    return _Claims(gradient, slack, max(subject.noise, errors.value))


def _judged(subject: Subject, here: Recording, directions: int) -> tuple[_Claims, list[Derivative]]:
    """The claims at the point, with as much room as they need, and the verdicts of differences on them."""
    judge_all = partial(_along, directions=directions) if directions else _by_coordinate
    claims = _claims(subject, here)
    found = judge_all(subject, here, claims)
    if any(d.status == "differs" for d in found):
        claims = claims.loosened(here)
        found = judge_all(subject, here, claims)
    return claims, found


def _beside(subject: Subject) -> Subject | None:
    """The same at a point beside, if there is a value: derivatives of the next order are differences of these.

    So they prove nothing if a rule is right at the point alone, as -2 * x is for the square of x at 0.
    """
    for part in (32.0, -32.0, 1.0, -1.0):
        numbers = tuple(x + part * weight(k) * steps(x)[0] for k, x in enumerate(subject.numbers))
        if math.isfinite(subject.value_or_nan(numbers)):
            return replace(subject, numbers=numbers, recorded=None)
    return None


def _wrong_at(subject: Subject, directions: int) -> list[Derivative]:
    """The derivatives that are wrong there."""
    _, judged = _judged(subject, subject.here, directions)
    return [d for d in (_unless_proven(subject, d) for d in judged) if d.status == "differs"]


def _by_coordinate(subject: Subject, here: Recording, claims: _Claims) -> list[Derivative]:
    found = list(_check_order(subject, here, claims))
    return found + list(across(_neighbourhood(subject, claims), subject.names, claims.gradient, claims.slack, found))


def _along(subject: Subject, here: Recording, claims: _Claims, directions: int) -> list[Derivative]:
    near, graph = _neighbourhood(subject, claims), Replay(here)

    def line(direction: Sequence[float]) -> Line:
        return graph.line(near.line(direction, near.point), direction, near.point)

    return along(line, claims.gradient, claims.slack, subject.numbers, claims.noise, directions, order=subject.order)


def _rate(subject: Subject, here: Recording, claims: _Claims) -> float:
    """How fast Taylor's remainder shrinks along one direction."""
    near, direction = _neighbourhood(subject, claims), taylor_direction(subject.numbers)
    slope = inner(claims.gradient, direction)
    moved = EPSILON * math.hypot(*(g * x for g, x in zip(claims.gradient, subject.numbers)))
    if not math.isfinite(slope):
        return math.nan
    line = Replay(here).line(near.line(direction, near.point), direction, near.point)
    return taylor_rate(line, here.output.data, slope, claims.noise + 2 * moved)


def _check_order(subject: Subject, here: Recording, claims: _Claims) -> Iterator[Derivative]:
    cornered = bool(at_kink(here.nodes))
    for position, x in enumerate(subject.numbers):
        line = cache(subject.line(position))
        claimed, slack = claims.gradient[position], claims.slack[position]
        likely = steps(x)[0]
        found = confirming(claimed, slack, likely_estimates(line, x, likely, claims.noise))
        if found is not None and not cornered:
            yield derivative(subject.names[position], x, claimed, Verdict("agrees", found), order=subject.order)
        else:
            yield on_appeal(_Coordinate(subject, here, position, claims, line).check(likely), line, slack, claims.noise)


def _neighbourhood(subject: Subject, claims: _Claims) -> Neighbourhood:
    return Neighbourhood(subject.value_or_nan, subject.numbers, claims.noise)


class _Coordinate:
    """A closer look at one coordinate: for kinks around the point, comparing on the smooth pieces that they leave."""

    def __init__(self, subject: Subject, here: Recording, position: int, claims: _Claims, line: Line) -> None:
        self.subject, self.here, self.position, self.claims, self.line = subject, here, position, claims, line
        self.x, self.name, self.order = subject.numbers[position], subject.names[position], subject.order
        self.claimed, self.slack = claims.gradient[position], claims.slack[position]

    def check(self, likely: float) -> Derivative:
        x, line, noise = self.x, self.line, self.claims.noise
        below, above = piece(self._nodes, x, -likely), piece(self._nodes, x, likely)
        found = [p for p in (below, above) if p.why and p.end > 4 * p.start]  # else it is no piece: all changes always
        if not found:
            verdict = judge(self.claimed, self.slack, central_estimates(line, x, noise))
            return self._line(verdict) if verdict.status == "agrees" else self._undeclared(verdict, likely)
        kink = _kink(line, x, self.claims, self.position, below, above)
        if below.start == 0 and above.start == 0:
            verdict = judge(self.claimed, self.slack, _within(line, x, noise, below.end, above.end))
            if verdict.status != "unresolved":
                return self._line(verdict, kink)
            return worst(list(self._beside(kink, (below, above))))
        slopes = slopes_at(line, x, noise, size=abs(self.claimed))
        if not slopes.sides:
            return self._line(Verdict("unresolved", None), kink)
        left, right = (math.nan if side is None else side.slope for side in (slopes.left, slopes.right))
        kink = replace(kink, left=left, right=right)
        here = self._at_slopes(slopes, kink)
        return worst([here, *(d for d in self._beside(kink, (below, above)) if d.status == "differs")])

    def _nodes(self, u: float) -> Sequence[Any]:
        try:
            return self.subject.record(self.subject.moved(self.position, u)).nodes
        except NO_VALUE:
            return ()

    def _line(self, verdict: Verdict, kink: Kink | None = None) -> Derivative:
        return derivative(self.name, self.x, self.claimed, verdict, kink, self.order)

    def _at_slopes(self, slopes: Slopes, kink: Kink, found: Found | None = None) -> Derivative:
        found = found or self._beside_the_line(slopes) or between(self.claimed, self.slack, slopes)
        if found.status == "differs" and self._jumps_to_infinity(slopes):
            found = found._replace(status="unresolved")
        return at_slopes(self.name, self.x, found, kink, max(side.bound for side in slopes.sides), self.order)

    def _jumps_to_infinity(self, slopes: Slopes) -> bool:
        """Whether the claim is the infinite slope from the value here to those beside it, as for x**1e-300 at 0."""
        if not math.isinf(self.claimed):
            return False
        here, noise = self.line(self.x), 64 * self.claims.noise
        jumps = [
            sign * (limit(self.line, self.x, sign * side.step) - here)
            for sign, side in ((-1.0, slopes.left), (1.0, slopes.right))
            if side is not None
        ]
        return any(abs(jump) > noise and jump * self.claimed > 0 for jump in jumps)

    def _beside_the_line(self, slopes: Slopes) -> Found | None:
        count = len(self.subject.numbers)
        if count < 2:
            return None
        unit = [float(k == self.position) for k in range(count)]
        return beside(_neighbourhood(self.subject, self.claims), unit, self.claimed, self.slack, slopes)

    def _undeclared(self, verdict: Verdict, likely: float) -> Derivative:
        """The verdict where no primitive or branch declares a kink or the end of a domain, but slopes may show one."""
        slopes = slopes_at(self.line, self.x, self.claims.noise, size=abs(self.claimed))
        if slopes.sides and not slopes.smooth:
            why = undeclared_kink(self.here.nodes)
            return self._at_slopes(slopes, kink_of_slopes(self.x, likely, self.claimed, slopes, why=why))
        found = self._beside_the_line(slopes) if slopes.sides and math.isfinite(self.claimed) else None
        if found is None:
            return self._line(verdict)
        kink = kink_of_slopes(self.x, likely, self.claimed, slopes, why="slopes beside the line")
        return self._at_slopes(slopes, kink, found)

    def _beside(self, kink: Kink, pieces: tuple[Piece, Piece]) -> Iterator[Derivative]:
        """At a kink there is no derivative to compare: compare in the middle of the piece on either side as well."""
        for sign, side in zip((-1.0, 1.0), pieces):
            there = self.x + sign * (side.start + side.end) / 2
            try:
                recording = self.subject.record(self.subject.moved(self.position, there))
            except NO_VALUE:
                continue
            claims = _claims(self.subject, recording)
            found = self._at(there, claims, (side.end - side.start) / 2, kink)
            if found.status == "differs":
                found = self._at(there, claims.loosened(recording), (side.end - side.start) / 2, kink)
            yield found

    def _at(self, there: float, claims: _Claims, reach: float, kink: Kink) -> Derivative:
        """The verdict at another place."""
        claimed, slack = claims.gradient[self.position], claims.slack[self.position]
        verdict = judge(claimed, slack, central_estimates(self.line, there, claims.noise, reach))
        found = derivative(self.name, there, claimed, verdict, kink, self.order)
        return on_appeal(found, self.line, slack, claims.noise)


def _within(line: Line, x: float, noise: float, below: float, above: float) -> Iterator[Estimate | None]:
    """Differences on the wider side of the point, then central ones as far as the nearer kink lets them."""
    side = above if above > below else -below
    yield from (one_sided(line, x, side / 8**k, noise) for k in range(6))
    yield from islice(central_estimates(line, x, noise, min(below, above)), 4)


def _kink(line: Line, x: float, claims: _Claims, position: int, below: Piece, above: Piece) -> Kink:
    nearest = min((p for p in (below, above) if p.why), key=lambda p: abs(p.at - x))
    reach = max(below.end, above.end, abs(nearest.at - x)) / 2
    left, right = (_slope(line, nearest.at, sign * reach, claims.noise) for sign in (-1.0, 1.0))
    distance, interval = nearest.at - x, (x - below.end, x + above.end)
    return Kink(nearest.why, distance, claims.gradient[position], left, right, interval)


def _slope(line: Line, x: float, step: float, noise: float) -> float:
    """The derivative from one side."""
    candidates = [one_sided(line, x, step / 4**k, noise) for k in range(6)]
    found = [estimate for estimate in candidates if estimate is not None]
    return min(found, key=lambda e: e.bound).derivative + 0.0 if found else math.nan


def _forward_against_reverse(here: Recording, claims: _Claims) -> Fault | None:
    """The derivative along one direction, by both modes: they add up the same products in opposite order."""
    weights = [weight(k) for k in range(len(here.coordinates))]
    seeds = dict(zip(here.coordinates, weights))
    forward, backward = push_forward(here.output, seeds), inner(claims.gradient, weights)
    slack = inner(claims.slack, weights) + lost_forward(here.output, seeds)
    if not math.isfinite(forward) or not math.isfinite(backward) or not abs(forward - backward) > slack:
        return None
    return Fault(
        f"forward mode gives {forward!r} along a direction where reverse mode gives {backward!r}; "
        f"rounding explains {slack:.2g}"
    )
