"""What kind of plain number a symbol stands for: its class, and whether it is NumPy's own, whole or a truth value."""

from __future__ import annotations

import sys
from numbers import Integral
from typing import Any

from ....numbers import is_narrow
from ..conditions import CONDITIONS
from ..symbol import Symbol, computed_from
from .digits import inputs_of


def given_type(number: Any, asked: bool = False) -> Any:
    """The class of an input or a constant; None for what is computed. If `asked`, the graph notes it."""
    if not isinstance(number, Symbol):
        return type(number)
    if number.kind != "input":
        return None
    return number.graph.given.type_of(number) if asked else number.graph.given.types[number.value]


def short_kind(number: Any) -> Any:
    """The class of an input or a constant that is a NumPy number of few bits; None for any other number."""
    kind = given_type(number)
    return kind if kind is not None and is_narrow(kind) else None


def is_weak(number: Any, weak: set[type[Any]], asked: bool) -> bool:
    """Whether it is, or is computed from, only Python numbers of these types, which take the types of NumPy's."""
    parts = inputs_of([number]) if isinstance(number, Symbol) else [number]
    return all(given_type(part, asked) in weak for part in parts)


def is_truth(number: Any) -> bool:
    """Whether it is a condition, a number that is given as a bool, or a product of these."""
    if not isinstance(number, Symbol):
        return False
    if number.kind == "input":
        kind = number.graph.given.types[number.value]
        return kind is bool or (is_narrow(kind) and "bool" in kind.__name__)
    return number.primitive in CONDITIONS or number in number.graph.given.truths


def is_of_numpy(number: Any) -> bool:
    """Whether it is computed from numbers of NumPy's own types; the graph notes that this was asked."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(number, Symbol):
        return False
    return any(
        (symbol in symbol.graph.given.in_arrays and is_truth(symbol))
        or (symbol.kind == "input" and issubclass(symbol.graph.given.type_of(symbol), numpy.generic))
        for symbol in computed_from([number])
    )


def is_whole(number: Any) -> bool:
    """Whether it is, or is computed from, whole numbers or truth values; the graph notes that this was asked."""
    parts = computed_from([number]) if isinstance(number, Symbol) else [number]
    return any(is_truth(part) or _is_integral(given_type(part, asked=True)) for part in parts)


def is_numpys(number: Any) -> bool:
    """Whether NumPy computes with it, as a number of its own, or as one that may have become so in an array."""
    if not isinstance(number, Symbol):
        return type(number).__module__ == "numpy"
    return is_of_numpy(number) or is_in_array(number)


def is_float(number: Symbol) -> bool:
    """Whether it is computed only from floats of Python's precision; the graph notes that this was asked."""
    return all(issubclass(number.graph.given.type_of(given), float) for given in inputs_of([number]))


def is_in_array(number: Any) -> bool:
    """Whether it, or something that it is computed from, has been put into an array."""
    if not isinstance(number, Symbol) or not number.graph.given.in_arrays:
        return False
    return not number.graph.given.in_arrays.isdisjoint(computed_from([number]))


def _is_integral(kind: type[Any] | None) -> bool:
    numpy = sys.modules.get("numpy")
    return kind is not None and (issubclass(kind, Integral) or (numpy is not None and issubclass(kind, numpy.bool_)))
