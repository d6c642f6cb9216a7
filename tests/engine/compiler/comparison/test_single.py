"""A single sample through a program and the eager engine: which numbers are compared, and how they are computed."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import engine
import nn
from engine import TraceError, Value
from engine.compiler.comparison import single
from tests.needs import INSTALLED, NATIVE

BACKENDS = pytest.mark.parametrize("backend", INSTALLED)
_are_one = operator.is_  # under a name by which the trace does not know it, so that only the comparison can tell


@BACKENDS
@pytest.mark.parametrize(("dtype", "factor"), [("float64", 1 + 1e-6), ("float32", 1.01), ("float64", math.inf)])
def test_a_small_difference_and_an_infinite_one_are_seen(dtype: str, factor: float, backend: str) -> None:
    w = Value(0.5)
    compiled = engine.compile(
        lambda x, y: w * x * (factor if _are_one(y == 1, True) else 1.0), dtype=dtype, backend=backend
    )
    with pytest.raises(TraceError, match="differs from the eager engine's"):
        compiled([1.0, 2.0], [0, 1])


@NATIVE
def test_where_few_digits_are_left_double_precision_decides() -> None:
    w = Value(1e6)
    compiled = engine.compile(lambda x: (x + w) - w, dtype="float32", backend="llvm")
    assert list(compiled([0.1])) == [0.125]


@BACKENDS
def test_derivatives_by_samples_are_compared_with_those_by_values(backend: str) -> None:
    w = Value(0.5)
    compiled = engine.compile(lambda x: engine.tanh(w * x[0]) + x[0] * x[1], backend=backend)
    _, gradient = compiled.value_and_grad([[0.0, 3.0]], wrt="inputs")
    assert [*map(float, gradient[0])] == [3.5, 0.0]


class How(NamedTuple):
    """How the eager engine was asked: for an array, for what can be computed again, with a graph."""

    array: bool
    again: bool
    graph: bool


X = [[0.1, 0.2]]


def network() -> nn.MLP:
    return nn.MLP(2, [3, 1], "tanh", seed=1)


def step(backend: str) -> float:
    model = network()
    return nn.Trainer(model, nn.mse, nn.SGD(model.parameters(), lr=0.1), backend=backend).step(X, [1.0])


def of_user(backend: str) -> Any:
    model = network()
    return engine.compile(lambda x: model(x)[0], backend=backend)


@NATIVE
@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda: nn.predict(network(), X, backend="llvm"), How(array=False, again=True, graph=False)),
        (lambda: step("llvm"), How(array=True, again=True, graph=True)),
        (lambda: step("python"), How(array=False, again=False, graph=True)),
        (lambda: of_user("llvm")(X), How(array=False, again=False, graph=True)),
        (lambda: of_user("llvm").value_and_grad(X), How(array=True, again=False, graph=True)),
        (lambda: of_user("llvm").value_and_grad(X, wrt="inputs"), How(array=False, again=False, graph=True)),
    ],
)
def test_graphs_are_recorded_and_kept_only_where_they_must_be(
    compute: Callable[[], Any], expected: How, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of this package's own code, in native code, outputs are compared without a graph, and gradients are arrays."""
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))  # else another test may have proved the program
    made: list[How] = []

    class Noted(single.Eager):
        def __init__(self, result: Any, by: Any, arrays: bool, of_values: Any = None, again: Any = None) -> None:
            made.append(How(arrays, again is not None, (Value(1.0) * 2.0).primitive is not None))
            super().__init__(result, by, arrays, of_values, again)

    monkeypatch.setattr(single, "Eager", Noted)
    compute()
    assert {*made} == {expected}
