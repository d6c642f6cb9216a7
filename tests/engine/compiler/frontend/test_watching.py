"""What is noticed of Values while a function is traced, and that nothing is left of it afterwards."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

import engine
from engine import TraceError, Value, compile, strategies
from engine.compiler.frontend.watching import watched


def test_what_is_made_is_told_from_what_was_there() -> None:
    w = Value(2.0)
    with watched() as made:
        v = w * w
        v.grad = 1.0
    assert w not in made
    assert v in made
    assert v.data == 4.0


def test_others_show_another_number_but_keep_their_own() -> None:
    w = Value(2.0)
    with watched(disturbed=True):
        assert w.data != 2.0
        assert Value(2.0).data == 2.0
        assert engine.Constant(2.0).data == 2.0
    assert w.data == 2.0


def test_assigning_to_others_is_refused() -> None:
    w, v, mine = Value(2.0), Value(3.0), []

    def assigns() -> None:
        mine.append(Value(1.0))
        mine[0].data = 2.0
        v.data = 3.0  # as before
        w.data = 5.0

    with pytest.raises(TraceError, match="must not change Values"):
        under(assigns)
    assert (w.data, v.data, mine[0].data) == (2.0, 3.0, 2.0)


def test_errors_pass_through_and_leave_the_values() -> None:
    w = Value(2.0)
    before = vars(Value)["_data"], vars(Value)["__apply_primitive__"]

    def fails() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        under(lambda: under(fails))
    assert w.data == 2.0
    assert (vars(Value)["_data"], vars(Value)["__apply_primitive__"]) == before


def under(function: Callable[[], None]) -> None:
    with watched(disturbed=True):
        function()


def test_other_threads_see_nothing_of_it() -> None:
    w = Value(2.0)
    found: list[float] = []

    def elsewhere() -> None:
        found.append(w.data)
        w.data = 7.0
        found.append((w * w).data)

    with watched(disturbed=True) as made:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert not made
    assert found == [2.0, 49.0]
    assert w.data == 7.0


@given(strategies.expressions(max_nodes=10))
def test_the_engine_computes_the_same_while_it_is_watched(expression: strategies.Expression) -> None:
    leaves = [Value(x) for x in expression.point]
    plain = expression(*leaves)
    with watched() as made:
        again = expression(*leaves)
    assert repr(again.data) == repr(plain.data)
    assert again in made or again in leaves
    assert made.isdisjoint(leaves)


def test_a_number_read_in_the_second_run_only_is_found() -> None:
    w, calls = Value(2.0), itertools.count()

    def alternates(x: Any) -> Any:
        return x * (2.0 if next(calls) % 2 == 0 else w.data)

    with pytest.raises(TraceError, match="something else when it is called again"):
        compile(alternates, backend="python")([1.0])


def test_two_parameters_with_equal_numbers_are_two() -> None:
    weights, calls = [Value(0.0), Value(0.0)], itertools.count()

    def takes_turns(x: Any) -> Any:
        return x * weights[next(calls) % 2]

    with pytest.raises(TraceError, match="something else when it is called again"):
        compile(takes_turns, backend="python")([1.0])
