"""What a traced value does as a Value does, and what it has not got."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import engine
from engine import TraceError, Value, compile, dot, maximum, where
from engine.compiler.frontend.symbol import Symbol

SAME: dict[str, Callable[[Any, Any], Any]] = {
    "plus": lambda x, y: +x * y,
    "round": lambda x, y: round(x) + y,
    "trunc": lambda x, y: math.trunc(x) + 10 * math.trunc(y) + 100 * math.trunc(-0.5 * x),
    "divmod": lambda x, y: divmod(x, y)[0] + 10 * divmod(x, y)[1],
    "divmod of a number": lambda x, y: divmod(7.5, x)[0] + 10 * divmod(7.5, y)[1],
    "and, or": lambda x, y: where((x > y) & True | (x == 0.25) & (y != 1.0), x, y),
    "a number on the left": lambda x, y: where(True & (x > y), x, 2.0) + where(False | (x < y), x, 3.0),
    "a branch that is known": lambda x, y: where(x * 0.0 == 0.0, x, y) + maximum(x, y),
    "detached": lambda x, y: x * y.detach(),
}


@pytest.mark.parametrize("function", SAME.values(), ids=SAME.keys())
@pytest.mark.parametrize("point", [(2.75, 1.5), (-2.75, 1.5), (0.25, 0.5)])
def test_it_is_what_a_value_gives(function: Callable[[Any, Any], Any], point: tuple[float, float]) -> None:
    (found,) = compile(function, backend="python")([point[0]], [point[1]])
    result = function(Value(point[0]), Value(point[1]))
    assert found == pytest.approx(result.data, rel=1e-14)


def test_operators_of_several_primitives_are_those_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of them stayed what it was where somebody had replaced one, so that functions of it were refused."""
    monkeypatch.setattr(Value, "__round__", lambda x, digits=None: 10.0 * x)
    assert list(compile(lambda x: round(Value(2.0) * x), backend="python")([2.75])) == [55.0]


def test_labels_are_accepted_and_forgotten() -> None:
    def named(x: Any) -> Any:
        y = x * 2.0
        y.label = "double"
        return y if y.label in (None, "double") else x

    assert list(compile(named, backend="python")([3.0])) == [6.0]


def test_what_is_printed_shows_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    def shows(x: Any, row: Any) -> Any:
        print(x, x * 2.0, row)
        return x

    compile(shows, backend="python")([3.0], [[4.0, 5.0]])
    shown = capsys.readouterr().out.splitlines()
    assert "3.0 6.0 [4.0, 5.0]" in shown
    assert "<traced input 0> <traced mul of 2> [<traced input 1>, <traced input 2>]" in shown


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda x: where(~(x > 0), x, 2.0), TraceError, r"~True is -2, which is true.*write where\(condition, b, a\)"),
        (lambda x: round(x, 2), TypeError, r"round\(v \* 10\*\*2\) / 10\*\*2"),
        (lambda x: x & True, TypeError, "unsupported operand"),
        (lambda x: x + object(), TypeError, "unsupported operand"),
        (lambda x: x * "2", TraceError, "real numbers, and take only real numbers"),
        (lambda x: x.zero_grad() or x, TraceError, "was looked at, copied or changed"),
        (lambda x: engine.grad(x * x, x), TraceError, r"write grad\(\.\.\., create_graph=True\)"),
    ],
)
def test_what_it_has_not_got(function: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compile(function, backend="python")([1.0])


def test_a_derivative_that_is_masked_by_a_number() -> None:
    """Of the branch that a constant condition takes there is one, and of the other there is none."""
    a, b = Value(2.0), Value(3.0)

    def f(x: Any) -> Any:
        return dot([where(1.0, a, b), where(0.0, a, b)], [x, x * x])

    compiled = compile(f, backend="python")
    compiled.backward([5.0])
    assert (a.grad, b.grad) == (5.0, 25.0)


def test_one_that_outlives_its_function_is_refused_wherever_it_stands() -> None:
    kept: dict[str, Any] = {}

    def keeps(x: Any) -> Any:
        if isinstance(x, Value):  # and not the number that the eager function is compared with
            kept["x"] = x
        return x * 2.0

    compile(keeps, backend="python")([1.0])
    traced = kept["x"]
    assert isinstance(traced, Symbol)
    assert copy.deepcopy([traced])[0] is traced  # as of a model that keeps its last outputs
    for use in (
        lambda: traced * 2.0,
        lambda: Value(1.0) * traced,
        lambda: engine.hypot(Value(1.0), traced),
        lambda: pickle.dumps(traced),
        lambda: traced.backward_steps(),
    ):
        with pytest.raises(TraceError, match="a traced value outlived the function that made it"):
            use()
