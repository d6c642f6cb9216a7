"""Schedules that read or change what steps change."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import Value
from nn import SGD, Trainer

from .reference import ALL, X, Y, data, model


@ALL
def test_a_schedule_is_asked_once_for_each_step(backend: str) -> None:
    m, asked = model(), list[int]()

    def rate(step: int) -> float:
        asked.append(step)
        return 0.1 / (1 + step + 0.0 * m.parameters()[0].data)  # a look at a parameter, which is lent

    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 1.0), backend=backend, schedule=rate)
    for k in range(6):
        trainer.step(X[k:20], Y[k:20])
        trainer.step(X.copy(), Y)
    trainer.run(X, Y, 3)
    assert asked == [*range(15)]
    assert trainer.optimizer.lr == rate(14)


@ALL
def test_one_look_for_changes_is_made_for_each_step(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, look, read = list[int](), Trainer._prepared, [0.1]

    def counted(self: Trainer, *given: Any) -> Any:
        looks.append(self.steps)
        return look(self, *given)

    m, asked = model(), list[int]()

    def rate(step: int) -> float:
        asked.append(step)
        return read[0]

    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 1.0), backend=backend, schedule=rate)
    batch = trainer._made_ready(X, Y)
    monkeypatch.setattr(Trainer, "_prepared", counted)
    trainer.run(X, Y, 4)
    trainer._epoch_of(batch, batch.size, seed=1)
    assert looks == asked == [*range(5)]


SCHEDULES: dict[str, Callable[[Any, Any], float]] = {
    "a parameter": lambda m, o: 0.1 / (1 + abs(m.parameters()[0].data)),
    "a gradient": lambda m, o: 0.1 / (1 + abs(m.parameters()[3].grad)),
    "a memory": lambda m, o: 0.1 / (1 + math.fsum(map(abs, o.velocity))),
    "steps": lambda m, o: 0.1 / (1 + o.steps),
    "the rate before": lambda m, o: 0.9 * o.lr,
    "now and then": lambda m, o: 0.1 / (1 + (o.steps if o.lr > 0.06 else 0)),
}


@ALL
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_may_read_what_steps_change(name: str, backend: str) -> None:
    """It is asked for several steps ahead where it does not."""

    def course(choice: str) -> list[float]:
        m = model()
        optimizer = SGD(m.parameters(), 0.1, momentum=0.5)
        schedule = lambda step: SCHEDULES[name](m, optimizer)
        history = nn.fit(m, X, Y, nn.cross_entropy, optimizer, 3, 8, seed=1, backend=choice, schedule=schedule)
        return [*history.batch_losses, *data(m), optimizer.lr]

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9, abs=1e-12)


ACTS: dict[str, Callable[[Any, list[Any]], object]] = {
    "a number": lambda m, own: setattr(m.parameters()[0], "data", 0.5),
    "an activation": lambda m, own: setattr(m.layers[0].neurons[0], "activation", engine.sigmoid),
    "a parameter": lambda m, own: m.layers[0].neurons[0].w.__setitem__(0, Value(0.3)),
    "what the loss reads": lambda m, own: own.__setitem__(0, own[0] + 0.5),
}


@ALL
@pytest.mark.parametrize("name", ACTS)
@pytest.mark.filterwarnings("ignore:.* of the optimiser's parameters")  # as it has others by then
def test_what_a_schedule_changes_counts_from_its_step_on(name: str, backend: str) -> None:
    def course(choice: str) -> list[float]:
        m, own = model(), [1.0]

        def schedule(step: int) -> float:
            if step in (2, 6):
                ACTS[name](m, own)
            return 0.1

        loss = lambda o, y: nn.cross_entropy(o, y) * own[0]
        optimizer = SGD(m.parameters(), 0.1)
        return nn.fit(m, X, Y, loss, optimizer, 3, 8, seed=1, backend=choice, schedule=schedule).batch_losses

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9)


@ALL
@pytest.mark.parametrize("actor", ["schedule", "optimiser"])
def test_validation_data_that_a_schedule_or_an_optimiser_changes_is_read_again(actor: str, backend: str) -> None:
    def course(choice: str) -> list[float]:
        m, held, labels = model(), X[:9].tolist(), Y[:9].tolist()

        class Acting(SGD):
            def step(self) -> None:
                held[0][0] += 1.0
                super().step()

        def schedule(step: int) -> float:
            held[0][0], labels[1] = float(step), step % 3
            return 0.1

        optimizer = (Acting if actor == "optimiser" else SGD)(m.parameters(), 0.1)
        options: dict[str, Any] = {"schedule": schedule} if actor == "schedule" else {}
        history = nn.fit(
            m, X, Y, nn.cross_entropy, optimizer, 3, 8, seed=1, backend=choice, validation=(held, labels), **options
        )
        return [number for row in history.rows for number in (row["validation_loss"], row["validation_accuracy"])]

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9)
