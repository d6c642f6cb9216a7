"""Check the gradient of any code: functions of floats, lists, arrays and trees of them, known only by their values.

Steps, bounds and report are those of the check of graphs. Without a graph, a kink shows as slopes on both sides that
disagree: there the claim must lie between them, and is compared a little beside the point as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

from ...ieee import inner
from ...numbers import shortened
from ..claim import Claim, in_turn
from ..directional import Gradient, direction_name, random_directions, slope_along
from ..estimates.differences import Line, power_of_two
from ..estimates.noise import measured_noise
from ..estimates.slopes import Slopes
from ..estimates.stairs import on_stairs
from ..estimates.taylor import looks_wrong, taylor_direction, taylor_rate
from ..estimates.turning import BY_FLOATS, climbs_by_floats
from ..estimates.verdicts import Verdict
from ..report import Derivative, Kink, Report, contradicted, worst
from ..subject import name_of, require_repeatable, require_same_gradient, weight
from .function import ForeignFunction, described
from .modes import Forward, Reverse
from .points import pasted

__tracebackhide__ = True  # pytest then shows the user's own lines

_WIDE = 512.0  # kinks this much closer than the likeliest step look to wide steps as if at the point
_FAR = 64.0  # claims are also compared beside the point, up to this many times as far away as the kink
# By turns, of the directions in a sum: with unlike signs and with like ones, since either alone may hide an error;
# powers of two are exact.
_FACTORS = ((-0.5, 0.25), (-0.5, -0.25))


def check_callable(
    f: Callable[..., Any],
    point: Any,
    grad: Callable[..., Any] | None = None,
    directions: int = 0,
    noise: float = 0.0,
    jvp: Callable[..., Any] | None = None,
) -> Report:
    """Compare ``grad(point)``, or ``jvp(point, direction)``, with finite differences; see `check_gradients`.

    Args:
        f: a function that gives a number, or several in a list or array of any shape.
        point: the argument of `f`: a float, list or array, or dicts, lists and tuples of these; a tuple of several of
            these if `f` takes several arguments.
        grad: a function called like `f` that gives the derivatives in the shape of the point (a tuple for several
            arguments). If `f` gives several numbers, it gives the Jacobian: the derivatives of each number in turn.
        directions: the number of random directions to compare along; 0: along every coordinate.
        noise: how far a value of `f` may be off, besides rounding.
        jvp: a function called with the arguments of `f` and a direction for each; it gives the slope of each number
            that `f` gives.

    Raises:
        TypeError: something is neither a real number nor an array of floats.
        ValueError: `f` is not deterministic or not finite at the point; `grad` or `jvp` is not deterministic, or gives
            too few or too many numbers, or an array of another shape.

    >>> report = check_callable(lambda x: x[0] * x[1] ** 2, [2.0, 3.0], grad=lambda x: [x[1] ** 2, x[0] * x[1]])
    >>> [d.name for d in report.wrong]
    ['x[1]']
    """
    checked = _checked(f, point, grad, jvp, noise)
    found: list[Derivative] = []
    for function in checked:
        verdicts = _by_direction(function, directions) if directions else _by_coordinate(function)
        found += [*verdicts, *_not_linear(function, directions, verdicts)]
    function = checked[0]
    numbers = function.point.numbers
    require_repeatable(lambda: function.at(function.point.placed(numbers)), len(numbers), noise)
    for each in checked if not noise else ():
        judged = [*chain.from_iterable(each.jacobian)] if isinstance(each.by, Reverse) else each.claims_again()
        require_same_gradient(judged, each.claims_again, len(numbers))
    rate = math.nan if any(d.kink is not None or d.why for d in found) else _rate(function)
    if looks_wrong(rate) and not directions:
        found += _across(function, found, everywhere=True)
    if looks_wrong(rate) and not any(map(contradicted, found)):
        rate = math.nan  # its steps are too wide for a function that turns fast
    arguments = function.point.arguments
    title = f"{name_of(f)} at {', '.join(map(described, arguments))}"
    return Report(title, tuple(found), point=", ".join(map(pasted, arguments)), directions=directions, rate=rate)


def _by_coordinate(function: ForeignFunction) -> list[Derivative]:
    outputs = range(len(function.values))
    moved = [function.neighbourhood(output).moved_by_rounding(row) for output, row in zip(outputs, function.jacobian)]
    probes = (_Probe(function, index) for index in range(len(function.point.numbers)))
    found = list(in_turn(partial(probe.check, output, moved[output]) for probe in probes for output in outputs))
    return found + _across(function, found)


def _across(function: ForeignFunction, found: Sequence[Derivative], everywhere: bool = False) -> list[Derivative]:
    """Directions along which the slopes at kinks refute the claims, for each output in turn."""
    outputs, count = len(function.values), len(function.point.numbers) * len(function.values)
    each = (_gradient(function, k, _slack_of).across(found[k:count:outputs], everywhere) for k in range(outputs))
    return [*chain.from_iterable(each)]


def _by_direction(function: ForeignFunction, directions: int) -> list[Derivative]:
    if isinstance(function.by, Forward):
        return list(_forward_along(function, directions))
    outputs = range(len(function.values))
    each = (_gradient(function, k, _rounding_of).along(function.line(k), directions) for k in outputs)
    return [*chain.from_iterable(each)]


def _gradient(function: ForeignFunction, output: int, slack: Callable[[float, float], float]) -> Gradient:
    """The claimed gradient of one output."""
    near, claims = function.neighbourhood(output), function.jacobian[output]
    room = [slack(claim, near.epsilon) for claim in claims]
    return Gradient(near, function.point.names, claims, room, suffix=function.name("", output))


def _forward_along(function: ForeignFunction, directions: int) -> Iterator[Derivative]:
    """The verdicts along random directions, where each slope takes a call."""
    for number, direction in enumerate(random_directions(len(function.point.numbers), directions), 1):
        for output, slope in enumerate(function.slopes(direction)):
            near, name = function.neighbourhood(output), function.name(f"direction {number}", output)
            line = function.line(output)(direction)
            yield slope_along(name, near, direction, line, slope, _rounding_of(slope, near.epsilon))


def _not_linear(function: ForeignFunction, directions: int, found: Sequence[Derivative]) -> Iterator[Derivative]:
    """Wrong slopes that are not linear in the direction, as of a `jvp` that forgets to multiply by it.

    Along a linear combination of the compared directions the slope must be the same combination of their slopes, as
    well as these are known. If it is not, differences along it decide, since a function may have kinks that no other
    direction shows.
    """
    if not isinstance(function.by, Forward) or any(map(contradicted, found)):
        return
    count = len(function.point.numbers)
    axes = ([float(k == moved) for k in range(count)] for moved in range(count))
    compared = list(random_directions(count, directions) if directions else axes)
    for pair in _FACTORS[: len(compared)]:
        factors = [pair[k % 2] for k in range(len(compared))]
        refuted = [*_refuted_combination(function, compared, factors, found)]
        if refuted:
            yield from refuted
            return


def _refuted_combination(
    function: ForeignFunction,
    compared: Sequence[Sequence[float]],
    factors: Sequence[float],
    found: Sequence[Derivative],
) -> Iterator[Derivative]:
    """Claims along a linear combination of directions that differ from that of their slopes, and are refuted."""
    outputs = len(function.values)
    combined = [inner(factors, column) for column in zip(*compared)]
    for output, slope in enumerate(function.slopes(combined)):
        near, parts = function.neighbourhood(output), found[output : len(compared) * outputs : outputs]
        off = slope - inner(factors, [d.claimed for d in parts])
        room = inner([*map(abs, factors)], [d.bound + _slack_of(d.claimed, near.epsilon) for d in parts])
        if abs(off) <= room + _slack_of(slope, near.epsilon):
            continue
        name = function.name(direction_name(combined, function.point.names), output)
        line, slack = function.line(output)(combined), _rounding_of(slope, near.epsilon)
        entry = slope_along(name, near, combined, line, slope, slack)
        if entry.status != "agrees":
            yield replace(entry, direction=tuple(combined))


def _rounding_of(claim: float, epsilon: float) -> float:
    """A bound on the rounding of a claim; 0 if it is not finite, as none is known then."""
    return 8 * epsilon * abs(claim) if math.isfinite(claim) else 0.0


def _slack_of(claim: float, epsilon: float) -> float:
    """How far off a right claim may be where its formula cancels, as 1 - x*x does near 1."""
    return math.sqrt(epsilon) / 4 * abs(claim) if math.isfinite(claim) else 0.0


def _rate(function: ForeignFunction) -> float:
    """How fast Taylor's remainder shrinks; of several outputs, that of their sum with fixed weights."""
    weights = [weight(k) for k in range(len(function.values))]
    direction = taylor_direction(function.point.numbers)
    line = function.point.line(direction)

    def total(numbers: Sequence[float]) -> float:
        return inner(weights, numbers)

    slopes = function.slopes(direction)
    if isinstance(function.by, Forward):
        terms = math.hypot(*slopes)
    else:
        terms = math.hypot(*(g * x for row in function.jacobian for g, x in zip(row, function.point.numbers)))
    if not all(map(math.isfinite, slopes)):
        return math.nan
    size = total([*map(abs, function.values)]) + 2 * terms
    noise = max(function.noise, max(function.point.epsilons) * size)
    return taylor_rate(lambda t: total(function.at(line(t))), total(function.values), total(slopes), noise)


def _checked(
    f: Callable[..., Any],
    point: Any,
    grad: Callable[..., Any] | None,
    jvp: Callable[..., Any] | None,
    noise: float,
) -> list[ForeignFunction]:
    """The function at the point with each kind of claim, `grad` and `jvp`; it refuses what cannot be checked."""
    for name, code in (("f", f), ("grad=", grad), ("jvp=", jvp)):
        if not callable(code) and (code is not None or name == "f"):
            raise TypeError(
                f"{name} must be a function of the point, not its result: got {shortened(code)} of type "
                f"{type(code).__name__}"
            )
    arguments = point if isinstance(point, tuple) else (point,)
    by: list[Reverse | Forward] = [Reverse(grad)] if grad is not None else []
    by += [Forward(jvp)] if jvp is not None else []
    return [ForeignFunction(f, each, arguments, noise) for each in by]


class _Probe:
    """One coordinate: the outputs along it, evaluated at most once at any place."""

    def __init__(self, function: ForeignFunction, index: int) -> None:
        self.function, self.index = function, index
        self.known: dict[float, list[float]] = {}

    def line(self, output: int) -> Line:
        function, index, known = self.function, self.index, self.known

        def value(u: float) -> float:
            if u not in known:
                known[u] = function.at(function.point.moved(index, u))
            return known[u][output]

        return value

    def check(self, output: int, moved: float, closely: bool) -> Derivative:
        """The verdict on the claim about one output.

        Args:
            output: its position.
            moved: how far the rounding of the point's numbers moves it. Where large terms cancel, that is more than its
                own rounding; by this alone, all claims would go the long way.
            closely: whether to look closely.
        """
        function, index = self.function, self.index
        name = function.name(function.point.names[index], output)
        x, epsilon = function.point.numbers[index], function.point.epsilons[index]
        value, slope = function.values[output], function.jacobian[output][index]
        noise = max(function.noise, 4 * epsilon * abs(value))
        near = function.neighbourhood(output)
        line, slack = self.line(output), _slack_of(slope, epsilon)
        claim = Claim(name, line, x, slope, slack, noise, epsilon, near=near, direction=near.axis(index))
        bent = claim.bent(value)
        confirmed = replace(claim, noise=max(noise, moved)).confirmed(bent)
        if confirmed is not None:
            return confirmed
        claim = claim.on_grid()
        rough = replace(claim, noise=max(claim.noise, measured_noise(line, x, epsilon)))
        if not closely:
            return rough.glanced_at(bent)
        wide, fine = rough.slopes(claim.likely / _WIDE), rough.slopes()
        if not fine.sides:
            return claim.entry(Verdict("unresolved", None))
        here = claim.after_second_look(_judged(rough, wide, fine))
        others = [0.0 if k == index else each for k, each in enumerate(function.jacobian[output])]
        apart = near.moved_by_rounding(others)  # added to a large number, x may move without moving the sum
        if apart > claim.noise:
            here = replace(claim, noise=apart).after_second_look(here)
        if contradicted(here) and climbs_by_floats(line, x, slope, epsilon):
            return claim.entry(Verdict("unresolved", None, why=BY_FLOATS))
        if here.kink is None or not wide.singular:
            return here
        around = self._around(replace(rough, noise=max(rough.noise, apart)), output, here.kink, _reach(fine))
        return worst([here, *(d for d in around if d.status == "differs")])

    def _around(self, claim: Claim, output: int, kink: Kink, close: float) -> Iterator[Derivative]:
        """The claims a little below and above the kink, where the function is smooth; it is no closer than `close`."""
        own = power_of_two(abs(claim.at)) or math.inf
        reach = min(claim.likely, max(own, _FAR * close)) / 2  # far from a tiny number all may differ
        for there in (claim.at - reach, claim.at + reach):
            if math.isfinite(claim.line(there)):
                slope = self.function.claims(self.function.point.moved(self.index, there))[output][self.index]
                beside = replace(claim, at=there, slope=slope, slack=_slack_of(slope, claim.epsilon))
                yield beside.within(reach, kink)


def _judged(claim: Claim, wide: Slopes, fine: Slopes) -> Derivative:
    """The verdict by the slopes that wide and fine steps see.

    Args:
        claim: one that the likeliest differences do not confirm.
        wide: they may show a kink that is only close by.
        fine: the slopes at the point.
    """
    if not fine.smooth:
        stairs = on_stairs(claim.line, claim.at, claim.slope, claim.slack, claim.noise, claim.epsilon)
        return claim.at_kink(fine, claim.kink(fine)) if stairs is None else claim.entry(stairs)
    reach = _reach(fine) if wide.singular else math.inf
    verdict = claim.judged(chain(claim.differences(reach), fine.estimates))
    if not wide.singular:
        return claim.seen_closely(verdict, fine)
    kink = claim.kink(wide, math.nan)  # by wide steps alone, its place is not known
    return claim.entry(claim.unless_between(verdict, fine), kink)


def _reach(fine: Slopes) -> float:
    """How far the slope at the point holds, at least; 0 if there is none."""
    return min(side.reach for side in fine.sides) if fine.smooth else 0.0
