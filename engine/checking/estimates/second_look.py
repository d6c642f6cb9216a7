"""A second look, by the finest and the widest steps, at a claim that differences contradict.

Differences see only what their steps show: to the usual steps, x*x*sin(1/x) at 1e-9 is flat. So before a claim is
called wrong, steps are tried from the finest up, and those that agree with one another decide. Where they see stairs,
as of single precision inside a function, the claim may be the slope of these; then it stays unresolved.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from .differences import EPSILON, Estimate, Line, central, one_sided, power_of_two, steps, uneven
from .noise import noise_among_floats
from .stairs import on_stairs
from .thresholds import CLEAR, ENOUGH, EXPLAINED, SAFETY, TELLS, resolution
from .turning import turns_between_floats
from .verdicts import Verdict, agrees, resolved

BETWEEN_FLOATS = "values at neighbouring floats scatter like those of so steep a function"
BEYOND_FLOATS = "they overflow, as for a slope beyond the largest float"

_RATIO = 2.0
_WIDE = [2.0**k for k in (0, 2, 5, 7, 10, 12, 14, 16)]  # wide steps, as multiples of the likeliest


def second_look(
    f: Line, x: float, claimed: float, slack: float, expected: float, noise: float, epsilon: float = EPSILON
) -> Verdict | None:
    """The verdict of the finest steps, "unresolved" if wide ones support the claim, or None if nothing new is seen.

    Args:
        f: the function along a line.
        x: the point on the line.
        claimed: the claim.
        slack: how far off the claim may be by rounding.
        expected: the derivative that the differences gave.
        noise: how far off a value may be, by rounding alone: measured noise may be the function itself.
        epsilon: the relative spacing of the numbers that `f` takes.

    >>> f = lambda x: x * x * math.sin(1 / x)
    >>> second_look(f, 1e-9, 2e-9 * math.sin(1e9) - math.cos(1e9), 0.0, 0.0, 1e-33).status
    'unresolved'
    >>> second_look(f, 1e-9, 0.5, 0.0, 0.0, 1e-33).status
    'differs'
    """
    if not math.isfinite(claimed):
        return Verdict("unresolved", None, why=BEYOND_FLOATS) if _overflows(f, x, claimed, noise) else None
    apart = abs(claimed - expected) if math.isfinite(expected) else abs(claimed)
    if turns_between_floats(f, x, claimed, noise, epsilon):
        return Verdict("unresolved", None, why=BETWEEN_FLOATS)
    rough = max(noise, noise_among_floats(f, x, epsilon))
    best = _plateau(_finest_first(f, x, rough, TELLS * apart, epsilon), TELLS * apart)
    if best is not None and agrees(claimed, best, slack):
        sharp = resolved(claimed, best, resolution(epsilon), slack)
        return Verdict("agrees" if sharp else "unresolved", best)
    stairs = on_stairs(f, x, claimed, slack, noise, epsilon)
    if stairs is not None:
        return stairs
    afar = _seen_from_afar(f, x, noise, epsilon)
    if afar is not None and _may_be(afar, claimed, slack):
        return Verdict("unresolved", afar)
    return None if best is None else Verdict("differs", best)


def _overflows(f: Line, x: float, claimed: float, noise: float) -> bool:
    """Whether secants on both sides are infinite, as claimed, at steps that are small beside `x`."""
    step = abs(x) / 8
    below, here, above = (f(x + sign * step) for sign in (-1, 0, 1))
    return all(abs(d) > EXPLAINED * noise and d / step == claimed for d in (here - below, above - here))


def _finest_first(f: Line, x: float, noise: float, bound: float, epsilon: float) -> Iterator[Estimate]:
    """Estimates from the finest step up to the likeliest, except those that rounding alone makes too blunt."""
    likely = steps(x, epsilon=epsilon)[0]
    step = power_of_two(max(16 * epsilon * abs(x), likely * 2.0**-40 if x == 0 else 0.0))
    while 0 < step <= likely:
        if 2 * noise <= bound * step / 4:
            estimate = central(f, x, uneven(step, x), noise, levels=3, epsilon=epsilon)
            if estimate is not None:
                yield estimate
        step *= _RATIO


def _plateau(estimates: Iterator[Estimate], bound: float) -> Estimate | None:
    """The sharpest of the first run of estimates within the bound where each agrees with the one before."""
    run: list[Estimate] = []
    for estimate in estimates:
        close = bool(run) and abs(estimate.derivative - run[-1].derivative) <= estimate.bound + run[-1].bound
        if len(run) >= ENOUGH and (not close or estimate.bound > 16 * min(e.bound for e in run)):
            break
        run = [] if estimate.bound > bound else [*run, estimate] if close else [estimate]
    return min(_backed(run), key=lambda e: e.bound) if len(run) >= ENOUGH else None


def _backed(estimates: list[Estimate]) -> list[Estimate]:
    """The estimates, each no sharper than its distance to the nearest other: on a grid, some are right by chance."""
    found = []
    for k, estimate in enumerate(estimates):
        others = [abs(other.derivative - estimate.derivative) for other in estimates[:k] + estimates[k + 1 :]]
        found.append(estimate._replace(truncation=max(estimate.truncation, min(others, default=math.inf))))
    return found


def _seen_from_afar(f: Line, x: float, noise: float, epsilon: float = EPSILON) -> Estimate | None:
    """The slope that wide steps see, if the two clearest agree on it, and the two sides do at one step.

    >>> _seen_from_afar(lambda x: round(math.sin(x), 7), 1.0, 0.0).derivative
    0.5403...
    >>> _seen_from_afar(abs, 1e-9, 0.0) is None
    True
    """
    likely = power_of_two(steps(x, epsilon=epsilon)[0])
    wide = [uneven(likely * factor, x) for factor in _WIDE]
    found = [
        estimate for estimate in (central(f, x, step, noise, epsilon=epsilon) for step in wide) if estimate is not None
    ]
    clearest = sorted(_backed(found), key=lambda estimate: estimate.bound)[:2]
    if len(clearest) < 2:
        return None
    slope = clearest[0]
    clear = CLEAR * abs(slope.derivative)

    def is_slope(estimate: Estimate | None, clear: float) -> bool:
        return estimate is not None and estimate.bound <= clear and _may_be(estimate, slope.derivative, slope.bound)

    if not all(is_slope(estimate, TELLS * clear) for estimate in clearest):
        return None
    alike = any(all(is_slope(one_sided(f, x, sign * step, noise), clear) for sign in (1.0, -1.0)) for step in wide)
    return slope if alike else None


def _may_be(estimate: Estimate, slope: float, slack: float) -> bool:
    """Whether an estimate may be of this slope, with room for errors that it misses, as on a grid."""
    return abs(estimate.derivative - slope) <= SAFETY * estimate.truncation + 2 * estimate.rounding + slack
