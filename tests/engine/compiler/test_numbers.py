"""Numbers at the edges: infinite gradients wherever their sample is, digits near 0, sums that overflow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value, compile
from tests.needs import INSTALLED, needs

BACKENDS = pytest.mark.parametrize("backend", INSTALLED)


@BACKENDS
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("count", [1, 2, 3, 10, 71])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "function",
    [
        lambda w, x: engine.sqrt(w + x),
        lambda w, x: engine.log(w + x) * 2,
        lambda w, x: engine.cbrt(w + x) + w,
        lambda w, x: engine.reciprocal(w + x),
    ],
)
def test_an_infinite_gradient_is_infinite_in_every_back_end(
    function: Callable[..., Any], first: bool, count: int, dtype: str, backend: str
) -> None:
    needs("numpy")
    w = Value(0.0)
    xs = [1.0] * count
    xs[0 if first else -1] = 0.0
    _, (gradient,) = compile(lambda x: function(w, x), backend=backend, dtype=dtype).value_and_grad(xs)
    expected = engine.grad(engine.mean([function(w, Value(x)) for x in xs]), w)
    assert math.isinf(expected)
    assert float(gradient) == expected


@BACKENDS
@pytest.mark.parametrize("xs", [[0.0, 1.0], [0.0], [1.0, -1.0], [1.0, 2.0], [-1.0, -2.0, 0.0], [2.0, -1.0, 1.0, 1.0]])
def test_infinite_times_0_in_one_sample_is_nan_in_every_back_end(xs: list[float], backend: str) -> None:
    """Where the derivative of sqrt(w) is the same for all samples, and so multiplied to the sum of them."""
    w, v = Value(0.0), Value(2.0)
    compiled = compile(lambda x: engine.sqrt(w) * x + v * x, backend=backend)
    _, gradients = compiled.value_and_grad(xs)
    expected = engine.grad(engine.mean([engine.sqrt(w) * x + v * x for x in xs]), [w, v])
    found = dict(zip(compiled.parameters, map(float, gradients)))
    assert [found[w], found[v]] == pytest.approx(expected, nan_ok=True)


@BACKENDS
def test_gradients_of_both_infinities_are_told_without_a_warning(backend: str) -> None:
    w, v = Value(0.0), Value(0.0)
    compiled = compile(lambda x: (engine.sqrt(w) - engine.sqrt(v)) * x, backend=backend)
    _, gradients = compiled.value_and_grad([1.0, 2.0, 3.0])
    assert dict(zip(compiled.parameters, map(float, gradients))) == {w: math.inf, v: -math.inf}


@BACKENDS
@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-60, 60), st.sampled_from([-math.inf, math.inf, 0.0, 1e308])), min_size=3, max_size=3)
)
def test_logsumexp_keeps_the_digits_near_0(backend: str, row: list[float]) -> None:
    compiled = compile(lambda x: engine.logsumexp([0.0, *x]), backend=backend)
    expected = engine.logsumexp([0.0, *row])
    assert float(compiled([row])[0]) == pytest.approx(expected, rel=1e-14, abs=0.0, nan_ok=True)


@BACKENDS
def test_logsumexp_of_hand_written_rows(backend: str) -> None:
    mpmath = needs("mpmath")
    compiled = compile(lambda x: engine.logsumexp([0.0, *x]), backend=backend)
    for row in ([-40.0, -50.0], [-700.0, -745.0], [0.0, 0.0], [0.0, -40.0], [40.0, 1.0]):
        with mpmath.workdps(400):
            expected = float(mpmath.log(1 + sum(mpmath.exp(x) for x in row)))
        assert float(compiled([row])[0]) == pytest.approx(expected, rel=1e-14, abs=0.0)
    assert float(compiled([[-40.0, -50.0]])[0]) == pytest.approx(4.248547e-18, rel=1e-6)


@BACKENDS
def test_a_sum_of_finite_losses_that_overflows_is_the_eager_infinity(backend: str) -> None:
    needs("numpy")
    w = Value(1e308)
    compiled = compile(lambda x: w * x, backend=backend)
    loss, (gradient,) = compiled.value_and_grad([1.0, 1.0, 1.0])
    assert loss == engine.mean([w * x for x in (1.0, 1.0, 1.0)]).data == math.inf
    assert float(gradient) == pytest.approx(1.0)
