"""What changes between two steps counts from the next one: settings, layers, labels, optimisers, what a model reads."""

from __future__ import annotations

import functools
from typing import Any

import pytest

import engine
import nn
from engine import Value, relu
from engine.compiler import Surroundings
from nn import MLP, SGD, Adam, AdamW, EagerStep, Optimizer, Trainer
from tests.needs import needs

from .reference import ALL, Change, Eager, X, Y, data, model

np = needs("numpy")


class OwnStep(Optimizer):
    """One that the compiler knows nothing of."""

    def step(self) -> None:
        for p in self.params:
            p.data -= self.lr * p.grad


def cross_entropy_of_ones_own(outputs: Any, labels: Any) -> Value:
    return nn.cross_entropy(outputs, labels)


def _replaced_layer(t: Any) -> None:
    t.model.layers[0] = MLP(4, [5, 1], activation="tanh", seed=99).layers[0]


def _replaced_leaf(t: Any) -> None:
    t.model.layers[0].neurons[0].w[1] = Value(t.model.layers[0].neurons[0].w[1].data)


def _inserted(t: Any) -> None:
    t.model.layers.insert(1, MLP(5, [5, 1], seed=12).layers[0])


def _set(**attributes: Any) -> Change:
    def change(t: Any) -> None:
        for name, value in attributes.items():
            setattr(t, name, value)

    return change


def _setting(**attributes: Any) -> Change:
    def change(t: Any) -> None:
        for name, value in attributes.items():
            setattr(t.optimizer, name, value)

    return change


CHANGES: dict[str, Change] = {
    "nothing": lambda t: None,
    "lr": _setting(lr=0.3),
    "lr 0": _setting(lr=0.0),
    "betas": _setting(betas=(0.5, 0.7)),
    "eps": _setting(eps=0.1),
    "weight decay on": _setting(weight_decay=0.2),
    "clip norm": _set(clip_norm=0.1),
    "clip value": _set(clip_value=0.01),
    "schedule": _set(schedule=lambda k: 0.1 / (1 + k)),
    "another optimiser": lambda t: setattr(t, "optimizer", SGD(t.model.parameters(), 0.1, momentum=0.9)),
    "AdamW for Adam": lambda t: setattr(t, "optimizer", AdamW(t.model.parameters(), 0.05, weight_decay=0.3)),
    "one with a step of its own": lambda t: setattr(t, "optimizer", OwnStep(t.model.parameters(), 0.1)),
    "fewer parameters": lambda t: setattr(t.optimizer, "params", t.optimizer.params[3:]),
    "parameters in another order": lambda t: setattr(t.optimizer, "params", t.optimizer.params[::-1]),
    "numbers": lambda t: setattr(t.model.parameters()[0], "data", 2.0),
    "memory": lambda t: setattr(t.optimizer, "mean", [0.1] * len(t.optimizer.params)),
    "steps": lambda t: setattr(t.optimizer, "steps", 0),
    "labels": lambda t: None,
    "activation": lambda t: [setattr(n, "activation", relu) for n in t.model.layers[0].neurons],
    "a layer replaced": _replaced_layer,
    "a parameter replaced": _replaced_leaf,
    "a layer inserted": _inserted,
    "a layer removed": lambda t: t.model.layers.pop(1),
}


@ALL
@pytest.mark.parametrize("how", ["steps", "runs", "new arrays"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.filterwarnings("ignore:.* of the optimiser's parameters")  # as it has others by then
def test_what_changes_between_steps_counts_from_the_next_one(change: str, how: str, backend: str) -> None:
    if change == "a layer removed" and how == "runs":
        change = "a layer inserted"
    found = []
    loss = cross_entropy_of_ones_own if "replaced" in change else nn.cross_entropy  # else it is refused
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m = model()
        if change == "a layer removed":
            m = MLP(4, [5, 5, 3], activation="tanh", seed=7)
        trainer, x, y = make(m, loss, Adam(m.parameters(), 0.05)), X.copy(), Y.copy()
        losses = []
        for _ in range(2):
            for _ in range(3):
                if how == "runs" and isinstance(trainer, Trainer):
                    losses += trainer.run(x, y, 2)
                elif how == "new arrays":
                    losses += [trainer.step(x[k : k + 20].copy(), y[k : k + 20].copy()) for k in range(3)]
                else:
                    losses += [trainer.step(x, y) for _ in range(2 if how == "runs" else 1)]
            CHANGES[change](trainer)
            if change == "labels":
                y[:] = y[::-1].copy()
            if change == "a layer inserted" and len(m.layers) > 3:
                break
        found.append([*losses, *data(m)])
    assert found[1] == pytest.approx(found[0], rel=1e-9, abs=1e-12)


class Flagged(nn.Module):
    """What a model may read besides parameters."""

    def __init__(self) -> None:
        self.net, self.scale, self.table = model(), 1.0, [1.0, 2.0]

    def __call__(self, x: Any) -> Any:
        outputs = self.net(x)
        if not self.training:
            outputs = [0.5 * output for output in outputs]
        return [output * self.scale * self.table[0] for output in outputs]


@ALL
def test_attributes_lists_of_numbers_and_modes_count_from_the_next_step(backend: str) -> None:
    changes: list[Change] = [
        lambda m: m.eval(),
        lambda m: setattr(m, "scale", 3.0),
        lambda m: m.table.__setitem__(0, 0.3),
        lambda m: m.train(),
    ]
    found = []
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m = Flagged()
        trainer, losses = make(m, nn.cross_entropy, SGD(m.parameters(), 0.1)), []
        for change in (lambda m: None, *changes):
            change(m)
            losses += [trainer.step(X, Y) for _ in range(4)]
        found.append(losses)
    assert found[1] == pytest.approx(found[0], rel=1e-10)


class Tabled(nn.Module):
    """A model with a list of arrays, which cannot be compared by ==."""

    def __init__(self) -> None:
        self.net, self.tables = model(), [np.array([1.0, 2.0])]

    def __call__(self, x: Any) -> Any:
        return [output * self.tables[0][0] for output in self.net(x)]


@ALL
def test_an_array_in_a_list_counts_from_the_next_step(backend: str) -> None:
    found = []
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m = Tabled()
        trainer, losses = make(m, nn.cross_entropy, SGD(m.parameters(), 0.1)), []
        for table in (np.array([1.0, 2.0]), np.array([0.3, 2.0])):
            m.tables[0] = table
            losses += [trainer.step(X, Y) for _ in range(4)]
        found.append(losses)
    assert found[1] == pytest.approx(found[0], rel=1e-10)


@ALL
def test_a_function_is_looked_at_again_after_any_announcement(backend: str) -> None:
    """It may read attributes of whatever module it knows."""
    found = []
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m, unrelated = Flagged(), nn.Module()
        trainer, losses = make(lambda x, m=m: m(x), nn.cross_entropy, SGD(m.parameters(), 0.1)), []
        for owner, name, number in ((unrelated, "x", 0.0), (unrelated, "x", 1.0), (m, "scale", 3.0)):
            setattr(owner, name, number)
            losses += [trainer.step(X, Y) for _ in range(4)]
        found.append(losses)
    assert found[1] == pytest.approx(found[0], rel=1e-10)


class Signed(nn.Module):
    """Its loss tells a 0.0 from a -0.0 and a bool from an int, which are equal."""

    def __init__(self) -> None:
        self.layer = nn.Layer(4, 1, seed=2)
        self.numbers: list[Any] = [0.0, *[1.0] * 200, 1]
        self.by_name: dict[str, Any] = {"zero": 0.0}

    def __call__(self, x: Any) -> Any:
        zero, one = self.numbers[0], self.numbers[-1]
        turn = engine.atan2(zero, -1.0) + engine.atan2(self.by_name["zero"], -1.0)
        return [self.layer(x)[0] + 0.1 * turn + (0.5 if one is True else 0.25)]


@ALL
@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.numbers.__setitem__(0, -0.0),
        lambda m: m.numbers.__setitem__(-1, True),
        lambda m: m.by_name.update(zero=-0.0),
        lambda m: m.numbers.__setitem__(0, float("0")),
    ],
    ids=["zero", "bool", "dict", "same"],
)
def test_numbers_in_a_model_that_are_equal_and_not_the_same_are_told_apart(backend: str, change: Any) -> None:
    y = X[:, 0]
    found = []
    for make in (Eager, functools.partial(Trainer, backend=backend)):
        m = Signed()
        step = make(m, nn.mse, SGD(m.parameters(), 0.1))
        found.append([step.step(X, y) for _ in range(4)])
        change(m)
        found[-1] += [step.step(X, y) for _ in range(3)]
    assert found[1] == pytest.approx(found[0], rel=1e-12)


FACTOR = 1.0
FACTORS = {"rows": [[1.0]]}


@ALL
@pytest.mark.parametrize("far", [False, True])
def test_what_changes_before_each_epoch_with_a_smaller_last_batch(
    backend: str, far: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How the loss weighs the last batch is read off another trace, which may be the first to see the change."""

    def loss(outputs: Any, labels: Any) -> Any:
        return nn.mse(outputs, labels) * (FACTORS["rows"][0][0] if far else FACTOR)

    samples, labels = X[:5], X[:5, 0]
    model, same = (MLP(4, [3, 1], activation="tanh", seed=1) for _ in range(2))
    trainer = Trainer(model, loss, SGD(model.parameters(), lr=0.1), backend)
    step = EagerStep(same, loss, SGD(same.parameters(), lr=0.1))
    for factor in (1.0, 2.0, 3.0, 0.5, 2.0):
        monkeypatch.setitem(globals(), "FACTOR", factor)
        monkeypatch.setitem(FACTORS, "rows", [[factor]])
        expected = [step(samples[k : k + 2].tolist(), labels[k : k + 2].tolist()) for k in (0, 2, 4)]
        assert trainer.epoch(samples, labels, 2, shuffle=False) == pytest.approx(expected, rel=1e-9)


@ALL
def test_samples_may_have_another_length_at_each_step(backend: str) -> None:
    def mean_times(weight: Value) -> Any:
        return lambda row: [weight * engine.mean(row)]

    weight, same = Value(0.5), Value(0.5)
    trainer = Trainer(mean_times(weight), nn.mse, SGD([weight], lr=0.01), backend)
    step = EagerStep(mean_times(same), nn.mse, SGD([same], lr=0.01))
    for columns in (2, 3, 2, 1):
        assert trainer.step(X[:, :columns], X[:, 3]) == pytest.approx(step(X[:, :columns], X[:, 3]), rel=1e-9)


@ALL
def test_after_an_announcement_a_function_is_not_searched_for_what_it_reads(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = MLP(4, [5, 1], seed=1)
    net.eval().train()  # which adds the attribute
    trainer = Trainer(lambda x: net(x), nn.mse, SGD(net.parameters(), lr=0.0), backend)
    before = [trainer.step(X, Y) for _ in range(3)][-1]
    monkeypatch.setattr(Surroundings, "_walked", lambda self: pytest.fail("it searched"))
    net.eval().train()
    assert trainer.step(X, Y) == before
