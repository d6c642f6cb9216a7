"""A compiled function is the function that was written, or a refusal with the user's line: one row per way to go wrong.

A row is a function that sets up everything anew and gives a `Case`: what is compiled, its samples, and what happens
between the first call and the second. On every back end both calls must agree with the eager engine, to rounding, in
results and all gradients, or be refused with a line of this file; the decorator says which. `control` rows must
compile, so that refusing is no way out.

To add a row: ``@row("refused")``, ``@row("equal")`` or ``@control``, and a function that gives a Case.
"""

from __future__ import annotations

import abc
import argparse
import array
import builtins
import collections
import contextlib
import contextvars
import copy
import ctypes
import datetime
import decimal
import enum
import functools
import heapq
import importlib
import io
import itertools
import json
import keyword
import logging
import math
import mmap
import operator
import os
import pickle
import pkgutil
import profile
import pydoc
import random
import re
import secrets
import socket
import statistics
import string
import subprocess
import sys
import threading
import time
import types
import uuid
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
import nn
from engine import TraceError, Value, compile, where
from engine.compiler.frontend.reads import surroundings
from tests.engine.compiler.everywhere import close
from tests.needs import INSTALLED, needs

np = needs("numpy")


class Case(NamedTuple):
    """What a row tries.

    Attributes:
        function: of one sample; one result.
        between: what happens between the two calls.
        samples: for each argument one entry per sample.
        far: whether the change is one of those that are seen when it is time to look at all, not at once.
    """

    function: Callable[..., Any]
    between: Callable[[], Any] = lambda: None
    samples: Sequence[Any] = ([1.5, -0.5, 3.0],)
    far: bool = False


@pytest.fixture(autouse=True)
def decimals() -> Iterator[None]:
    """The context of `decimal` is each test's own."""
    with decimal.localcontext():
        yield


Make = Callable[[], Case]
ROWS: list[tuple[str, Make]] = []
CONTROLS: list[Make] = []


def row(outcome: str) -> Callable[[Make], Make]:
    """A way to go wrong; its outcome is "equal" or "refused"."""

    def add(make: Make) -> Make:
        ROWS.append((outcome, make))
        return make

    return add


def control(make: Make) -> Make:
    """What must compile, and be equal."""
    CONTROLS.append(make)
    return make


# ---- what functions, classes and errors are called ------------------------------------------------------------------


def _of_a_function(name: str, other: Any) -> Make:
    def make() -> Case:
        def helper() -> None:
            "What it does."

        w, before = Value(2.0), getattr(helper, name)
        by_name: dict[str, Callable[[], Any]] = {
            "__name__": lambda: helper.__name__,
            "__qualname__": lambda: helper.__qualname__,
            "__doc__": lambda: helper.__doc__,
            "__module__": lambda: helper.__module__,
            "__annotations__": lambda: helper.__annotations__,
        }
        read = by_name[name]
        return Case(lambda x: w * x if read() == before else w * w * x, lambda: setattr(helper, name, other), far=True)

    make.__name__ = f"{name.strip('_')}_of_a_function"
    return make


for _name, _other in (
    ("__name__", "b"),
    ("__qualname__", "b"),
    ("__doc__", "b"),
    ("__module__", "b"),
    ("__annotations__", {"a": 1}),
):
    row("equal")(_of_a_function(_name, _other))


@row("equal")
def the_annotations_of_a_function_in_place() -> Case:
    def helper() -> None:
        pass

    w = Value(2.0)
    return Case(lambda x: w * x * len(helper.__annotations__), lambda: helper.__annotations__.update(a=int), far=True)


@row("equal")
def the_name_of_a_class() -> Case:
    class Kind:
        pass

    w = Value(2.0)
    return Case(
        lambda x: w * x if Kind.__name__ == "Kind" else w * w * x, lambda: setattr(Kind, "__name__", "B"), far=True
    )


@row("equal")
def the_arguments_of_an_error() -> Case:
    w, error = Value(2.0), ValueError("a", 1)
    return Case(lambda x: w * x * error.args[1], lambda: setattr(error, "args", ("b", 3)), far=True)


@row("equal")
def the_words_of_an_error() -> Case:
    w, error = Value(2.0), ValueError("a")
    return Case(lambda x: w * x * len(str(error)), lambda: setattr(error, "args", ("bcd",)), far=True)


@row("equal")
def whether_a_module_was_imported() -> Case:
    w = Value(2.0)
    sys.modules.pop("a_module_of_a_test", None)
    there = types.ModuleType("a_module_of_a_test")
    change = functools.partial(sys.modules.__setitem__, "a_module_of_a_test", there)
    return Case(lambda x: w * x if "a_module_of_a_test" in sys.modules else w * w * x, change, far=True)


@row("refused")
def how_numpy_takes_errors() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x if np.geterr()["divide"] == "warn" else w * w * x)


# ---- numbers of samples as keys, and as texts ----------------------------------------------------------------------

OF_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "in a set": lambda x: x * 2.0 if x in {1.0, 2.0} else x,
    "get of a dict": lambda x: x * {2.0: 3.0}.get(x, 1.0),
    "a defaultdict": lambda x: x * collections.defaultdict(int, {2.0: 3})[x],
    "how many are different": lambda x: x * len({x, abs(x)}),
    "counted": lambda x: x * len(collections.Counter([x, abs(x)])),
    "hash": lambda x: x * 2.0 if hash(x) == 2 else x,
    "a condition in a dict": lambda x: x * {True: 3.0}.get(x > 1.5, 1.0),
    "computed, in a set": lambda x: x * 2.0 if x * 2.0 in {4.0} else x,
    "in a tuple in a set": lambda x: x * 2.0 if (x, 1) in {(2.0, 1)} else x,
    "str": lambda x: x * 2.0 if "-" in str(x) else x,
    "repr": lambda x: x * 2.0 if repr(x) == "2.0" else x,
    "format": lambda x: x * 2.0 if f"{x}" == "2.0" else x,
    "format in a text": lambda x: x * 2.0 if f"number {x}" == "number 2.0" else x,
    "percent": lambda x: x * 2.0 if "%s" % x == "2.0" else x,  # noqa: UP031  # that it is seen is the point
    "text of a list": lambda x: x * 2.0 if "2.0" in str([x]) else x,
    "text of a condition": lambda x: x * 2.0 if str(x > 1.5) == "True" else x,
}


def _of_numbers(name: str) -> Make:
    """A sample in the midst of others, which nobody compares, would be another number."""

    def make() -> Case:
        w, of = Value(2.0), OF_NUMBERS[name]
        return Case(lambda x: w * of(x), samples=([0.5, 1.5, 2.0, -1.0, 2.5],))

    make.__name__ = f"a number of a sample: {name}"
    return make


for _name in OF_NUMBERS:
    row("refused")(_of_numbers(_name))


@row("refused")
def a_condition_on_a_parameter_in_a_dict() -> Case:
    w = Value(-2.0)
    return Case(lambda x: w * x * {True: 3.0}.get(w > 0.0, 1.0), lambda: setattr(w, "data", 1.0))


# ---- what Python's and NumPy's numbers do, and Values do not ---------------------------------------------------------


def _safe_division(x: Any, y: Any) -> Any:
    try:
        return x / y
    except ZeroDivisionError:
        return 0.0


def _safe_remainder(x: Any, y: Any) -> Any:
    try:
        return x % y
    except ArithmeticError:
        return 0.0


def _safe_reciprocal(x: Any) -> Any:
    try:
        return x**-1
    except ZeroDivisionError:
        return 0.0


def _safe_power(x: Any) -> Any:
    with contextlib.suppress(OverflowError):
        return x**400
    return 0.0


def _safe_in_all_ways(x: Any) -> Any:
    try:
        return 1 / x
    except KeyError:
        return 1.0
    except:  # noqa: E722  # that it is seen is the point
        return 0.0


def _safe_remainder_in_all_ways(x: Any) -> Any:
    try:
        return 7 % x
    except:  # noqa: E722  # that it is seen is the point
        return 0.0


_ByZero, _suppressing = ZeroDivisionError, contextlib.suppress(ZeroDivisionError)


def _safe_by_another_name(x: Any) -> Any:
    try:
        return 1 / x
    except _ByZero:
        return 0.0


def _safe_by_a_suppressor(x: Any) -> Any:
    with _suppressing:
        return 1 / x
    return 0.0


class Swallowing:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: Any) -> bool:
        return True


@contextlib.contextmanager
def _swallowing() -> Iterator[None]:
    with contextlib.suppress(ZeroDivisionError):
        yield


def _safe_in_a_context(x: Any) -> Any:
    with Swallowing():
        return 1 / x
    return 0.0


def _safe_in_a_generator(x: Any) -> Any:
    with _swallowing():
        return 1 / x
    return 0.0


def _safe(function: Callable[[Any], Any], errors: Any) -> Callable[[Any], Any]:
    def safe(x: Any) -> Any:
        try:
            return function(x)
        except errors:
            return 0.0

    return safe


PLAIN: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "a division that a bare except catches": (_safe_in_all_ways, [2.0, 0.0, 2.0]),
    "a remainder that a bare except catches": (_safe_remainder_in_all_ways, [2.0, 0.0, 2.0]),
    "a division that is caught by another name": (_safe_by_another_name, [2.0, 0.0, 2.0]),
    "a division that is suppressed": (_safe_by_a_suppressor, [2.0, 0.0, 2.0]),
    "a division that a context catches": (_safe_in_a_context, [2.0, 0.0, 2.0]),
    "a division that a context made of a generator catches": (_safe_in_a_generator, [2.0, 0.0, 2.0]),
    "a division that a decorator catches": (_safe(lambda x: 1 / x, (KeyError, ArithmeticError)), [2.0, 0.0, 2.0]),
    "a division by zero that is caught": (lambda x: _safe_division(1, x), [2.0, 0.0, 2.0]),
    "a remainder that is caught": (lambda x: _safe_remainder(1, x), [2.0, 0.0, 2.0]),
    "a power that is caught": (_safe_reciprocal, [2.0, 0.0, 2.0]),
    "an overflow that is caught": (_safe_power, [2.0, 10.0, 2.0]),
    "and of bits": (lambda x: x & 1, [1, 2, 3]),
    "or of bits": (lambda x: 2 | x, [1, 2, 3]),
    "a shift": (lambda x: 1 << x, [1, 2, 3]),
    "exclusive or of conditions": (lambda x: (x > 1) ^ (x > 2), [1, 2, 3]),
    "a sum that wraps": (lambda x: x + x, np.array([1, 200, 3], np.uint8)),
    "a difference from a number of Python": (lambda x: x - 1, np.array([1, 0, 3], np.uint8)),
    "a product of int16": (lambda x: x * x, np.array([1, 300, 3], np.int16)),
    "the absolute value of int8": (lambda x: abs(x), np.array([1, -128, 3], np.int8)),
    "a sum of truth values": (lambda x: x + x, np.array([True, False])),
    "a sum of conditions": (lambda x: (x > 0) + (x > 1), np.array([-1.0, 0.5, 2.0])),
    "a sum of a condition and True": (lambda x: True + (x > 1), np.array([-1.0, 0.5, 2.0])),
    "a sum of products of conditions": (lambda x: (x > 0) * (x > 1) + (x > 2), np.array([-1.0, 0.5, 3.0])),
    "a condition less another": (lambda x: (x > 0) - (x > 1), np.array([-1.0, 0.5, 2.0])),
    "the negative of a condition": (lambda x: -(x > 0), np.array([-1.0, 0.5, 2.0])),
    "a remainder by a whole number of NumPy": (lambda x: 7 % x, np.array([1, 0, 3])),
    "a quotient by a whole number of NumPy": (lambda x: 7.0 // x, np.array([1, 0, 3])),
    "a power of a whole number of NumPy": (lambda x: 2**x, np.array([1, -1, 3])),
    "half precision": (lambda x: x * 1000.0, np.array([1.0, 100.0], np.float16)),
    "a sum with an integer beyond 2**53": (lambda x: x + 2**60 - 2**60, [1, 2, 3]),
    "a comparison with an integer beyond 2**53": (lambda x: where(x == 2**53 + 1, 2.0, 1.0), [2**53, 1, 2]),
    "a constant of few bits": (lambda x: x + np.int8(100), [1, 2, 100]),
    "a constant of few bits on the left": (lambda x: np.uint8(3) - x, [1, 2, 5]),
    "a constant of half precision": (lambda x: x * np.float16(0.1), [1.5, 2.5]),
    "a function of NumPy of few bits": (lambda x: np.exp(x), np.array([1, 2, 3], np.uint8)),
    "a function of NumPy of truth values": (lambda x: np.exp(x > 1), [1.0, 2.0]),
    "few bits in a later sample": (lambda x: x + x, [1.0, np.uint8(200), 2.0]),
    "few bits in the row of a later sample": (
        lambda x: x[0] + x[1],
        [[1.0, 2.0], [np.uint8(200), np.uint8(100)]],
    ),
}


def _refuse_of(kind: str, table: dict[str, tuple[Callable[[Any], Any], Any]]) -> None:
    """Rows for functions of numbers that are given, with the samples that would show it."""

    def of(name: str) -> Make:
        def make() -> Case:
            w, (function, samples) = Value(2.0), table[name]
            return Case(lambda x: w * function(x), samples=(samples,))

        make.__name__ = f"{kind}: {name}"
        return make

    for name in table:
        row("refused")(of(name))


_refuse_of("plain numbers", PLAIN)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a division by zero that is caught", "truediv of 1 and <traced input 0> where an error is caught"),
        ("a power that is caught", "pow of <traced input 0> and -1 where an error is caught"),
        ("a remainder by a whole number of NumPy", "mod of whole numbers of NumPy, 7 and <traced input 0>"),
        ("a difference from a number of Python", "sub of numbers of few bits: <traced input 0>, 1"),
    ],
)
def test_a_refused_operator_is_named_with_its_operands_in_order(name: str, told: str) -> None:
    w, (of, samples) = Value(2.0), PLAIN[name]
    with pytest.raises(TraceError, match=re.escape(told)):
        compile(lambda x: w * of(x), backend="python")(samples)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("name", [name for name, (_, samples) in PLAIN.items() if hasattr(samples, "dtype")])
def test_numbers_of_few_bits_are_met_after_others(name: str, backend: str) -> None:
    """Programs for floats, in lists or arrays, are not taken for them."""
    w, (of, samples) = Value(2.0), PLAIN[name]
    compiled = compile(lambda x: w * of(x), backend=backend)
    compiled([1.5, 2.5])
    for first in ([*samples], samples, [2.5, 1.5], samples):
        if type(first[0]) is float:
            compiled(first)
        else:
            with pytest.raises(TraceError, match=r"of (numbers of few bits|whole numbers)"):
                compiled(first)


_bound = Value(2.0)
FEW_DIGITS = np.array([0.1, 0.2, 0.3, 0.7, 0.6, 1.0, -0.1, 0.9], np.float32)
_refuse_of(
    "numbers of few digits",
    {
        "rounded": (lambda x: engine.floor(x * 10), FEW_DIGITS),
        "rounded by Python": (lambda x: round(x * 5), FEW_DIGITS),
        "compared": (lambda x: where(x * 10 > 7, 2.0, 1.0), FEW_DIGITS),
        "compared with a parameter": (lambda x: where(x * 10 > _bound, 2.0, 1.0), FEW_DIGITS),
        "compared after a function of NumPy": (lambda x: where(np.sqrt(abs(x)) == 0.3, 2.0, 1.0), FEW_DIGITS),
        "remainder": (lambda x: x % 0.1, FEW_DIGITS),
        "remainder of a product": (lambda x: (x * 10) % 1, FEW_DIGITS),
        "beside a float": (lambda x: where(x[0] > x[1], 2.0, 1.0), [[np.float32(0.1), 0.1]]),
        "a constant": (lambda x: where(x >= np.float32(0.1), 2.0, 1.0), [0.1, 0.2]),
        "a constant on the left": (lambda x: where(np.float32(0.1) < x, 2.0, 1.0), [0.1, 0.2]),
    },
)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize(
    "of",
    [
        lambda x: where(x > 0.1, 3.0, 1.0),
        lambda x: where(x <= 0.7, 3.0, 1.0),
        lambda x: where(x == 0.3, 3.0, 1.0),
        lambda x: where(-x >= -0.2, 3.0, 1.0),
        lambda x: where(abs(x) != 0.1, 3.0, 1.0),
        lambda x: where(x > 0.5, 3.0, 1.0),
    ],
    ids=["above", "below", "equal", "negative", "absolute", "a half"],
)
def test_numbers_of_few_digits_are_compared_as_numpy_does(of: Callable[[Any], Any], backend: str) -> None:
    """Which takes the float for one of as few digits; in any order with others, in arrays and lists."""
    w, floats = Value(2.0), [0.1, 0.2, 0.3, 0.7]
    compiled = compile(lambda x: w * of(x), backend=backend)
    for _ in range(2):
        for samples in (floats, FEW_DIGITS, np.array(floats), [*FEW_DIGITS], [1, 0]):
            assert list(compiled(samples)) == [2.0 * float(of(x)) for x in samples], samples


@pytest.mark.parametrize("backend", INSTALLED)
def test_steps_on_numbers_of_few_digits_after_many_on_others(backend: str) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            return [self.w * where(x[0] > 0.1, 3.0, 1.0)]

    model = Model()
    trainer = nn.Trainer(model, nn.mse, nn.SGD(model.parameters(), lr=0.0), backend=backend)
    samples, labels = np.array([[0.1], [0.2]]), np.array([0.0, 0.0])
    for _ in range(5):
        assert trainer.step(samples, labels) == 20.0
        assert trainer.step(samples.astype(np.float32), labels) == 20.0
        assert trainer.step(samples.astype(np.float32).astype(float), labels) == 36.0


@pytest.mark.parametrize("backend", INSTALLED)
def test_few_bits_in_a_later_sample_are_met_after_others(backend: str) -> None:
    w = Value(2.0)
    compiled = compile(lambda x: w * (x + x), backend=backend)
    for _ in range(5):
        assert list(compiled([1.0, 2.0])) == [4.0, 8.0]
        assert list(compiled([1.0, np.float32(2.0)])) == [4.0, 8.0]
        with pytest.raises(TraceError, match="numbers of few bits"):
            compiled([1.0, np.uint8(200)])


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("listed", [False, True])
def test_steps_on_numbers_of_few_bits_after_many_on_others(listed: bool, backend: str) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            return [self.w * (x[0] + x[1])]

    model = Model()
    trainer = nn.Trainer(model, nn.mse, nn.SGD(model.parameters(), lr=0.0), backend=backend)
    samples, labels = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 2.0])
    for _ in range(10):
        trainer.step(samples, labels)
    pixels = np.array([[200, 100], [3, 4]], np.uint8)
    mixed = [[1.0, 2.0], [np.uint8(200), np.uint8(100)]]
    for _ in range(3):
        with pytest.raises(TraceError, match="numbers of few bits"):
            trainer.step(mixed, labels)
        with pytest.raises(TraceError, match="numbers of few bits"):
            trainer.step([[*row] for row in pixels] if listed else pixels, labels)
        assert trainer.step(pixels.astype(float), labels) == pytest.approx((599.0**2 + 12.0**2) / 2)


@pytest.mark.parametrize("backend", INSTALLED)
def test_pixels_that_become_floats_are_met_after_others(backend: str) -> None:
    w = Value(2.0)
    compiled = compile(lambda x: w * x * (x / 255), backend=backend)
    for _ in range(2):
        for samples in ([1.5, 2.0], np.array([0, 255], np.uint8), np.array([1.5, 2.0], np.float32)):
            assert list(compiled(samples)) == [float(2.0 * x * (x / 255)) for x in map(float, samples)]


@control
def numbers_of_few_bits_that_become_floats() -> Case:
    w, pixels = Value(2.0), np.array([0, 3, 255], np.uint8)
    return Case(lambda x: w * x * (x / 255) + (x - 0.5) * w, samples=(pixels,))


_ARRAYS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "a sum of bools": (lambda x: (np.array(x) + np.array(x[::-1]))[0], [[True, True], [False, True]]),
    "a dot of bools": (lambda x: np.dot(np.array(x), np.array(x)), [[True, True], [False, True]]),
    "a sum of conditions": (
        lambda x: sum(np.array([x[0] > 0]) + np.array([x[1] > 0])),
        [[1.0, 2.0], [-1.0, 1.0]],
    ),
}
_refuse_of("arrays of truth values", _ARRAYS)


@control
def masks_in_arrays() -> Case:
    w = Value(2.0)
    return Case(
        lambda x: w * (np.array([x[0] > 0, x[1] > 0]) * np.array(x)).sum() + (np.array(x) + 1.0)[0],
        samples=([[1.0, -2.0], [-1.0, 1.0]],),
    )


@control
def sums_of_bools_of_python() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * (x[0] + x[1]) - x[0], samples=([[True, True], [False, True]],))


@control
def sums_of_conditions_that_are_numbers_of_python() -> Case:
    w, samples = Value(2.0), [-1.0, 0.5, 3.0]
    return Case(lambda x: w * ((x > 0) + (x > 1)) - (x > 2), samples=(samples,))


@control
def conditions_of_arrays_that_are_counted_or_multiplied() -> Case:
    w, samples = Value(2.0), np.array([-1.0, 0.5, 3.0])
    return Case(lambda x: w * sum([x > 0, x > 1]) + (x > 0) * (x < 2), samples=(samples,))


@control
def truth_values_less_one() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * (2 * x - 1) + (1 - x), samples=(np.array([True, False]),))


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    yield


def _or_zero(x: Any) -> Any:
    try:
        with engine.no_grad(), _harmless():
            return 1 / x
    except (KeyError, ValueError):
        return 0.0
    finally:
        pass


@control
def a_division_where_other_errors_are_caught() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * _or_zero(x))


@control
def a_division_beside_one_that_is_caught() -> Case:
    """Of Values there is no error: it is inf; nor is there one of a divisor that is no zero."""
    w = Value(2.0)
    return Case(lambda x: _safe_division(w * x, 2.0) + _safe_division(1.0, w + x * x) + _safe_division(x, -2.0))


# ---- True and False as objects ---------------------------------------------------------------------------------------


def is_positive(x: Any) -> Any:
    return x > 0


def chosen(flag: Any) -> float:
    return 2.0 if flag is True else 3.0


def in_a_local(x: Any) -> float:
    flag = x > 0
    return 2.0 if flag is not False else 3.0


def in_a_closure(x: Any) -> float:
    flag = x > 0

    def inside() -> float:
        return 2.0 if flag is True else 3.0

    return inside()


def _in_a_pattern(x: Any) -> float:
    match x > 0:
        case True:
            return 2.0
        case _:
            return 3.0


def _in_a_pattern_of_a_sequence(x: Any) -> float:
    match [x > 0]:
        case [False]:
            return 2.0
        case _:
            return 3.0


OF_TRUTH: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "a comparison": (lambda x: 2.0 if (x > 0) is True else 3.0, [-1.0, 1.0, -1.0]),
    "a comparison on the right": (lambda x: 2.0 if True is (x > 0) else 3.0, [-1.0, 1.0, -1.0]),
    "both of two": (lambda x: 2.0 if ((x > 0) & (x < 2)) is True else 3.0, [-1.0, 1.0, -1.0]),
    "what a function gives": (lambda x: 2.0 if is_positive(x) is True else 3.0, [-1.0, 1.0, -1.0]),
    "what a function in C gives": (lambda x: 2.0 if operator.gt(x, 0) is True else 3.0, [-1.0, 1.0, -1.0]),
    "an argument": (lambda x: chosen(x > 0), [-1.0, 1.0, -1.0]),
    "a local": (in_a_local, [-1.0, 1.0, -1.0]),
    "a cell": (in_a_closure, [-1.0, 1.0, -1.0]),
    "a pattern": (_in_a_pattern, [-1.0, 1.0, -1.0]),
    "a pattern of a sequence": (_in_a_pattern_of_a_sequence, [-1.0, 1.0, -1.0]),
    "a bool that is given": (chosen, [False, True, False]),
    "a bool in a row": (lambda x: 2.0 if x[1] is True else 3.0, [[False, False], [False, True], [False, False]]),
}


_refuse_of("is True", OF_TRUTH)


@row("refused")
def a_condition_on_a_parameter_that_is_true() -> Case:
    w = Value(-2.0)
    return Case(lambda x: w * x * chosen(w > 0.0), lambda: setattr(w, "data", 1.0))


@control
def settings_that_are_true_beside_conditions() -> Case:
    w, settings = Value(2.0), {"square": True}
    holder = types.SimpleNamespace(square=True)

    def function(x: Any, square: bool = True) -> Any:
        positive = x[0] > 0
        if settings["square"] is True and holder.square is not False and square is True:
            return where(positive, w * x[0] ** 2, x[1])
        return w * x[0]

    return Case(function, lambda: settings.update(square=False), samples=([[1.0, 2.0], [-1.0, 3.0]],))


# ---- the type of a number --------------------------------------------------------------------------------------------


class Typing:
    """Keeps what it was given, and `type`."""

    def __init__(self, ask: Any = type) -> None:
        self.ask, self.last = ask, None

    def keeps(self, x: Any) -> bool:
        self.last = x
        found = type(self.last) is float
        self.last = None
        return found

    def asks(self, x: Any) -> bool:
        return self.ask(x) is float


def _is_rebound(x: Any) -> bool:
    found = type(x) is float
    x = 1.0
    return found and x > 0.0


def _is_deleted(x: Any) -> bool:
    y = 2.0 * x
    found = type(y) is float
    del y, x
    return found


def _is_in_a_loop(x: Any) -> bool:
    found = False
    for y in (x, "text"):
        found = found or type(y) is float
    return found


def _is_walrus(x: Any) -> bool:
    return (type(y := x) is float, y := "text")[0]  # noqa: F841  # that it is another thing in the end is the point


def _is_an_attribute(x: Any) -> bool:
    return type(types.SimpleNamespace(x=x).x) is float


OTHER_TYPE, _types = type, {"of": type}
TYPES: dict[str, Callable[[Any], bool]] = {
    "rebound": _is_rebound,
    "deleted": _is_deleted,
    "in a loop": _is_in_a_loop,
    "walrus": _is_walrus,
    "of an attribute": _is_an_attribute,
    "of one's own attribute": lambda x: Typing(isinstance).keeps(x),
    "by map": lambda x: [*map(type, [x])] == [float],
    "as a key": lambda x: sorted([x], key=type)[0] is x and isinstance(min([[x]], key=type), list),
    "another name": lambda x: OTHER_TYPE(x) is float,
    "a default": lambda x, ask=type: ask(x) is float,  # type: ignore[misc]  # the default is seen
    "in a dict": lambda x: _types["of"](x) is float,
    "a partial": functools.partial(lambda ask, x: ask(x) is float, type),
    "of an array": lambda x: np.asarray(x).dtype.kind == "f",
}


def _of_type(name: str) -> Make:
    """Every second label is an int, which nobody may know in time."""

    def make() -> Case:
        w, of = Value(2.0), TYPES[name]
        return Case(lambda x: w * x * (3.0 if of(x) else 1.0), samples=([0.5, 1, 2, -1.0],))

    make.__name__ = f"type of a number: {name}"
    return make


for _name in TYPES:
    row("refused")(_of_type(_name))


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_condition_is_a_bool_of_whom_its_number_is(backend: str) -> None:
    w = Value(2.0)
    compiled = compile(lambda x: w * (2.0 if isinstance(x > 1, bool) else 1.0), backend=backend)
    for _ in range(2):
        assert list(compiled([0.5, 2.0])) == [4.0, 4.0]
        assert list(compiled(np.array([0.5, 2.0]))) == [2.0, 2.0]


@row("refused")
def the_type_by_an_attribute() -> Case:
    w, typing = Value(2.0), Typing()
    return Case(lambda x: w * x * (3.0 if typing.asks(x) else 1.0), samples=([0.5, 1, 2, -1.0],))


@control
def types_of_other_things() -> Case:
    """As `type` itself is used: of layers, classes, three arguments, isinstance, subclasses."""
    w = Value(2.0)

    class Scale:
        factor = 3.0

    def function(x: Any) -> Any:
        made = type("Made", (Scale,), {"factor": 2.0})
        scale = made()
        same = type(scale) is made and isinstance(made, type) and issubclass(type(made), type)
        x = x * type(scale).factor
        return w * x * (1.0 if same and type(None) is not float else 0.5)

    return Case(function)


@control
def copies_of_rows() -> Case:
    w = Value(2.0)
    rows = [[1.0, 2.0], [3.0, 4.0]]
    return Case(lambda x: w * copy.copy(x)[0] * copy.copy([x])[0][1], samples=(rows,))


# ---- names that no code has ------------------------------------------------------------------------------------------


def _by_name(read: Callable[[types.ModuleType], float]) -> Make:
    """A setting in a module of the user's."""

    def make() -> Case:
        w, module = Value(2.0), types.ModuleType("settings_of_a_test")
        vars(module)["scale_by_name"] = 2.0
        return Case(lambda x: w * x * read(module), lambda: vars(module).update(scale_by_name=5.0), far=True)

    return make


_BY_NAME: dict[str, Callable[[types.ModuleType], float]] = {
    "getattr": lambda module: getattr(module, "_".join(["scale", "by", "name"])),
    "vars": lambda module: vars(module)["scale_by_name"],
    "dict": lambda module: module.__dict__["scale_by_name"],
    "format": lambda module: float("{.scale_by_name}".format(module)),  # noqa: UP032  # likewise
    "attrgetter": lambda module: operator.attrgetter("scale_" + "by_name")(module),
}
for _name, _of_module in _BY_NAME.items():
    _make = _by_name(_of_module)
    _make.__name__ = f"a setting in a module by {_name}"
    row("equal")(_make)


@row("equal")
def a_setting_of_a_module_that_is_asked_for() -> Case:
    w, module = Value(2.0), types.ModuleType("asked_for_by_a_test")
    vars(module)["scale"], sys.modules["asked_for_by_a_test"] = 2.0, module
    change = functools.partial(vars(module).update, scale=5.0)
    return Case(lambda x: w * x * sys.modules["asked_for_by_a_test"].scale, change, far=True)


@row("equal")
def a_global_of_the_module_that_is_asked_for_by_its_name() -> Case:
    w, module = Value(2.0), types.ModuleType("asks_for_itself")
    sys.modules["asks_for_itself"] = module
    source = "import sys\ndef ask(): return vars(sys.modules[__name__]).get('ra' + key, 2.0)\nkey = 'te'"
    exec(source, vars(module))
    return Case(lambda x: w * x * module.ask(), functools.partial(vars(module).update, rate=5.0), far=True)


@row("equal")
def a_class_that_is_registered() -> Case:
    class Scale(abc.ABC):  # noqa: B024  # nothing need be abstract
        pass

    class Own:
        pass

    w, own = Value(2.0), Own()
    return Case(lambda x: w * x * (2.0 if isinstance(own, Scale) else 1.0), lambda: Scale.register(Own), far=True)


@row("equal")
def a_global_by_the_globals_of_a_function() -> Case:
    w = Value(2.0)
    globals()["scale_of_globals"] = 2.0
    change = functools.partial(globals().update, scale_of_globals=5.0)
    return Case(lambda x: w * x * _by_name.__globals__["scale_of_globals"], change, far=True)


@row("refused")
def a_global_by_the_frame() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x * (2.0 if "Case" in sys._getframe().f_globals else 1.0))


def _library(make: Callable[[], Any], read: Callable[[Any], float], change: Callable[[Any], Any]) -> Make:
    """What an object of Python's own library tells by code of its own."""

    def row_of() -> Case:
        w, thing = Value(2.0), make()
        return Case(lambda x: w * x * read(thing), lambda: change(thing), far=True)

    return row_of


class Pickled:
    """Somebody sets what its code does not name."""


_LIBRARY: dict[str, tuple[Callable[[], Any], Callable[[Any], float], Callable[[Any], Any]]] = {
    "an event": (threading.Event, lambda e: 2.0 if e.is_set() else 1.0, lambda e: e.set()),
    "a namespace compared": (
        lambda: types.SimpleNamespace(a_field=1.0),
        lambda n: 2.0 if n == types.SimpleNamespace(**{"a_" + "field": 1.0}) else 1.0,
        lambda n: setattr(n, "a_field", 2.0),
    ),
    "a namespace that gets one more": (
        lambda: argparse.Namespace(a_field=1.0),
        lambda n: 2.0 if "a_later_field" in n else 1.0,
        lambda n: setattr(n, "a_later_field", 2.0),
    ),
    "a template": (
        lambda: string.Template("$a"),
        lambda t: float(t.substitute(a=2)),
        lambda t: setattr(t, "template", "1$a"),
    ),
    "a pickle": (
        Pickled,
        lambda p: len(pickle.dumps(p)) * 0.01,
        lambda p: setattr(p, "a_new_field", "a long text"),
    ),
    "names of a partial": (
        lambda: functools.partial(lambda scale=1.0: scale, scale=2.0),
        lambda p: p(),
        lambda p: p.__setstate__((p.func, (), {"scale": 5.0}, {})),
    ),
    "an attribute of a partial": (
        lambda: _with_scale(functools.partial(pow)),
        lambda p: p.scale,
        lambda p: setattr(p, "scale", 5.0),
    ),
    "a dict of defaults": (
        lambda: collections.defaultdict(lambda: 2.0),
        lambda d: d.pop("a", None) or d["a"],
        lambda d: setattr(d, "default_factory", lambda: 5.0),
    ),
    "a context of decimals": (
        lambda: decimal.Context(prec=5),
        lambda c: float(c.divide(1, 3)),
        lambda c: setattr(c, "prec", 2),
    ),
    "what a context of decimals has met": (
        lambda: decimal.Context(prec=5),
        lambda c: 2.0 if c.flags[decimal.Inexact] else 1.0,
        lambda c: c.divide(1, 3),
    ),
    "a context of variables": (
        lambda: _context_with(2.0),
        lambda c: c.run(_scale_inside.get),
        lambda c: c.run(_scale_inside.set, 5.0),
    ),
    "a function of NumPy's for one of the user's": (
        lambda: [numbers := [2.0], np.frompyfunc(lambda x: x * numbers[0], 1, 1)],
        lambda both: both[1](3.0),
        lambda both: both[0].__setitem__(0, 5.0),
    ),
    "a property of a class of one's own": (
        lambda: type("Thing", (), {"scale": type("Own", (property,), {"factor": 2.0, "__get__": _factor_of})()})(),
        lambda thing: thing.scale,
        lambda thing: setattr(type(vars(type(thing))["scale"]), "factor", 5.0),
    ),
}


def _factor_of(part: Any, *_: Any) -> Any:
    return part.factor


_scale_inside: ContextVar[float] = ContextVar("scale")


def _context_with(scale: float) -> contextvars.Context:
    context = contextvars.copy_context()
    context.run(_scale_inside.set, scale)
    return context


for _name, _parts in _LIBRARY.items():
    _make = _library(*_parts)
    _make.__name__ = f"what is told by {_name}"
    row("equal")(_make)


class Scaled(Value):
    """A Value with a setting."""

    factor = 2.0
    scale: float

    def __mul__(self, other: Any) -> Any:
        return Value.__mul__(self, other) * self.factor


class Slotted(Value):
    __slots__ = ("scale",)

    def __init__(self, number: float) -> None:
        super().__init__(number)
        self.scale = 2.0


def _with_scale(thing: Any) -> Any:
    thing.scale = 2.0
    return thing


class Base:
    scale = 2.0

    def __getattr__(self, name: str) -> float:
        return 2.0


def _derived() -> Any:
    return type("Derived", (Base,), {})()


def _namespace_with_default() -> Any:
    module = types.ModuleType("with_default")
    exec("def __getattr__(name): return 2.0", vars(module))
    return module


def _read_or(module: Any) -> float:
    try:
        return float(module.rate)
    except AttributeError:
        return 2.0


HIDING: dict[str, tuple[Callable[[], Any], Callable[[Any], float], Callable[[Any], Any]]] = {
    "a base": (_derived, lambda thing: thing.scale, lambda thing: setattr(type(thing), "scale", 5.0)),
    "a __getattr__": (_derived, lambda thing: thing.rate, lambda thing: setattr(type(thing), "rate", 5.0)),
    "a __getattr__ of an instance": (_derived, lambda thing: thing.rate, lambda thing: setattr(thing, "rate", 5.0)),
    "an instance": (
        lambda: _with_scale(_derived()),
        lambda thing: thing.scale,
        lambda thing: setattr(type(thing), "scale", property(lambda self: 5.0, lambda self, number: None)),
    ),
    "a __getattr__ of a module": (
        _namespace_with_default,
        lambda module: module.rate,
        lambda module: setattr(module, "rate", 5.0),
    ),
    "nothing in a module": (
        lambda: types.ModuleType("without"),
        lambda module: _read_or(module),
        lambda module: setattr(module, "rate", 5.0),
    ),
    "parts of a partial": (
        lambda: functools.partial(pow, 2.0),
        lambda power: power(2.0),
        lambda power: power.__setstate__((pow, (3.0,), {}, None)),
    ),
}
for _name, _parts in HIDING.items():
    _make = _library(*_parts)
    _make.__name__ = f"what hides {_name}"
    row("equal")(_make)


class Rates(list):  # type: ignore[type-arg]  # as users write it
    factor = 2.0

    def __getitem__(self, place: Any) -> Any:
        return list.__getitem__(self, place) * self.factor


class Defaults(dict):  # type: ignore[type-arg]  # likewise
    default = 2.0

    def __missing__(self, name: str) -> float:
        return self.default


class Point(tuple):  # type: ignore[type-arg]  # likewise  # its attributes are the point
    scale: float


class Named(np.ndarray):  # type: ignore[misc]  # NumPy's stubs may be missing
    scale: float


OF_BUILT_IN: dict[str, tuple[Callable[[], Any], Callable[[Any], float], Callable[[Any], Any]]] = {
    "a list": (lambda: Rates([1.0]), lambda rates: rates[0], lambda rates: setattr(rates, "factor", 5.0)),
    "the class of a list": (lambda: Rates([1.0]), lambda rates: rates[0], lambda rates: setattr(Rates, "factor", 4.0)),
    "a dict": (Defaults, lambda names: names["a"], lambda names: setattr(names, "default", 5.0)),
    "a tuple": (lambda: _with_scale(Point([1.0])), lambda p: p[0] * p.scale, lambda p: setattr(p, "scale", 5.0)),
    "an array": (
        lambda: _with_scale(np.array([1.0]).view(Named)),
        lambda array: float(array[0]) * array.scale,
        lambda array: setattr(array, "scale", 5.0),
    ),
    "an array of dicts": (
        lambda: np.array([{"a": 1.0}, None], object),
        lambda array: array[0]["a"],
        lambda array: array[0].update(a=5.0),
    ),
}
for _name, _parts in OF_BUILT_IN.items():
    _make = _library(*_parts)
    _make.__name__ = f"attributes of {_name}"
    row("equal")(_make)


@row("equal")
def an_attribute_of_a_value_of_ones_own() -> Case:
    w = Scaled(2.0)
    w.scale = 2.0
    return Case(lambda x: w * x * w.scale, lambda: setattr(w, "scale", 5.0))


@row("equal")
def a_slot_of_a_value_of_ones_own() -> Case:
    w = Slotted(2.0)
    return Case(lambda x: w * x * w.scale, lambda: setattr(w, "scale", 5.0))


@row("equal")
def an_operator_of_a_value_of_ones_own() -> Case:
    w = Scaled(2.0)
    Scaled.factor = 2.0
    return Case(lambda x: w * x, lambda: setattr(Scaled, "factor", 5.0), far=True)


# ---- what decides from far away -------------------------------------------------------------------------------------


@row("equal")
def the_context_of_decimal() -> Case:
    w, third = Value(2.0), decimal.Decimal(3)
    decimal.getcontext().prec = 28
    return Case(lambda x: w * x * float(1 / third), lambda: setattr(decimal.getcontext(), "prec", 3))


@row("equal")
def the_context_of_decimal_that_the_code_names() -> Case:
    w = Value(2.0)
    decimal.getcontext().prec = 28
    return Case(lambda x: w * x * float(1 / decimal.Decimal(3)), lambda: setattr(decimal.getcontext(), "prec", 3))


_Exact, _exact = decimal.Decimal, {"of": decimal.Decimal}


@row("equal")
def the_context_of_decimal_by_another_name() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x * float(_Exact(1) / 3), lambda: setattr(decimal.getcontext(), "prec", 3), far=True)


@row("equal")
def the_context_of_decimal_by_a_class_in_a_dict() -> Case:
    w = Value(2.0)
    change = functools.partial(setattr, decimal.getcontext(), "prec", 3)
    return Case(lambda x: w * x * float(_exact["of"](1) / 3), change, far=True)


_get_context = decimal.getcontext


@row("equal")
def the_context_of_decimal_by_another_name_of_what_gives_it() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x * _get_context().prec, lambda: setattr(decimal.getcontext(), "prec", 3), far=True)


@row("equal")
def the_label_of_a_parameter() -> Case:
    w = Value(2.0, label="w")
    return Case(lambda x: w * x if w.label == "w" else w * w * x, lambda: setattr(w, "label", "v"))


@row("equal")
def the_labels_of_parameters_in_a_module() -> Case:
    model = nn.MLP(1, [2, 1], activation="tanh", seed=1)

    def function(x: Any) -> Any:
        return model([x])[0] + engine.sum([p * p for p in model.parameters() if p.label != "free"])

    return Case(function, lambda: setattr(model.parameters()[0], "label", "free"))


@row("equal")
def a_name_put_among_the_builtins() -> Case:
    w = Value(2.0)
    vars(builtins)["SCALE_OF_A_TEST"] = 2.0
    change = functools.partial(vars(builtins).update, SCALE_OF_A_TEST=5.0)
    return Case(lambda x: w * x * SCALE_OF_A_TEST, change)  # type: ignore[name-defined]  # noqa: F821  # it is one


@row("equal")
def a_global_that_is_not_there_yet() -> Case:
    w = Value(2.0)
    globals().pop("scale_that_is_not_there", None)

    def function(x: Any) -> Any:
        try:
            return w * x * scale_that_is_not_there  # type: ignore[name-defined]  # that is the point
        except NameError:
            return w * x

    return Case(function, lambda: globals().update(scale_that_is_not_there=5.0))


@row("equal")
def the_value_of_a_member_of_an_enum() -> Case:
    class Kind(enum.Enum):
        ONE = 1.0

    w = Value(2.0)
    return Case(lambda x: w * x * Kind.ONE.value, lambda: setattr(Kind.ONE, "_value_", 5.0))


@row("equal")
def what_a_thread_has_for_itself() -> Case:
    w, local = Value(2.0), threading.local()
    local.scale = 2.0
    return Case(lambda x: w * x * local.scale, lambda: setattr(local, "scale", 5.0))


@row("refused")
def an_array_read_from_a_file() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x * float(np.fromfile(__file__, np.uint8, 1)[0]))


@row("refused")
def a_log_whose_length_decides() -> Case:
    w, log = Value(2.0), list[float]()

    def function(x: Any) -> Any:
        log.append(1.0)
        return w * x * (0.1 if len(log) > 1000 else 1.0)

    return Case(function)


@row("refused")
def every_third_call() -> Case:
    w, log = Value(2.0), list[Any]()

    def function(x: Any) -> Any:
        log.append(x)
        return w * x * (0.0 if len(log) % 3 == 0 else 1.0)

    return Case(function)


@control
def a_log_that_nobody_reads() -> Case:
    w, log, table = Value(2.0), list[Any](), list[float]()

    def function(x: Any) -> Any:
        log.append(w * x)
        if not table:
            table.extend([2.0, 3.0])
        return w * engine.sum([factor * x for factor in table])

    return Case(function)


# ---- numbers of parameters -----------------------------------------------------------------------------------------


@row("equal")
def where_on_a_parameter() -> Case:
    w = Value(0.3)
    return Case(lambda x: where(w > 0, w * w, -w) * x, lambda: setattr(w, "data", -3.0))


@row("equal")
def where_on_what_follows_from_parameters() -> Case:
    w, v = Value(0.3), Value(2.0)
    return Case(lambda x: where(w * v >= 0.5, w, v * v) * x, lambda: setattr(w, "data", 1.0))


@row("equal")
def equality_of_parameters_as_a_condition() -> Case:
    w, v = Value(0.5), Value(0.5)
    return Case(lambda x: where(w == v, w * x, v * v * x), lambda: setattr(w, "data", 0.25))


@row("equal")
def conditions_combined() -> Case:
    w = Value(0.5)
    return Case(lambda x: where((w > 0) & (x > 0) | (w < -1), w * x, x), lambda: setattr(w, "data", -2.0))


@row("equal")
def largest_parameter() -> Case:
    w, v = Value(0.5), Value(0.7)
    return Case(lambda x: engine.maximum(w, v) * x, lambda: setattr(w, "data", 2.0))


@row("equal")
def rounded_parameter() -> Case:
    w = Value(0.6)
    return Case(lambda x: (round(w) + math.floor(w) + abs(w)) * x, lambda: setattr(w, "data", -1.7))


@row("equal")
def detached_parameter() -> Case:
    w = Value(0.6)
    return Case(lambda x: w.detach() * w * x, lambda: setattr(w, "data", -1.7))


@row("equal")
def parameter_under_no_grad() -> Case:
    w = Value(0.6)

    def function(x: Any) -> Any:
        with engine.no_grad():
            scale = w * w + 1
        return scale * w * x

    return Case(function, lambda: setattr(w, "data", -1.7))


@row("equal")
def take_from_parameters() -> Case:
    weights = [Value(0.5), Value(-1.0), Value(2.0)]
    return Case(lambda k: engine.take(k, weights) ** 2, lambda: setattr(weights[1], "data", 4.0), ([0, 1, 2],))


@row("equal")
def take_by_a_parameter() -> Case:
    index = Value(1.0)
    return Case(lambda x: engine.take(index, [x, 2 * x, 3 * x]), lambda: setattr(index, "data", 2.0))


@row("equal")
def derivative_by_parameters_only() -> Case:
    w = Value(0.6)
    return Case(lambda x: engine.grad(w * w * w, w, create_graph=True) * x, lambda: setattr(w, "data", -1.7))


@row("equal")
def a_first_call_under_no_grad() -> Case:
    w = Value(0.6)
    return Case(lambda x: w * w * x)


@row("equal")
def values_made_inside() -> Case:
    w = Value(0.6)

    def function(x: Any) -> Any:
        total, step = Value(0.0), Value(2.0) * Value(0.5)
        for _ in range(int(step.data) + 1):
            total = total + w * x * float(step)
        return total

    return Case(function, lambda: setattr(w, "data", 3.0))


@row("equal")
def harmless_looks_at_a_parameter() -> Case:
    w = Value(0.6, label="w")

    def function(x: Any) -> Any:
        print(w, [w], x, end="")
        logging.getLogger("stepgrad test").error("%s of %s", w, x)
        assert w.label == "w"
        assert w is w
        assert len({w, w}) == 1
        return {w: w}[w] * x

    return Case(function, lambda: setattr(w, "data", 3.0))


def reading(read: Callable[[Value, Any], Any]) -> Make:
    """A row that reads a parameter's number in some way."""

    def make() -> Case:
        w = Value(0.6)
        return Case(lambda x: read(w, x), lambda: setattr(w, "data", -3.0))

    return make


READERS: dict[str, Callable[[Value, Any], Any]] = {
    "if w": lambda w, x: x if w else -x,
    "if w > 0": lambda w, x: x if w > 0 else -x,
    "if not w < 0": lambda w, x: x if not w < 0 else -x,
    "if w * w > 0.01": lambda w, x: x if w * w > 0.01 else -x,
    "w.data": lambda w, x: w.data * x,
    "abs(w.data)": lambda w, x: abs(w.data) * x,
    "round(w.data)": lambda w, x: round(w.data, 1) * x,
    "(w * w).data": lambda w, x: (w * w).data * x,
    "w.grad": lambda w, x: (1.0 + w.grad) * x,
    "getattr": lambda w, x: getattr(w, "da" + "ta") * x,
    "float": lambda w, x: float(w) * x,
    "int": lambda w, x: int(w) * x,
    "complex": lambda w, x: complex(w).real * x,
    "math.exp": lambda w, x: math.exp(w) * x,
    "math.fsum": lambda w, x: math.fsum([w, 1.0]) * x,
    "max": lambda w, x: max(w, Value(0.0)) * x,
    "max of numbers": lambda w, x: max(0.0, w) * x,
    "min by key": lambda w, x: min([w, Value(5.0)], key=lambda v: v.data) * x,
    "sorted": lambda w, x: sorted([w, Value(0.0)])[0] * x,
    "in": lambda w, x: x if w in [Value(9.0)] else -x,
    "list.index": lambda w, x: [Value(9.0), w].index(w) * x,
    "chained": lambda w, x: x if 0 < w < 1 else -x,
    "and": lambda w, x: (w and x) * 1.0,
    "format": lambda w, x: float(f"{w:.2f}") * x,
    "percent": lambda w, x: float("%.2f" % w) * x,  # noqa: UP031  # that it is seen is the point
    "text": lambda w, x: x if "-" in str(w) else -x,
    "text of a list": lambda w, x: x if "-" in repr([w]) else -x,
    "text in a text": lambda w, x: x if "-" in f"{w}" else -x,
    "text by percent": lambda w, x: x if "-" in "%s" % w else -x,  # noqa: UP031  # likewise
    "text of a result": lambda w, x: x if "-" in f"{w * x}" else -x,
    "str of w.data": lambda w, x: float(str(w.data)) * x,
    "np.float64": lambda w, x: np.float64(w) * x,
    "np.array of floats": lambda w, x: float(np.array([w], float)[0]) * x,
    "np.max": lambda w, x: np.max([w, Value(0.0)]) * x,
    "np.sign": lambda w, x: float(np.sign(float(w))) * x,
    "isclose": lambda w, x: x if math.isclose(w, 0.6) else -x,
    "divmod of an index": lambda w, x: [x, 2 * x][int(w // 1)],
    "range": lambda w, x: engine.sum([x for _ in range(int(w) + 1)]),
    "Value(w.data)": lambda w, x: Value(w.data) * x,
    "Value(float)": lambda w, x: Value(float(w)) * x,
    "copy.copy": lambda w, x: __import__("copy").copy(w) * x,
    "deepcopy": lambda w, x: __import__("copy").deepcopy(w) * x,
    "pickle": lambda w, x: __import__("pickle").loads(__import__("pickle").dumps(w)) * x,
    "gradient as a number": lambda w, x: engine.grad(w * w, w) * x,
    "backward": lambda w, x: (w * w).backward() or x,
    "zero_grad": lambda w, x: w.zero_grad() or w * x,
    "assigning data": lambda w, x: setattr(w, "data", 2.0) or w * x,
    "assigning grad": lambda w, x: setattr(w, "grad", 2.0) or w * x,
    "hash of the number": lambda w, x: x if hash(w.data) else -x,
    "decimal": lambda w, x: float(__import__("decimal").Decimal(float(w))) * x,
    "a compiled function inside": lambda w, x: float(compile(lambda y: w * y, backend="python")([1.0])[0]) * x,
}
for _name, _read in READERS.items():
    _make = reading(_read)
    _make.__name__ = f"reads: {_name}"
    row("refused")(_make)


@row("refused")
def a_refusal_that_is_swallowed() -> Case:
    w = Value(0.6)

    def function(x: Any) -> Any:
        try:
            scale = float(w)
        except TypeError:
            scale = 1.0
        return scale * x

    return Case(function, lambda: setattr(w, "data", 3.0))


@row("refused")
def a_refusal_that_is_swallowed_whole() -> Case:
    w = Value(0.6)

    def function(x: Any) -> Any:
        try:
            return x if w > 0 else -x
        except Exception:
            return x

    return Case(function, lambda: setattr(w, "data", -3.0))


@row("refused")
def a_result_from_outside() -> Case:
    w = Value(0.6)
    q = w * w
    return Case(lambda x: q * x, lambda: setattr(w, "data", 3.0))


@row("refused")
def a_condition_on_a_result_from_outside() -> Case:
    w = Value(0.6)
    q = w - 1
    return Case(lambda x: where(q > 0, x, -x), lambda: setattr(w, "data", 3.0))


@row("refused")
def a_number_read_in_another_function() -> Case:
    w = Value(0.6)

    def helper() -> float:
        return w.data

    return Case(lambda x: helper() * x, lambda: setattr(w, "data", 3.0))


@row("refused")
def a_number_read_in_a_comprehension_of_a_module() -> Case:
    model = nn.MLP(1, [2, 1], seed=1)
    return Case(
        lambda x: model([x])[0] + sum([p.data**2 for p in model.parameters()]),
        lambda: setattr(model.parameters()[0], "data", 3.0),
    )


# ---- random numbers ------------------------------------------------------------------------------------------------

_global_random = random.Random(5)
_global_generator = np.random.default_rng(5)


def drawing(draw: Callable[[], float]) -> Make:
    """A row that draws a random number in some way that two runs do not tell: it is rounded to nothing."""

    def make() -> Case:
        return Case(lambda x: x + 0.0 * draw() if draw() < 2.0 else -x)

    return make


_own_random, _own_numpy = random.Random(1), np.random.RandomState(1)


class _Holder:
    def __init__(self) -> None:
        self.source = random.Random(3)


_holder = _Holder()

DRAWS: dict[str, Callable[[], float]] = {
    "random.random": lambda: random.random(),
    "random.shuffle": lambda: random.shuffle([1, 2]) or 0.0,
    "np.random.rand": lambda: float(np.random.rand()),
    "a global Random": lambda: _global_random.random(),
    "a global Generator": lambda: float(_global_generator.random()),
    "a global RandomState": lambda: float(_own_numpy.random_sample()),
    "an attribute": lambda: _holder.source.random(),
    "a default": lambda source=_own_random: source.random(),
    "in a list": functools.partial(lambda sources: sources[0].random(), [random.Random(7)]),
    "a bound method": random.Random(8).random,
}


def _as_it_was(source: Any, get: str, put: str, draw: str) -> Callable[[], float]:
    """Draws, and gives the state back by itself: nothing has changed, but the number hangs on the state."""

    def drawn() -> float:
        state = getattr(source, get)()
        number = float(getattr(source, draw)())
        getattr(source, put)(state)
        return number

    return drawn


_copied = random.Random(9)
REPEATED: dict[str, Callable[[], float]] = {
    "random": _as_it_was(random, "getstate", "setstate", "random"),
    "np.random": _as_it_was(np.random, "get_state", "set_state", "rand"),
    "a Random": _as_it_was(random.Random(10), "getstate", "setstate", "random"),
    "a RandomState": _as_it_was(np.random.RandomState(11), "get_state", "set_state", "random_sample"),
    "a copy": lambda: copy.copy(_copied).random(),
    "the state": lambda: float(_copied.getstate()[1][-1]),
    "a copy of a Generator": lambda: float(copy.deepcopy(_global_generator).random()),
}
for _name, _draw in REPEATED.items():
    _make = functools.partial(lambda draw: Case(lambda x: x * draw()), _draw)
    _make.__name__ = f"draws, and is as it was: {_name}"  # type: ignore[attr-defined]  # a partial takes any
    row("refused")(_make)

for _name, _draw in DRAWS.items():
    _make = drawing(_draw)
    _make.__name__ = f"draws: {_name}"
    row("refused")(_make)


# ---- what changes between the calls --------------------------------------------------------------------------------


@row("equal")
def a_number_in_a_closure() -> Case:
    w, scale = Value(2.0), 3.0

    def between() -> None:
        nonlocal scale
        scale = 5.0

    return Case(lambda x: w * x * scale, between)


@row("equal")
def a_flag_in_a_closure() -> Case:
    w, training = Value(2.0), True

    def between() -> None:
        nonlocal training
        training = False

    return Case(lambda x: w * x if training else x, between)


@row("equal")
def a_parameter_replaced_by_one_with_the_same_number() -> Case:
    w = Value(2.0)

    def between() -> None:
        nonlocal w
        w = Value(2.0)

    return Case(lambda x: w * x, between)


_scale = 3.0
_activation: Callable[[Any], Any] = engine.tanh
_settings = types.SimpleNamespace(scale=2.0, deep=types.SimpleNamespace(power=2.0))


def _helper(x: Any) -> Any:
    return x * _scale


def _set_global(name: str, content: Any) -> Callable[[], None]:
    return lambda: globals().__setitem__(name, content)


@row("equal")
def a_number_in_a_global() -> Case:
    _set_global("_scale", 3.0)()
    w = Value(2.0)
    return Case(lambda x: w * x * _scale, _set_global("_scale", 4.0))


@row("equal")
def a_global_of_a_function_that_is_called() -> Case:
    _set_global("_scale", 3.0)()
    w = Value(2.0)
    return Case(lambda x: w * _helper(x), _set_global("_scale", 4.0))


@row("equal")
def a_function_in_a_global() -> Case:
    _set_global("_activation", engine.tanh)()
    w = Value(2.0)
    return Case(lambda x: w * _activation(x), _set_global("_activation", engine.sin))


@row("equal")
def an_attribute_of_a_plain_object() -> Case:
    _settings.scale = 2.0
    w = Value(2.0)
    return Case(lambda x: w * x * _settings.scale, lambda: setattr(_settings, "scale", 7.0))


@row("equal")
def an_attribute_far_away() -> Case:
    _settings.deep.power = 2.0
    w = Value(2.0)
    return Case(lambda x: w * x**_settings.deep.power, lambda: setattr(_settings.deep, "power", 3.0))


@row("equal")
def an_attribute_of_a_class() -> Case:
    class Settings:
        scale = 2.0

    w = Value(2.0)
    return Case(lambda x: w * x * Settings.scale, lambda: setattr(Settings, "scale", 7.0))


@row("equal")
def an_attribute_of_a_module_of_python() -> Case:
    settings = types.ModuleType("settings_of_a_test")
    settings.__file__ = __file__
    settings.scale = 2.0  # type: ignore[attr-defined]  # set by the test
    w = Value(2.0)
    return Case(lambda x: w * x * settings.scale, lambda: setattr(settings, "scale", 7.0))


@row("equal")
def a_number_in_a_list() -> Case:
    w, weights = Value(2.0), [1.0, 2.0, 3.0]
    return Case(lambda x: engine.sum([w * x * c for c in weights]), lambda: weights.__setitem__(1, 9.0))


@row("equal")
def a_list_that_grows() -> Case:
    weights = [Value(1.0), Value(2.0)]
    return Case(lambda x: engine.sum([w * x for w in weights]), lambda: weights.append(Value(4.0)))


@row("equal")
def a_parameter_in_a_list_replaced_by_an_equal_one() -> Case:
    weights = [Value(1.0), Value(2.0)]
    return Case(lambda x: engine.sum([w * x for w in weights]), lambda: weights.__setitem__(0, Value(1.0)))


@row("equal")
def parameters_in_another_order() -> Case:
    weights = [Value(1.0), Value(2.0)]
    return Case(lambda x: weights[0] * x + weights[1], weights.reverse)


@row("equal")
def a_number_in_a_dict() -> Case:
    w, weights = Value(2.0), {"a": 1.0, "b": 2.0}
    return Case(lambda x: w * x * weights["a"], lambda: weights.update(a=9.0))


@row("equal")
def class_weights_in_an_array() -> Case:
    w, weights = Value(2.0), np.array([1.0, 2.0])
    return Case(lambda x: w * x * weights[0] + weights[1], lambda: weights.__setitem__(0, 9.0))


@row("equal")
def a_weight_in_an_array_of_two_hundred() -> Case:
    w, weights = Value(2.0), np.ones(200)
    return Case(lambda x: w * x * weights[150], lambda: weights.__setitem__(150, 9.0))


@row("equal")
def a_default_of_the_function() -> Case:
    w = Value(2.0)

    def function(x: Any, scales: Any = [1.0, 2.0]) -> Any:  # noqa: B006  # that it changes is the point
        return w * x * scales[1]

    return Case(function, lambda: function.__defaults__[0].__setitem__(1, 9.0))  # type: ignore[index]  # it has a default


@row("equal")
def a_partial() -> Case:
    w, options = Value(2.0), {"scale": 2.0}

    def scaled(options: dict[str, float], x: Any) -> Any:
        return w * x * options["scale"]

    return Case(functools.partial(scaled, options), lambda: options.update(scale=9.0))


@row("equal")
def a_bound_method() -> Case:
    class Model:
        def __init__(self) -> None:
            self.w, self.scale = Value(2.0), 3.0

        def forward(self, x: Any) -> Any:
            return self.w * x * self.scale

    model = Model()
    return Case(model.forward, lambda: setattr(model, "scale", 9.0))


@row("equal")
def a_callable_object() -> Case:
    class Model:
        def __init__(self) -> None:
            self.w, self.power = Value(2.0), 2

        def __call__(self, x: Any) -> Any:
            return self.w * x**self.power

    model = Model()
    return Case(model, lambda: setattr(model, "power", 3))


@row("equal")
def a_parameter_of_a_plain_object_replaced() -> Case:
    class Model:
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            return self.w * x

    model = Model()
    return Case(model, lambda: setattr(model, "w", Value(2.0)))


@row("equal")
def another_method_of_a_class() -> Case:
    class Model:
        def __init__(self) -> None:
            self.w = Value(2.0)

        def activation(self, x: Any) -> Any:
            return engine.tanh(x)

        def __call__(self, x: Any) -> Any:
            return self.w * self.activation(x)

    return Case(Model(), lambda: setattr(Model, "activation", lambda self, x: engine.sin(x)))


@row("equal")
def an_attribute_of_a_base_class() -> Case:
    class Settings:
        scale = 2.0

    class Model(Settings):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            return self.w * x * self.scale

    return Case(Model(), lambda: setattr(Settings, "scale", 7.0))


@row("equal")
def an_attribute_of_a_function() -> Case:
    w = Value(2.0)

    def scaled(x: Any) -> Any:
        return w * x * scaled.scale  # type: ignore[attr-defined]  # set by the test

    scaled.scale = 3.0  # type: ignore[attr-defined]  # set by the test
    return Case(scaled, lambda: setattr(scaled, "scale", 7.0))


@row("equal")
def numbers_in_a_deque_and_an_array() -> Case:
    w, window, row_ = Value(2.0), collections.deque([1.0, 2.0]), array.array("d", [3.0])

    def between() -> None:
        window.append(5.0)
        row_[0] = 4.0

    return Case(lambda x: w * x * sum(window) * row_[0], between)


@row("equal")
def a_property_that_reads_a_global() -> Case:
    _set_global("_scale", 3.0)()

    class Model:
        w = Value(2.0)

        @property
        def scale(self) -> float:
            return _scale

    model = Model()
    return Case(lambda x: model.w * x * model.scale, _set_global("_scale", 4.0))


@row("refused")
def a_compiled_function_inside_that_is_known() -> Case:
    w = Value(2.0)
    inner = compile(lambda x: w * x, backend="python")
    inner([1.0])
    return Case(lambda x: float(inner([1.0])[0]) * x, lambda: setattr(w, "data", 7.0))


@row("refused")
def a_reader_from_before() -> Case:
    w = Value(2.0)
    read = w.__float__
    return Case(lambda x: read() * x, lambda: setattr(w, "data", 7.0))


def mlp(between: Callable[[Any], Any], far: bool = False) -> Case:
    """A network of nn, to which something happens."""
    model = nn.MLP(1, [3, 3, 1], activation="tanh", seed=1)
    return Case(lambda x: model([x])[0] * 2.0, lambda: between(model), far=far)


@row("equal")
def an_activation_of_a_network() -> Case:
    def between(model: Any) -> None:
        for neuron in model.layers[0].neurons:
            neuron.activation = engine.sin

    return mlp(between)


@row("equal")
def a_layer_appended() -> Case:
    return mlp(lambda model: model.layers.append(nn.Layer(1, 1, "tanh", seed=3)), far=True)


@row("equal")
def a_layer_inserted() -> Case:
    return mlp(lambda model: model.layers.insert(1, nn.Layer(3, 3, "tanh", seed=3)), far=True)


@row("equal")
def a_layer_replaced() -> Case:
    return mlp(lambda model: model.layers.__setitem__(1, nn.Layer(3, 3, "tanh", seed=3)), far=True)


@row("equal")
def a_bias_of_a_neuron_replaced_by_an_equal_one() -> Case:
    return mlp(lambda model: setattr(model.layers[0].neurons[0], "b", Value(model.layers[0].neurons[0].b.data)))


@row("equal")
def a_weight_in_a_network_replaced() -> Case:
    def between(model: Any) -> None:
        model.layers[0].neurons[1].w[0] = Value(9.0)

    return mlp(between, far=True)


@row("equal")
def a_module_with_a_number() -> Case:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.w, self.scale = Value(2.0), 3.0

        def __call__(self, x: Any) -> Any:
            return self.w * x * self.scale

    model = Scaled()
    return Case(lambda x: model(x), lambda: setattr(model, "scale", 4.0))


@row("equal")
def a_module_that_gets_another_parameter() -> Case:
    class Bag(nn.Module):
        def __init__(self) -> None:
            self.first = Value(2.0)

    model = Bag()
    return Case(lambda x: engine.sum([p * x for p in model.parameters()]), lambda: setattr(model, "other", Value(4.0)))


@row("equal")
def a_mode_of_a_module() -> Case:
    class Switch(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            return self.w * x if self.training else x * x

    model = Switch()
    return Case(lambda x: model(x), lambda: model.eval())


# ---- what is less often changed ------------------------------------------------------------------------------------


@row("refused")
def a_number_read_in_a_thread_of_the_function() -> Case:
    w = Value(2.0)

    def function(x: Any) -> Any:
        found: list[float] = []
        thread = threading.Thread(target=lambda: found.append(w.data))
        thread.start()
        thread.join()
        return found[0] * x

    return Case(function, lambda: setattr(w, "data", 7.0))


@row("refused")
def a_function_that_counts_its_calls() -> Case:
    w, calls = Value(2.0), 0

    def function(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return w * x * (1.0 if calls < 50 else 2.0)

    return Case(function)


class _Mode(enum.Enum):
    PLAIN = 1
    SQUARED = 2


@row("equal")
def a_member_of_an_enum() -> Case:
    w, settings_ = Value(2.0), types.SimpleNamespace(mode=_Mode.PLAIN)
    return Case(
        lambda x: w * x if settings_.mode is _Mode.PLAIN else w * x * x,
        lambda: setattr(settings_, "mode", _Mode.SQUARED),
    )


class _Derived:
    def __init__(self) -> None:
        self.w = Value(2.0)

    @functools.cached_property
    def scale(self) -> float:
        return 3.0

    def activation(self, x: Any) -> Any:
        return engine.tanh(x)

    def __call__(self, x: Any) -> Any:
        return self.activation(self.w * x) * self.scale


@row("equal")
def a_cached_property_set() -> Case:
    model = _Derived()
    return Case(model, lambda: vars(model).update(scale=7.0))


@row("equal")
def a_method_replaced_on_an_instance() -> Case:
    model = _Derived()
    return Case(model, lambda: vars(model).update(activation=engine.sin))


def in_something(make: Callable[[dict[str, float]], Callable[[], float]]) -> Case:
    """A number in a dict that is reached in another way."""
    w, table = Value(2.0), {"scale": 3.0}
    read = make(table)
    return Case(lambda x: w * x * read(), lambda: table.update(scale=7.0))


@row("equal")
def a_number_behind_a_proxy() -> Case:
    def make(table: dict[str, float]) -> Callable[[], float]:
        proxy = types.MappingProxyType(table)
        return lambda: proxy["scale"]

    return in_something(make)


@row("equal")
def a_number_in_nested_dicts() -> Case:
    def make(table: dict[str, float]) -> Callable[[], float]:
        outer = {"deep": {"deeper": table}}
        return lambda: outer["deep"]["deeper"]["scale"]

    return in_something(make)


@row("equal")
def a_number_behind_a_weak_reference() -> Case:
    class Settings:
        scale = 3.0

    known = weakref.ref(Settings)
    w = Value(2.0)
    return Case(lambda x: w * x * known().scale, lambda: setattr(Settings, "scale", 7.0))  # type: ignore[union-attr]  # it is alive


class Held:
    """What a weak reference can refer to."""

    scale = 3.0


@row("refused")
def whether_what_a_weak_reference_refers_to_is_gone() -> Case:
    w, held = Value(2.0), [Held()]
    known = weakref.ref(held[0])
    return Case(lambda x: w * x if known() is None else w * w * x, held.clear)


@row("refused")
def how_many_are_left_in_a_weak_set() -> Case:
    w, held = Value(2.0), [Held(), Held()]
    known = weakref.WeakSet(held)
    return Case(lambda x: w * x * len(known), held.pop)


@row("equal")
def a_weak_reference_beside_the_object_itself() -> Case:
    w, held = Value(2.0), [Held()]
    known = weakref.ref(held[0])
    return Case(lambda x: w * x * known().scale * len(held), lambda: setattr(held[0], "scale", 7.0))  # type: ignore[union-attr]  # it is alive


@row("equal")
def whether_an_array_can_be_written_to() -> Case:
    w, array = Value(2.0), np.ones(2)
    return Case(lambda x: w * x * (1.0 + array.flags.writeable), lambda: array.setflags(write=False), far=True)


@row("equal")
def a_context_variable() -> Case:
    scale = ContextVar("scale", default=3.0)
    w = Value(2.0)
    return Case(lambda x: w * x * scale.get(), lambda: scale.set(7.0))


@row("equal")
def a_context_variable_without_a_value() -> Case:
    scale: ContextVar[float] = ContextVar("scale")
    w = Value(2.0)
    return Case(lambda x: w * x * scale.get(3.0), lambda: scale.set(7.0))


@row("equal")
def behind_a_memo_that_is_cleared() -> Case:
    known = {1: 3.0}
    scale = functools.lru_cache(known.__getitem__)
    w = Value(2.0)

    def change() -> None:
        known[1] = 7.0
        scale.cache_clear()
        engine.announce_change()  # it hangs on the function further off: without, it is seen milliseconds later

    return Case(lambda x: w * x * scale(1), change)


@row("equal")
def bytes_and_memory() -> Case:
    w, numbers, memory = Value(2.0), bytearray([2, 3]), np.array([2.0])
    view = memoryview(memory)

    def between() -> None:
        numbers[0] = 5
        memory[0] = 7.0

    return Case(lambda x: w * x * numbers[0] * view[0], between)


@row("equal")
def an_entry_of_an_array_of_values() -> Case:
    weights = np.array([Value(0.5), Value(2.0)])
    return Case(lambda x: (weights * x).sum(), lambda: weights.__setitem__(0, Value(9.0)))


@row("equal")
def entries_of_a_dict_in_another_order() -> Case:
    weights = {"a": Value(0.5), "b": Value(2.0)}

    def between() -> None:
        weights["a"] = weights.pop("a")

    return Case(lambda x: engine.sum([w * x**k for k, w in enumerate(weights.values())]), between)


@row("equal")
def a_flag_that_becomes_a_number() -> Case:
    w, options = Value(2.0), {"flag": True}
    return Case(lambda x: w * x * (2.0 if options["flag"] is True else 3.0), lambda: options.update(flag=1))


@row("equal")
def the_sign_of_a_zero() -> Case:
    w, options = Value(2.0), {"side": 0.0}
    return Case(lambda x: w * x * math.copysign(1.0, options["side"]), lambda: options.update(side=-0.0))


@row("equal")
def a_number_that_becomes_a_value() -> Case:
    w, options = Value(2.0), {"scale": 3.0}
    return Case(lambda x: w * x * options["scale"], lambda: options.update(scale=Value(3.0)))


def of_inner(change: Callable[[Any], Any]) -> Case:
    """A function in a function, of which a part is replaced."""
    w = Value(2.0)

    def inner(x: Any, scale: float = 3.0, *, power: float = 1.0) -> Any:
        return w * x**power * scale

    return Case(lambda x: inner(x), lambda: change(inner))


@row("equal")
def a_default_replaced() -> Case:
    return of_inner(lambda inner: setattr(inner, "__defaults__", (7.0,)))


@row("equal")
def a_default_by_name_replaced() -> Case:
    return of_inner(lambda inner: inner.__kwdefaults__.update(power=2.0))


@row("equal")
def the_code_of_a_function_reloaded() -> Case:
    def first(x: Any) -> Any:
        return x * 2.0

    def other(x: Any) -> Any:
        return x * x

    return Case(lambda x: first(x), lambda: setattr(first, "__code__", other.__code__))


@row("equal")
def a_named_argument_of_a_partial() -> Case:
    w = Value(2.0)
    inner = functools.partial(lambda x, scale: w * x * scale, scale=3.0)
    return Case(lambda x: inner(x), lambda: inner.keywords.update(scale=7.0))


@row("equal")
def an_attribute_of_a_metaclass() -> Case:
    class Meta(type):
        scale = 3.0

    class Settings(metaclass=Meta):
        pass

    w = Value(2.0)
    return Case(lambda x: w * x * Settings.scale, lambda: setattr(Meta, "scale", 7.0))


@row("equal")
def a_variable_of_a_closure_that_is_new() -> Case:
    w = Value(2.0)

    def function(x: Any) -> Any:
        with contextlib.suppress(NameError):
            return w * x * scale
        return w * x

    def between() -> None:
        nonlocal scale
        scale = 7.0

    if not w:
        scale = 1.0
    return Case(function, between)


@row("equal")
def a_global_that_is_new() -> Case:
    globals().pop("_not_there_yet", None)
    w = Value(2.0)

    def function(x: Any) -> Any:
        with contextlib.suppress(NameError):
            return w * x * _not_there_yet  # type: ignore[name-defined]  # noqa: F821  # defined later
        return w * x

    return Case(function, _set_global("_not_there_yet", 7.0), far=True)


@row("equal")
def an_attribute_that_is_new() -> Case:
    w, options = Value(2.0), types.SimpleNamespace()
    return Case(
        lambda x: w * x * (options.scale if hasattr(options, "scale") else 1.0),
        lambda: setattr(options, "scale", 7.0),
    )


class _Plain:
    def scaled(self, x: Any) -> Any:
        return x


class _Doubled:
    def scaled(self, x: Any) -> Any:
        return 2.0 * x


@row("equal")
def another_class_of_an_object() -> Case:
    w, scaler = Value(2.0), _Plain()
    return Case(lambda x: scaler.scaled(w * x), lambda: setattr(scaler, "__class__", _Doubled))


@row("equal")
def another_base_of_a_class() -> Case:
    class Scaler(_Plain):
        pass

    w, scaler = Value(2.0), Scaler()
    return Case(lambda x: scaler.scaled(w * x), lambda: setattr(Scaler, "__bases__", (_Doubled,)))


@row("equal")
def a_view_of_a_dict() -> Case:
    w, table = Value(2.0), {"a": 1.0}
    view = table.values()
    return Case(lambda x: w * x * sum(view), lambda: table.update(b=3.0))


@row("equal")
def a_cache_that_is_emptied() -> Case:
    w, table = Value(2.0), {"scale": 3.0}

    @functools.lru_cache
    def read() -> float:
        return table["scale"]

    def between() -> None:
        table["scale"] = 7.0
        read.cache_clear()

    return Case(lambda x: w * x * read(), between)


@row("equal")
def other_defaults_by_name() -> Case:
    return of_inner(lambda inner: setattr(inner, "__kwdefaults__", {"power": 2.0}))


# ---- the world outside ---------------------------------------------------------------------------------------------

FILE = Path(__file__)
_nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # a log stays open


def asking(ask: Callable[[], Any]) -> Make:
    """A row that asks for what may be another thing at the next call; the answer itself is rounded to nothing."""
    return lambda: Case(lambda x: x + 0.0 * len(str(ask())))


def _bytes_of_a_file() -> bytes:
    with FILE.open("rb") as file:
        return file.read(1)


ASKING: dict[str, Callable[[], Any]] = {
    "open": _bytes_of_a_file,
    "Path.read_text": lambda: FILE.read_text(encoding="utf-8"),
    "np.loadtxt": lambda: np.loadtxt(FILE, dtype=str, max_rows=1, delimiter="|", usecols=0),
    "os.path.exists": lambda: os.path.exists(FILE),  # as users write it
    "os.listdir": lambda: os.listdir(FILE.parent),
    "os.getcwd": lambda: os.getcwd(),
    "os.getpid": lambda: os.getpid(),
    "time.time": lambda: time.time(),
    "time.perf_counter": lambda: time.perf_counter(),
    "datetime.now": lambda: datetime.datetime.now().year,
    "date.today": lambda: datetime.date.today().year,
    "getrecursionlimit": lambda: sys.getrecursionlimit(),
    "uuid": lambda: uuid.uuid4().version,
    "secrets": lambda: secrets.randbelow(1),
    "SystemRandom": lambda: random.SystemRandom().randrange(1),
    "a new generator": lambda: np.random.default_rng().integers(1),
    "subprocess": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
    "socket": lambda: socket.gethostname(),
    "eval": lambda: eval("_scale"),  # as users write it
    "globals": lambda: globals()["_sc" + "ale"],
}
for _name, _ask in ASKING.items():
    _make = asking(_ask)
    _make.__name__ = f"asks: {_name}"
    row("refused")(_make)


@row("refused")
def the_clock_far_inside_a_swallowed_error() -> Case:
    def helper() -> float:
        try:
            return time.monotonic()
        except Exception:
            return 1.0

    return Case(lambda x: x + 0.0 * helper())


@row("refused")
def the_next_entry_of_an_iterator() -> Case:
    """Whose first ones are alike."""
    rates = itertools.chain(itertools.repeat(1.0, 100), itertools.repeat(0.1))
    return Case(lambda x: x * next(rates), lambda: [next(rates) for _ in range(100)])


@row("refused")
def the_next_line_of_an_open_file() -> Case:
    file = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"1.0\n" * 100)))
    return Case(lambda x: x * sum(float(line) for line in itertools.islice(file, 1)))


def of_a_variable(read: Callable[[], Any]) -> Make:
    """A row that reads a variable of the environment."""

    def make() -> Case:
        os.environ["STEPGRAD_TEST"] = "3"
        w = Value(2.0)
        return Case(lambda x: w * x * float(read()), lambda: os.environ.update(STEPGRAD_TEST="7"))

    return make


@functools.lru_cache
def _known_forever() -> str:
    return os.environ["STEPGRAD_TEST"]


VARIABLES: dict[str, Callable[[], Any]] = {
    "os.environ": lambda: os.environ["STEPGRAD_TEST"],
    "os.getenv": lambda: os.getenv("STEPGRAD_TEST"),
    "environ.get": lambda: os.environ.get("STEPGRAD_" + "TEST", "1"),
    "a copy": lambda: dict(os.environ)["STEPGRAD_TEST"],
    "one that a cache keeps": lambda: _known_forever(),
}
for _name, _read in VARIABLES.items():
    _make = of_a_variable(_read)
    _make.__name__ = f"environment: {_name}"
    row("equal")(_make)


@row("equal")
def a_variable_of_the_environment_that_is_new() -> Case:
    os.environ.pop("STEPGRAD_TEST", None)
    return Case(lambda x: x * ("STEPGRAD_TEST" in os.environ), lambda: os.environ.update(STEPGRAD_TEST="7"))


@row("refused")
def a_variable_of_the_environment_that_the_function_sets() -> Case:
    os.environ["STEPGRAD_TEST"] = "1"

    def function(x: Any) -> Any:
        os.environ["STEPGRAD_TEST"] += "1"
        return x * len(os.environ["STEPGRAD_TEST"])

    return Case(function)


@row("equal")
def an_attribute_in_slots() -> Case:
    class Options:
        __slots__ = ("scale", "unused")

    options, w = Options(), Value(2.0)
    options.scale = 3.0  # type: ignore[attr-defined]  # set by the test
    return Case(lambda x: w * x * options.scale, lambda: setattr(options, "scale", 7.0))  # type: ignore[attr-defined]  # set by the test


def by_a_computed_name(read: Callable[[Any, str], float]) -> Make:
    """A row that reads an attribute that no code names."""

    def make() -> Case:
        options, w, name = types.SimpleNamespace(of_loss=3.0), Value(2.0), "loss"
        return Case(lambda x: w * x * read(options, "of_" + name), lambda: vars(options).update(of_loss=7.0))

    return make


COMPUTED: dict[str, Callable[[Any, str], float]] = {
    "getattr": lambda options, name: getattr(options, name),
    "vars": lambda options, name: vars(options)[name],
    "__dict__": lambda options, name: options.__dict__[name],
}
for _name, _computed in COMPUTED.items():
    _make = by_a_computed_name(_computed)
    _make.__name__ = f"computed name: {_name}"
    row("equal")(_make)


class Options:
    """Has an attribute that no code of its own names."""

    __match_args__ = ("of_loss",)


_get, _vars, _getter, _format, _functions = getattr, vars, operator.attrgetter, str.format, [getattr]


def _of_a_pattern(options: Any) -> float:
    match options:
        case Options(of_loss=number):
            return float(number)
    return 0.0


def _of_a_pattern_in_its_place(options: Any) -> float:
    match options:
        case Options(3.0):
            return 2.0
    return 0.0


UNNAMED: dict[str, Callable[[Any], float]] = {
    "another name of getattr": lambda options: _get(options, "of_loss"),
    "another name of vars": lambda options: sum(_vars(options).values()),
    "another name of attrgetter": lambda options: _getter("of_loss")(options),
    "another name of str.format": lambda options: float(_format("{0.of_loss}", options)),
    "getattr in a list": lambda options: _functions[0](options, "of_loss"),
    "getattr as a default": lambda options, get=getattr: get(options, "of_loss"),
    "getattr by reduce": lambda options: functools.reduce(_get, ["of_loss"], options),
    "__getattribute__": lambda options: options.__getattribute__("of_loss"),
    "a method by its name": lambda options, call=operator.methodcaller("__getattribute__", "of_loss"): call(options),
    "its state": lambda options: sum(options.__reduce_ex__(2)[2].values()),
    "a pattern": _of_a_pattern,
    "a pattern in its place": _of_a_pattern_in_its_place,
}


def _unnamed(name: str) -> Make:
    def make() -> Case:
        options, w, read = Options(), Value(2.0), UNNAMED[name]
        vars(options).update(of_loss=3.0)
        return Case(lambda x: w * x * read(options), lambda: vars(options).update(of_loss=7.0), far=True)

    make.__name__ = f"an attribute without a name: {name}"
    return make


for _name in UNNAMED:
    row("equal")(_unnamed(_name))


def _caught(options: Any) -> float:
    try:
        return float(options.of_loss)
    except Exception:
        return 2.0


def _caught_without_a_class(options: Any) -> float:
    try:
        return float(options.of_loss)
    except:  # noqa: E722  # that it is seen is the point
        return 2.0


def _suppressed(options: Any) -> float:
    with contextlib.suppress(Exception):
        return float(options.of_loss)
    return 2.0


_Missing = (KeyError, AttributeError)


def _caught_by_another_name(options: Any) -> float:
    try:
        return float(options.of_loss)
    except _Missing:
        return 2.0


def _missing(read: Callable[[Any], float]) -> Make:
    def make() -> Case:
        options, w = Options(), Value(2.0)
        return Case(lambda x: w * x * read(options), lambda: vars(options).update(of_loss=7.0), far=True)

    make.__name__ = f"an attribute that is missing: {read.__name__}"
    return make


for _read in (_caught, _caught_without_a_class, _suppressed, _caught_by_another_name):
    row("equal")(_missing(_read))


@row("equal")
def a_setting_of_a_module_by_another_name_of_getattr() -> Case:
    module, w = types.ModuleType("settings"), Value(2.0)
    vars(module).update(of_loss=3.0)
    return Case(lambda x: w * x * _get(module, "of_loss"), lambda: vars(module).update(of_loss=7.0), far=True)


@row("equal")
def an_attribute_by_attrgetter() -> Case:
    options, w, read = types.SimpleNamespace(deep=types.SimpleNamespace(of_loss=3.0)), Value(2.0), None
    read = operator.attrgetter("deep.of_loss")
    return Case(lambda x: w * x * read(options), lambda: vars(options.deep).update(of_loss=7.0))


@row("equal")
def a_number_of_ctypes() -> Case:
    number, w = ctypes.c_double(3.0), Value(2.0)
    return Case(lambda x: w * x * number.value, lambda: setattr(number, "value", 7.0))


@row("equal")
def shared_memory() -> Case:
    memory, w = mmap.mmap(-1, 8), Value(2.0)
    return Case(lambda x: w * x * (3.0 + memory[0]), lambda: memory.__setitem__(0, 4))


@row("equal")
def a_file_in_memory() -> Case:
    file, w = io.StringIO("3.0"), Value(2.0)
    return Case(lambda x: w * x * float(file.getvalue()), lambda: file.write("7.0"))


def _module() -> Any:
    """A module of the user's."""
    module = types.ModuleType("settings_of_the_user")
    module.__file__, module.__dict__["scale"] = __file__, 3.0
    sys.modules[module.__name__] = module
    return module


@row("equal")
def a_module_that_the_function_imports() -> Case:
    module, w = _module(), Value(2.0)

    def scaled(x: Any) -> Any:
        import settings_of_the_user as settings  # type: ignore[import-not-found]  # made by the test

        return w * x * settings.scale

    return Case(scaled, lambda: setattr(module, "scale", 7.0))


@row("equal")
def a_name_that_the_function_imports() -> Case:
    module, w = _module(), Value(2.0)

    def scaled(x: Any) -> Any:
        from settings_of_the_user import scale  # type: ignore[import-not-found]  # made by the test

        return w * x * scale

    return Case(scaled, lambda: setattr(module, "scale", 7.0))


@row("equal")
def another_module_of_the_name_that_the_function_imports() -> Case:
    w = Value(2.0)
    _module()

    def scaled(x: Any) -> Any:
        from settings_of_the_user import scale

        return w * x * scale

    return Case(scaled, lambda: setattr(_module(), "scale", 7.0))


@row("refused")
def a_module_by_a_computed_name() -> Case:
    module, w = _module(), Value(2.0)
    name = "settings_of_the_" + "user"
    return Case(lambda x: w * x * importlib.import_module(name).scale, lambda: setattr(module, "scale", 7.0))


@row("refused")
def a_module_by_the_builtin() -> Case:
    module, w = _module(), Value(2.0)
    return Case(lambda x: w * x * __import__("settings_of_the_user").scale, lambda: setattr(module, "scale", 7.0))


BY_NAME: dict[str, Callable[[str], Any]] = {
    "importlib's own import": lambda name: importlib.__import__(name).scale,
    "anew": lambda name: len(importlib.reload(keyword).kwlist),
    "a library's function": lambda name: pkgutil.resolve_name(f"{name}:scale"),
    "another one": lambda name: pydoc.locate(f"{name}.scale"),
    "a pickle": lambda name: pickle.loads(f"c{name}\nscale\n.".encode()),
}


@pytest.mark.parametrize("how", BY_NAME)
def test_what_is_imported_by_its_name_in_any_way_is_refused(how: str) -> None:
    """It went on with the scale that was there when it was traced."""
    _module()
    with pytest.raises(TraceError, match="asks for what no code names"):
        engine.compile(lambda x: BY_NAME[how]("settings_of_the_user") * x, backend="python")([1.0])


@row("equal")
def arguments_of_the_command_line() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x * len(sys.argv), lambda: setattr(sys, "argv", [*sys.argv, "--more"]), far=True)


@control
def one_that_reports() -> Case:
    """To the screen, a log, a file; it imports what it needs, and what is not there."""
    w, log = Value(2.0), _nowhere

    def function(x: Any) -> Any:
        import colorsys  # noqa: F401  # to import it is the point

        with contextlib.suppress(ImportError):
            import not_there  # type: ignore[import-not-found]  # noqa: F401  # it is not there
        print("called", end="")
        print("called", file=log)
        logging.getLogger("stepgrad test").error("called")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.warn("called", stacklevel=1)
        return w * x * float(io.StringIO("3.0").read())

    return Case(function)


@functools.lru_cache
def _read_once() -> float:
    return float(len(_bytes_of_a_file()))


@control
def a_file_read_once_by_a_cache() -> Case:
    return Case(lambda x: x * _read_once())


# ---- what must stay compiled ---------------------------------------------------------------------------------------


@control
def a_network_with_a_penalty() -> Case:
    model = nn.MLP(1, [3, 1], seed=1)
    return Case(lambda x: nn.mse(model([x]), [0.5]) + 0.01 * engine.sum([p * p for p in model.parameters()]))


@control
def shared_weights() -> Case:
    layer = nn.Layer(2, 2, "tanh", seed=1)
    return Case(lambda x: engine.sum(layer(layer([x, 1.0]))))


@control
def a_frozen_layer() -> Case:
    first, last = nn.Layer(1, 2, "tanh", seed=1), nn.Layer(2, 1, seed=2)

    def function(x: Any) -> Any:
        with engine.no_grad():
            hidden = first([x])
        return last(hidden)[0]

    return Case(function)


@control
def branches_per_sample() -> Case:
    w = Value(0.5)
    return Case(lambda x: where((x > 0) & (x < 2), w * x, engine.relu(-x)))


@control
def second_order() -> Case:
    w = Value(0.7)

    def residual(x: Any) -> Any:
        u = engine.tanh(w * x)
        slope = engine.grad(u, x, create_graph=True)
        return slope * slope + engine.grad(slope, x, create_graph=True)

    return Case(residual)


@control
def constants_from_outside() -> Case:
    table, w = {"a": (1.0, 2.0)}, Value(0.5)
    return Case(lambda x: w * x * table["a"][0] + np.pi * math.sqrt(table["a"][1]))


@control
def a_random_number_drawn_outside() -> Case:
    w, noise = Value(0.5), random.Random(1).random()
    return Case(lambda x: w * x + noise)


@control
def an_unused_generator_within_reach() -> Case:
    w = Value(0.5)
    return Case(lambda x, source=_own_random: w * x)


@control
def a_log_of_calls() -> Case:
    calls: list[int] = []
    w = Value(0.5)
    return Case(lambda x: calls.append(1) or w * x)


@control
def a_captured_detached_result() -> Case:
    w = Value(0.5)
    q = (w * w).detach()
    return Case(lambda x: q.detach() * w * x)


@control
def a_lazy_parameter() -> Case:
    cache: dict[str, Value] = {}
    return Case(lambda x: cache.setdefault("w", Value(0.5)) * x)


@control
def weights_as_an_array_of_values() -> Case:
    weights = np.array([Value(0.5), Value(-1.0)])
    return Case(lambda x: np.sum(weights * np.array([x, x * x])))


# ---- messages -----------------------------------------------------------------------------------------------------

MESSAGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "complex": (lambda x: x * 1j, r"mul\(x, y\) of <traced input 0> and 1j.*real"),
    "complex, reflected": (lambda x: 1j + x, r"add\(x, y\) of 1j and <traced input 0>.*real"),
    "text": (lambda x: x + "1", r"add\(x, y\) .* and '1'.*real"),
    "np.max": (lambda x: np.max([x, 2 * x]), r"branch .*np\.max.*maximum"),
    "np.exp of floats": (lambda x: np.exp(np.array([x], float))[0], r"plain number.*engine\.exp"),
    "a dict": (lambda x: {0.0: 1.0}[x], r"looked up as a key.*take"),
    "statistics": (lambda x: statistics.median([x, 1.0, 2.0]), r"branch .*minimum"),
    "sorted by heapq": (lambda x: heapq.nlargest(1, [x, 1.0])[0], r"branch .*maximum"),
    "two runs": (lambda x: x * next(_counter), r"something else when it is called again.*Pass what changes"),
    "json": (lambda x: x * len(json.dumps([float(x)])), r"plain number"),
    "a copy": (lambda x: __import__("copy").deepcopy(x), r"graph of <traced input 0>.*plain Values"),
    "drawing": (lambda x: engine.to_dot(x * x) and x, r"graph of .*plain Values"),
}
_counter = itertools.count(1)


@pytest.mark.parametrize(("function", "message"), MESSAGES.values(), ids=list(MESSAGES))
def test_a_message_names_the_line_and_the_remedy(function: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(TraceError) as caught:
        compile(function, backend="python")([1.0])
    text = str(caught.value)
    line = f"{__file__}:{function.__code__.co_firstlineno}:"
    assert line in text, text
    assert re.search(message, text, re.DOTALL), text


# ---- random programs, random lives --------------------------------------------------------------------------------


class World:
    """What a random function reads, and what may happen to it."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.weights = [Value(rng.uniform(-1, 1)) for _ in range(4)]
        self.scales, self.table = [0.5, -1.0, 2.0], {"a": 0.3, "b": -0.7}
        self.array = np.array([0.1, 0.2])
        self.activation: Callable[[Any], Any] = engine.tanh
        self.flag, self.offset = True, 0.25

    def function(self, size: int) -> Callable[[Any], Any]:
        """A function of one sample of two numbers, whose structure is drawn."""
        world, rng = self, random.Random(self.rng.random())
        kinds = [(rng.randrange(11), [rng.randrange(40) for _ in range(3)]) for _ in range(size)]

        def function(x: Any) -> Any:
            known: list[Any] = [*x, *world.weights]
            for kind, places in kinds:
                a, b, c = (known[place % len(known)] for place in places)
                if kind == 0:
                    made = where(a > b, a * c, b)
                elif kind == 1:
                    made = world.activation(a * b)
                elif kind == 2:
                    made = a * world.scales[places[0] % len(world.scales)] + world.offset
                elif kind == 3:
                    made = a.detach() * b
                elif kind == 4:
                    with engine.no_grad():
                        made = engine.sin(a) + b
                elif kind == 5:
                    made = engine.maximum(a, b, c)
                elif kind == 6:
                    made = a - b if world.flag else a + b
                elif kind == 7:
                    made = engine.dot(world.weights, [a] * len(world.weights))
                elif kind == 8:
                    made = engine.grad(a * b * a, a, create_graph=True) * 0.1
                elif kind == 9:
                    made = a * world.table["a"] + float(world.array[1]) * b
                else:
                    made = Value(0.5) * a + float(Value(2.0) * Value(0.25)) * b
                known.append(engine.tanh(made))
            return engine.mean(known) + known[-1] * known[-2]

        return function

    def happens(self, event: int) -> None:
        """Something changes."""
        rng = self.rng
        place = rng.randrange(len(self.weights))
        changes: list[Callable[[], Any]] = [
            lambda: setattr(self.weights[place], "data", rng.uniform(-1, 1)),
            lambda: self.weights.__setitem__(place, Value(self.weights[place].data)),
            lambda: self.weights.append(Value(0.4)),
            lambda: self.scales.__setitem__(0, rng.uniform(-1, 1)),
            lambda: setattr(self, "scales", [rng.uniform(-1, 1)]),
            lambda: self.table.update(a=rng.uniform(-1, 1)),
            lambda: self.array.__setitem__(1, rng.uniform(-1, 1)),
            lambda: setattr(self, "activation", rng.choice([engine.tanh, engine.sin, engine.relu, lambda x: x * x])),
            lambda: setattr(self, "flag", not self.flag),
            lambda: setattr(self, "offset", rng.uniform(-1, 1)),
            lambda: self.weights.reverse(),
            lambda: None,
        ]
        changes[event % len(changes)]()


@pytest.mark.parametrize("backend", INSTALLED)
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 12),
    events=st.lists(st.integers(0, 11), min_size=1, max_size=4),
    under_no_grad=st.booleans(),
)
def test_random_functions_live_as_the_eager_ones(
    backend: str, seed: int, size: int, events: list[int], under_no_grad: bool
) -> None:
    world = World(seed)
    function = world.function(size)
    samples = [[world.rng.uniform(-2, 2) for _ in range(2)] for _ in range(3)]
    case, compiled = Case(function, samples=(samples,)), compile(function, backend=backend)
    if under_no_grad:
        with engine.no_grad():
            compiled(samples)
    with looking_at_all():
        for event in events:
            judge(case, compiled)
            world.happens(event)
        judge(case, compiled)


# ---- the judge -----------------------------------------------------------------------------------------------------


def eager(case: Case) -> list[Any]:
    """What the eager engine gives for each sample."""
    results = [case.function(*map(_values, sample)) for sample in zip(*case.samples)]
    return [result if isinstance(result, Value) else Value(result) for result in results]


def _values(numbers: Any) -> Any:
    return [Value(float(x)) for x in numbers] if isinstance(numbers, list) else Value(float(numbers))


def judge(case: Case, compiled: Any) -> None:
    """Compare a call with the eager engine.

    Raises:
        TraceError: it is refused.
        AssertionError: they differ.
    """
    results = compiled(*case.samples)
    loss, gradients = compiled.value_and_grad(*case.samples)
    expected, again = eager(case), eager(case)
    scale = max([1.0, *[abs(float(e)) for e in expected]])
    assert all(close(float(e), float(r), scale, 1e-9) for e, r in zip(expected, results)), (expected, results)
    total = engine.mean(expected)
    assert close(float(total), loss, scale, 1e-9)
    found = dict(zip(compiled.parameters, map(float, gradients)))
    # The parameters are the leaves that two runs share: others are made inside.
    shared = {leaf for leaf in engine.leaves(total) if leaf in set(engine.leaves(engine.mean(again)))}
    leaves = list(shared | found.keys())
    for leaf, derivative in zip(leaves, engine.grad(total, leaves)):
        assert close(derivative, found.get(leaf, 0.0), max(1.0, abs(derivative)), 1e-9), leaf


def outcome(case: Case, compiled: Any) -> str:
    """Of both calls: equal or refused."""
    with looking_at_all() if case.far else contextlib.nullcontext():
        return _outcome(case, compiled)


def looking_at_all() -> Any:
    """As if it were always time to look at what is not near."""
    return mock.patch.object(surroundings, "PATIENCE", 0.0)


def _outcome(case: Case, compiled: Any) -> str:
    try:
        judge(case, compiled)
        case.between()
        judge(case, compiled)
    except TraceError as error:
        line = re.search(rf"{re.escape(__file__)}:\d+: \S.*\n", str(error))
        return "refused" if line else f"refused without a line of the user's and a remedy: {error}"
    return "equal"


def names(rows: Sequence[Any]) -> list[str]:
    return [getattr(make, "__name__", "row") for make in rows]


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize(("expected", "make"), ROWS, ids=names([make for _, make in ROWS]))
def test_a_way_to_go_wrong(expected: str, make: Make, backend: str) -> None:
    case = make()
    assert outcome(case, compile(case.function, backend=backend)) == expected


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("make", CONTROLS, ids=names(CONTROLS))
def test_what_must_stay_compiled(make: Make, backend: str) -> None:
    case = make()
    assert outcome(case, compile(case.function, backend=backend)) == "equal"


def test_another_profiler_goes_on() -> None:
    """In Python itself; while one in C runs, before Python 3.12, the clock is not seen."""
    profiler = profile.Profile()
    with pytest.raises(TraceError, match="clock"):
        profiler.runcall(lambda: compile(lambda x: x + 0.0 * time.time(), backend="python")([1.0]))
    assert sys.getprofile() is None
    assert compile(lambda x: x + 1.0, backend="python")([1.0]) == [2.0]


def test_random_states_are_given_back() -> None:
    states = random.getstate(), np.random.get_state()[1].tolist(), _global_random.getstate()
    for draw in (random.random, np.random.rand, _global_random.random):
        with pytest.raises(TraceError, match="random"):
            compile(lambda x: x + 0.0 * draw(), backend="python")([1.0])  # noqa: B023  # it is called at once
    assert (random.getstate(), np.random.get_state()[1].tolist(), _global_random.getstate()) == states


def test_draws_of_another_thread_may_refuse_a_function_and_the_message_says_so() -> None:
    """And what it draws while nothing is refused, it does not get again."""
    stop, drawn, generator = threading.Event(), list[float](), random.Random(7)
    random.seed(7)

    def draws() -> None:
        while not stop.is_set():
            drawn.append(random.random())
            time.sleep(0.001)

    def waits(x: Any) -> Any:
        time.sleep(0.05)
        return x * 2.0

    thread = threading.Thread(target=draws)
    thread.start()
    try:
        with pytest.raises(
            TraceError, match=r"drew random numbers from random, .*\n.*another thread.*random\.Random\(seed\)"
        ):
            compile(waits, backend="python")([1.0])
    finally:
        stop.set()
        thread.join()
    assert drawn[0] == generator.random()


def test_what_a_refused_function_has_changed_is_given_back() -> None:
    """So that eager steps, which are made instead, begin where they would have."""

    class Slotted:
        __slots__ = ("count",)

    log, counts, queue, seen = [1.0], collections.Counter("a"), collections.deque([1, 2], maxlen=2), {0}
    holder, slotted, total = types.SimpleNamespace(count=0), Slotted(), 0
    slotted.count = 0  # type: ignore[attr-defined]  # set by the test

    def function(x: Any) -> Any:
        nonlocal total
        total += 1
        log.append(2.0), counts.update("ab"), queue.append(3), seen.add(7)
        holder.count += 1
        slotted.count += 1  # type: ignore[attr-defined]  # set by the test
        return x * len(log)

    with pytest.raises(TraceError):
        compile(function, backend="python")([1.0])
    assert (log, counts, [*queue], seen) == ([1.0], {"a": 1}, [1, 2], {0})
    assert (vars(holder), slotted.count, total) == ({"count": 0}, 0, 0)  # type: ignore[attr-defined]  # set by the test


def test_other_threads_may_read_meanwhile() -> None:
    w, stop, wrong = Value(2.0), threading.Event(), []

    def reads() -> None:
        while not stop.is_set():
            if w.data != 2.0 or float(w) != 2.0 or not w > 1 or (w * w).data != 4.0:
                wrong.append(1)

    thread = threading.Thread(target=reads)
    thread.start()
    for k in range(20):
        compile(lambda x: w * x + k, backend="python")([1.0])  # noqa: B023  # it is called at once
    stop.set()
    thread.join()
    assert not wrong


def test_each_thread_has_its_own_numbers_of_a_thread_local() -> None:
    w, local, found = Value(2.0), threading.local(), list[float]()
    local.scale = 2.0
    compiled = compile(lambda x: w * x * local.scale)

    def other() -> None:
        local.scale = 5.0
        found.extend(compiled([1.0]))

    for _ in range(2):
        assert list(compiled([1.0])) == [4.0]
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert found == [10.0, 10.0]


def test_the_table_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    refused = sum(expected == "refused" for expected, _ in ROWS)
    with capsys.disabled():
        print(
            f"\n{len(ROWS)} ways to go wrong, {refused} of them refused, and {len(CONTROLS)} controls, on {INSTALLED}"
        )
    assert len(ROWS) >= 115
    assert len(CONTROLS) >= 12
