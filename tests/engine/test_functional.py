"""Derivatives of functions hold wherever they are asked for: a `no_grad` further out is not theirs."""

from __future__ import annotations

import engine
from engine import Value, no_grad


def test_transforms_record_for_themselves_under_no_grad() -> None:
    def f(x: Value, y: Value) -> Value:
        return x * x * y

    with no_grad():
        assert engine.gradient(f)(2.0, 3.0) == [12.0, 4.0]
        assert engine.value_and_grad(f)(2.0, 3.0) == (12.0, [12.0, 4.0])
        assert engine.jacobian(lambda x, y: [x * y, x + y])(2.0, 3.0) == [[3.0, 2.0], [1.0, 1.0]]
        assert engine.hessian(f)(2.0, 3.0) == [[6.0, 4.0], [4.0, 0.0]]
        assert engine.hvp(f, [2.0, 3.0], [1.0, 0.0]) == [6.0, 4.0]
        assert engine.jvp(f, [2.0, 3.0], [1.0, 0.0]) == (12.0, 12.0)
        x = Value(2.0)
        assert (x * x).operands == ()  # the caller's own results stay unrecorded


def test_a_graph_of_the_gradient_is_recorded_under_no_grad() -> None:
    x = Value(2.0)
    y = x**3
    with no_grad():
        dx = engine.grad(y, x, create_graph=True)
    assert engine.grad(dx, x) == 12.0


def test_no_grad_inside_the_function_still_counts() -> None:
    def f(x: Value) -> Value:
        with no_grad():
            frozen = x * x
        return frozen * x

    with no_grad():
        assert engine.gradient(f)(3.0) == [9.0]
