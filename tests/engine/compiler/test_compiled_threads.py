"""One compiled function in two threads, with samples of different shapes."""

from __future__ import annotations

from typing import Any

import pytest

import engine
from engine import Value
from tests.in_threads import in_threads
from tests.needs import INSTALLED, needs

np = needs("numpy")


@pytest.mark.parametrize("backend", INSTALLED)
def test_two_threads_with_different_shapes_are_right(backend: str) -> None:
    w, b = [Value(1.0 + k) for k in range(5)], Value(0.5)

    def f(x: Any) -> Any:
        return (engine.dot(w[: len(x)], x) + (b if len(x) > 3 else 0.0)) ** 2

    compiled = engine.compile(f, backend=backend)
    random = np.random.default_rng(0)
    data = {width: random.normal(size=(7, width)) for width in (2, 5)}
    alone = engine.compile(f, backend=backend)
    expected = {width: (list(alone(X)), *alone.value_and_grad(X)) for width, X in data.items()}
    wrong: list[Any] = []

    def work(width: int) -> None:
        for _ in range(60):
            values = list(compiled(data[width]))
            loss, gradients = compiled.value_and_grad(data[width])
            if (
                values != expected[width][0]
                or loss != expected[width][1]
                or list(gradients) != list(expected[width][2])
            ):
                wrong.append(width)

    in_threads(work, (2, 5, 2, 5))
    assert not wrong


@pytest.mark.parametrize("backend", INSTALLED)
def test_gradients_of_two_threads_go_to_the_leaves_of_their_own_shape(backend: str) -> None:
    w, b = [Value(1.0 + k) for k in range(5)], Value(0.5)
    compiled = engine.compile(lambda x: engine.dot(w[: len(x)], x) + (b if len(x) > 3 else 0.0), backend=backend)
    data = {width: np.ones((4, width)) for width in (2, 5)}
    for X in data.values():
        compiled(X)
    in_threads(lambda X: [compiled.backward(X) for _ in range(40)], data.values())
    assert b.grad == 40.0
    assert [p.grad for p in w] == [80.0] * 2 + [40.0] * 3
