"""Losses that leave samples out, or parts of a net: where nothing arrives, nothing is passed on, whatever stands there.

Compiled layers multiply adjoints of 0 by weights and inputs all the same, to stay matrix products; eager steps do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engine
import nn
from engine import Value, where
from nn import Module
from tests.needs import INSTALLED

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3))
NUMBERS = RNG.normal(size=24)
KEPT = (np.arange(24) % 3 > 0).astype(float)  # two thirds of the samples
CLASSES = RNG.integers(0, 4, 24)


def spoilt(number: float) -> np.ndarray:
    """Samples of which those that are left out hold a number that is none."""
    X_spoilt = X.copy()
    X_spoilt[KEPT == 0.0, 1] = number
    return X_spoilt


def first(outputs: Any) -> Any:
    return outputs if isinstance(outputs, Value) else outputs[0]


@nn.per_sample
def huber(outputs: Any, y: Any) -> Any:
    d = first(outputs) - y
    return where(abs(d) < 1.0, 0.5 * d * d, abs(d) - 0.5)


@nn.per_sample
def quantile(outputs: Any, y: Any) -> Any:
    d = y - first(outputs)
    return where(d > 0.0, 0.9 * d, -0.1 * d)


@nn.per_sample
def squared_hinge(outputs: Any, y: Any) -> Any:
    margin = 1.0 - y * first(outputs)
    return where(margin > 0.0, margin * margin, 0.0)


@nn.per_sample
def kept_only(outputs: Any, y: Any) -> Any:
    return where(y[1] > 0.0, (first(outputs) - y[0]) ** 2, 0.0)


@nn.per_sample
def one_or_the_other(outputs: Any, y: Any) -> Any:
    return where(y[1] > 0.0, (outputs[0] - y[0]) ** 2, where(outputs[1] > 0.5, outputs[2], outputs[3] * outputs[3]))


class Rooted(Module):
    """A net with a derivative that is infinite wherever a sample's first number is 0."""

    def __init__(self, outputs: int) -> None:
        self.inner, self.outer = nn.Layer(3, 6, "tanh", seed=1), nn.Layer(6, outputs, seed=2)

    def __call__(self, x: Any) -> Any:
        return self.outer([engine.sqrt(abs(z) * abs(x[0])) for z in self.inner(x)])


class Twice(Module):
    """A net that reads each sample twice, once with a sign changed, and of which one reading counts."""

    def __init__(self, outputs: int) -> None:
        self.net = nn.MLP(3, [5, outputs], "tanh", seed=3)

    def __call__(self, x: Any) -> Any:
        one, other = self.net(x), self.net([-z for z in x])
        pairs = [(one, other)] if isinstance(one, Value) else zip(one, other)
        return [where(x[2] > 0.0, a, b * b) for a, b in pairs]


def mlp(outputs: int) -> Any:
    return nn.MLP(3, [6, 5, outputs], "relu", seed=4)


def log_softmax_of(outputs: int) -> Any:
    return nn.Sequential(nn.MLP(3, [6, outputs], "tanh", seed=5), nn.log_softmax)


def stepped(make: Callable[[int], Any], outputs: int, loss: Any, X: Any, y: Any, backend: str | None) -> Any:
    """The parameters after each of three steps, eager ones without a back end."""
    model = make(outputs)
    optimizer = nn.SGD(model.parameters(), lr=0.05, momentum=0.5)
    eager = nn.EagerStep(model, loss, optimizer)
    step = nn.Trainer(model, loss, optimizer, backend).step if backend else eager
    found = []
    for _ in range(3):
        step(X, y) if backend else step(X.tolist(), y.tolist())
        found.append([p.data for p in model.parameters()])
    return found


MARKED = np.stack([NUMBERS, KEPT], axis=1)
ROOTS = X * KEPT[:, None]  # 0 where samples are left out


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize(
    ("make", "outputs", "loss", "X", "y"),
    [
        (mlp, 1, huber, X, NUMBERS),
        (mlp, 1, quantile, X, NUMBERS),
        (mlp, 1, squared_hinge, X, np.sign(NUMBERS)),
        (mlp, 1, kept_only, spoilt(math.nan), MARKED),
        (mlp, 1, kept_only, spoilt(math.inf), MARKED),
        (mlp, 4, one_or_the_other, X, MARKED),
        (log_softmax_of, 4, nn.nll, X, CLASSES),
        (Rooted, 1, kept_only, ROOTS, MARKED),
        (Twice, 1, huber, X, NUMBERS),
        (Twice, 4, one_or_the_other, X, MARKED),
        (Twice, 1, kept_only, spoilt(-math.inf), MARKED),
    ],
)
def test_steps_are_the_eager_ones(make: Any, outputs: int, loss: Any, X: Any, y: Any, backend: str) -> None:
    eager = stepped(make, outputs, loss, X, y, None)
    assert np.isfinite(eager).all()
    np.testing.assert_allclose(stepped(make, outputs, loss, X, y, backend), eager, rtol=1e-9, atol=1e-12)
