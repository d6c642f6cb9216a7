"""What a Trainer is compared with: the eager loop, on a small network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from nn import MLP, Optimizer
from tests.needs import INSTALLED, needs

np = needs("numpy")
ALL = pytest.mark.parametrize("backend", INSTALLED)
FAST = pytest.mark.parametrize("backend", INSTALLED[1:])
RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(30, 4)), RNG.integers(0, 3, 30)


class Eager:
    """The reference: what a Trainer would be in eager steps."""

    def __init__(self, m: Any, loss: Any, optimizer: Optimizer) -> None:
        self.model, self.loss, self.optimizer = m, loss, optimizer
        self.clip_norm = self.clip_value = self.schedule = None
        self.steps = 0

    def step(self, X: Any, y: Any) -> float:
        optimizer: Any = self.optimizer
        if self.schedule is not None:
            optimizer.lr = self.schedule(self.steps)
        loss = self.loss([self.model(x) for x in X.tolist()], y.tolist())
        optimizer.zero_grad()
        loss.backward()
        if self.clip_norm is not None:
            norm = math.hypot(*[p.grad for p in optimizer.params])
            for p in optimizer.params:
                p.grad *= min(1.0, self.clip_norm / (norm + 1e-6))
        if self.clip_value is not None:
            for p in optimizer.params:
                p.grad = max(-self.clip_value, min(p.grad, self.clip_value))
        optimizer.step()
        self.steps += 1
        return float(loss.data)


Change = Callable[[Any], None]


def model(activation: str = "tanh") -> MLP:
    return MLP(4, [5, 3], activation=activation, seed=7)


def data(m: Any) -> list[float]:
    return [p.data for p in m.parameters()]
