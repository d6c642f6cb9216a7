"""Losses and updates that are not finite: nothing of that batch is kept."""

from __future__ import annotations

import functools
import math
from typing import Any

import pytest

import nn
from nn import MLP, SGD, Adam, EagerStep, Trainer
from tests.needs import needs

from .reference import ALL, RNG, X, data, model

np = needs("numpy")
RATES = [0.01]


@ALL
@pytest.mark.parametrize("loss", [nn.mse, functools.partial(nn.mse, reduction="sum")], ids=["mean", "sum"])
@pytest.mark.parametrize(
    ("sample", "schedule"),
    [(17, None), (29, None), (17, nn.schedules.step(0.01, every=100, factor=0.5)), (29, lambda step: RATES[0])],
    ids=["early", "late", "by a schedule", "by one that may change"],
)
def test_a_loss_that_becomes_nan_in_an_epoch_keeps_the_batches_before(
    sample: int, schedule: Any, loss: Any, backend: str
) -> None:
    """Of a sum the last batch, which is shorter, has a program of its own."""
    bad = X.copy()
    bad[sample, 2] = math.nan
    m, other = model(), model()
    optimizer = SGD(m.parameters(), 0.01 if schedule is None else 0.5, momentum=0.5)
    trainer = Trainer(m, loss, optimizer, backend=backend, schedule=schedule)
    y = RNG.normal(size=(30, 3))
    with pytest.raises(FloatingPointError, match="before this batch: lower lr") as caught:
        trainer.epoch(bad, y, batch_size=8, shuffle=False)
    step = EagerStep(other, loss, SGD(other.parameters(), 0.01, momentum=0.5))
    losses = [step(X[k : k + 8].tolist(), y[k : k + 8].tolist()) for k in range(0, sample - 7, 8)]
    assert caught.value.losses == pytest.approx(losses, rel=1e-10)
    assert data(m) == pytest.approx(data(other), rel=1e-10)
    assert trainer.optimizer.velocity == pytest.approx(step.optimizer.velocity, rel=1e-9, abs=1e-12)
    assert trainer.steps == len(losses) == sample // 8


@ALL
def test_the_same_step_until_the_loss_is_infinite(backend: str) -> None:
    """Also where it is made once more by the shortest way."""
    m = MLP(4, [3], seed=1)
    trainer = Trainer(m, nn.mse, SGD(m.parameters(), 1e4), backend=backend)
    y = RNG.normal(size=(30, 3))

    def train() -> None:
        for _ in range(200):
            trainer.step(X, y)

    with pytest.raises(FloatingPointError, match="the parameters stay as before this batch"):
        train()
    assert all(map(math.isfinite, data(m)))
    assert 2 < trainer.steps < 200


@ALL
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_update_that_is_not_finite_is_refused_whole(dtype: str, backend: str) -> None:
    """With eps 0, Adam divides 0 by 0 where a gradient is 0."""
    m = MLP(2, [1], seed=3)
    m.layers[0].neurons[0].w[1].label = "second"
    optimizer = Adam(m.parameters(), 0.1, eps=0.0)
    trainer = Trainer(m, nn.mse, optimizer, backend=backend, dtype=dtype)
    x, y = np.array([[1.0, 0.0], [2.0, 0.0]]), np.array([[1.0], [2.0]])
    before = data(m)
    for _ in range(2):
        with pytest.raises(FloatingPointError, match=r"update of parameter 1 \(second\).* gradient 0, gives nan"):
            trainer.step(x, y)
        assert data(m) == pytest.approx(before, rel=1e-7)  # single precision has rounded them
        assert (optimizer.steps, trainer.steps) == (0, 0)
        assert not any(optimizer.mean)
    x[:, 1] = 1.0
    for _ in range(3):
        assert math.isfinite(trainer.step(x, y))
    moved, steps = data(m), optimizer.steps
    x[:, 1] = 1e30 if dtype == "float32" and backend != "python" else 1e300
    with pytest.raises(FloatingPointError):
        trainer.run(x, y, 2)
    assert (data(m), optimizer.steps, trainer.steps) == (moved, steps, steps)


@ALL
def test_a_float_that_overflows_in_an_update_is_refused(backend: str) -> None:
    m = MLP(1, [1], init="zeros")
    trainer = Trainer(m, nn.mse, SGD(m.parameters(), 1e308), backend=backend)
    with pytest.raises(FloatingPointError, match="no parameter has changed"):
        trainer.step(np.array([[2.0]]), np.array([[50.0]]))
    assert data(m) == [0.0, 0.0]


@ALL
def test_a_first_step_that_fails_leaves_no_memory(backend: str) -> None:
    """As eager steps leave none; parameters that were added then were refused, as too late."""
    m = model()
    optimizer = Adam(m.parameters())
    trainer = Trainer(m, nn.mse, optimizer, backend=backend)
    y = RNG.normal(size=(30, 3))
    for _ in range(2):
        with pytest.raises(FloatingPointError):
            trainer.step(np.full_like(X, math.nan), y)
        assert optimizer.state == (0, ([], []))
    m.layers.append(nn.Layer(3, 3, "identity", seed=1))
    optimizer.params = m.parameters()
    trainer.step(X, y)
    assert optimizer.steps == 1
