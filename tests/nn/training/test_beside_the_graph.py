"""Numbers that a loss takes from its parameters beside the graph: the gradient would be that of another loss."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import Value
from tests.nn.training.test_reach import STEPS, Base, X, Y, eager_step


def with_penalty(penalty: Callable[[list[Value]], Any]) -> tuple[nn.Module, Callable[[Any, Any], Any]]:
    """A model whose parameters are all in the graph, and a loss that reads them once more."""
    model = nn.MLP(2, [3, 1], "tanh", seed=0)

    def loss(outputs: Any, labels: Any) -> Any:
        return nn.mse(outputs, labels) + penalty(model.parameters())

    return model, loss


def with_a_large_number() -> tuple[nn.Module, Callable[[Any, Any], Any]]:
    model, loss = with_penalty(lambda params: 1e-6 * params[0].data)
    model.parameters()[0].data = 1e6
    return model, loss


class Scaled(Base):
    """Its weights count as Values, and their size as a number."""

    def end(self, h: Any) -> Any:
        return (h[0] + h[1]) * math.exp(float(self.inner.neurons[0].w[0]))


BESIDE: dict[str, Callable[[], tuple[nn.Module, Any]]] = {
    "data": lambda: with_penalty(lambda params: 0.01 * sum(p.data**2 for p in params)),
    "float": lambda: with_penalty(lambda params: 0.01 * abs(float(params[0]))),
    "a bias of 0": lambda: with_penalty(lambda params: 0.01 * params[2].data),
    "a large weight": with_a_large_number,
    "faint": lambda: with_penalty(lambda params: 1e-4 * sum(p.data**2 for p in params)),
    "in the model": lambda: (Scaled(), nn.mse),
}


@eager_step
@pytest.mark.parametrize("of", BESIDE.values(), ids=BESIDE)
def test_what_the_loss_follows_beside_its_graph(of: Callable[[], tuple[nn.Module, Any]], name: str) -> None:
    """The loss was right, and the gradient that of another one."""
    model, loss = of()
    before = [p.data for p in model.parameters()]
    with pytest.warns(
        UserWarning, match=r"by their plain numbers, which give no gradient: .*test_beside_the_graph\.py"
    ) as told:
        STEPS[name](model, loss, nn.SGD(model.parameters(), lr=0.0))(X, Y)
    assert len(told) == 1
    assert [p.data for p in model.parameters()] == before


SEEN: list[float] = []


def noted(params: list[Value]) -> float:
    SEEN.append(params[0].data)
    return 0.0


def cancelling(params: list[Value]) -> Any:
    most = max(p.data for p in params)
    return engine.log(engine.sum([engine.exp(p - most) for p in params])) + most


def failing(params: list[Value]) -> float:
    """It takes no other numbers."""
    SEEN.append(params[0].data)
    if params[0].data != SEEN[0]:
        raise ValueError("other numbers")
    return 0.0


@eager_step
@pytest.mark.parametrize(
    "penalty",
    [
        noted,
        cancelling,
        failing,
        lambda params: 0.0 if params[0].data > 5.0 else 0.01 * params[0] ** 2,
        lambda params: 0.01 * params[0] ** 2 if abs(params[0].data) > 0.01 else 0.0,
        lambda params: 0.01 * engine.sum([p**2 for p in params]),
        lambda params: 0.01 * engine.sum([p.detach() ** 2 for p in params]),
        lambda params: random.random() + params[0].data,
    ],
    ids=["noted", "cancelling", "failing", "branch", "branch at 0", "values", "detached", "random"],
)
def test_numbers_that_are_read_and_change_nothing(penalty: Callable[[Any], Any], name: str) -> None:
    SEEN.clear()
    model, loss = with_penalty(penalty)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        STEPS[name](model, loss, nn.SGD(model.parameters(), lr=0.1))(X, Y)


def test_what_a_loss_writes_down_is_of_steps_alone() -> None:
    """Not of the trace of its first sample."""
    model, seen = nn.MLP(2, [1], seed=0), []

    def loss(outputs: Any, labels: Any) -> Any:
        seen.append((outputs[0][0].data, labels))
        return nn.mse(outputs, labels)

    nn.fit(model, X, Y, loss, nn.SGD(model.parameters(), lr=0.1), 3, backend="eager")
    assert [sorted(labels) for _, labels in seen] == [Y] * 3
