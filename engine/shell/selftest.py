"""The command ``selftest``: every primitive of the table, against 50 digits on this machine."""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Sequence
from typing import NamedTuple

from ..backprop import local_derivatives
from ..checking import oracle
from ..checking.faults import alone
from ..checking.whitebox import check_subject
from ..interval import Interval, moderate
from ..primitive import PRIMITIVES, Primitive
from ..text.sheet import Sheet, counted
from ..value import Value
from .commands import MISTAKE


class Row(NamedTuple):
    """The result for one primitive: worst errors in units in the last place, and how many checks failed."""

    primitive: Primitive
    value: float
    derivative: float
    where: tuple[float, ...]
    alarms: int


def selftest(argv: Sequence[str]) -> int:
    """Check every primitive of the table on this machine; print its worst errors in units in the last place."""
    parser = argparse.ArgumentParser(prog="python -m engine selftest", description=selftest.__doc__)
    parser.add_argument("--points", type=int, default=50, help="random points per primitive (50)")
    arguments = parser.parse_args(argv)
    if arguments.points < 1:
        parser.error(f"--points must be positive, got {arguments.points}")
    if not oracle.available():
        print("error: the exact results need mpmath: pip install mpmath", file=sys.stderr)
        return MISTAKE
    rows = [examine(primitive, arguments.points) for primitive in PRIMITIVES.values() if primitive.formula]
    cells = [
        (
            row.primitive.name,
            f"{row.value:.2f}",
            f"{row.derivative:.2f}",
            ", ".join(f"{x:.6g}" for x in row.where[:3]),
            "ok" if not row.alarms else f"{row.alarms} WRONG",
        )
        for row in rows
    ]
    title = (
        f"{len(rows)} primitives, {counted(arguments.points, 'point')} each: worst errors in units in the last place"
    )
    heads = ("primitive", "value", "derivative", "worst derivative at", "check")
    notes = ["where terms cancel, errors are many units: the last place of the terms is far above the result's"]
    print(Sheet(title, heads, cells, notes, heads=True))
    return 1 if any(row.alarms for row in rows) else 0


def examine(primitive: Primitive, points: int) -> Row:
    """Compare a primitive with 50 digits and with differences at random points of its domain.

    >>> import engine
    >>> examine(engine.mul, 5)[1:]
    (0.0, 0.0, (), 0)
    """
    random_ = random.Random(primitive.name)
    worst_value = worst_derivative = 0.0
    where: tuple[float, ...] = ()
    alarms = 0
    for _ in range(points):
        inputs = _draw_point(primitive, random_)
        node = Value.__apply_primitive__(primitive, tuple(map(Value, inputs)))
        derivatives = local_derivatives(node)
        off = _ulps(node.data, oracle.value(primitive, inputs))
        worst_value = max(worst_value, off)
        for position, got in enumerate(derivatives):
            error = 0.0 if got is None else _ulps(got, oracle.derivative(primitive, inputs, position))
            if error > worst_derivative:
                worst_derivative, where = error, tuple(inputs)
        alarms += off > _limit(node, derivatives) or not check_subject(alone(primitive, tuple(inputs)), order=1)
    return Row(primitive, worst_value, worst_derivative, where, alarms)


def _limit(node: Value, derivatives: list[float | None]) -> float:
    """How many units a value may be off: four, and what four units of its operands change, as where terms cancel."""
    by_operands = sum(abs(d or 0.0) * math.ulp(x) for d, x in zip(derivatives, node.inputs))
    return 4 * (1 + by_operands / math.ulp(node.data))


def _draw_point(primitive: Primitive, random_: random.Random) -> list[float]:
    """Operands of the domain: of every size up to the hundreds, off the kinks, with results that are finite."""
    while True:
        inputs = [_draw(domain, random_) for domain in primitive.domains(primitive.arity or 4)]
        z = primitive.forward(*inputs)
        node = Value.__apply_primitive__(primitive, tuple(map(Value, inputs)))
        smooth = primitive.kink is None or abs(primitive.kink(z, *inputs)) > 1e-9
        if smooth and all(math.isfinite(d) for d in (z, *local_derivatives(node)) if d is not None):
            return inputs


def _draw(domain: Interval, random_: random.Random) -> float:
    ends = moderate(domain, random_.choice((1.0, 5.0, 30.0, 300.0)))
    if domain.integers:
        return float(random_.randint(math.ceil(ends[0]), math.floor(ends[1])))
    while (x := random_.uniform(*ends)) not in domain:
        pass
    return x


def _ulps(got: float, exact: object) -> float:
    """The error of a number in units in the last place of the exact one; 0 below the range of normal floats."""
    context = oracle.context()
    nearest = float(context.mpf(exact))
    if got == nearest or abs(nearest) < 2.3e-308:
        return 0.0 if abs(got - nearest) < 1e-307 else math.inf
    return float(abs(context.mpf(got) - exact) / context.mpf(math.ulp(nearest)))
