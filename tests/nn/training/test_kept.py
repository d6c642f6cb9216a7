"""A fit that goes on with the Trainer of the last one gives what a new Trainer gives, whatever has changed between."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import Value, relu
from nn.layers import dense
from nn.training.trainer import compiled, kept
from tests.needs import NATIVE, needs

np = needs("numpy")

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(17, 3)), RNG.integers(0, 4, 17)


def mean_of_the_user(outputs: Any, labels: Any) -> Any:
    return statistics.fmean([2.0]) * nn.cross_entropy(outputs, labels)


def one_that_asks(outputs: Any, labels: Any) -> Any:
    """Of lists of ints it is another loss than of arrays."""
    return engine.mean([nn.cross_entropy(o, y) * (3.0 if isinstance(y, int) else 1.0) for o, y in zip(outputs, labels)])


REDUCTIONS = {"of the user": "sum"}


def sum_of_the_user(outputs: Any, labels: Any) -> Any:
    return nn.cross_entropy(outputs, labels, reduction=REDUCTIONS["of the user"])


class Setting:
    """A model, what it is trained with, and what `fit` is told besides."""

    def __init__(self, loss: Any = nn.cross_entropy) -> None:
        self.model: Any = nn.MLP(3, [3, 4], activation="tanh", seed=1)
        self.optimizer: Any = nn.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.data, self.loss = (X, Y), loss
        self.told: dict[str, Any] = {"epochs": 2, "batch_size": 6, "seed": 1}

    def fit(self) -> Any:
        return nn.fit(self.model, *self.data, self.loss, self.optimizer, **self.told)

    @property
    def numbers(self) -> list[Any]:
        return [[p.data for p in self.model.parameters()], copy.deepcopy(self.optimizer.state)]


Change = Callable[[Setting, pytest.MonkeyPatch], Any]


def told(**settings: Any) -> Change:
    return lambda s, _: s.told.update(settings)


def a_new_optimizer(s: Setting, _: Any) -> None:
    s.optimizer = nn.Adam(s.model.parameters(), lr=0.01)


def frozen(s: Setting, _: Any) -> None:
    s.optimizer.params = s.model.parameters()[7:]


def a_memory_that_is_emptied(s: Setting, _: Any) -> None:
    s.optimizer.state = 0, ([],)


def a_number(s: Setting, _: Any) -> None:
    s.model.parameters()[3].data = 2.0


def an_exchanged_parameter(s: Setting, _: Any) -> None:
    s.model.layers[0].neurons[1].w[0] = Value(0.25)
    s.optimizer.params = s.model.parameters()


def an_activation(s: Setting, _: Any) -> None:
    for neuron in s.model.layers[0].neurons:
        neuron.activation = relu


def an_activation_behind_the_back(s: Setting, _: Any) -> None:
    for neuron in s.model.layers[0].neurons:
        vars(neuron)["activation"] = relu


def another_layer(s: Setting, _: Any) -> None:
    s.model.layers.insert(1, nn.Layer(3, 3, activation="gelu", seed=5))


def one_of_the_user(s: Setting, _: Any) -> None:
    s.model.layers[0] = lambda x: [2.0 * x[0], x[1], x[2]]


def dropout(s: Setting, _: Any) -> None:
    s.model.layers.insert(1, nn.Dropout(0.5, seed=2))


def other_data(s: Setting, _: Any) -> None:
    s.data = X[::-1] * 2.0, Y


def data_in_place(s: Setting, _: Any) -> None:
    s.data[0][0] *= -1.0


def lists(s: Setting, _: Any) -> None:
    s.data = X.tolist(), Y.tolist()


def one_hot(s: Setting, _: Any) -> None:
    s.data = X, np.eye(4)[Y]


def another_loss(s: Setting, _: Any) -> None:
    s.loss, s.data = nn.mse, (X, np.eye(4)[Y])


def a_loss_of_the_user(s: Setting, _: Any) -> None:
    s.loss = lambda outputs, labels: 3.0 * nn.cross_entropy(outputs, labels)


def code_of_the_package(_: Setting, patch: pytest.MonkeyPatch) -> None:
    affine = dense.affine
    patch.setattr(dense, "affine", lambda *arguments: [2.0 * out for out in affine(*arguments)])


def what_a_loss_reads(_: Setting, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(REDUCTIONS, "of the user", "mean")  # which is the same for one sample


def the_inside_of_a_library(_: Setting, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(statistics, "fsum", lambda numbers: 5.0)  # nobody watches it, but each fit traces the user's code


def a_fit_in_between(s: Setting, _: Any) -> None:
    def fits(model: Any, history: Any, epoch: int) -> None:
        nn.fit(model, X, Y, s.loss, s.optimizer, epochs=1, seed=3, clip_norm=0.1)

    s.told["callbacks"] = fits


def an_error(s: Setting, _: Any) -> None:
    before, s.data = s.data, (np.full_like(X, np.nan), Y)
    with pytest.raises(FloatingPointError):
        s.fit()
    s.data = before


CHANGES: dict[str, Change] = {
    "nothing": lambda s, _: None,
    "rate": lambda s, _: setattr(s.optimizer, "lr", 0.5),
    "new optimizer": a_new_optimizer,
    "frozen": frozen,
    "emptied memory": a_memory_that_is_emptied,
    "number": a_number,
    "exchanged parameter": an_exchanged_parameter,
    "activation": an_activation,
    "activation behind the back": an_activation_behind_the_back,
    "another layer": another_layer,
    "layer of the user": one_of_the_user,
    "dropout": dropout,
    "other data": other_data,
    "data in place": data_in_place,
    "lists": lists,
    "one-hot": one_hot,
    "another loss": another_loss,
    "loss of the user": a_loss_of_the_user,
    "code of the package": code_of_the_package,
    "what a loss reads": what_a_loss_reads,
    "inside of a library": the_inside_of_a_library,
    "fit in between": a_fit_in_between,
    "error": an_error,
    "clip_norm": told(clip_norm=0.01),
    "clip_value": told(clip_value=0.01),
    "schedule": told(schedule=lambda k: 0.1 / (1 + k)),
    "batch size": told(batch_size=5),
    "whole batch": told(batch_size=None),
    "float32": told(dtype="float32"),
    "back end": told(backend="numpy"),
    "eager": told(backend="eager"),
    "validation": told(validation=0.25, metrics=["accuracy", "top3"]),
    "weights": told(class_weight="balanced"),
}


def course(change: Change, before: dict[str, Any], loss: Any = nn.cross_entropy) -> list[Any]:
    """Losses and numbers of three fits, with something told before the first one and a change after it."""
    s, found = Setting(loss), []
    s.data = X.copy(), Y
    s.told.update(before)
    with pytest.MonkeyPatch.context() as patch:
        for fit in range(3):
            if fit == 1:
                change(s, patch)
            history = s.fit()
            found += [history.losses, history.backend.split(":")[0], s.numbers]
    return found


WEIGHTED: dict[str, Any] = {"sample_weight": [*range(len(X))]}
BEFORE: dict[str, tuple[dict[str, Any], Any]] = {
    "plain": ({}, nn.cross_entropy),
    "told": ({"clip_norm": 0.5, "schedule": lambda k: 0.05}, nn.cross_entropy),
    "weighted": (WEIGHTED, nn.cross_entropy),
    "mean of the user": ({}, mean_of_the_user),
    "weighted mean of the user": (WEIGHTED, mean_of_the_user),
    "sum of the user": ({}, sum_of_the_user),
    "one that asks": ({}, one_that_asks),
}


OF_EVERY_LOSS = {"nothing", "lists", "one-hot", "what a loss reads", "inside of a library"}
ROWS = [  # of the losses of the user, each of which is traced at every fit, a change meets every other one
    (name, before)
    for k, name in enumerate(CHANGES)
    for i, (before, (_, loss)) in enumerate(BEFORE.items())
    if loss is nn.cross_entropy or name in OF_EVERY_LOSS or (k + i) % 2
    if (name, before) != ("weights", "sum of the user")  # which are refused for a sum
]


@pytest.mark.parametrize(("name", "of"), ROWS)
def test_a_fit_after_another_is_that_of_a_new_trainer(name: str, of: str) -> None:
    change, (before, loss) = CHANGES[name], BEFORE[of]
    if name == "clip_value":
        before = {**before, "clip_norm": None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "MOST", -1)
        expected = course(change, before, loss)
    assert course(change, before, loss) == expected


COUNTS = {
    "nothing": 1,
    "rate": 1,
    "new optimizer": 1,
    "other data": 1,
    "activation behind the back": 2,
    "error": 2,
    "float32": 2,
    "code of the package": 2,  # which is known no more
    "dropout": 5,  # each of the later fits tries without its masks first
}


@NATIVE
@pytest.mark.parametrize(("name", "trainers"), COUNTS.items())
def test_one_trainer_serves_the_fits_of_a_known_network(
    name: str, trainers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(kept, "Trainer", lambda *given, **named: made.append(1) or compiled.Trainer(*given, **named))
    course(CHANGES[name], {})
    assert len(made) == trainers
    course(CHANGES[name], WEIGHTED)
    assert len(made) == 2 * trainers


def test_large_data_leave_no_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    s = Setting()
    s.fit()
    monkeypatch.setattr(kept, "MOST", X.nbytes)
    s.fit()
    assert vars(s.model)["_programs"]._kept == []


def test_copies_have_no_trainer() -> None:
    s = Setting()
    s.fit()
    twin = copy.deepcopy(s.model)
    assert vars(twin).get("_programs") is None
