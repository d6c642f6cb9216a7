"""Callbacks that change the samples, or the model, between the epochs of fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import nn
from engine import Value
from tests.needs import INSTALLED, needs

np = needs("numpy")

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(10, 2)), RNG.normal(size=10)


def mlp() -> nn.MLP:
    return nn.MLP(2, [3, 1], activation="tanh", seed=5)


class Dropping(nn.Module):
    def __init__(self) -> None:
        self.first, self.drop, self.last = (
            nn.Layer(2, 3, "tanh", seed=1),
            nn.Dropout(0.5, seed=2),
            nn.Layer(3, 1, seed=3),
        )

    def __call__(self, x: Any) -> Any:
        return self.last(self.drop(self.first(x)))


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("make", [mlp, Dropping])
def test_samples_that_a_callback_changes_in_place_count_from_the_next_epoch(
    make: Callable[[], Any], lists: bool, backend: str
) -> None:
    def course(choice: str) -> list[float]:
        x, y = (X.tolist(), Y.tolist()) if lists else (X.copy(), Y.copy())
        model = make()

        def callback(model: Any, history: nn.History, epoch: int) -> None:
            x[0][1] += 1.0
            y[2] -= 0.5

        optimizer = nn.SGD(model.parameters(), lr=0.05)
        history = nn.fit(model, x, y, nn.mse, optimizer, 3, 4, seed=1, backend=choice, callbacks=callback)
        return [*history.batch_losses, *[p.data for p in model.parameters()]]

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9, abs=1e-12)


def test_fit_goes_on_in_eager_steps_where_a_callback_makes_the_model_impossible_to_compile() -> None:
    def branching(row: list[Value]) -> list[Value]:
        return [x if x.data > 0.0 else 0.1 * x for x in row]

    def fitted(choice: str) -> tuple[nn.History, list[float]]:
        model = nn.Sequential(nn.Layer(2, 3, "tanh", seed=1), nn.Layer(3, 1, "identity", seed=2))

        def callback(model: Any, history: nn.History, epoch: int) -> None:
            if epoch == 2:
                model.layers.insert(1, branching)

        optimizer = nn.Adam(model.parameters(), lr=0.05)
        history = nn.fit(model, X, Y, nn.mse, optimizer, 4, 4, seed=1, backend=choice, callbacks=callback)
        return history, [p.data for p in model.parameters()]

    with pytest.warns(nn.EagerWarning, match="fit trains in eager steps, which take longer: the data of") as caught:
        history, parameters = fitted("auto")
    assert len(caught) == 1
    assert history.backend.startswith("eager: ")
    expected, data = fitted("eager")
    assert history.batch_losses == pytest.approx(expected.batch_losses, rel=1e-9)
    assert parameters == pytest.approx(data, rel=1e-9)
