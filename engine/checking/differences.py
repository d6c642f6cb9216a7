"""Derivatives from values alone: central differences, extrapolated, each with a bound of its own error.

A difference quotient has two errors: what the step leaves out, which shrinks with the step, and rounding, which
grows as the step shrinks. Richardson's extrapolation removes the first order by order, and the last order removed
says how much is left; rounding is the function's noise over the step. So the tolerance of a comparison is computed
and not guessed. See Ridders, Advances in Engineering Software 4 (1982) 75.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

Line = Callable[[float], float]
"""The function to differentiate, as a function of one coordinate."""

EPSILON = 2.0**-52
RESOLUTION = 1e-5  # an estimate decides when its bound is below this part of the derivative
SAFETY = 10.0  # an error that is estimated, not proven, is taken this many times
_ENOUGH = 3  # sharp estimates against a claim
_OCTAVES = (0, -4, 5, -8, 9, -12, 13, -16, -20, -24, -28, -32, -36)  # steps to try, the likeliest first


class Estimate(NamedTuple):
    """A derivative computed from values, and how far off it may be: by what the steps leave out, and by rounding."""

    derivative: float
    truncation: float
    rounding: float
    step: float

    @property
    def bound(self) -> float:
        """How far off the derivative may be."""
        return self.truncation + self.rounding

    @property
    def flat(self) -> bool:
        """Whether all values were equal."""
        return self.derivative == 0 and self.truncation == 0


class Verdict(NamedTuple):
    """How a claimed derivative compares with the best estimate of it.

    ``"unresolved"``: nothing contradicts the claim, but no step gives digits enough to confirm it.
    """

    status: Literal["agrees", "differs", "unresolved"]
    estimate: Estimate | None


def power_of_two(x: float) -> float:
    """The largest power of two that is not above `x`: steps of such lengths are exact.

    >>> power_of_two(10.0), power_of_two(0.3)
    (8.0, 0.25)
    """
    return 2.0 ** (math.frexp(x)[1] - 1)


def steps(x: float, reach: float = math.inf, epsilon: float = EPSILON) -> list[float]:
    """Steps for differences around `x` that stay within `reach` of it, the likeliest to do well first.

    They adapt to the scale of `x` and to `epsilon`, the relative spacing of its numbers.
    """
    scale = max(power_of_two(abs(x)), 2.0**-10) if x else 2.0**-10
    likely = scale * power_of_two(epsilon**0.2)
    found = [likely * 2.0**octave for octave in _OCTAVES]
    if reach < math.inf:
        found.insert(0, min(likely, power_of_two(reach) / 2)) if reach > 0 else None
    if x:
        found.append(power_of_two(abs(x)) * 2.0**-10)  # for a tiny x too
    smallest = 4 * epsilon * max(abs(x), 2.0**-1000)
    return list(dict.fromkeys(step for step in found if smallest <= step < reach))


def central(f: Line, x: float, step: float, noise: float = 0.0, levels: int = 4) -> Estimate | None:
    """The derivative of `f` at `x` from values at both sides, up to `step` away.

    Args:
        f: the function.
        x: where.
        step: the largest distance; it is halved from level to level.
        noise: how far a value of `f` may be off by rounding.
        levels: how many steps are extrapolated; twice as many values are computed.

    Returns:
        The estimate, or None if a value is not finite.

    >>> import math
    >>> estimate = central(math.sin, 1.0, 2**-5)
    >>> abs(estimate.derivative - math.cos(1.0)) < 1e-13
    True
    """
    row: list[float] = []
    for level in range(levels):
        h = step / 2**level
        right, left = f(x + h), f(x - h)
        quotient = (right - left) / ((x + h) - (x - h))
        if not math.isfinite(quotient):
            return None
        coarser, row = row, [quotient]
        for order, coarse in enumerate(coarser, 1):  # Neville: each entry removes one more power of h * h
            row.append(row[-1] + (row[-1] - coarse) / (4**order - 1))
    noise = max(noise, 4 * EPSILON * max(abs(right), abs(left)))  # that of x + h itself included
    if row[-1] == row[-2] == 0:  # equal values may hide what is below the rounding of x
        noise = max(noise, EPSILON * (abs(x) + step))
    return Estimate(row[-1], SAFETY * abs(row[-1] - row[-2]), 2 * noise / h, step)


def one_sided(f: Line, x: float, step: float, noise: float = 0.0) -> Estimate | None:
    """The derivative of `f` at `x` from the side that `step` points to (its sign); `x` itself is not evaluated.

    So it is right also where the value at `x` belongs to the other side.

    >>> one_sided(abs, 0.0, -0.25).derivative, one_sided(abs, 0.0, 0.25).derivative
    (-1.0, 1.0)
    """
    near, second, third, far = (f(x + step * k / 4) for k in (1, 2, 3, 4))
    quadratic = (-5 * near + 8 * second - 3 * third) / 2
    cubic = (-26 * near + 57 * second - 42 * third + 11 * far) / 6
    if not math.isfinite(cubic):
        return None
    unit = step / 4
    return Estimate(cubic / unit, SAFETY * abs((cubic - quadratic) / unit), 23 * noise / abs(unit), step)


def limit(f: Line, x: float, step: float) -> float:
    """The value that `f` tends to at `x` from the side that `step` points to.

    >>> import math
    >>> limit(math.floor, 2.0, -0.25), limit(math.floor, 2.0, 0.25)
    (1.0, 2.0)
    """
    near, second, third, far = (float(f(x + step * k / 4)) for k in (1, 2, 3, 4))
    return 4 * near - 6 * second + 4 * third - far


def measured_noise(f: Line, x: float, epsilon: float = EPSILON) -> float:
    """How far values of `f` near `x` are off by rounding, from how rough they are on a small grid.

    Third differences of a smooth function vanish there; those of noise of size s are about s times sqrt(20). The
    smoother side counts: a jump at `x` is no noise.
    """
    unit = 1.37 * epsilon**0.625 * max(power_of_two(abs(x)) if x else 0.0, 2.0**-10)

    def roughness(direction: int) -> float:
        a = [f(x + direction * k * unit) for k in range(1, 9)]
        return max(abs(a[k + 3] - 3 * a[k + 2] + 3 * a[k + 1] - a[k]) for k in range(5))

    return min((r for r in map(roughness, (-1, 1)) if math.isfinite(r)), default=0.0)


def agrees(claimed: float, estimate: Estimate, slack: float) -> bool:
    """Whether the claim lies within the bound; `slack` is the claim's own rounding."""
    return abs(claimed - estimate.derivative) <= estimate.bound + slack


def resolved(claimed: float, estimate: Estimate, resolution: float = RESOLUTION) -> bool:
    """Whether the estimate is sharp enough to decide on this claim."""
    return estimate.bound <= resolution * max(abs(claimed), abs(estimate.derivative))


def judge(
    claimed: float, slack: float, candidates: Iterable[Estimate | None], resolution: float = RESOLUTION
) -> Verdict:
    """Compare a claimed derivative with estimates, made one after another (by an iterator) until one decides.

    The first sharp estimate that agrees settles it. A disagreement must be confirmed: at least two estimates at
    different steps agree with each other and not with the claim; three sharp ones end the search.
    """
    found: list[Estimate] = []
    for estimate in candidates:
        if estimate is None:
            continue
        sharp = resolved(claimed, estimate, resolution) and agrees(claimed, estimate, slack)
        if sharp or (estimate.flat and claimed == 0 and not found):  # at the likeliest step
            return Verdict("agrees", estimate)
        found.append(estimate)
        sharp_ones = [e for e in found if resolved(claimed, e, resolution)]
        if len(sharp_ones) >= _ENOUGH and not any(agrees(claimed, e, slack) for e in found):
            break
    if not found:
        return Verdict("unresolved", None)
    best = min(found, key=lambda estimate: estimate.bound)
    if agrees(claimed, best, slack):
        return Verdict("unresolved", best)
    confirmed = any(
        other is not best
        and not agrees(claimed, other, slack)
        and abs(other.derivative - best.derivative) <= other.bound + best.bound
        for other in found
    )
    return Verdict("differs" if confirmed else "unresolved", best)
