"""Reading the recorded graph, without recursion: its topological order, its leaves, and whether these have changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import itemgetter
from typing import Any

from .numbers import same_number, shortened
from .text.callers import warn_user
from .value import MANY, Constant, Value


def topological_order(root: Value) -> list[Value]:
    """Every node of the graph, operands before what is computed from them, `root` last.

    The order is that of a depth-first walk which visits operands from left to right; each node comes once.

    Args:
        root: where the graph ends.

    Raises:
        TypeError: `root` is not a Value.

    >>> a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    >>> [node.label or node._op for node in topological_order(a * b + c)]
    ['a', 'b', '*', 'c', '+']
    """
    return list(_ordered(root, None, with_numbers=True))


def recorded_order(root: Value, start: Any = None) -> dict[Value, Any]:
    """The topological order without the numbers that were written in expressions: what a sweep has to visit.

    They stay plain floats here; `topological_order` makes a Constant of each. Each node is mapped to `start`.

    >>> a = Value(1.0, "a")
    >>> [node.label or node._op for node in recorded_order(2 * a + 3)]
    ['a', '*', '+']
    """
    return _ordered(root, start, with_numbers=False)


def _ordered(root: Value, start: Any, with_numbers: bool) -> dict[Value, Any]:
    """The topological order as the keys of a dict, each mapped to `start`; with the numbers in expressions, or without.

    The stack holds nodes to visit. A None marks the node below it as visited: its operands went on top, so when the
    None is reached they are all in the order, and the node follows.
    """
    if not isinstance(root, Value):
        raise _no_root(root)
    order: dict[Value, Any] = {}
    stack: list[Any] = [root]
    pop, push, extend = stack.pop, stack.append, stack.extend
    while stack:
        node = pop()
        if node is None:
            order[pop()] = start
            continue
        while node not in order:  # a graph has no cycles, so a node met again has been emitted
            a, b = node._a, node._b
            if a is None:
                order[node] = start
                break
            if a.__class__ is float or b.__class__ is float:
                if with_numbers:
                    a, b = node.operands
                else:
                    a, b = (b if a.__class__ is float else a), None
            if b is MANY:
                if _holds(order, a):
                    order[node] = start
                else:
                    extend((node, None))
                    extend(reversed(a))
                break
            push(node)
            push(None)
            if b is not None and b not in order:
                push(b)
            node = a  # a chain is walked down without the stack
    return order


def _no_root(thing: Any) -> TypeError:
    """The error for a root that is not a Value, with what to give instead."""
    remedy = ": give one of them, or their engine.sum" if isinstance(thing, (list, tuple)) else ""
    if hasattr(thing, "named_parameters"):
        remedy = ": give what it computes, such as the loss, with names= for the model"
    kind = type(thing).__name__
    return TypeError(f"a graph has a Value as its root, got {shortened(thing)} of type {kind}{remedy}")


def _holds(order: dict[Value, Any], nodes: tuple[Value, ...]) -> bool:
    """Whether all of one or more nodes are in the order; asked in one call, as a layer has many weights and inputs."""
    try:
        itemgetter(*nodes)(order)
    except KeyError:
        return False
    return True


def leaves(root: Value) -> list[Value]:
    """The Values that the graph starts from, in topological order; constants are not among them.

    Args:
        root: where the graph ends.

    Raises:
        TypeError: `root` is not a Value.

    >>> a, b = Value(1.0), Value(2.0)
    >>> [leaf.data for leaf in leaves(a * b + 5 * a)]
    [1.0, 2.0]
    """
    return [n for n in recorded_order(root) if n.primitive is None and not isinstance(n, Constant)]


def depending_on(values: Iterable[Value], order: Iterable[Value]) -> dict[Value, None]:
    """The values, and the nodes of a topological order that are computed from them, in that order.

    >>> x, y = Value(2.0), Value(3.0)
    >>> z = x * y
    >>> [node.data for node in depending_on([x], topological_order(z + y))]
    [2.0, 6.0, 9.0]
    """
    found = dict.fromkeys(values)
    for node in order:
        if not found.keys().isdisjoint(node.operands):
            found[node] = None
    return found


# ---- whether leaves have changed since it was recorded -----------------------------------------------------------


LARGE = 1_000
"""Nodes of a graph up to which every call looks for changed leaves.

On larger graphs, where a look takes up to a fifth of a step, calls 1, 2, 4, 8, ... for graphs of one size do: so the
first of its kind is always looked at, and a loop, whose graphs are all of one size, at its beginning.
"""

_SIZES = 1_000  # of which calls are counted
_calls: dict[int, int] = {}  # for graphs of each size


def look_for_changed_leaves(order: Collection[Value]) -> None:
    """Refuse a graph that was recorded partly before a leaf was changed and partly after: no function has its gradient.

    Such a graph arises where a loop computes a result from a parameter once, and uses it again after the optimiser's
    step. One that is old as a whole, such as a loss computed before the loop, is differentiated at its own numbers,
    with a warning.

    Raises:
        RuntimeError: nodes were computed from different numbers of one leaf.
    """
    if not (_is_due(len(order)) and _may_be_changed(order)):
        return
    known: dict[Value, tuple[float, str]] = {}
    for node in order:
        for operand, number in zip(node.operands, node.inputs):
            if operand._primitive is not None:
                continue
            assert node._primitive is not None
            name = node._primitive.name
            first, of_first = known.setdefault(operand, (number, name))
            if not same_number(first, number):
                raise RuntimeError(
                    f"{operand!r} was {first!r} when {of_first} was computed from it, and {number!r} when {name} was: "
                    "this graph mixes results from before and after a change, and no function has such a gradient. "
                    "Compute what was kept, such as a result from before a loop, anew in each step, or keep its "
                    "detach() if it is a constant"
                )
    for leaf, (number, name) in known.items():
        if not same_number(number, leaf._z):
            warn_user(
                f"{leaf!r} was {number!r} when {name} was computed from it, and the gradient is the one at that number"
                ": compute the result anew after a change, as a loss in each step of a loop",
                UserWarning,
            )
            return


def _is_due(size: int) -> bool:
    """Whether this call looks at a graph of that size; see `LARGE`."""
    if size <= LARGE:
        return True
    if len(_calls) == _SIZES:
        _calls.clear()
    call = _calls[size] = _calls.get(size, 0) + 1
    return call & (call - 1) == 0


def _may_be_changed(order: Iterable[Value]) -> bool:
    """Whether an operand, of any class, may have another number than was recorded, as it is another object."""
    for node in order:
        a, b = node._a, node._b
        if b is MANY:
            if tuple([operand._z for operand in a]) != node._x:
                return True
        elif a is not None:
            if a.__class__ is not float and a._z is not node._x:
                return True
            if b is not None and b.__class__ is not float and b._z is not node._y:
                return True
    return False
