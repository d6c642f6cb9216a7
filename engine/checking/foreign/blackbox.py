"""Check the gradient of any code: functions of floats, lists, arrays and trees of them, known only by their values.

Steps, bounds and report are those of the check of graphs. Without a graph, a kink shows as slopes on both sides that
disagree: there the claim must lie between them, and is compared a little beside the point as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from ...ieee import inner
from ..directional import along, random_directions, slope_along
from ..entries import across, at_slopes, between, derivative, kink_of_slopes, on_appeal, rounding_of, slack_of
from ..estimates.appeal import seen_from_afar
from ..estimates.clarke import Found, beside
from ..estimates.differences import (
    Line,
    central_estimates,
    grain,
    likely_estimates,
    measured_noise,
    power_of_two,
    steps,
)
from ..estimates.slopes import Slopes, slopes_at
from ..estimates.taylor import looks_wrong, taylor_direction, taylor_rate
from ..estimates.verdicts import Verdict, confirming, judge, resolution
from ..report import Derivative, Kink, Report, worst
from ..subject import name_of, require_repeatable, require_same_gradient, weight
from .claimed import Claimed, described
from .claims import Forward, Reverse
from .points import pasted

__tracebackhide__ = True  # pytest then shows the user's own lines

_WIDE = 512.0  # kinks this much closer than the likeliest step look to wide steps as if at the point


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
        directions: along how many random directions to compare; 0: along every coordinate.
        noise: how far a value of `f` may be off, besides rounding.
        jvp: a function called with the arguments of `f` and a direction for each; it gives the slope of each number
            that `f` gives.

    Raises:
        TypeError: something is neither a real number nor an array of floats.
        ValueError: `f` is not deterministic or not finite at the point; `grad` or `jvp` is not deterministic, or gives
            too few or too many numbers.

    >>> report = check_callable(lambda x: x[0] * x[1] ** 2, [2.0, 3.0], grad=lambda x: [x[1] ** 2, x[0] * x[1]])
    >>> [d.name for d in report.wrong]
    ['x[1]']
    """
    checked = claims_of(f, point, grad, jvp, noise)
    found: list[Derivative] = []
    for claimed in checked:
        found += _by_direction(claimed, directions) if directions else _by_coordinate(claimed)
    claimed = checked[0]
    numbers = claimed.point.numbers
    require_repeatable(lambda: claimed.at(claimed.point.placed(numbers)), noise, len(numbers))
    for each in checked if not noise else ():
        require_same_gradient(each.claimed_again, len(numbers))
    rate = math.nan if any(d.kink is not None for d in found) else _rate(claimed)
    if looks_wrong(rate) and not directions:
        found += [d for output in range(len(claimed.values)) for d in _across(claimed, output, found, everywhere=True)]
    if looks_wrong(rate) and not any(d.status == "differs" or d.excluded for d in found):
        rate = math.nan  # its steps are too wide for a function that turns fast
    return Report(title_of(claimed), tuple(found), point=written(claimed), directions=directions, rate=rate)


def _by_coordinate(claimed: Claimed) -> list[Derivative]:
    found: list[Derivative] = []
    outputs = len(claimed.values)
    for index, name in enumerate(claimed.point.names):
        probe = _Probe(claimed, index)
        found += [probe.check(claimed.name(name, k), k) for k in range(outputs)]
    for output in range(outputs):
        found += _across(claimed, output, found)
    return found


def _by_direction(claimed: Claimed, directions: int) -> list[Derivative]:
    if isinstance(claimed.by, Forward):
        return list(_forward_along(claimed, directions))
    found: list[Derivative] = []
    for output, gradient in enumerate(claimed.jacobian):
        near = claimed.neighbourhood(output)
        slack = [rounding_of(claim, near.epsilon) for claim in gradient]
        line = claimed.line(output)
        suffix = claimed.name("", output)
        found += along(line, gradient, slack, near.point, near.noise, directions, near.epsilon, suffix=suffix)
    return found


def _forward_along(claimed: Claimed, directions: int) -> Iterator[Derivative]:
    """The same if each slope is claimed by a call of its own."""
    for number, direction in enumerate(random_directions(len(claimed.point.numbers), directions), 1):
        for output, slope in enumerate(claimed.slopes(direction)):
            near, name = claimed.neighbourhood(output), claimed.name(f"direction {number}", output)
            slack = rounding_of(slope, near.epsilon)
            line = claimed.line(output)(direction)
            yield slope_along(name, line, (slope, slack), near.point, near.noise, near.epsilon)


def _rate(claimed: Claimed) -> float:
    """How fast Taylor's remainder shrinks; for several outputs, that of a sum with fixed weights."""
    weights = [weight(k) for k in range(len(claimed.values))]
    direction = taylor_direction(claimed.point.numbers)
    line = claimed.point.line(direction)

    def total(numbers: Sequence[float]) -> float:
        return inner(weights, numbers)

    slopes = claimed.slopes(direction)
    if isinstance(claimed.by, Forward):
        terms = math.hypot(*slopes)
    else:
        terms = math.hypot(*(g * x for row in claimed.jacobian for g, x in zip(row, claimed.point.numbers)))
    if not all(map(math.isfinite, slopes)):
        return math.nan
    size = total([*map(abs, claimed.values)]) + 2 * terms
    noise = max(claimed.noise, max(claimed.point.epsilons) * size)
    return taylor_rate(lambda t: total(claimed.at(line(t))), total(claimed.values), total(slopes), noise)


def claims_of(
    f: Callable[..., Any],
    point: Any,
    grad: Callable[..., Any] | None,
    jvp: Callable[..., Any] | None,
    noise: float,
) -> list[Claimed]:
    """The function at the point with each kind of claim, `grad` and `jvp`; what cannot be checked is refused here."""
    for code in (f, *(code for code in (grad, jvp) if code is not None)):
        if not callable(code):
            raise TypeError(f"check_gradients() takes functions, got {code!r} of type {type(code).__name__}")
    arguments = point if isinstance(point, tuple) else (point,)
    by: list[Reverse | Forward] = [Reverse(grad)] if grad is not None else []
    by += [Forward(jvp)] if jvp is not None else []
    return [Claimed(f, each, arguments, noise) for each in by]


def title_of(claimed: Claimed) -> str:
    """What was checked, in one line."""
    return f"{name_of(claimed.f)} at {', '.join(map(described, claimed.point.arguments))}"


def written(claimed: Claimed) -> str:
    """The point as Python to paste, so that a failure can be repeated."""
    return ", ".join(map(pasted, claimed.point.arguments))


class _Probe:
    """One coordinate: the functions along it, each evaluated once at any place."""

    def __init__(self, claimed: Claimed, index: int) -> None:
        self.claimed, self.index = claimed, index
        self.x, self.epsilon = claimed.point.numbers[index], claimed.point.epsilons[index]
        self.known: dict[float, list[float]] = {}

    def line(self, output: int) -> Line:
        claimed, index, known = self.claimed, self.index, self.known

        def value(u: float) -> float:
            if u not in known:
                known[u] = claimed.at(claimed.point.moved(index, u))
            return known[u][output]

        return value

    def check(self, name: str, output: int) -> Derivative:
        x, line, epsilon = self.x, self.line(output), self.epsilon
        value, claim = self.claimed.values[output], self.claimed.jacobian[output][self.index]
        noise = max(self.claimed.noise, 4 * epsilon * abs(value))
        slack = slack_of(claim, epsilon)
        likely = steps(x, epsilon=epsilon)[0]
        sharp = confirming(claim, slack, likely_estimates(line, x, likely, noise), epsilon)
        straight = sharp is not None and not _bent(line, x, value, likely / 4, noise, claim)
        grid = 0.0 if straight and sharp and not sharp.flat else grain(line, x)
        hidden = claim == 0 and (grid > 0 or _hides(line, x, value, noise, epsilon))
        if straight and sharp and not (sharp.flat and hidden):
            return derivative(name, x, claim, Verdict("agrees", sharp))
        judged = self._judged(name, output, max(noise, measured_noise(line, x, epsilon), grid), grid > 0 or hidden)
        found = on_appeal(judged, line, slack, max(noise, grid), epsilon)
        afar = seen_from_afar(line, x, max(noise, grid), epsilon) if claim == 0 and found.status == "agrees" else None
        if afar is None or abs(afar.derivative) <= 2 * afar.bound:
            return found
        return derivative(name, x, claim, Verdict("unresolved", afar))  # stairs: flat, and steep from afar

    def _judged(self, name: str, output: int, noise: float, coarse: bool) -> Derivative:
        """The verdict where the first estimates did not confirm the claim."""
        x, line, epsilon = self.x, self.line(output), self.epsilon
        claim = self.claimed.jacobian[output][self.index]
        slack = slack_of(claim, epsilon)
        likely = steps(x, epsilon=epsilon)[0]
        wide = slopes_at(line, x, noise, epsilon, abs(claim), likely / _WIDE)
        fine = slopes_at(line, x, noise, epsilon, abs(claim))
        if not fine.sides:
            return derivative(name, x, claim, Verdict("unresolved", None))
        if not fine.smooth:
            here = self._at_kink(name, output, claim, slack, fine, kink_of_slopes(x, likely, claim, fine))
        else:
            here = self._smooth(name, output, claim, slack, noise, fine, wide, coarse)
        if wide.smooth or not wide.sides:
            return here
        kink = here.kink or kink_of_slopes(x, likely, claim, wide)
        around = self._beside(name, output, noise, likely, kink)
        return worst([here, *(d for d in around if d.status == "differs")])

    def _smooth(
        self,
        name: str,
        output: int,
        claim: float,
        slack: float,
        noise: float,
        fine: Slopes,
        wide: Slopes,
        coarse: bool,
    ) -> Derivative:
        """The verdict where there is one slope, with a kink close by or none."""
        x, line, epsilon = self.x, self.line(output), self.epsilon
        likely = steps(x, epsilon=epsilon)[0]
        near = min(side.reach for side in fine.sides)
        reach = math.inf if wide.smooth else near
        candidates = chain(central_estimates(line, x, noise, reach, epsilon), fine.estimates)
        verdict = judge(claim, slack, candidates, epsilon, coarse)
        if verdict.status == "differs" and fine.spans(claim):
            verdict = verdict._replace(status="unresolved")
        if not wide.smooth and wide.sides:
            kink = kink_of_slopes(x, likely, claim, wide, math.copysign(min(near, likely), _nearer(fine)))
            if wide.apart and verdict.status == "unresolved" and wide.status(claim, slack) == "differs":
                return self._at_kink(name, output, claim, slack, wide, kink)
            return derivative(name, x, claim, verdict, kink)
        if verdict.status != "agrees" and len(self.claimed.point.numbers) > 1 and math.isfinite(claim):
            around = replace(self.claimed.neighbourhood(output), noise=noise)
            found = beside(around, self._unit(), claim, slack, fine)
            if found is not None:
                kink = Kink("slopes beside the line", 0.0, claim, found.low, found.high, (x - likely, x + likely))
                return at_slopes(name, x, found, kink, max(side.bound for side in fine.sides))
        return derivative(name, x, claim, verdict)

    def _at_kink(self, name: str, output: int, claim: float, slack: float, slopes: Slopes, kink: Kink) -> Derivative:
        """The verdict at a kink, a jump, or the end of a domain."""
        bound = max(side.bound for side in slopes.sides)
        found: Found | None = None
        if len(self.claimed.point.numbers) > 1:
            found = beside(self.claimed.neighbourhood(output), self._unit(), claim, slack, slopes)
        if found is None:
            found = between(claim, slack, slopes)
        return at_slopes(name, self.x, found, kink, bound)

    def _unit(self) -> list[float]:
        return [float(k == self.index) for k in range(len(self.claimed.point.numbers))]

    def _beside(self, name: str, output: int, noise: float, likely: float, kink: Kink) -> Iterator[Derivative]:
        """The claims a little below and above the kink, where the function is smooth."""
        line, epsilon = self.line(output), self.epsilon
        for there in (self.x - likely / 2, self.x + likely / 2):
            if not math.isfinite(line(there)):
                continue
            jacobian = self.claimed.claims(self.claimed.point.moved(self.index, there))
            claim = jacobian[output][self.index]
            slack = slack_of(claim, epsilon)
            candidates = central_estimates(line, there, noise, likely / 2, epsilon)
            found = derivative(name, there, claim, judge(claim, slack, candidates, epsilon), kink)
            yield on_appeal(found, line, slack, noise, epsilon)


def _across(
    claimed: Claimed, output: int, found: Sequence[Derivative], everywhere: bool = False
) -> Iterator[Derivative]:
    gradient, near = claimed.jacobian[output], claimed.neighbourhood(output)
    slack = [slack_of(claim, near.epsilon) for claim in gradient]
    outputs = len(claimed.values)
    own = found[output : len(gradient) * outputs : outputs]
    yield from across(near, claimed.point.names, gradient, slack, own, claimed.name("", output), everywhere)


def _nearer(slopes: Slopes) -> float:
    """The side that needed the finer steps."""
    left, right = slopes.sides
    return -1.0 if left.reach < right.reach else 1.0


def _bent(line: Line, x: float, value: float, step: float, noise: float, slope: float) -> bool:
    """Whether the second difference halves with the step, as at a kink, where that of a smooth function quarters."""
    wide, narrow = (abs(line(x + h) - 2 * value + line(x - h)) for h in (step, step / 2))
    return narrow > 0.4 * wide and narrow > max(16 * noise, 1e-6 * step * abs(slope))


def _hides(line: Line, x: float, value: float, noise: float, epsilon: float) -> bool:
    """Whether equal values near the point may hide a slope: one within rounding that a wide step shows to be large."""
    width = max(power_of_two(abs(x)) if x else 0.0, 2.0**-10) / math.sqrt(2)
    moved = [abs(far - value) for far in (line(x + width), line(x - width)) if math.isfinite(far)]
    slope = max(moved, default=0.0) / width
    return 0 < resolution(epsilon) * slope < 16 * noise / steps(x, epsilon=epsilon)[0]
