"""Value meets the table: its operators, and a method for each primitive, are made from the table's columns.

They are specialised by arity because they run once per node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from . import ops
from .ieee import inner
from .modes import open_modes, row_reader, unobserved
from .numbers import as_operand
from .primitive import Primitive, watch
from .value import MANY, Constant, Value, detached, new_node

_new = object.__new__


def _unary(primitive: Primitive) -> Callable[[Value], Value]:
    forward = primitive.forward

    def method(self: Value) -> Value:
        if open_modes:
            return Value.__apply_primitive__(primitive, (self,))
        x = self._z
        z = forward(x)
        if z.__class__ is not float:
            return Value.__apply_primitive__(primitive, (self,))
        return new_node(primitive, z, self, None, x, None)

    return method


def _on_floats(primitive: Primitive) -> Callable[..., float]:
    """The forward function; of a declared primitive, which may make numbers of any kind, their floats."""
    return primitive.forward if vars(ops).get(primitive.name) is primitive else primitive.number


def _binary(primitive: Primitive) -> Callable[[Value, Any], Value]:
    forward = _on_floats(primitive)

    def method(self: Value, other: Any) -> Value:
        if other.__class__ is Value or isinstance(other, Value):
            if open_modes:
                return Value.__apply_primitive__(primitive, (self, other))
            y = other._z
        else:
            number = other if other.__class__ is float else as_operand(other)
            if number is None:
                return NotImplemented
            if open_modes:
                return Value.__apply_primitive__(primitive, (self, number))
            other = y = number
        x = self._z
        node = _new(Value)  # new_node, written out: a tenth of the time that most operators take
        node._z = forward(x, y)
        node._grad = 0.0
        node._label = None
        node._primitive = primitive
        node._a = self
        node._b = other
        node._x = x
        node._y = y
        return node

    return method


def _reflected(primitive: Primitive) -> Callable[[Value, Any], Value]:
    forward = _on_floats(primitive)

    def method(self: Value, other: Any) -> Value:
        number = other if other.__class__ is float else as_operand(other)
        if number is None:
            return NotImplemented
        if open_modes:
            return Value.__apply_primitive__(primitive, (number, self))
        y = self._z
        return new_node(primitive, forward(number, y), number, self, number, y)

    return method


def affine(weights: Sequence[Sequence[Any]], inputs: Sequence[Any], biases: Sequence[Any]) -> list[Value]:
    """``dot(row, inputs, bias)`` for each row of weights and its bias, as a layer needs it: the inputs are read once.

    Args:
        weights: m rows of n Values or numbers each.
        inputs: n Values or numbers.
        biases: m Values, numbers or None for none.

    Returns:
        m Values, or floats where all operands are numbers.

    Raises:
        ValueError: there are no inputs, or a row is not as long as the inputs, or the biases are not as many as the
            rows.

    >>> w, b, x = [Value(2.0), Value(3.0)], Value(1.0), [Value(10.0), Value(20.0)]
    >>> affine([w], x, [b])
    [Value(data=81.0, grad=0.0)]
    """
    if len(weights) != len(biases):
        raise ValueError(f"affine() takes a bias for each row of weights, and got {len(biases)} for {len(weights)}")
    xs = tuple(inputs)
    numbers_only = bool(open_modes) and unobserved()
    if xs and (numbers_only or not open_modes) and {len(xs)}.issuperset(map(len, weights)):
        try:
            return _dots(weights, xs, biases, numbers_only)
        except AttributeError:  # numbers among them
            pass
    return [ops.dot(ws, xs, bias) for ws, bias in zip(weights, biases)]


def _dots(
    weights: Sequence[Sequence[Any]], xs: tuple[Any, ...], biases: Sequence[Any], numbers_only: bool
) -> list[Value]:
    """The nodes of `affine`, or an AttributeError where a number is among the operands.

    With `numbers_only` they are detached and hold no operands.
    """
    dot, nodes, read = ops.dot, [], row_reader[0]
    xd = [x._z for x in xs]
    factors = [*xd, 1.0]  # the last one is the bias's
    constant = all(x.__class__ is Constant for x in xs)
    for ws, bias in zip(weights, biases):
        wd = [w._z for w in ws] if read is None else read(ws)
        if bias is None:
            z = inner(wd, xd)
            nodes.append(detached(z) if numbers_only else new_node(dot, z, (*ws, *xs), MANY, (*wd, *xd), constant))
        else:
            bd = bias._z
            z = inner([*wd, bd], factors)
            nodes.append(
                detached(z) if numbers_only else new_node(dot, z, (*ws, *xs, bias), MANY, (*wd, *xd, bd), constant)
            )
    return nodes


def _general(primitive: Primitive) -> Callable[..., Value]:
    def method(self: Value, *others: Any, **named: Any) -> Value:
        return primitive(self, *others, **named)

    return method


def _install(primitive: Primitive) -> None:
    """Give Value the operator of a primitive, and a method of its name and aliases."""
    for name in primitive.methods:
        if hasattr(Value, name):
            raise ValueError(f"a Value already has an attribute {name!r}: choose another, or method=False")
    if primitive.dunder and primitive.arity == 1:
        _set(f"__{primitive.dunder}__", _unary(primitive))
    elif primitive.dunder:
        _set(f"__{primitive.dunder}__", _binary(primitive))
        _set(f"__r{primitive.dunder}__", _reflected(primitive))
    method = _unary(primitive) if primitive.arity == 1 else _general(primitive)
    method.__doc__ = primitive.__doc__
    for name in reversed(primitive.methods):  # all are one function, which has the primitive's own name
        _set(name, method)


def _set(name: str, method: Callable[..., Value]) -> None:
    """Make a function a method of Value, and name it so: Python's errors then say which one has too many arguments."""
    method.__name__, method.__qualname__ = name, f"Value.{name}"
    setattr(Value, name, method)


# ---- operators that are not one primitive -----------------------------------------------------------------------


def _pos(self: Value) -> Value:
    return self


def _conjugate(self: Value) -> Value:
    """The number itself: NumPy asks for it in variances, norms and covariances.

    >>> Value(2.0).conjugate().data
    2.0
    """
    return +self


def _round(self: Value, digits: int | None = None) -> Value:
    if digits is not None:
        raise TypeError(f"round() of a Value takes no digits: write round(v * 10**{digits}) / 10**{digits}")
    return ops.round(self)


def _trunc(self: Value) -> Value:
    return ops.where(self < 0.0, ops.ceil(self), ops.floor(self))


def _matmul(self: Value, other: Any) -> NoReturn:
    raise TypeError("a Value is one number, where @ is for arrays: write a * b, or engine.dot(xs, ys) of two lists")


def _divmod(self: Value, other: Any) -> tuple[Value, Value]:
    return self // other, self % other


def _rdivmod(self: Value, other: Any) -> tuple[Value, Value]:
    return other // self, other % self


for _name, _operator in {
    **{"__pos__": _pos, "__round__": _round, "__trunc__": _trunc, "__divmod__": _divmod, "__rdivmod__": _rdivmod},
    **{"__matmul__": _matmul, "__rmatmul__": _matmul},
    "conjugate": _conjugate,
}.items():
    setattr(Value, _name, _operator)
watch(_install)
