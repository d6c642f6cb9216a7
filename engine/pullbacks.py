"""Pullbacks: how the adjoint of a result is passed on to its operands, one function for each primitive.

They are made from the rules of the table, whose local derivatives they multiply with. Those of ``+``, ``-``, ``*`` and
`dot`, which are nearly all nodes of most graphs, are written out: they add the same numbers, without the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, TypeAlias

from . import ops
from .modes import observed_by
from .numbers import as_float
from .primitive import Primitive
from .value import Constant, Value

Pullback: TypeAlias = Callable[[dict[Value, float], float, Value], None]
"""``pullback(adjoints, upstream, node)`` adds to the adjoints of a node's operands their share of its own."""

UNREACHED = float("-0.0")
"""The adjoint of a node that no contribution has reached: the number that leaves every sum as it is, also 0.0 and -0.0,
recognised by its identity. What is unreached passes nothing on: 0 * inf would be nan."""

_NUMBERS = (float, Constant)  # to which no gradient flows; most operands are Values, so that is asked first


# ---- local derivatives ----


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


def derivatives_as_numbers(node: Value) -> list[float | None]:
    """What `local_derivatives` gives, without its check: for code that only shows them, or has made that check.

    >>> derivatives_as_numbers(Value(3.0) * Value(4.0))
    [4.0, 3.0]
    """
    return _derivatives(node, call_rules)


def flowing_derivatives(node: Value) -> list[float | None]:
    """The local derivatives that a sweep multiplies with: a constant's is None too, and its rule is not called.

    >>> flowing_derivatives(Value(-3.0) ** 2)
    [-6.0, None]
    """
    return _derivatives(node, lambda primitive, z, inputs: call_flowing(node, primitive, z, inputs))


def _derivatives(node: Value, call: Callable[[Primitive, Any, Sequence[Any]], Sequence[Any]]) -> list[float | None]:
    """What `call` makes of the primitive, its result and its inputs, as floats."""
    primitive = node.primitive
    if primitive is None:
        return []
    try:
        found = call(primitive, node._z, node.inputs)
    except ArithmeticError:  # where Python's arithmetic on floats raises, that on Values is IEEE 754
        with observed_by(None):
            found = call(primitive, Value(node._z), tuple(map(Value, node.inputs)))
    return [d if d is None or d.__class__ is float else _as_derivative(d, primitive) for d in found]


def call_flowing(node: Value, primitive: Primitive, z: Any, inputs: Sequence[Any]) -> list[Any]:
    """What the rules of a node's primitive give for each operand; None for constants."""
    constant = [isinstance(operand, Constant) for operand in node.operands]
    if primitive.arity is None:
        return [None if skip else d for skip, d in zip(constant, call_rules(primitive, z, inputs))]
    return [None if skip else rule(z, *inputs) for skip, rule in zip(constant, primitive.rules)]


def _as_derivative(d: Any, primitive: Primitive) -> float:
    return as_float(d._z if isinstance(d, Value) else d, f"the adjoint of {primitive.name}")


# ---- pullbacks ----


def _of_one(primitive: Primitive) -> Pullback:
    (rule,) = primitive.rules

    def pullback(adjoints: dict[Value, float], upstream: float, node: Value) -> None:
        d = rule(node._z, node._x)
        if d is not None:
            adjoints[node._a] += upstream * d

    return pullback


def _of_two(primitive: Primitive) -> Pullback:
    by_a, by_b = primitive.rules

    def pullback(adjoints: dict[Value, float], upstream: float, node: Value) -> None:
        a, b, z, x, y = node._a, node._b, node._z, node._x, node._y
        da = by_a(z, x, y) if a.__class__ is Value or a.__class__ not in _NUMBERS else None
        db = by_b(z, x, y) if b.__class__ is Value or b.__class__ not in _NUMBERS else None
        if da is not None:
            adjoints[a] += upstream * da
        if db is not None:
            adjoints[b] += upstream * db

    return pullback


def _of_many(primitive: Primitive) -> Pullback:
    def pullback(adjoints: dict[Value, float], upstream: float, node: Value) -> None:
        for operand, d in zip(node._a, call_rules(primitive, node._z, node._x)):
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
    if not upstream and isfinite(node._z):
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
