"""Which code asks whether two numbers are one: asked where its functions return, as in `test_truth_tests`."""

from __future__ import annotations

import builtins
import operator
import types
from collections.abc import Callable
from typing import Any

import pytest

from engine.compiler.frontend.given.identity_tests import is_identity_tested, may_test_identity

from ..faithful.test_identities import of_attributes
from .test_truth_tests import given, is_tested

MARK = object()


def _by_parts(x: Any) -> Any:
    first, second = x
    return first is not second


def _inside(x: Any) -> Any:
    return [y for y in x if y is not x[0]]


def _bound_anew(x: Any) -> Any:
    first, second = x
    same, product = first is second, first * second
    first = second = 1.0
    return product if same else first + second


def _arguments_bound_anew(x: Any) -> Any:
    def inside(first: Any, second: Any) -> bool:
        same = first is second
        first = second = None
        return same

    return inside(*x)


ASKING: dict[str, Callable[[Any], Any]] = {
    "entries": lambda x: x[0] is x[1],
    "locals": _by_parts,
    "attributes": of_attributes,
    "in a comprehension": _inside,
    "bound anew": _bound_anew,
    "arguments bound anew": _arguments_bound_anew,
    "what a function gives": lambda x: (lambda k: x[k])(0) is (lambda k: x[k])(1),
    "id of what a function gives": lambda x: id((lambda k: x[k])(0)),
    "entries of a dict": lambda x: (lambda held: held["a"] is held["b"])({"a": x[0], "b": x[1]}),
    "a number": lambda x: x[0] is len([]),
    "rows": lambda x: x is list(x),
    "a choice": lambda x: (x[0] if len(x) == 2 else None) is MARK or len([]) is (None if len(x) > 2 else x[1]),
    "a chain": lambda x: len([]) is len([]) is x[0],
    "id of a choice": lambda x: len({id(x[0] if len(x) > 1 else None)}),
    "id": lambda x: id(x[0]) == id(x[1]),
    "id by its module": lambda x: builtins.id(x[0]) == len(x),
    "mapped id": lambda x: len({*map(id, x)}),
    "operator": lambda x: operator.is_(*x),
}


def _last_apart(x: Any) -> Any:
    layers = [abs, float]
    for layer in layers:
        x = x if layer is not layers[-1] else [x[0], x[1]]
    return x


def _each_once(x: Any) -> Any:
    seen = {id(ASKING)}
    for part in (ASKING, MARK):
        x = x if id(part) in seen else [*x, x[0]]
    return x


def _of_layers(x: Any) -> Any:
    layers = [[1.0], [2.0]]
    for layer in layers:
        x = [layer[0] * y for y in x]
        if layer is layers[-1]:
            break
    return x


def _other_attributes(x: Any) -> Any:
    pair = types.SimpleNamespace(first=x[0], second=len(x), third=len([]))
    return pair.second is pair.third


def _with_an_id(x: Any) -> Any:
    node = types.SimpleNamespace(id=0)
    node.id = {"id": 1}["id"]
    return x[node.id] if node.id is not None else max(node.id, x)


OTHERS: dict[str, Callable[[Any], Any]] = {
    "None": lambda x: x[0] is None or x is not None,
    "a mark": lambda x: x[0] is MARK,
    "an attribute of that name": _with_an_id,
    "other attributes": _other_attributes,
    "other things": _of_layers,
    "other things, beside a number": _last_apart,
    "id of other things, beside a number": _each_once,
    "equal": lambda x: x[0] == x[1],
}


def _asks(function: Callable[[Any], Any], argument: Any) -> bool:
    return is_tested(function, argument, is_identity_tested, ("call", "return"))


@pytest.mark.parametrize("function", ASKING.values(), ids=ASKING)
def test_asking_whether_two_are_one_is_seen(function: Callable[[Any], Any]) -> None:
    assert may_test_identity(function.__code__)
    assert _asks(function, given(float, float))
    assert not _asks(function, [1.0, 2.0])


@pytest.mark.parametrize("function", OTHERS.values(), ids=OTHERS)
def test_asking_for_something_else_is_not_meant(function: Callable[[Any], Any]) -> None:
    assert not _asks(function, given(float, float))
