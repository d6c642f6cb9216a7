"""A first step without any gradient is warned of: something between the loss and the parameters is missing."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest

import engine
import nn
from engine import Value


def _forgets_backward(model: nn.MLP, optimizer: nn.Optimizer) -> None:
    nn.mse([model([1.0, 2.0])], [1.0])


def _clears_too_late(model: nn.MLP, optimizer: nn.Optimizer) -> None:
    nn.mse([model([1.0, 2.0])], [1.0]).backward()
    optimizer.zero_grad()


def _does_not_record(model: nn.MLP, optimizer: nn.Optimizer) -> None:
    with engine.no_grad():
        loss = nn.mse([model([1.0, 2.0])], [1.0])
    with pytest.warns(UserWarning, match="has no graph"):
        loss.backward()


def _leaves_the_graph(model: nn.MLP, optimizer: nn.Optimizer) -> None:
    nn.mse([[Value(float(model([1.0, 2.0])[0]))]], [1.0]).backward()


def _trains_another(model: nn.MLP, optimizer: nn.Optimizer) -> None:
    nn.mse([nn.MLP(2, [3, 1], seed=1)([1.0, 2.0])], [1.0]).backward()


@pytest.mark.parametrize(
    "mistake", [_forgets_backward, _clears_too_late, _does_not_record, _leaves_the_graph, _trains_another]
)
def test_a_first_step_without_any_gradient_is_warned_of(
    mistake: Callable[[nn.MLP, nn.Optimizer], None],
) -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    optimizer = nn.Adam(model.parameters())
    mistake(model, optimizer)
    with pytest.warns(UserWarning, match=r"every gradient is 0 at the first step: unless .*call backward\(\)") as told:
        optimizer.step()
    assert told[0].filename == __file__


def test_later_steps_may_find_none() -> None:
    p = Value(1.0)
    optimizer = nn.SGD([p], lr=0.5, momentum=0.5)
    (p * 2).backward()
    optimizer.step()
    optimizer.zero_grad()
    optimizer.step()
    assert p.data == -0.5


def test_steps_that_a_program_has_made_count_too() -> None:
    model = nn.MLP(1, [1], seed=0)
    optimizer = nn.Adam(model.parameters())
    nn.Trainer(model, nn.mse, optimizer).step([[1.0]], [2.0])
    optimizer.zero_grad()
    optimizer.step()
    assert optimizer.steps == 2


@pytest.mark.parametrize("backend", ["eager", "python"])
def test_a_loss_that_is_at_its_least_is_no_mistake(backend: str) -> None:
    model = nn.MLP(1, [1], init="zeros")
    optimizer = nn.SGD(model.parameters(), lr=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.fit(model, [[1.0]], [0.0], nn.mse, optimizer, epochs=2, backend=backend)
