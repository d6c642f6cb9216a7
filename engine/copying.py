"""Deep copies and pickles of a graph in flat form: a chain of a million nodes must not recurse, nor take long."""

from __future__ import annotations

import copy
from array import array
from collections.abc import Callable, Sequence
from itertools import chain, count
from typing import Any, NamedTuple

from .graph import recorded_order
from .modes import arguments
from .primitive import Primitive
from .process.collector import collector_at_rest
from .value import MANY, Value

_new = object.__new__
_NUMBER, _NONE, _MANY = -1, -2, -3  # in place of an operand's position


def deepcopy_graph(root: Value, memo: dict[int, Any]) -> Value:
    """A copy of all that `root` was computed from; what `memo` already holds stays shared."""
    with collector_at_rest():
        for node in recorded_order(root):
            if id(node) in memo:
                continue
            a, b = node._a, node._b
            if a is None:
                clone = memo[id(node)] = copy.copy(node)
                if hasattr(node, "__dict__"):  # a subclass may hold anything
                    clone.__dict__.update(copy.deepcopy(node.__dict__, memo))
                continue
            clone = memo[id(node)] = _new(Value)
            if b is MANY:
                clone._a, clone._b = tuple([memo[id(operand)] for operand in a]), MANY
            else:
                clone._a = a if a.__class__ is float else memo[id(a)]
                clone._b = b if b is None or b.__class__ is float else memo[id(b)]
            clone._z, clone._grad, clone._label = node._z, node._grad, node._label
            clone._primitive, clone._x, clone._y = node._primitive, node._x, node._y
    return memo[id(root)]


class Table(NamedTuple):
    """The results of a graph, in topological order after its leaves, one column for each of their slots.

    Attributes:
        primitives: each one once; codes: for each result, the place of its own among them.
        a, b: the operands' positions, or a code in place of one.
        x, y: the recorded numbers; 0 where there are none.
        data, grads: the results' numbers and gradients.
        labels: of labelled results, by position.
        many: for n-ary results, by position: the operands' positions, the recorded numbers, and the slot `_y`.
    """

    primitives: Sequence[Primitive]
    codes: array[int]
    a: array[int]
    b: array[int]
    x: array[float]
    y: array[float]
    data: array[float]
    grads: array[float]
    labels: dict[int, str]
    many: dict[int, tuple[array[int], array[float], Any]]


def reduce_graph(root: Value, default: Callable[[int], Any]) -> Any:
    """What pickle stores for a Value: a leaf like any object, a result as a table of all that it was computed from.

    Leaves stay shared with everything else in the pickle; a result that two roots share comes back once for each.

    Raises:
        TypeError: it is an argument of a function that is being differentiated.
    """
    if root._primitive is None:
        if root in arguments:  # copies of results come here with their leaves
            raise TypeError(
                "a function that is being differentiated copies its argument, and no derivative reaches a copy: use "
                "the argument itself, which no operator changes, or its detach() where it counts as a constant"
            )
        return default(4)
    with collector_at_rest():
        position = recorded_order(root)
        leaves = [node for node in position if node._primitive is None]
        results = [node for node in position if node._primitive is not None]
        position.update(zip(chain(leaves, results), count()))
        return restore_graph, (leaves, _table(results, position))


def _table(results: Sequence[Value], position: dict[Any, int]) -> Table:
    position[None], position[MANY] = _NONE, _MANY
    firsts = [MANY if node._b is MANY else node._a for node in results]
    seconds = [node._b for node in results]
    codes: dict[Any, int] = {}
    many = {
        k: (array("i", map(position.__getitem__, node._a)), array("d", node._x), node._y)
        for k, node in enumerate(results)
        if node._b is MANY
    }
    return Table(
        codes=array("i", [codes.setdefault(node._primitive, len(codes)) for node in results]),
        primitives=list(codes),
        a=array("i", [_NUMBER if a.__class__ is float else position[a] for a in firsts]),
        b=array("i", [_NUMBER if b.__class__ is float else position[b] for b in seconds]),
        x=array("d", [0.0 if node._b is MANY else node._x for node in results]),
        y=array("d", [node._y if node._y.__class__ is float else 0.0 for node in results]),
        data=array("d", [node._z for node in results]),
        grads=array("d", [node._grad for node in results]),
        labels={k: node._label for k, node in enumerate(results) if node._label is not None},
        many=many,
    )


def restore_graph(leaves: Sequence[Value], table: Table) -> Value:
    """The root of a graph that `reduce_graph` stored."""
    nodes = list(leaves)
    first, add, primitives = len(nodes), nodes.append, table.primitives
    with collector_at_rest():
        for code, a, b, x, y, data, grad in zip(
            table.codes, table.a, table.b, table.x, table.y, table.data, table.grads
        ):
            node = _new(Value)
            node._z, node._grad, node._label, node._primitive = data, grad, None, primitives[code]
            if b == _MANY:
                operands, numbers, node._y = table.many[len(nodes) - first]
                node._a, node._b, node._x = tuple([nodes[k] for k in operands]), MANY, tuple(numbers)
            else:
                node._x = x
                node._a = nodes[a] if a >= 0 else x
                if b == _NONE:
                    node._b = node._y = None
                else:
                    node._y = y
                    node._b = nodes[b] if b >= 0 else y
            add(node)
    for k, label in table.labels.items():
        nodes[first + k]._label = label
    return nodes[-1]
