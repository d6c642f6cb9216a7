"""Samples and labels that are changed in place, and arrays that are read where they are."""

from __future__ import annotations

import math
from typing import Any

import pytest

import nn
from nn import MLP, SGD, EagerStep, Trainer
from tests.needs import needs

from .reference import ALL, FAST, X, Y, data, model

np = needs("numpy")


@ALL
def test_prepared_samples_have_memory_of_their_own(backend: str) -> None:
    m, other, x, y = model(), model(), X.copy(), Y.copy()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend=backend)
    batch = trainer._made_ready(x, y)
    x[:], y[:] = 0.0, 0
    expected = Trainer(other, nn.cross_entropy, SGD(other.parameters(), 0.1), backend="python")
    assert trainer._epoch_of(batch, 8, 1) == pytest.approx(expected.epoch(X, Y, 8, 1))


@ALL
def test_labels_changed_in_place_are_checked(backend: str) -> None:
    m, y = model(), Y.copy()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend=backend)
    for _ in range(3):
        trainer.step(X, y)
    y[4] = 3
    before = data(m)
    with pytest.raises(IndexError):
        trainer.step(X, y)
    assert data(m) == before


@ALL
@pytest.mark.parametrize("kind", [np.int64, np.float64, np.float32, list])
def test_labels_of_other_arrays_are_checked_as_they_were_given(kind: Any, backend: str) -> None:
    """In single precision, too, where 1.00000001 would be 1."""
    m = model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend=backend, dtype="float32")

    def step(y: Any) -> float:
        return trainer.step(X.copy(), y)

    for shift in range(4):
        labels = np.roll(Y, shift)
        step(labels.tolist() if kind is list else labels.astype(kind))
    before = data(m)
    for bad in (*([*Y.tolist()[:-1], last] for last in (3, 1.00000001, True)), Y == 1):
        for _ in range(2):
            with pytest.raises((IndexError, TypeError, ValueError)):
                step(bad)
    assert data(m) == before
    assert trainer.steps == 4
    assert math.isfinite(step(Y))


@ALL
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_samples_changed_in_place_count_where_one_of_two_arrays_is_read_where_it_is(dtype: str, backend: str) -> None:
    """Labels are ints here, and so copied; samples are not, if they are of the program's own kind."""
    m, other = model(), model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend=backend, dtype=dtype)
    step = EagerStep(other, nn.cross_entropy, SGD(other.parameters(), 0.1))
    x, y = X.copy(), Y.copy()
    fresh = [lambda: (x, y), lambda: (x.copy(), y), lambda: (x, y.copy()), lambda: (x, y.tolist())]
    for k in range(24):
        x[k], y[k] = x[k] + 1.0, (y[k] + 1) % 3
        samples, labels = fresh[k // 3 % 4]()
        expected = step(x.tolist(), y.tolist())
        assert trainer.step(samples, labels) == pytest.approx(expected, rel=1e-9 if dtype == "float64" else 1e-4)
    y[4] = 3
    with pytest.raises(IndexError):
        trainer.step(x, y)


@FAST
@pytest.mark.filterwarnings("ignore:Setting the strides:DeprecationWarning")  # by NumPy from 2.4 on; it works
def test_new_strides_of_an_array_that_is_read_where_it_is_are_seen(backend: str) -> None:
    m, other = MLP(2, [1], seed=1), MLP(2, [1], seed=1)
    trainer = Trainer(m, nn.mse, SGD(m.parameters(), 0.1), backend=backend)
    step = EagerStep(other, nn.mse, SGD(other.parameters(), 0.1))
    x, y = X[:, :2].copy(), Y.astype(float)
    for array, strides in ((x, x.strides), (x, (0, 8)), (y, (0,))):
        array.strides = strides
        for _ in range(3):
            assert trainer.step(x, y) == pytest.approx(step(x.tolist(), y.tolist()), rel=1e-9)


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # by NumPy from 2.5 on; what it does counts
@FAST
def test_new_memory_and_a_new_shape_of_an_array_that_is_read_where_it_is_are_seen(backend: str) -> None:
    m = MLP(2, [1], seed=1)
    trainer = Trainer(m, nn.mse, SGD(m.parameters(), 0.1), backend=backend)
    x, y = X[:, :2].copy(), Y.astype(float)
    trainer.step(x, y), trainer.step(x, y)
    x.resize((6, 2), refcheck=False)
    with pytest.raises(ValueError, match="6 samples against 30 labels"):
        trainer.step(x, y)
    x.resize((30, 2), refcheck=False)
    x[:] = X[:, :2]
    trainer.step(x, y)
    x.shape = (15, 4)
    with pytest.raises((TypeError, ValueError)):
        trainer.step(x, y)
    x.shape = (30, 2)
    assert math.isfinite(trainer.step(x, y))
