"""Bounds on the rounding errors of a recorded result and its gradient, by sweeps over absolute values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import add, mul, sub
from typing import NamedTuple

from ..backprop import local_derivatives, sweep
from ..graph import topological_order
from ..ieee import total
from ..value import Value
from .estimates.differences import EPSILON
from .estimates.noise import SMALLEST
from .kinks import kink_of


class Rounding(NamedTuple):
    """Bounds on the rounding errors of a graph's value, and of its derivative with respect to each node."""

    value: float
    derivatives: dict[Value, float]


def rounding(root: Value) -> Rounding:
    """First-order bounds: each node is off by one unit in the last place, and all errors add up.

    A node's absolute adjoint sums the contributions of all paths by size, which may cancel in the gradient itself;
    the error of the value is the sum of the nodes' errors times their absolute adjoints. What is lost by underflow is
    summed separately, since a large factor may follow.

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
        if not (upstream or missing) or not math.isfinite(node.data):  # the node was not selected
            continue
        error += upstream * (per_node * abs(node.data) + SMALLEST)
        for operand, d in zip(node.operands, local_derivatives(node)):
            if d is not None and math.isfinite(d):
                size[operand] += upstream * abs(d)
                lost[operand] += missing * abs(d) + _smallest(upstream)
    return Rounding(error, {node: per_node * depth * found + lost[node] for node, found in size.items()})


def _smallest(factor: float) -> float:
    """How much the product of a local derivative and this factor may lose by underflow, of itself or of either."""
    return (1.0 + 4.0 * factor) * SMALLEST


def lost_forward(root: Value, seeds: dict[Value, float]) -> float:
    """How much of `root`'s tangent underflow may lose, where the leaves' tangents are `seeds`.

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


def spread(root: Value) -> dict[Value, float]:
    """How far off each number on the way to `root` may be, whatever the order of sums.

    Operands are also moved by their errors to see what an operation makes of them: by its derivative, a square near 0
    makes nothing.

    >>> x = Value(1e8)
    >>> y = ((x + 1.0) - x - 1.0) ** 2
    >>> 1e-16 < spread(y)[y] < 1e-10
    True
    """
    order = topological_order(root)
    off, per_node = dict.fromkeys(order, 0.0), 4 * EPSILON * len(order)
    for node in order:
        if node.primitive is None:
            continue
        slopes = [abs(d) if d is not None and math.isfinite(d) else 0.0 for d in local_derivatives(node)]
        moves = [off[operand] for operand in node.operands]
        sizes = [per_node * abs(x) + move for x, move in zip(node.inputs, moves)]
        tried = [node.primitive.forward(*map(move, node.inputs, moves)) - node.data for move in (add, sub)]
        found = per_node * abs(node.data) + total(*map(mul, slopes, sizes)) + max(map(abs, tried)) + SMALLEST
        off[node] = found if math.isfinite(found) else 0.0
    return off


def inherited(root: Value, off: Mapping[Value, float] | None = None) -> dict[Value, float]:
    """How far off each derivative may be because local derivatives are taken at rounded numbers.

    In ``(1 - cos(x)) / x`` near 0 the numerator has few digits left, and so has the derivative with respect to the
    denominator.

    Args:
        root: what is differentiated.
        off: how far off each number may be; by default, as far as rounding takes it.

    >>> from engine import cos
    >>> x = Value(1e-6)
    >>> inherited((1 - cos(x)) / x)[x] > 1e-5
    True
    """
    order = topological_order(root)
    off = _off(order) if off is None else off
    adjoints, found = sweep(root), dict.fromkeys(order, 0.0)
    for node in reversed(order):
        if node.primitive is None:
            continue
        at_its_kink = kink_of(node) == 0.0  # there the slopes on both sides say what a derivative may be
        moved = tuple(Value(x + off[operand]) for x, operand in zip(node.inputs, node.operands))
        beside = local_derivatives(Value.__apply_primitive__(node.primitive, moved))
        for operand, d, other in zip(node.operands, local_derivatives(node), beside):
            change = 0.0 if d is None or other is None or at_its_kink else abs(d - other)
            more = found[node] * abs(d or 0.0) + abs(adjoints[node]) * change
            found[operand] += more if math.isfinite(more) else 0.0
    return found


def _off(order: Sequence[Value]) -> dict[Value, float]:
    """How far off each number is by rounding, to first order."""
    off = dict.fromkeys(order, 0.0)
    for node in order:
        if node.primitive is not None:
            moves = (abs(d) * off[x] for d, x in zip(local_derivatives(node), node.operands) if d is not None)
            own = 4 * EPSILON * abs(node.data) + SMALLEST if node.data else 0.0  # a 0 may be exact, at a kink
            off[node] = own + total(*filter(math.isfinite, moves))
    return off
