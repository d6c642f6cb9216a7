"""Masks that native code draws: those of the samples as they are drawn outside, in vectors of every size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import engine
from engine import Drop, Masks, Value
from engine.compiler.backends.llvm import Variants
from engine.compiler.backends.llvm import variants as programs
from tests.engine.compiler.backends.llvm.test_training import program_of, update_of

MASKS = Masks((Drop(2**64 - 3, 0, 5, 0.5), Drop(7, 5, 2, 0.0), Drop(8, 7, 3, 0.99)), 6, 2**33 + 5)
SGD = update_of("SGD", 0.05, momentum=0.9)


def dropped(dtype: str) -> tuple[Variants, Any]:
    """A layer of the first six columns, whose ten results the others multiply."""
    W = np.random.default_rng(0).normal(size=(10, 6))
    w = [[Value(number) for number in row] for row in W]

    def loss(x: Any, y: Any) -> Any:
        h = [engine.dot(row, x[:6]).tanh() * factor for row, factor in zip(w, x[6:])]
        return (engine.sum(h) - y[0]) ** 2

    return program_of(loss, [(16,), (1,)], dtype)


def as_factors(dtype: str) -> tuple[Variants, Any]:
    """Weights of all columns: kernels read these in the user's array, sample by sample."""
    W = np.random.default_rng(0).normal(size=(8, 16)) / 9
    w = [[Value(number) for number in row] for row in W]
    return program_of(lambda x, y: engine.sum([engine.dot(row, x) ** 2 for row in w]) + y[0], [(16,), (1,)], dtype)


def losses_of(program: Variants, leaves: Any, X: Any, y: Any, order: Any, masks: Masks | None) -> tuple[Any, Any]:
    """Those of three steps, and the parameters after them; without masks these are drawn outside."""
    training = program.training(1)
    training.parameters[:] = leaves
    if masks is not None:
        losses = training((X, y), SGD, 3, order, masks)
    else:
        losses = []
        for k in range(3):
            rows = np.arange(len(X)) if order is None else order[k][order[k] >= 0]
            losses += training((MASKS.drawn(X[rows], k), y[rows]), SGD)
    assert training.made == 3
    return losses, training.parameters.tolist()


@pytest.mark.parametrize("make", [dropped, as_factors])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [64, 32, 16])
def test_masks_of_every_block(make: Any, dtype: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whole batches, which are not kept packed, and of batches in an order, the last one with lanes of nobody."""
    monkeypatch.setattr(programs, "vector_bytes", lambda: size)
    program, leaves = make(dtype)
    lanes = program.fitting(100).shape.lanes
    random = np.random.default_rng(1)
    for batch in (1, 2, program.width + 1, 2 * lanes + 3):
        count = 3 * batch - batch // 2
        X, y = random.normal(size=(count, 16)).astype(dtype), random.normal(size=(count, 1)).astype(dtype)
        order = np.full(3 * batch, -1)
        order[:count] = random.permutation(count)
        for part, rows in ((slice(batch), None), (slice(None), order.reshape(3, batch))):
            found, parameters = losses_of(program, leaves, X[part], y[part], rows, MASKS)
            expected, others = losses_of(program, leaves, X[part], y[part], rows, None)
            np.testing.assert_allclose(found, expected, rtol=1e-12 if dtype == "float64" else 1e-5)
            np.testing.assert_allclose(parameters, others, rtol=1e-9 if dtype == "float64" else 1e-3, atol=1e-5)
            assert losses_of(program, leaves, X[part], y[part], rows, MASKS) == (found, parameters)


def test_a_step_without_masks_after_one_with_them() -> None:
    """On the same samples, as the numbers in their columns say."""
    program, leaves = dropped("float64")
    X, y = np.ones((40, 16)), np.zeros((40, 1))
    training = program.training(1)
    found = []
    for masks in (None, MASKS, None, MASKS):
        training.parameters[:], training.memory[:] = leaves, 0.0
        found.append(training((X, y), SGD, 1, None, masks))
    assert found[0] == found[2] != found[1] == found[3]


@pytest.mark.parametrize("make", [dropped, as_factors])
def test_epochs_on_the_same_arrays(make: Any) -> None:
    """They take a shorter way, with the masks of their own steps, of other layers, or with none."""
    program, leaves = make("float64")
    random = np.random.default_rng(3)
    arrays = random.normal(size=(40, 16)), random.normal(size=(40, 1))
    others = Masks((*MASKS.drops[:2], Drop(9, 7, 3, 0.5)), MASKS.column, 0)
    same = program.training(1)
    for masks in (MASKS, MASKS, MASKS._replace(step=7), others, others, None, None, MASKS, others):
        order, found = random.permutation(40).reshape(4, 10), []
        for training in (same, program.training(1)):
            training.parameters[:], training.memory[:] = leaves, 0.0
            found.append((training(arrays, SGD, 4, order, masks), training.parameters.tolist()))
        assert found[0] == found[1]


def test_steps_with_a_rate_each_and_one_that_is_refused() -> None:
    """Where masks are drawn outside, step by step."""
    program, leaves = as_factors("float64")
    assert MASKS.meets(*program.fitting(20).artifact.by_samples)
    X, y = np.random.default_rng(2).normal(size=(40, 16)), np.zeros((40, 1))
    order = np.arange(40).reshape(2, 20)
    training = program.training(1)
    training.parameters[:] = leaves
    training((X, y), replace(update_of("SGD", 0.05), lr=(0.0, 0.0)), 2, order, MASKS)
    assert training.parameters.tolist() == leaves.tolist()
    y[30] = np.inf
    losses = training((X, y), SGD, 2, order, MASKS)
    assert (len(losses), training.made) == (2, 3)
