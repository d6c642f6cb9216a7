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


@pytest.mark.parametrize("backend", INSTALLED)
def test_samples_that_a_metric_of_ones_own_changes_count_as_those_that_a_callback_changes(backend: str) -> None:
    def course(choice: str) -> list[Any]:
        x, model = X.copy(), mlp()

        def drifting(labels: Any, outputs: Any) -> float:
            x[0][1] += 1.0
            return float(x[0][1])

        options: dict[str, Any] = {"validation": (x, Y), "metrics": drifting}
        optimizer = nn.SGD(model.parameters(), lr=0.05)
        history = nn.fit(model, x, Y, nn.mse, optimizer, 4, 4, seed=1, backend=choice, **options)
        return [*history.batch_losses, *history.to_dict()["validation_loss"]]

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9)


SECOND = RNG.normal(size=40)
CLASSES = (RNG.random(40) > 0.5).astype(int)

PREPARED: dict[str, dict[str, Any]] = {
    "as they are": {},
    "some are held out": {"validation": 0.25},
    "others are held out": {"validation": (np.eye(2), [0, 1])},
    "with weights": {"sample_weight": [1.0] * 40},
    "with weights of classes": {"class_weight": "balanced"},
    "all of it": {"validation": 0.25, "class_weight": {0: 2.0}},
}


@pytest.mark.parametrize("backend", ["eager", *INSTALLED])
@pytest.mark.parametrize("names", [None, ["no", "yes"]])
@pytest.mark.parametrize("options", PREPARED.values(), ids=PREPARED)
def test_labels_that_a_callback_exchanges_count_however_fit_has_prepared_them(
    options: dict[str, Any], names: list[str] | None, backend: str
) -> None:
    """Those that are split off, weighted or translated too, which fit has copied: the loss rises at once."""
    samples = np.stack([CLASSES - 0.5, SECOND], 1)
    labels = [int(label) if names is None else names[label] for label in CLASSES]
    if names:
        options = {**options, "class_weight": {"no": 2.0}} if "class_weight" in options else options
        if isinstance(options.get("validation"), tuple):
            options = {**options, "validation": (np.eye(2), names)}
    kinds = sorted({*labels})
    model = nn.MLP(2, [4, 2], activation="tanh", seed=1)

    def exchange(model: Any, history: nn.History, epoch: int) -> None:
        if epoch == 3:
            labels[:] = [kinds[1 - kinds.index(label)] for label in labels]

    optimizer = nn.SGD(model.parameters(), lr=0.5)
    loss = nn.cross_entropy
    history = nn.fit(
        model, samples, labels, loss, optimizer, 4, None, seed=1, backend=backend, callbacks=exchange, **options
    )
    assert history.losses[2] < history.losses[1] < history.losses[0]
    assert history.losses[3] > history.losses[2]
    if isinstance(options.get("validation"), float):  # whose samples are among those that were changed
        scores = history.to_dict()["validation_loss"]
        assert scores[2] < scores[3]


@pytest.mark.parametrize("backend", ["eager", "auto"])
def test_a_callback_cannot_change_how_many_samples_there_are(backend: str) -> None:
    x, y, model = X.tolist(), Y.tolist(), mlp()

    def callback(model: Any, history: nn.History, epoch: int) -> None:
        x.append([1.0, 2.0])
        y.append(0.5)

    optimizer = nn.SGD(model.parameters(), lr=0.05)
    with pytest.raises(ValueError, match="X had 10 samples when the training began, and has 11 now"):
        nn.fit(model, x, y, nn.mse, optimizer, 3, 4, backend=backend, callbacks=callback)


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


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_model_that_gets_dropout_trains_on_the_samples_as_they_are_by_then(backend: str) -> None:
    """Where samples had been copied, as for a share held out, one epoch took them as they were at first."""

    def course(choice: str) -> list[float]:
        x, model = X.copy(), nn.Sequential(nn.Layer(2, 3, "tanh", seed=1), nn.Layer(3, 1, "identity", seed=2))

        def callback(model: Any, history: nn.History, epoch: int) -> None:
            if epoch == 1:
                x[:, 0] *= 10.0
            if epoch == 2:
                model.layers.insert(1, nn.Dropout(0.5, seed=3))

        optimizer, options = nn.SGD(model.parameters(), lr=0.01), {"validation": 0.2, "callbacks": callback}
        return nn.fit(model, x, Y, nn.mse, optimizer, 4, 4, seed=1, backend=choice, **options).batch_losses

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9)
