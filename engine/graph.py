"""Reading the recorded graph: topological order and leaves, without recursion."""

from __future__ import annotations

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
                a, b = (*node.operands, None)[:2]
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
    return [n for n in topological_order(root) if n.primitive is None and not isinstance(n, Constant)]
