"""The check of a function of Values: differences of its values, clear of kinks, and the culprit of what is wrong.

Each derivative is judged by differences whose error is computed (`differences`), on the smooth piece around the
point (`kinks`); forward mode is compared with reverse mode; what differences cannot resolve is settled primitive by
primitive (`culprits`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from ..backprop import local_derivatives, sweep
from ..functional import _push
from ..value import Value
from . import oracle
from .differences import Estimate, Line, Verdict, central, judge, one_sided, steps
from .faults import audit, find_culprit
from .kinks import Piece, at_kink, piece
from .report import Derivative, Fault, Kink, Report
from .rounding import rounding
from .subject import Recording, Subject, weight

_UNDERFLOW = 1e-200  # products of tiny numbers vanish in one order of factors and not in the other


def check_subject(subject: Subject, order: int) -> Report:
    """The check itself, order by order; a fault ends it, as what is built on it would be wrong too."""
    derivatives: list[Derivative] = []
    notes: list[str] = []
    for each in (subject.of_order(k) for k in range(1, order + 1)):
        here = each.record(each.numbers)
        found = list(_check_order(each, here))
        derivatives += found
        faults: list[Fault] = []
        wrong = [d for d in found if d.status == "differs"]
        faults = [find_culprit(each, wrong[0])] if wrong else []
        if not wrong:
            blind = any(d.status == "unresolved" for d in found)
            faults = [fault for fault in [audit(here.nodes if blind else _flat(here.nodes))] if fault is not None]
            if blind and not faults:
                digits = f"{oracle.DIGITS} digits" if oracle.available() else "differences (with mpmath: 50 digits)"
                notes.append(
                    f"differences lack the digits to confirm some derivatives of order {each.order}; "
                    f"each primitive's own local derivative was compared with {digits} and agrees"
                )
        if not faults:
            faults = [fault for fault in [_forward_against_reverse(each, here)] if fault is not None]
        if faults:
            return Report(subject.title, tuple(derivatives), tuple(faults), tuple(notes))
    return Report(subject.title, tuple(derivatives), (), tuple(notes))


def _flat(nodes: Iterable[Value]) -> list[Value]:
    """The nodes with a local derivative of exactly 0, which may stand for one too small for differences to see."""
    return [node for node in nodes if any(d == 0 for d in local_derivatives(node))]


class _Claims(NamedTuple):
    """The engine's gradient at one point, its own rounding, and that of the value."""

    gradient: list[float]
    slack: list[float]
    noise: float


def _claims(recording: Recording) -> _Claims:
    adjoints, errors = sweep(recording.output), rounding(recording.output)
    return _Claims(
        [adjoints.get(x, 0.0) + 0.0 for x in recording.coordinates],
        [errors.derivatives.get(x, 0.0) for x in recording.coordinates],
        errors.value,
    )


def _check_order(subject: Subject, here: Recording) -> Iterator[Derivative]:
    claims = _claims(here)
    cornered = bool(at_kink(here.nodes))
    for position, x in enumerate(subject.numbers):
        line = subject.line(position)
        claimed, slack = claims.gradient[position], claims.slack[position]
        likely = steps(x)[0]
        verdict = judge(claimed, slack, (central(line, x, likely, claims.noise, levels) for levels in (2, 4)))
        if verdict.status == "agrees" and not cornered:
            yield _derivative(subject, position, x, claimed, verdict, None)
        else:
            yield _check_closely(subject, position, claims, likely)


def _check_closely(subject: Subject, position: int, claims: _Claims, likely: float) -> Derivative:
    """Look for kinks around the point, and compare on the smooth pieces that they leave."""
    x, line = subject.numbers[position], subject.line(position)
    claimed, slack, noise = claims.gradient[position], claims.slack[position], claims.noise

    def nodes(u: float) -> Sequence[Any]:
        return subject.record(subject.moved(position, u)).nodes

    below, above = piece(nodes, x, -likely), piece(nodes, x, likely)
    found = [p for p in (below, above) if p.why and p.end > 4 * p.start]  # else it is no piece: all changes always
    if not found:
        verdict = judge(claimed, slack, _central(line, x, noise))
        return _derivative(subject, position, x, claimed, verdict, None)
    kink = _kink(line, x, claims, position, below, above)
    if below.start == 0 and above.start == 0:
        verdict = judge(claimed, slack, _within(line, x, noise, below.end, above.end))
        if verdict.status != "unresolved":
            return _derivative(subject, position, x, claimed, verdict, kink)
    return _check_beside(subject, position, kink, (below, above))


def _check_beside(subject: Subject, position: int, kink: Kink, pieces: tuple[Piece, Piece]) -> Derivative:
    """At a kink there is no derivative to compare: compare in the middle of the piece on either side."""
    x, line = subject.numbers[position], subject.line(position)
    found: list[Derivative] = []
    for sign, side in zip((-1.0, 1.0), pieces):
        beside = x + sign * (side.start + side.end) / 2
        reach = (side.end - side.start) / 2
        recording = subject.record(subject.moved(position, beside))
        claims = _claims(recording)
        verdict = judge(claims.gradient[position], claims.slack[position], _central(line, beside, claims.noise, reach))
        found.append(_derivative(subject, position, beside, claims.gradient[position], verdict, kink))
    return min(found, key=lambda d: ("differs", "unresolved", "agrees").index(d.status))


def _central(line: Line, x: float, noise: float, reach: float = math.inf) -> Iterator[Estimate | None]:
    return (central(line, x, step, noise) for step in steps(x, reach))


def _within(line: Line, x: float, noise: float, below: float, above: float) -> Iterator[Estimate | None]:
    """Differences on the wider side of the point, then central ones as far as the nearer kink lets them."""
    side = above if above > below else -below
    yield from (one_sided(line, x, side / 8**k, noise) for k in range(6))
    yield from islice(_central(line, x, noise, min(below, above)), 4)


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


def _derivative(
    subject: Subject, position: int, at: float, claimed: float, verdict: Verdict, kink: Kink | None
) -> Derivative:
    estimate = verdict.estimate or Estimate(math.nan, math.inf, 0.0, 0.0)
    name = subject.names[position]
    return Derivative(name, subject.order, at, claimed, estimate.derivative, estimate.bound, verdict.status, kink)


def _forward_against_reverse(subject: Subject, here: Recording) -> Fault | None:
    """The derivative along one direction, by both modes: they add up the same products in opposite order."""
    claims = _claims(here)
    direction = {x: weight(k) for k, x in enumerate(here.coordinates)}
    forward = _push(here.output, dict(direction))
    backward = math.fsum(d * weight(k) for k, d in enumerate(claims.gradient))
    slack = math.fsum(s * weight(k) for k, s in enumerate(claims.slack))
    if not math.isfinite(forward) or not math.isfinite(backward) or abs(forward - backward) <= slack + _UNDERFLOW:
        return None
    return Fault(
        f"forward mode gives {forward!r} along a direction where reverse mode gives {backward!r}; "
        f"rounding explains {slack:.2g}"
    )
