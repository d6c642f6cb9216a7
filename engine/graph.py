"""Reading the recorded graph: topological order and leaves, without recursion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .value import MANY, Constant, Value


def topological_order(root: Value) -> list[Value]:
    """Every node of the graph, operands before what is computed from them, `root` last.

    The order is that of a depth-first walk which visits operands from left to right; each node comes once.

    Raises:
        TypeError: `root` is no Value.

    >>> a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    >>> [node.label or node._op for node in topological_order(a * b + c)]
    ['a', 'b', '*', 'c', '+']
    """
    return _ordered(root, _with_numbers)


def recorded_order(root: Value) -> list[Value]:
    """The topological order without the numbers that were written in expressions: what a sweep has to visit.

    They stay the floats that they are, where `topological_order` makes a Constant of each for those who look.

    >>> a = Value(1.0, "a")
    >>> [node.label or node._op for node in recorded_order(2 * a + 3)]
    ['a', '*', '+']
    """
    return _ordered(root, _without_numbers)


def _with_numbers(node: Value) -> tuple[Any, Any]:
    a, b = (*node.operands, None)[:2]
    return a, b


def _without_numbers(node: Value) -> tuple[Any, Any]:
    return (node._b, None) if node._a.__class__ is float else (node._a, None)


def _ordered(root: Value, operands_of: Callable[[Value], tuple[Any, Any]]) -> list[Value]:
    """The order; `operands_of` tells what the operands are of a node that has a number among them."""
    if not isinstance(root, Value):
        raise TypeError(f"a graph hangs on a Value, got {root!r} of type {type(root).__name__}")
    order: list[Value] = []
    seen: set[Value] = set()
    stack: list[Any] = [root]
    pop, extend, visit, emit = stack.pop, stack.extend, seen.add, order.append
    while stack:
        node = pop()
        if node is None:  # the node below has had all its operands
            emit(pop())
        elif node not in seen:
            visit(node)
            a, b = node._a, node._b
            if a is None:
                emit(node)
                continue
            if a.__class__ is float or b.__class__ is float:
                a, b = operands_of(node)
            # In a graph without cycles, operands that have been seen have been emitted.
            if b is MANY:
                if seen.issuperset(a):
                    emit(node)
                else:
                    extend((node, None))
                    extend(reversed(a))
            elif a in seen and (b is None or b in seen):
                emit(node)
            else:
                extend((node, None, a) if b is None else (node, None, b, a))
    return order


def leaves(root: Value) -> list[Value]:
    """The Values that the graph starts from, in topological order; constants are not among them.

    >>> a, b = Value(1.0), Value(2.0)
    >>> [leaf.data for leaf in leaves(a * b + 5 * a)]
    [1.0, 2.0]
    """
    return [n for n in recorded_order(root) if n.primitive is None and not isinstance(n, Constant)]
