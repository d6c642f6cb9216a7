"""Functions that misbehave: each is refused with the user's line and the remedy, and never gives a wrong gradient."""

from __future__ import annotations

import copy
import functools
import io
import math
from collections import UserDict
from collections.abc import Callable
from typing import Any

import pytest

import engine
from engine import TraceError, Value, compile, relu, where
from engine.compiler.pipeline import trace
from tests.engine.compiler.everywhere import unseen_count

W = Value(0.5)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda z, *xs: [1.0], "rule of test_rule gave 1 derivatives for 2 operands"),
        (
            lambda z, *xs: ["one", 1.0],
            "rule of test_rule cannot be traced: the adjoint of test_rule takes real numbers",
        ),
    ],
)
def test_a_rule_that_gives_something_else_is_named(rule: Any, message: str) -> None:
    odd = engine.declare("test_rule", lambda *xs: math.fsum(xs), rule, method=False, native="z + x")
    try:
        with pytest.raises((ValueError, TraceError), match=message):
            compile(lambda x: odd(W, x), backend="python").backward([1.0])
    finally:
        del engine.PRIMITIVES["test_rule"]


count = unseen_count()


def counts(x: Any) -> Any:
    return count() * x


def draws_a_branch(x: Any) -> Any:
    return x * 2 if count() % 2 else x * 3


kept: list[Any] = []


def grows(x: Any) -> Any:
    kept.append(W)
    return engine.sum([w * x for w in kept])


@pytest.mark.parametrize(
    "function",
    [
        counts,
        draws_a_branch,
        grows,
    ],
)
def test_what_is_no_function_of_its_arguments_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(TraceError, match=r"computes something else .*, at .*test_trace.py:\d+: return|kept"):
        compile(function, backend="python")([1.0, 2.0])
    assert W.data == 0.5


@pytest.mark.parametrize("numbers", [(1.0, 2.0), (0.0, -0.0), (math.nan, 2.0), (2.0, math.nan)], ids=repr)
def test_numbers_of_new_values_that_alternate_are_refused(numbers: tuple[float, float]) -> None:
    def alternates(x: Any) -> Any:
        return x / Value(numbers[count() % 2])

    with pytest.raises(TraceError, match=r"computes something else .*: a Value that holds .*, then one that holds"):
        compile(alternates, backend="python")([1.0, 2.0])


@pytest.mark.parametrize("number", [0.0, -0.0, math.nan, 2.0])
def test_a_new_value_that_is_the_same_in_every_call_is_a_constant(number: float) -> None:
    compiled = compile(lambda x: x / Value(number), backend="python")
    assert repr(compiled([1.0])) == repr([(1.0 / Value(number)).data])


def test_a_function_that_assigns_to_a_value_is_refused() -> None:
    w = Value(1.0)

    def trains_itself(x: Any) -> Any:
        result = w * x
        w.data = 2.0
        return result

    with pytest.raises(TraceError, match=r"test_trace.py:\d+: w.data = 2.0\n.*must not change Values"):
        compile(trains_itself, backend="python")([1.0])
    assert w.data == 1.0


def test_a_traced_value_that_is_kept_for_later_is_refused() -> None:
    stash: list[Any] = []

    def hoards(x: Any) -> Any:
        if not stash:
            stash.append(x)
        return x + 1.0

    compiled = compile(hoards, backend="python")
    assert compiled([1.0]) == [2.0]
    with pytest.raises(TraceError, match="outlived"):
        stash[0] * 2
    with pytest.raises(TraceError, match="outlived"):
        compile(lambda x: stash[0] * x, backend="python")([1.0])


class Doubled:
    """Keeps twice its weight from the first call on, in one of these ways."""

    def __init__(self) -> None:
        self.w, self.in_a_dict = Value(0.5), dict[str, Any]()

    def attribute(self, x: Any) -> Any:
        if not hasattr(self, "twice"):
            self.twice = self.w * 2
        return x * self.twice

    @functools.cached_property
    def cached(self) -> Any:
        return self.w * 2

    def a_property(self, x: Any) -> Any:
        return x * self.cached

    def by_type(self, x: Any) -> Any:
        return self.attribute(x) * (3 if isinstance(x, int) else 1)

    def entry(self, x: Any) -> Any:
        if "twice" not in self.in_a_dict:
            self.in_a_dict["twice"] = self.w * 2
        return x * self.in_a_dict["twice"]


@pytest.mark.parametrize("way", [Doubled.attribute, Doubled.a_property, Doubled.by_type, Doubled.entry])
def test_what_a_refused_function_has_kept_for_later_is_gone(way: Callable[[Doubled, Any], Any]) -> None:
    """It was a traced value: after the refusal, and in eager steps instead, every call failed."""
    model = Doubled()
    with pytest.raises(TraceError, match="outlived"):
        compile(lambda x: way(model, x), backend="python")([1.0, 2])
    assert (vars(model).keys(), model.in_a_dict) == ({"w", "in_a_dict"}, {})
    assert way(model, 3.0).data == 3.0


def test_errors_name_what_the_function_is_given() -> None:
    """A beginner who gives a column of labels was told of 'Symbol' and 'Listed', which are in no line of theirs."""
    w = Value(2.0)
    loss = compile(lambda x, y: (w * x[0] - y) ** 2)
    for call in (loss, loss.backward):
        with pytest.raises(TypeError, match="'Value' and 'row'"):
            call([[1.0], [2.0]], [[0.0], [1.0]])


def test_errors_of_the_function_pass_through_and_leave_the_parameters() -> None:
    w = Value(3.0)
    calls: list[Any] = [1]

    def fails(x: Any) -> Any:
        raise KeyError("mine")

    def fails_later(x: Any) -> Any:
        if len(calls) > 1:
            raise KeyError("mine")
        calls.append(x)
        return w * x

    for function in (fails, fails_later):
        with pytest.raises(KeyError, match="mine"):
            compile(function, backend="python")([1.0])
    assert w.data == 3.0


@pytest.mark.parametrize("result", [None, "text", {}, [None], [[None]], []])
def test_what_a_function_may_return(result: Any) -> None:
    with pytest.raises(TraceError, match="returned"):
        compile(lambda x: result, backend="python")([1.0])


def test_values_made_inside_are_constants() -> None:
    def accumulates(x: Any) -> Any:
        total = Value(0.25)
        for _ in range(3):
            total = total + W * x
        return total

    compiled = compile(accumulates, backend="python")
    assert compiled([2.0]) == [3.25]
    assert compiled.parameters == [W]
    assert compiled.value_and_grad([2.0])[1] == [6.0]


def test_conditions_select_and_combine() -> None:
    def inside(x: Any) -> Any:
        return where((x > 0) & (x < 1) | (x == 5), 1.0, -1.0)

    assert compile(inside, backend="python")([0.5, 0.0, 1.0, 5.0]) == [1.0, -1.0, -1.0, 1.0]
    with pytest.raises(TypeError):
        compile(lambda x: x & 1, backend="python")([1.0])


def test_values_met_from_either_side() -> None:
    w, v = Value(2.0), Value(3.0)

    def mixed(x: Any) -> Any:
        return w + x, x - w, w * v - x, 2 / x, w**x, w // x, w % x, -x, abs(x), w > x, v == x

    compiled = compile(mixed, backend="python")
    for x in (1.5, 3.0):
        assert compiled([x])[0] == [float(r) for r in mixed(Value(x))]


def test_detach_stops_the_derivative_of_a_traced_value() -> None:
    loss, gradient = compile(lambda x: x.detach() * x, backend="python").value_and_grad([3.0], wrt="inputs")
    assert (loss, gradient) == (9.0, [3.0])

    def without_graph(x: Any) -> Any:
        with engine.no_grad():
            y = x * x
        return y * x

    assert compile(without_graph, backend="python").value_and_grad([2.0], wrt="inputs") == (8.0, [4.0])


@pytest.mark.parametrize("number", [0.5, -3.0])
def test_parameters_alone_are_symbols(number: float) -> None:
    w = Value(0.3)

    def without_graph() -> Any:
        with engine.no_grad():
            return w * w

    functions: list[Callable[[Any], Any]] = [
        lambda x: where(w > 0, w * w, -w) * x,
        lambda x: abs(w) * round(w) * x,
        lambda x: where((w > 0) & (w < 1), 1.0, w) * x,
        lambda x: where(w == 0.5, x, -x) + where(w != 0.5, w, 0.0),
        lambda x: w.detach() * w * x,
        lambda x: without_graph() * w * x,
        lambda x: engine.grad(w * w * w, w, create_graph=True) * x,
        lambda x: engine.grad(w, w, create_graph=True) * x + w,
        lambda x: engine.grad(w * x, w, create_graph=True),
        lambda x: engine.maximum(w, Value(0.25)) * x,
        lambda x: x * float(Value(2.0) * Value(3.0)) * engine.gradient(lambda t: t * t)(4.0)[0] + w,
        lambda x: x * len({w, w}) + w if hash(w) and w is w and w.label is None else w,
    ]
    compiled = [compile(function, backend="python") for function in functions]
    for one in compiled:
        one.value_and_grad([1.5])
    w.data = number
    for one, function in zip(compiled, functions):
        result = function(Value(1.5))
        assert one.value_and_grad([1.5]) == (result.data, [engine.grad(result, w)])


def test_a_result_from_outside_is_refused() -> None:
    w = Value(2.0)
    q = w * w
    for function in (lambda x: q * x, lambda x: q, lambda x: where(q > 0, x, q)):
        with pytest.raises(TraceError, match=r"data=4.0.*computed outside .*test_trace.py:\d+: (.|\n)*detach"):
            compile(function, backend="python")([1.0])
    constant = q.detach()
    assert compile(lambda x: constant * x, backend="python")([1.5]) == [6.0]


def test_a_refusal_that_is_swallowed_is_raised_in_the_end() -> None:
    w = Value(2.0)

    def swallows(x: Any) -> Any:
        try:
            return x * float(w)
        except TypeError:
            return x

    def says_something_else(x: Any) -> Any:
        try:
            return x * float(w)
        except TypeError as error:
            raise RuntimeError("no") from error

    for function in (swallows, says_something_else):
        with pytest.raises(TraceError, match=r"test_trace.py:\d+: return x \* float\(w\)"):
            compile(function, backend="python")([1.0])


def test_a_first_call_under_no_grad_has_its_gradient() -> None:
    w = Value(2.0)
    compiled = compile(lambda x: w * w * x, backend="python")
    with engine.no_grad():
        assert compiled([3.0]) == [12.0]
        assert compiled.value_and_grad([3.0]) == (12.0, [12.0])
    assert compiled.value_and_grad([3.0]) == (12.0, [12.0])


@pytest.mark.parametrize("function", [lambda w, x: x / (w + x), lambda w, x: w**x, lambda w, x: engine.hypot(w, x) / w])
def test_so_has_one_whose_rules_ask_for_conditions(function: Any) -> None:
    """They were those of symbols that pass no derivative on, and `&` of them an error."""
    w = Value(2.0)
    compiled, twin = (compile(functools.partial(function, w), backend="python") for _ in range(2))
    with engine.no_grad():
        found = compiled.value_and_grad([3.0])
    assert found == twin.value_and_grad([3.0])


def test_a_symbol_is_no_key() -> None:
    with pytest.raises(TraceError, match=r"input 0> was looked up as a key, at .*test_trace.py:\d+: (.|\n)*take"):
        compile(lambda x: {0.0: 1.0}[x], backend="python")([0.0])
    table = UserDict({0.0: 1.0})  # Python's own code raises, and the line is the user's all the same
    with pytest.raises(TraceError, match=r"looked up as a key, at .*test_trace.py:\d+: compile\(lambda x: table\[x\]"):
        compile(lambda x: table[x], backend="python")([0.0])


def test_derivatives_inside_the_function() -> None:
    w = Value(0.7)

    def residual(x: Any) -> Any:
        u = engine.tanh(w * x)
        ux = engine.grad(u, x, create_graph=True)
        return ux * ux + engine.grad(ux, x, create_graph=True)

    compiled = compile(residual, backend="python")
    xs = [0.3, -1.2]
    assert compiled(xs) == pytest.approx([residual(Value(x)).data for x in xs], rel=1e-12)
    mean = engine.mean([residual(Value(x)) for x in xs])
    assert compiled.value_and_grad(xs)[1] == pytest.approx([engine.grad(mean, w)], rel=1e-12)
    with pytest.raises(TypeError, match="create_graph=True"):
        compile(lambda x: engine.grad(x * x, x), backend="python")([1.0])


def test_a_rule_that_needs_numbers_is_named() -> None:
    primitive = engine.declare("numeric_rule", lambda x: x, [lambda z, x: math.cos(x)])
    try:
        with pytest.raises(TraceError, match=r"math\.\*"):
            compile(lambda x: primitive(x), backend="python").value_and_grad([1.0], wrt="inputs")
    finally:
        del engine.PRIMITIVES["numeric_rule"]


def test_a_rule_that_is_wrong_in_the_compiled_form_only_is_caught() -> None:
    broken = engine.declare("broken_native", lambda x: x * x, [lambda z, x: 2 * x], native=lambda x: x * x * 1.001)
    try:
        with pytest.raises(TraceError, match="differs from the eager"):
            compile(lambda x: broken(x), backend="python")([1.0])
    finally:
        del engine.PRIMITIVES["broken_native"]


def test_tracing_leaves_no_trace_in_the_parameters() -> None:
    weights = [Value(0.1 * k) for k in range(5)]
    compile(lambda x: relu(engine.dot(weights, x)), backend="python")([[1.0] * 5])
    assert [w.data for w in weights] == [0.1 * k for k in range(5)]
    assert [w.grad for w in weights] == [0.0] * 5


@pytest.mark.parametrize(("trusted", "own", "runs"), [(False, False, 2), (True, False, 1), (True, True, 2)])
def test_what_is_trusted_to_do_the_same_runs_once(trusted: bool, own: bool, runs: int) -> None:
    """Others twice; so do those that make Values, to tell which."""
    log = io.StringIO()

    def function(x: Any) -> Any:
        print("called", file=log)
        return x * W * (Value(3.0) if own else 3.0)

    traced = trace(function, [()], trusted=trusted)
    assert log.getvalue().count("called") == runs
    assert traced.graph.leaves == [W]


@pytest.mark.parametrize(
    "look", [lambda x: {2.0: 1.0}[x * 2.0] * x, lambda x: {1.0, 2.0}.remove(x * 2.0), lambda x: {2.0: 1.0}[W * x]]
)
def test_a_result_that_is_looked_up_as_a_key_is_told_of(look: Any) -> None:
    """KeyError alone would say that the table lacks a `<traced mul of 2>`."""
    with pytest.raises(TraceError, match=r"<traced mul of 2> was looked up as a key, at .*test_trace"):
        compile(look, backend="python")([1.0])


@pytest.mark.parametrize("is_bool", [lambda c: isinstance(c, bool), lambda c: c.__class__ is bool])
def test_a_condition_is_a_bool_to_who_asks_for_its_class(is_bool: Any) -> None:
    """As that of plain numbers is, which the function is called with in Python."""
    compiled = compile(lambda x: x if is_bool(x > 0.0) else 2.0 * x, backend="python")
    assert list(compiled([1.0, -2.0])) == [1.0, -2.0]


def _assigns(x: Any) -> Any:
    x[0] = x[0] * 2
    return Value(3.0) * x[0]


def _appends_inside(x: Any) -> Any:
    x[0].append(1.0)
    return engine.sum(x[0])


@pytest.mark.parametrize(
    "function", [_assigns, _appends_inside, lambda x: x.reverse() or x[0] * 1.0, lambda x: x.pop() * 1.0]
)
def test_a_list_that_it_is_given_must_stay_as_it_is(function: Any) -> None:
    samples: list[Any] = [[[1.0, 2.0], [2.0, 3.0]]] if function is _appends_inside else [[1.0, 2.0]]
    before = copy.deepcopy(samples)
    with pytest.raises(TraceError, match="changes a list that it is given"):
        engine.compile(function)(samples)
    assert samples == before


def test_a_copy_of_it_may_be_changed() -> None:
    def function(x: Any) -> Any:
        x = [*x, 1.0]
        x[0] = 5.0
        return engine.sum(x)

    assert engine.compile(function)([[1.0, 2.0]]) == [8.0]
