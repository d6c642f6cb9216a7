"""Pullbacks: how the adjoint of a result is passed on to its operands, one function for each primitive.

They are made from the rules of the table. Those of ``+``, ``-``, ``*`` and `dot`, which are nearly all nodes of most
graphs, are written out: they add the same numbers, without the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, TypeAlias

from . import ops
from .primitive import Primitive
from .value import Constant, Value

Pullback: TypeAlias = Callable[[dict[Value, float], float, Value], None]
"""``pullback(adjoints, upstream, node)`` adds to the adjoints of a node's operands their share of its own."""

UNREACHED = float("-0.0")
"""The adjoint of a node that no contribution has reached: the number that leaves every sum as it is, also 0.0 and -0.0,
recognised by its identity. What is unreached passes nothing on: 0 * inf would be nan."""

_NUMBERS = (float, Constant)  # to which no gradient flows; most operands are Values, so that is asked first


def call_rules(primitive: Primitive, z: Any, inputs: Sequence[Any]) -> Sequence[Any]:
    """What the rules give, one derivative for each operand.

    Raises:
        TypeError: the rule of an n-ary primitive does not give a list.
        ValueError: it gives another number of them.
    """
    if primitive.arity is not None:
        return [rule(z, *inputs) for rule in primitive.rules]
    found: Sequence[Any] = primitive.rules[0](z, *inputs)
    if not isinstance(found, (list, tuple)):  # of a dict the keys would be taken
        raise TypeError(
            f"the rule of {primitive.name} gives a list with one derivative for each operand, not {found!r}"
        )
    if len(found) != len(inputs):
        raise ValueError(f"the rule of {primitive.name} gave {len(found)} derivatives for {len(inputs)} operands")
    return found


def _of_one(primitive: Primitive) -> Pullback:
    (rule,) = primitive.rules

    def pullback(adjoints: dict[Value, float], upstream: float, node: Value) -> None:
        d = rule(node._data, node._x)
        if d is not None:
            adjoints[node._a] += upstream * d

    return pullback


def _of_two(primitive: Primitive) -> Pullback:
    by_a, by_b = primitive.rules

    def pullback(adjoints: dict[Value, float], upstream: float, node: Value) -> None:
        a, b, z, x, y = node._a, node._b, node._data, node._x, node._y
        da = by_a(z, x, y) if a.__class__ is Value or a.__class__ not in _NUMBERS else None
        db = by_b(z, x, y) if b.__class__ is Value or b.__class__ not in _NUMBERS else None
        if da is not None:
            adjoints[a] += upstream * da
        if db is not None:
            adjoints[b] += upstream * db

    return pullback


def _of_many(primitive: Primitive) -> Pullback:
    def pullback(adjoints: dict[Value, float], upstream: float, node: Value) -> None:
        for operand, d in zip(node._a, call_rules(primitive, node._data, node._x)):
            if d is not None:
                adjoints[operand] += upstream * d

    return pullback


def _add(adjoints: dict[Value, float], upstream: float, node: Value) -> None:
    a, b = node._a, node._b
    if a.__class__ is Value or a.__class__ not in _NUMBERS:
        adjoints[a] += upstream
    if b.__class__ is Value or b.__class__ not in _NUMBERS:
        adjoints[b] += upstream


def _sub(adjoints: dict[Value, float], upstream: float, node: Value) -> None:
    a, b = node._a, node._b
    if a.__class__ is Value or a.__class__ not in _NUMBERS:
        adjoints[a] += upstream
    if b.__class__ is Value or b.__class__ not in _NUMBERS:
        adjoints[b] -= upstream


def _mul(adjoints: dict[Value, float], upstream: float, node: Value) -> None:
    a, b = node._a, node._b
    if a.__class__ is Value or a.__class__ not in _NUMBERS:
        adjoints[a] += upstream * node._y
    if b.__class__ is Value or b.__class__ not in _NUMBERS:
        adjoints[b] += upstream * node._x


def _dot(adjoints: dict[Value, float], upstream: float, node: Value) -> None:
    operands, numbers = node._a, node._x
    # As before every second relu. Where the sum of products is finite, so are all their factors: 0 times them is 0.
    if not upstream and isfinite(node._data):
        for operand in operands:
            if adjoints[operand] is UNREACHED:
                adjoints[operand] = 0.0
        return
    n = len(numbers) // 2
    for w, x in zip(operands, numbers[n : 2 * n]):
        adjoints[w] += upstream * x
    if not node._y:  # the second half are not constants
        for x, w in zip(operands[n : 2 * n], numbers):
            adjoints[x] += upstream * w
    if len(numbers) % 2:
        adjoints[operands[-1]] += upstream


class _Pullbacks(dict[Primitive, Pullback]):
    """By primitive, each made on first use."""

    def __missing__(self, primitive: Primitive) -> Pullback:
        make = {1: _of_one, 2: _of_two}.get(primitive.arity or 0, _of_many)
        pullback = self[primitive] = make(primitive)
        return pullback


pullbacks = _Pullbacks({ops.add: _add, ops.sub: _sub, ops.mul: _mul, ops.dot: _dot})
