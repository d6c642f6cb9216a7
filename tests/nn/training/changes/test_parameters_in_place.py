"""Parameters that change places, and when all of a model is looked at."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

import nn
from engine import Due, Value, relu
from engine.compiler.frontend.reads import surroundings
from engine.compiler.frontend.reads.surroundings import Surroundings
from nn import MLP, SGD, EagerStep, Trainer
from nn.training.trainer import model_watch
from nn.training.trainer.model_watch import ModelWatch

from .reference import ALL, FAST, Change, Eager, X, Y, model


@ALL
@pytest.mark.parametrize("swap", [lambda w: w.reverse(), lambda w: w.__setitem__(slice(2), [w[1], w[0]])])
def test_equal_parameters_that_change_places_are_others(swap: Change, backend: str) -> None:
    def course(choice: Callable[[MLP], Callable[[Any, Any], float]]) -> list[float]:
        m = MLP(2, [1], seed=1)
        step, w = choice(m), m.layers[0].neurons[0].w
        params, found = [*w], list[float]()
        for k in range(6):
            if k % 2:
                for p in w:
                    p.data = 0.25
                swap(w)
            found += [step(X[:, :2].tolist(), Y.tolist()), *[p.data for p in params]]
        return found

    def compiled(m: MLP) -> Callable[[Any, Any], float]:
        return Trainer(m, nn.mse, SGD(m.parameters(), 0.1), backend=backend).step

    expected = course(lambda m: EagerStep(m, nn.mse, SGD(m.parameters(), 0.1)))
    assert course(compiled) == pytest.approx(expected, rel=1e-9)


class Gained(nn.Module):
    """A network of 700 parameters, and two more."""

    def __init__(self) -> None:
        self.network = MLP(4, [25, 20, 1], activation="tanh", seed=3)
        self.gains = [Value(0.5), Value(2.0)]

    def __call__(self, x: Any) -> Any:
        return [self.network(x)[0] * self.gains[0] + self.gains[1] * x[0]]


def _tied(m: Any) -> None:
    first, second = m.layers[0].neurons[:2]
    first.w[0] = second.w[0]


@ALL
@pytest.mark.parametrize(
    ("make", "change"),
    [
        (Gained, lambda m: m.gains.reverse()),
        (lambda: MLP(4, [12, 12, 1], seed=3), lambda m: m.layers[1].neurons[0].w.reverse()),
        (lambda: MLP(4, [12, 12, 1], seed=3), _tied),
    ],
    ids=["few of many", "reversed", "tied"],
)
def test_some_hundred_parameters_that_change_places_are_seen_at_once(backend: str, make: Any, change: Any) -> None:
    y = X[:, 0]
    found = []
    for way in (Eager, functools.partial(Trainer, backend=backend)):
        m = make()
        step = way(m, nn.mse, SGD(m.parameters(), 0.1))
        losses = [step.step(X, y) for _ in range(4)]
        change(m)
        found.append(losses + [step.step(X, y) for _ in range(2)])
    assert found[1] == pytest.approx(found[0], rel=1e-9)


@FAST
def test_parameters_exchanged_for_others_that_were_there_are_noticed_in_time(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Surroundings, "next_look", lambda *times: 0.0)  # look at all every time
    m = model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend=backend)
    for _ in range(4):
        trainer.step(X.copy(), Y)
    w = m.layers[0].neurons[0].w
    program = trainer._compiled
    w[0], w[1] = w[1], w[0]
    trainer.step(X.copy(), Y)
    assert trainer._compiled is not program


def test_the_whole_of_a_look_at_all_takes_a_fiftieth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at with every step as well was left out of the account: some looks took twice their share."""

    class Clock:
        now = 0.0

        def perf_counter(self) -> float:
            return self.now

        thread_time = perf_counter

    clock, m = Clock(), model()
    watch = ModelWatch(m, nn.cross_entropy, SGD(m.parameters(), 0.1), lambda: 0)
    for module in (model_watch, surroundings):
        monkeypatch.setattr(module, "time", clock)

    def taking(duration: float, look: Callable[[], bool]) -> bool:
        clock.now += duration
        return look()

    for part, duration in (("_near_is_same", 3.0), ("_rule_is_same", 2.0)):
        monkeypatch.setattr(watch, part, functools.partial(taking, duration, getattr(watch, part)))
    for _ in range(2):
        assert watch.holds(clock.now)
        assert watch.due[Due.LOOK] == clock.now + 50 * 5.0
        clock.now = watch.due[Due.LOOK]


def test_an_attribute_that_is_set_to_what_it_was_is_no_change() -> None:
    """So that a call of `model.train()` before every step traces nothing again."""
    m = model()
    optimizer = SGD(m.parameters(), 0.1)
    watch = ModelWatch(m, nn.mse, optimizer, lambda: 0)
    for _ in range(2):
        m.train()
        watch = (
            watch if watch.holds(0.0) else ModelWatch(m, nn.mse, optimizer, lambda: 0)
        )  # at first the mode is not there
    m.train()
    assert watch.holds(0.0)
    m.eval()
    assert not watch.holds(0.0)


@ALL
def test_a_network_that_is_lent_is_looked_at_without_its_weights(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 100,000 parameters on a step after a change of the model was refused: too many objects to watch."""
    monkeypatch.setattr("engine.compiler.frontend.reads.walk._MOST", 500)
    found = []
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m = MLP(4, [100, 10, 3], activation="tanh", seed=7)  # 1,543 parameters
        trainer = make(m, nn.cross_entropy, SGD(m.parameters(), 0.1))
        losses = [trainer.step(X, Y)]
        for neuron in m.layers[0].neurons:
            neuron.activation = relu
        found.append([*losses, trainer.step(X, Y)])
    assert found[1] == pytest.approx(found[0], rel=1e-9)
