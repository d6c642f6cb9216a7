"""Losses of probabilities where they take scores: they warn at the user's line, wherever the loss is computed."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import Value
from nn.own_code import own_code
from tests.needs import INSTALLED

BACKENDS = pytest.mark.parametrize("backend", ["eager", *INSTALLED])
ROW, ONE = "these have gone through a softmax", "this one has gone through a sigmoid"
BOUNDED = "takes logits of any size, and these have gone through a sigmoid or tanh, .*: leave it out of the model"
RELU = "takes scores of either sign, and these have gone through a relu.*activation='identity'"


class Ending(nn.Module):
    """A network whose outputs go through something."""

    def __init__(self, count: int, end: Callable[[list[Value]], Any]) -> None:
        self.net, self.end = nn.MLP(2, [count], seed=1), end

    def __call__(self, x: Any) -> Any:
        return self.end(self.net(x))


def sigmoids(row: list[Value]) -> list[Value]:
    return [engine.sigmoid(x) for x in row]


def relus(row: list[Value]) -> list[Value]:
    return [engine.relu(x) for x in row]


def tanhs(row: list[Value]) -> list[Value]:
    return [engine.tanh(x) for x in row]


@BACKENDS
@pytest.mark.parametrize(
    ("loss", "count", "end", "labels", "told"),
    [
        (nn.cross_entropy, 3, nn.softmax, [0, 2], ROW),
        (nn.bce_with_logits, 1, sigmoids, [0, 1], ONE),
        (nn.bce_with_logits, 2, sigmoids, [[0, 1], [1, 1]], ONE),
        (nn.hinge, 1, sigmoids, [-1, 1], ONE),
        (nn.cross_entropy, 3, relus, [0, 2], RELU),
        (nn.bce_with_logits, 1, relus, [0, 1], RELU),
        (nn.hinge, 1, relus, [-1, 1], RELU),
        (nn.cross_entropy, 3, sigmoids, [0, 2], BOUNDED),
        (nn.cross_entropy, 3, tanhs, [0, 2], BOUNDED),
        (nn.bce_with_logits, 1, tanhs, [0, 1], BOUNDED),
    ],
)
def test_training_warns_at_the_users_line(
    backend: str, loss: Any, count: int, end: Any, labels: Any, told: str
) -> None:
    for _ in range(2):  # the second time the program is known
        model = Ending(count, end)
        with pytest.warns(UserWarning, match=told) as caught:
            history = nn.fit(
                model, [[0.0, 1.0], [1.0, 0.5]], labels, loss, nn.SGD(model.parameters(), lr=0.1), 1, backend=backend
            )
        assert history.backend == backend
        assert {warning.filename for warning in caught} == {__file__}


@BACKENDS
@pytest.mark.parametrize("end", [nn.softmax, list, lambda row: [x + 2.0 for x in row]])
def test_nll_of_no_logarithms_is_refused(backend: str, end: Any) -> None:
    X, labels = [[1.0, 1.0], [1.0, 0.5]], [0, 2]
    for _ in range(2):  # the second time the program is known
        model = Ending(3, end)
        for given in (backend, "auto"):
            with pytest.raises(ValueError, match=r"nll takes logarithms of probabilities, and .* is above 0"):
                nn.fit(model, X, labels, nn.nll, nn.SGD(model.parameters(), lr=0.1), 1, backend=given)


@BACKENDS
def test_nll_that_falls_below_zero_is_refused(backend: str) -> None:
    """At first all outputs might be logarithms."""
    X, labels = [[1.0, 1.0], [1.0, 0.5]], [0, 2]
    model = Ending(3, lambda row: [x - 8.0 for x in row])
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"nll takes logarithms of probabilities, and .* above 0"):
        nn.fit(model, X, labels, nn.nll, optimizer, 400, backend=backend, sample_weight=[1.0, 2.0])


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("loss", [nn.nll, functools.partial(nn.nll, reduction="sum")])
@pytest.mark.parametrize(
    "train",
    [
        lambda trainer, *samples: trainer.step(*samples),
        lambda trainer, *samples: trainer.run(*samples, 10),
        lambda trainer, *samples: trainer.epoch(*samples, batch_size=1, seed=0),
    ],
    ids=["step", "run", "epoch"],
)
def test_so_it_is_by_a_trainer_until_the_loss_is_another(train: Any, loss: Any, backend: str) -> None:
    samples = [[1.0, 1.0], [1.0, 0.5]], [0, 2]
    model = Ending(3, lambda row: [x - 8.0 for x in row])
    trainer = nn.Trainer(model, loss, nn.SGD(model.parameters(), lr=0.1), backend)
    with pytest.raises(ValueError, match=r"nll takes logarithms of probabilities, and .* above 0"):
        [train(trainer, *samples) for _ in range(400)]
    trainer.loss = lambda outputs, labels: engine.mean([row[0] - 50.0 for row in outputs])
    assert trainer.step(*samples) < 0.0


@BACKENDS
@pytest.mark.parametrize(
    ("loss", "count", "end", "labels"),
    [
        (nn.cross_entropy, 3, list, [0, 2]),
        (nn.cross_entropy, 3, lambda row: [30.0 * (x / 30.0).tanh() for x in row], [0, 2]),  # bounded: a choice
        (nn.cross_entropy, 3, lambda row: [x / 2.0 for x in row], [0, 2]),
        (nn.nll, 3, nn.log_softmax, [0, 2]),
        (nn.bce_with_logits, 1, list, [0, 1]),
        (nn.bce, 1, sigmoids, [0, 1]),
        (nn.hinge, 1, lambda row: [x.tanh() for x in row], [-1, 1]),
        (nn.mse, 3, nn.softmax, [[0, 1, 0], [1, 0, 0]]),
        (nn.mse, 3, relus, [[0, 1, 0], [1, 0, 0]]),
    ],
)
def test_what_is_no_mistake_is_silent(backend: str, loss: Any, count: int, end: Any, labels: Any) -> None:
    model = Ending(count, end)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.fit(model, [[0.0, 1.0], [1.0, 0.5]], labels, loss, nn.SGD(model.parameters(), lr=0.1), 1, backend=backend)


def test_it_is_told_of_numbers_no_more_than_of_what_cannot_be_known() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.cross_entropy(nn.softmax([1.0, 2.0]), 0)  # floats do not tell what they come from


@pytest.mark.parametrize(
    ("loss", "end"),
    [(nn.cross_entropy, nn.softmax), (nn.cross_entropy, nn.Activation("tanh")), (nn.hinge, engine.relu)],
)
def test_a_program_in_the_cache_does_not_silence_it(loss: Any, end: Any) -> None:
    """Of known layers a later process traced nothing, and so nothing warned: the second run of a script was silent."""
    assert own_code(nn.Sequential(nn.Layer(2, 3, seed=0), end), loss) is None
    assert own_code(nn.Sequential(nn.Layer(2, 3, seed=0), end), nn.mse) is not None
