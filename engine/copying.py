"""Deep copies and pickles of a graph in flat form: a chain of a million nodes must not recurse."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from .graph import topological_order
from .primitive import Primitive
from .value import MANY, Value, new_node

Row = tuple[Primitive, tuple[int, ...], bool, Any, Any, float, float, "str | None"]


def deepcopy_graph(root: Value, memo: dict[int, Any]) -> Value:
    """A copy of all that `root` was computed from; what `memo` has been copied already stays shared."""
    for node in topological_order(root):
        if id(node) in memo:
            continue
        if node._primitive is None:
            clone = memo[id(node)] = copy.copy(node)
            if hasattr(node, "__dict__"):  # a subclass may hold anything
                clone.__dict__.update(copy.deepcopy(node.__dict__, memo))
        else:
            operands = tuple(memo[id(operand)] for operand in node.operands)
            clone = memo[id(node)] = _build(node._primitive, operands, node._b is MANY, node._x, node._y, node._data)
            clone._grad, clone._label = node._grad, node._label
    return memo[id(root)]  # type: ignore[no-any-return]  # a memo holds anything


def reduce_graph(root: Value, default: Callable[[int], Any]) -> Any:
    """What pickle stores for a Value: a leaf like any object, a result as a table with one row per node.

    Leaves stay shared with everything else in the pickle; a result that two roots share comes back once for each.
    """
    if root._primitive is None:
        return default(4)
    order = topological_order(root)
    position = {node: k for k, node in enumerate(order)}
    rows: list[Value | Row] = []
    for node in order:
        if node._primitive is None:
            rows.append(node)
        else:
            operands = tuple(position[operand] for operand in node.operands)
            recorded = (node._b is MANY, node._x, node._y)
            rows.append((node._primitive, operands, *recorded, node._data, node._grad, node._label))
    return restore_graph, (rows,)


def restore_graph(rows: list[Value | Row]) -> Value:
    """The root of a graph that `reduce_graph` stored."""
    nodes: list[Value] = []
    for row in rows:
        if isinstance(row, Value):
            nodes.append(row)
        else:
            primitive, operands, many, x, y, data, grad, label = row
            node = _build(primitive, tuple(nodes[k] for k in operands), many, x, y, data)
            node._grad, node._label = grad, label
            nodes.append(node)
    return nodes[-1]


def _build(primitive: Primitive, operands: tuple[Value, ...], many: bool, x: Any, y: Any, data: float) -> Value:
    a, b = (operands, MANY) if many else (*operands, None)[:2]
    return new_node(primitive, data, a, b, x, y)
