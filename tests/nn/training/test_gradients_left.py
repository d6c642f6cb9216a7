"""`p.grad` after compiled steps is what eager steps leave there: those that are made, refused, or lose their numbers.

Eager steps stop at a loss that is nan before they touch a gradient, and at an update that is nan after it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import nn
from nn import MLP, SGD, Adam, EagerStep, Trainer
from tests.needs import INSTALLED, needs

np = needs("numpy")

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 2))
BAD, HUGE = X.copy(), X.copy()
BAD[7, 1], HUGE[7, 1] = math.nan, 1e200
EMPTY = np.zeros((12, 3))  # where Adam without eps divides 0 by 0

Call = Callable[[Any], Any]


def step(x: Any) -> Call:
    return lambda trainer: trainer.step(x, Y)


def in_place(x: Any) -> Call:
    """A step on other samples in the same array."""

    def call(trainer: Any) -> Any:
        OWN[:] = x
        return trainer.step(OWN, Y)

    return call


OWN = X.copy()


def run(x: Any, steps: int) -> Call:
    return lambda trainer: trainer.run(x, Y, steps)


def epoch(x: Any, size: int) -> Call:
    return lambda trainer: trainer.epoch(x, Y, batch_size=size, shuffle=False)


def zero(trainer: Any) -> None:
    trainer.optimizer.zero_grad()


def look(trainer: Any) -> None:
    assert [p.data for p in trainer.model.parameters()]


@dataclass(frozen=True)
class Row:
    calls: list[Call]
    lr: float = 0.05
    rule: Callable[..., Any] = SGD
    settings: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    frozen: int = 0


ROWS = {
    "the first step": Row([step(BAD)]),
    "a later step": Row([step(X), step(BAD)]),
    "the same step again": Row([step(X), step(X), step(X), step(BAD), step(BAD)]),
    "other samples in the same array": Row([in_place(X), in_place(X), in_place(BAD), in_place(-X), in_place(BAD)]),
    "a step after it": Row([step(X), step(BAD), step(-X)]),
    "looked at in between": Row([step(X), look, step(BAD), look, step(BAD)]),
    "set to zero in between": Row([step(X), zero, step(BAD)]),
    "in an epoch": Row([epoch(BAD, 3)]),
    "in the first batch of an epoch": Row([epoch(X, 4), epoch(BAD, 12)]),
    "in the smaller last batch": Row([epoch(np.roll(BAD, 4, axis=0), 5)]),
    "diverging": Row([run(X, 400)], lr=5.0),
    "diverging step by step": Row([step(X)] * 400, lr=5.0),
    "clipped": Row([epoch(BAD, 3)], limits={"clip_norm": 0.1}),
    "cut": Row([epoch(BAD, 3)], limits={"clip_value": 0.01}),
    "frozen leaves": Row([step(X), epoch(BAD, 3), step(-X)], frozen=5),
    "frozen leaves, looked at in between": Row([step(X), look, epoch(BAD, 3), look, step(-X)], frozen=5),
    "frozen leaves, clipped": Row([step(X), epoch(BAD, 3)], limits={"clip_norm": 0.1}, frozen=5),
    "an update refused": Row([step(EMPTY)], rule=Adam, settings={"eps": 0.0}),
    "a later update refused": Row([step(X), step(HUGE)], rule=Adam),
    "an update refused in an epoch": Row([epoch(HUGE, 3)], rule=Adam),
    "an update refused, frozen leaves": Row([step(X), epoch(HUGE, 3)], rule=Adam, frozen=5),
    "an update refused, clipped": Row([step(EMPTY)], rule=Adam, settings={"eps": 0.0}, limits={"clip_norm": 0.1}),
    "both": Row([step(X), step(HUGE), step(BAD), step(-X), step(BAD)], rule=Adam, settings={"eps": 0.0}),
}


class Eager:
    """The calls of a Trainer, in eager steps."""

    def __init__(self, model: Any, optimizer: Any, limits: Any) -> None:
        self.model, self.optimizer = model, optimizer
        self._step = EagerStep(model, nn.mse, optimizer, **limits)

    def step(self, x: Any, y: Any) -> None:
        self._step(x.tolist(), y.tolist())

    def run(self, x: Any, y: Any, steps: int) -> None:
        for _ in range(steps):
            self.step(x, y)

    def epoch(self, x: Any, y: Any, batch_size: int, shuffle: bool) -> None:
        for k in range(0, len(x), batch_size):
            self.step(x[k : k + batch_size], y[k : k + batch_size])


def left(row: Row, backend: str) -> tuple[list[float], list[float], int]:
    """Gradients and parameters after the calls, and how many of these failed."""
    model = MLP(3, [4, 2], activation="identity", seed=2)
    optimizer = row.rule(model.parameters()[row.frozen :], lr=row.lr, **row.settings)
    trainer: Any = Eager(model, optimizer, row.limits)
    if backend != "eager":
        trainer = Trainer(model, nn.mse, optimizer, backend=backend, **row.limits)
    failed = len(row.calls)
    for call in row.calls:
        with contextlib.suppress(FloatingPointError):
            call(trainer)
            failed -= 1
    return [p.grad for p in model.parameters()], [p.data for p in model.parameters()], failed


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
@pytest.mark.parametrize("backend", INSTALLED)
def test_what_is_left(row: Row, backend: str) -> None:
    gradients, numbers, failed = left(row, backend)
    expected, reached, times = left(row, "eager")
    assert gradients == pytest.approx(expected, rel=1e-8, abs=1e-12, nan_ok=True)
    assert numbers == pytest.approx(reached, rel=1e-8)
    assert failed == times >= 1
