"""Kinks along a line: where a function leaves a smooth piece, and which node or branch is the cause.

A recorded graph shows which piece a point lies on, by its signature: its shape (which a branch in the user's code
changes), the operands that each node did not select (structural zeros: `where`, `take`, `maximum`) and the side of each
node's kink. Two points on one piece have the same signature, so bisection finds the end of the piece.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from typing import NamedTuple

from ..backprop import local_derivatives
from ..value import Constant, Value

Nodes = Sequence[Value]

BRANCH = "a branch in the function's own code"
"""Why a graph has another shape beside a point; a derivative's graph may also have it by a branch in a rule."""


class Piece(NamedTuple):
    """The smooth piece on one side of a point: it lies between the distances `start` and `end`.

    `start` is 0 if the point itself belongs to the piece. `at` is the coordinate where the piece ends (or the point
    itself, if the piece does not include it); `why` says what happens there: "" if nothing does within reach.
    """

    start: float
    end: float
    at: float
    why: str


def kink_of(node: Value) -> float | None:
    """Zero where the node has no derivative; else its size grows with the distance, and its sign tells the side."""
    primitive = node.primitive
    if primitive is None or primitive.kink is None:
        return None
    return float(primitive.kink(node.data, *node.inputs))


def side(node: Value) -> Hashable:
    """What stays the same about a node on a smooth piece; of a constant its number, which a branch may choose."""
    if node.primitive is None:
        return repr(node.data) if isinstance(node, Constant) else None
    distance = kink_of(node)
    sign = 0 if not distance else 1 if distance > 0 else -1
    return node.primitive.name, sign, tuple(d is None for d in local_derivatives(node))


def at_kink(nodes: Nodes) -> list[Value]:
    """The nodes that are exactly at their kink."""
    return [node for node in nodes if kink_of(node) == 0.0]


def finer_than_floats(node: Value) -> bool:
    """Whether kinks lie so close that neighbouring floats are on different pieces, as those of `floor` beyond 2**52.

    Differences of floats know nothing of the slopes of such pieces.

    >>> import engine
    >>> [finer_than_floats(engine.floor(Value(x))) for x in (2.0, 2.0**53)]
    [False, True]
    """
    primitive = node.primitive
    if primitive is None or primitive.kink is None:
        return False
    for position, (operand, x, d) in enumerate(zip(node.operands, node.inputs, local_derivatives(node))):
        if isinstance(operand, Constant) or not math.isfinite(x):
            continue
        near = [x + count * math.ulp(x) for count in (-7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7)]
        places = [(*node.inputs[:position], each, *node.inputs[position + 1 :]) for each in near]
        values = [primitive.forward(*inputs) for inputs in places]
        if not d and all(value == node.data for value in values):
            continue  # it crosses no kink, though another operand may be at one, as that of leaky_relu at 0
        signs = [(k > 0) - (k < 0) for k in map(primitive.kink, values, *zip(*places))]
        if not any(signs) or sum(a != b for a, b in pairwise(signs)) > 2:
            return True
    return False


def _can_kink(node: Value) -> bool:
    """Whether its primitive has kinks, or selects among its operands."""
    primitive = node.primitive
    return primitive is not None and (primitive.kink is not None or None in local_derivatives(node))


def describe(node: Value, position: int) -> str:
    """A node, its operands' numbers and its place in the graph, for a report.

    >>> import engine
    >>> describe(engine.relu(Value(0.0)), 2)
    'relu(0.0), node 2 of the graph'
    """
    assert node.primitive is not None  # only results of operations have kinks
    inputs = ", ".join(map(repr, node.inputs[:4])) + (", ..." if len(node.inputs) > 4 else "")
    label = "" if node.label is None else f" {node.label!r}"
    return f"{node.primitive.name}({inputs}){label}, node {position} of the graph"


def difference(here: Nodes, there: Nodes) -> str:
    """What differs between two recordings of one function: nodes that change sides, or a branch."""
    if [node.primitive for node in here] != [node.primitive for node in there]:
        return BRANCH
    changed = [
        describe(node, k)
        for k, (node, other) in enumerate(zip(here, there), 1)
        if node.primitive is not None and side(node) != side(other)
    ]
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return " and ".join(changed[:3]) + more if changed else BRANCH


def piece(record: Callable[[float], Nodes], x: float, step: float) -> Piece:
    """The smooth piece at `x` in the direction of `step` (its sign), up to the distance `step`.

    Args:
        record: gives the nodes that the function records at a coordinate.
        x: the point.
        step: direction and reach.
    """
    direction, reach = (1.0 if step > 0 else -1.0), abs(step)
    ignored = _restless(*(record(x + step * part) for part in (0.3, 0.6, 1.0)))

    def signature(distance: float) -> Hashable:
        nodes = record(x + distance * direction)
        return tuple(None if k in ignored else side(node) for k, node in enumerate(nodes))

    smallest = max(reach * 2.0**-64, abs(x) * 2.0**-51)
    own, base = signature(0.0), signature(smallest)
    probes = (signature(reach * 2.0**-k) for k in (0, 1, 3, 6, 12, 24))  # for branches of the user's code
    if not any(map(_can_kink, record(x))) and own == base and all(probe == base for probe in probes):
        return Piece(0.0, reach, x, "")
    start = 0.0 if own == base else smallest
    why = "" if own == base else difference(record(x), record(x + smallest * direction))
    inside, outside = _end(lambda distance: signature(distance) == base, smallest, reach, 1e-15 * abs(x))
    if start or outside is None:
        return Piece(start, inside, x, why)
    there, beyond = x + inside * direction, x + outside * direction
    return Piece(start, inside, beyond, difference(record(there), record(beyond)))


def _end(holds: Callable[[float], bool], smallest: float, reach: float, apart: float) -> tuple[float, float | None]:
    """The last number up to which something holds, and the first where it does not; `reach` and None if it always does.

    Args:
        holds: called with larger and larger numbers, then by bisection; it holds at `smallest`.
        smallest: the smallest number.
        reach: the largest number.
        apart: how far apart the two results may be.
    """
    inside = outside = smallest
    while outside < reach:
        outside = min(2 * inside, reach)
        if not holds(outside):
            break
        inside = outside
    else:
        return reach, None
    while (middle := (inside + outside) / 2) not in (inside, outside) and outside - inside > apart:
        if holds(middle):
            inside = middle
        else:
            outside = middle
    return inside, outside


def _restless(first: Nodes, second: Nodes, third: Nodes) -> set[int]:
    """The positions of constants that change with the coordinate: code outside the graph computes them, no branch."""
    if not len(first) == len(second) == len(third):
        return set()
    return {
        k
        for k, nodes in enumerate(zip(first, second, third))
        if all(isinstance(node, Constant) for node in nodes) and len({node.data for node in nodes}) == 3
    }
