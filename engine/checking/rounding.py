"""How far off a recorded result and its gradient may be by rounding: the sweep over absolute values."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..backprop import local_derivatives
from ..graph import topological_order
from ..value import Value
from .estimates.differences import EPSILON


class Rounding(NamedTuple):
    """Bounds for one graph: of its value, and of the derivative by each node."""

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
