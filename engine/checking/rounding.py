"""How far off rounding may put a recorded result and its gradient: the sweep over absolute values."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..backprop import local_derivatives, sweep
from ..graph import topological_order
from ..ieee import total
from ..value import Value
from .estimates.differences import EPSILON


class Rounding(NamedTuple):
    """Bounds for one graph: on its value, and on the derivative by each node."""

    value: float
    derivatives: dict[Value, float]


def rounding(root: Value) -> Rounding:
    """First-order bounds: each node is off by one unit in the last place, and all errors add up.

    An absolute adjoint sums the sizes of the contributions of all paths, which may cancel in the gradient itself;
    the error of a value is the sum of the nodes' errors times their absolute adjoints.

    >>> x = Value(1e8)
    >>> rounding((x + 1.0) - x).value > 1e-8
    True
    """
    order = topological_order(root)
    size = dict.fromkeys(order, 0.0)
    size[root] = 1.0
    error = 0.0
    for node in reversed(order):
        if node.primitive is None:
            continue
        upstream = size[node]
        if not upstream or not math.isfinite(node.data):  # it was not selected
            continue
        error += upstream * abs(node.data)
        for operand, d in zip(node.operands, local_derivatives(node)):
            if d is not None and math.isfinite(d):
                size[operand] += upstream * abs(d)
    per_node = 4 * EPSILON
    depth = len(order)
    return Rounding(per_node * error, {node: per_node * depth * found for node, found in size.items()})


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
        off[node] = 4 * EPSILON * abs(node.data) + total(*filter(math.isfinite, moves))
    for node in reversed(order):
        if node.primitive is None:
            continue
        for operand, d, change in zip(node.operands, local_derivatives(node), shaken[node]):
            more = found[node] * abs(d or 0.0) + abs(adjoints[node]) * change
            found[operand] += more if math.isfinite(more) else 0.0
    return found
