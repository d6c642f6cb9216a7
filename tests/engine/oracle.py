"""The exact oracle: a primitive's formula, evaluated and differentiated by mpmath in 60 digits and more."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

import mpmath
from mpmath import mp, mpf

from engine import Interval, Primitive

DIGITS = 60


def call_formula(primitive: Primitive, xs: Sequence[Any]) -> Any:
    """The value of the primitive at mpmath numbers."""
    names = {name: getattr(mpmath, name) for name in dir(mpmath) if not name.startswith("_")}
    names["fdot"] = lambda ws, vs: mpmath.fsum(w * v for w, v in zip(ws, vs, strict=True))
    for name in ("erfc", "ncdf"):  # which mpmath cannot evaluate far out, where they are 0, 1 or 2 to any precision
        names[name] = clipped(names[name])
    names |= {"xs": list(xs)} if primitive.arity is None else dict(zip(primitive.operands, xs, strict=True))
    return eval(
        primitive.formula,
        {"__builtins__": {"abs": abs, "max": max, "min": min, "len": len, "map": map, "int": int}, **names},
    )


def clipped(function: Any) -> Any:
    return lambda x: function(max(min(x, mpf(10) ** 4), -(mpf(10) ** 4)))


def exact(primitive: Primitive, inputs: Sequence[float]) -> mpf:
    with mp.workdps(DIGITS + magnitude(inputs)):
        return call_formula(primitive, [mpf(x) for x in inputs])


def exact_derivative(primitive: Primitive, inputs: Sequence[float], by: int) -> mpf:
    """The derivative with respect to operand `by`, from central differences whose error is far below a double's."""
    with mp.workdps(6 * DIGITS + 3 * magnitude(inputs)):
        xs = [mpf(x) for x in inputs]

        def f(x: mpf) -> mpf:
            return call_formula(primitive, [*xs[:by], x, *xs[by + 1 :]])

        step = mpf(10) ** -(2 * DIGITS) * min(1, max(abs(xs[by]), mpf(10) ** -310))
        return (f(xs[by] + step) - f(xs[by] - step)) / (2 * step)


def exact_higher(primitive: Primitive, inputs: Sequence[float], by: Sequence[int]) -> mpf:
    """The derivative with respect to the operands `by` in turn, one place for each order, from central differences."""
    small = max((-math.log10(abs(x)) for x in inputs if 0 < abs(x) < 1), default=0.0)
    with mp.workdps(2 * DIGITS + magnitude(inputs) + int((len(by) + 1) * (small + DIGITS))):
        largest = max(map(abs, inputs))
        steps = [mpf(10) ** -DIGITS * min(1, abs(mpf(x)) if x else largest) for x in inputs]
        total = mpf(0)
        for signs in itertools.product((1, -1), repeat=len(by)):
            xs = [mpf(x) for x in inputs]
            for position, sign in zip(by, signs, strict=True):
                xs[position] += sign * steps[position] / 2
            total += math.prod(signs) * call_formula(primitive, xs)
        return total / math.prod(steps[position] for position in by)


def magnitude(inputs: Sequence[float]) -> int:
    """How many more digits it takes to see 1 next to exp(x), which has 0.4343 * x of them, or x next to 1."""
    return int(0.44 * min(max(map(abs, inputs)), 1500.0)) + 330


def ulps(got: float, expected: mpf, scale: mpf | None = None) -> float:
    """The error of `got` in units in the last place of the exact result, or of `scale` where terms cancel."""
    nearest = float(expected)
    if math.isinf(nearest) or abs(nearest) < 2.3e-308:  # beyond the range of normal floats: no digits to count
        return 0.0 if got == nearest or abs(got - nearest) < 1e-307 else math.inf
    if not math.isfinite(got):
        return math.inf
    with mp.workdps(DIGITS):
        return float(abs(mpf(got) - expected) / mpf(math.ulp(float(scale if scale is not None else expected))))


def samples(primitive: Primitive, count: int, seed: int = 1) -> list[list[float]]:
    """Points of the domain: of every magnitude, near its ends, in the tails, with small whole numbers among them."""
    random_ = random.Random(f"{primitive.name} {seed}")
    n = primitive.arity or 4
    points = []
    while len(points) < count:
        width = random_.choice([1.0, 1.0, 30.0, 30.0, 700.0, 1e300])
        points.append([draw(interval, random_, width) for interval in primitive.domains(n)])
    return points


def draw(interval: Interval, random_: random.Random, width: float) -> float:
    low, high = interval.low, interval.high
    if interval.integers:
        return float(random_.randint(int(low), int(high)))
    while True:
        x = random_.choice(
            [
                random_.uniform(-width, width),
                random_.choice([-1, 1]) * 10.0 ** random_.uniform(-12, math.log10(width)),
                float(random_.randint(-9, 9)),
                low + 10.0 ** random_.uniform(-9, 0) if math.isfinite(low) else 0.5,
                high - 10.0 ** random_.uniform(-9, 0) if math.isfinite(high) else -0.5,
            ]
        )
        if x in interval and (x == 0.0 or abs(x) > 1e-290):
            return x
