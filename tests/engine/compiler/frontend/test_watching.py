"""What is noticed of Values while a function is traced, and that nothing is left of it afterwards."""

from __future__ import annotations

import contextvars
import copy
import math
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

import engine
from engine import TraceError, Value, compile
from engine.compiler.frontend.graph import Graph
from engine.compiler.frontend.symbol import Symbol
from engine.compiler.frontend.watching import watched
from engine.compiler.passes.differentiate import derivatives
from engine.compiler.passes.simplify import simplify
from engine.strategies import graphs as strategies
from tests.engine.compiler.everywhere import unseen_count


def graph() -> Graph:
    return Graph(simplify, derivatives)


def test_what_is_made_is_told_from_what_was_there() -> None:
    w = Value(2.0)
    with watched(graph()) as watch:
        v = Value(2.0) * Value(3.0)
        v.grad = 1.0
        assert (v.data, v > 5, f"{v:.1f}") == (6.0, True, "6.0")
        product = v * w
    assert w not in watch.made
    assert v in watch.made
    assert isinstance(product, Symbol)


def test_what_another_context_makes_is_not_the_functions() -> None:
    with watched(graph()) as watch:
        v = contextvars.Context().run(Value, 2.0)
    assert v not in watch.made


def test_no_number_of_others_gets_out() -> None:
    w = Value(2.0)
    with watched(graph(), disturbed=True):
        assert "2.0" not in repr(w)
        assert Value(2.0).data == 2.0
        assert engine.Constant(2.0).data == 2.0
        for reads in (
            lambda: w.data,
            lambda: w.grad,
            lambda: float(w),
            lambda: int(w),
            lambda: bool(w),
            lambda: bool(w > 1),
            lambda: bool(Value(1.0) < w),
            lambda: f"{w:.1f}",
            lambda: pickle.dumps(w),
            lambda: copy.copy(w),
            lambda: math.exp(w),
            lambda: w in [Value(2.0)],
        ):
            with pytest.raises(TraceError):
                reads()
    assert w.data == 2.0


def test_others_cannot_be_changed() -> None:
    w = Value(2.0)
    with watched(graph()):
        mine = Value(1.0)
        mine.data = 2.0
        for changes in (lambda: setattr(w, "data", 2.0), lambda: setattr(w, "grad", 0.0), w.zero_grad, w.backward):
            with pytest.raises(TraceError):
                changes()
    assert (w.data, w.grad, mine.data) == (2.0, 0.0, 2.0)


def test_errors_pass_through_and_leave_the_class_as_it_was() -> None:
    w = Value(2.0)
    before = dict(vars(Value))

    def fails() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        under(lambda: under(fails))
    assert w.data == 2.0
    assert dict(vars(Value)) == before


def under(function: Callable[[], None]) -> None:
    with watched(graph(), disturbed=True):
        function()


def test_other_threads_see_nothing_of_it() -> None:
    w = Value(2.0)
    found: list[float] = []
    ready = threading.Event()

    def elsewhere() -> None:
        ready.wait()
        found.append(w.data)
        w.data = 7.0
        w.zero_grad()
        found.append((w * w).data)
        another = threading.Thread(target=lambda: found.append(w.data + 1.0))
        another.start()
        another.join()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    with watched(graph(), disturbed=True) as watch:
        ready.set()
        thread.join()
        assert not watch.made
    assert found == [2.0, 49.0, 8.0]
    assert w.data == 7.0


@given(strategies.expressions(max_nodes=10))
def test_what_is_made_of_plain_numbers_is_computed_as_ever(expression: strategies.Expression) -> None:
    plain = expression(*[Value(x) for x in expression.point]).data
    with watched(graph()) as watch:
        leaves = [Value(x) for x in expression.point]
        again = expression(*leaves)
        assert repr(again.data) == repr(plain)
    assert watch.made.issuperset([again, *leaves])


def test_a_number_read_in_the_second_run_only_is_found() -> None:
    w, calls = Value(2.0), unseen_count()

    def alternates(x: Any) -> Any:
        return x * (2.0 if calls() % 2 == 0 else w.data)

    with pytest.raises(TraceError, match="the data of"):
        compile(alternates, backend="python")([1.0])


def test_two_parameters_with_equal_numbers_are_two() -> None:
    weights, calls = [Value(0.0), Value(0.0)], unseen_count()

    def takes_turns(x: Any) -> Any:
        return x * weights[calls() % 2]

    with pytest.raises(TraceError, match="something else when it is called again"):
        compile(takes_turns, backend="python")([1.0])


def test_results_of_another_shape_the_second_time_are_refused() -> None:
    calls = unseen_count()

    def grows(x: Any) -> Any:
        return [x] * (1 + calls())

    with pytest.raises(TraceError, match="something else when it is called again"):
        compile(grows, backend="python")([1.0])


def test_a_function_that_fails_when_it_is_called_again_is_refused_without_a_line() -> None:
    """The third call, which looks for the line, tells nothing."""
    calls = unseen_count()

    def tires(x: Any) -> Any:
        count = calls()
        if count > 1:
            raise ZeroDivisionError
        return x * count

    with pytest.raises(TraceError, match="something else when it is called again"):
        compile(tires, backend="python")([1.0])


def test_a_name_that_has_no_content_yet() -> None:
    def made() -> list[float]:
        def f(x: Any) -> Any:
            return x * 2.0 if x is not None else later

        found = [float(y) for y in compile(f, backend="python")([1.0])]
        later = 3.0
        return found

    assert made() == [2.0]
