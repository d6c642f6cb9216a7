"""How far off rounding may put a recorded result and its gradient: the sweep over absolute values."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..backprop import local_derivatives, sweep
from ..graph import topological_order
from ..ieee import total
from ..value import Value
from .estimates.differences import EPSILON, SMALLEST


class Rounding(NamedTuple):
    """Bounds for one graph: on its value, and on the derivative by each node."""

    value: float
    derivatives: dict[Value, float]


def rounding(root: Value) -> Rounding:
    """First-order bounds: each node is off by one unit in the last place, and all errors add up.

    An absolute adjoint sums the sizes of the contributions of all paths, which may cancel in the gradient itself;
    the error of a value is the sum of the nodes' errors times their absolute adjoints. What underflows is lost as a
    number of its own, since a large factor may come after it.

    >>> x = Value(1e8)
    >>> rounding((x + 1.0) - x).value > 1e-8
    True
    """
    order = topological_order(root)
    size, lost = dict.fromkeys(order, 0.0), dict.fromkeys(order, 0.0)
    size[root] = 1.0
    per_node, depth = 4 * EPSILON, len(order)
    error = 0.0
    for node in reversed(order):
        if node.primitive is None:
            continue
        upstream, missing = size[node], lost[node]
        if not (upstream or missing) or not math.isfinite(node.data):  # it was not selected
            continue
        error += upstream * (per_node * abs(node.data) + SMALLEST)
        for operand, d in zip(node.operands, local_derivatives(node)):
            if d is not None and math.isfinite(d):
                size[operand] += upstream * abs(d)
                lost[operand] += missing * abs(d) + _smallest(upstream)
    return Rounding(error, {node: per_node * depth * found + lost[node] for node, found in size.items()})


def _smallest(factor: float) -> float:
    """What a product of a local derivative and this factor may lose by underflow, in either of the two."""
    return (1.0 + 4.0 * factor) * SMALLEST


def lost_forward(root: Value, seeds: dict[Value, float]) -> float:
    """How much of the tangent of `root` may be lost by underflow when those of the leaves are `seeds`.

    >>> x = Value(1.0)
    >>> lost_forward(x * 1e-200 * 1e-200 * 1e301, {x: 1.0}) > 1e-99
    True
    """
    size, lost = {x: abs(t) for x, t in seeds.items()}, dict.fromkeys(seeds, 0.0)
    for node in topological_order(root):
        if node not in size:
            own = [(abs(d), x) for x, d in zip(node.operands, local_derivatives(node)) if d is not None and x in size]
            size[node] = sum(d * size[x] for d, x in own)
            lost[node] = sum(d * lost[x] + _smallest(size[x]) for d, x in own)
    return lost.get(root, 0.0)


def inherited(root: Value) -> dict[Value, float]:
    """How far off each derivative may be, as local derivatives are taken at numbers that are rounded themselves.

    In ``(1 - cos(x)) / x`` near 0 the numerator has few digits left, and so has the derivative by the denominator.

    >>> from engine import cos
    >>> x = Value(1e-6)
    >>> inherited((1 - cos(x)) / x)[x] > 1e-5
    True
    """
    order = topological_order(root)
    off = dict.fromkeys(order, 0.0)
    adjoints, found = sweep(root), dict.fromkeys(order, 0.0)
    shaken: dict[Value, list[float]] = {}
    for node in order:
        if node.primitive is None:
            continue
        own = local_derivatives(node)
        moved = tuple(Value(x + off[operand]) for x, operand in zip(node.inputs, node.operands))
        beside = local_derivatives(Value.__apply_primitive__(node.primitive, moved))
        shaken[node] = [abs(a - b) if a is not None and b is not None else 0.0 for a, b in zip(own, beside)]
        moves = (abs(d) * off[operand] for d, operand in zip(own, node.operands) if d is not None)
        own_error = 4 * EPSILON * abs(node.data) + SMALLEST if node.data else 0.0  # a 0 may be that of a kink
        off[node] = own_error + total(*filter(math.isfinite, moves))
    for node in reversed(order):
        if node.primitive is None:
            continue
        for operand, d, change in zip(node.operands, local_derivatives(node), shaken[node]):
            more = found[node] * abs(d or 0.0) + abs(adjoints[node]) * change
            found[operand] += more if math.isfinite(more) else 0.0
    return found
