"""Outer products with the inputs: what is left over on each side, in vectors of every size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engine
from engine import Value
from engine.compiler.backends.llvm import Variants
from engine.compiler.backends.llvm import variants as programs
from tests.engine.compiler.backends.llvm.test_training import program_of, update_of


def layer(rows: int, columns: int, dtype: str) -> tuple[Variants, Any, Any]:
    """The mean of a * |W x|^2, where a sample is (a, x): the inputs that W meets are not the first ones."""
    W = np.random.default_rng(rows * columns).normal(size=(rows, columns)) / columns**0.5
    w = [[Value(number) for number in row] for row in W]
    program, leaves = program_of(
        lambda a, x: a[0] * engine.sum([engine.dot(row, x) ** 2 for row in w]), [(1,), (columns,)], dtype
    )
    return program, leaves, W


def gradient(W: Any, A: Any, X: Any) -> Any:
    return ((2 * (X @ W.T) * A).T @ X / len(X)).ravel()


def close(found: Any, expected: Any, dtype: str) -> bool:
    tolerance = 1e-12 if dtype == "float64" else 2e-6
    return bool(np.abs(found - expected).max() <= tolerance * np.abs(expected).max())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [64, 32, 16])
@pytest.mark.parametrize(("rows", "columns"), [(5, 7), (6, 16), (9, 31), (4, 77)])
def test_gradients_of_every_shape(
    rows: int, columns: int, size: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "vector_bytes", lambda: size)
    program, leaves, W = layer(rows, columns, dtype)
    width, lanes = program.width, program.fitting(100).shape.lanes
    assert (program.fitting(100).artifact.by_samples is not None) == (4 * (-(-columns // width) * width) <= 5 * columns)
    random = np.random.default_rng(0)
    for count in (1, width + 1, lanes, 2 * lanes + 3):
        A, X = random.normal(size=(count, 1)).astype(dtype), random.normal(size=(count, columns)).astype(dtype)
        found = program.run(leaves.astype(dtype), (A, X))[1]
        assert close(found, gradient(W, A.astype(float), X.astype(float)), dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("columns", [16, 20, 31])
def test_few_samples_have_a_block_of_one_vector(columns: int, dtype: str) -> None:
    """Which may be narrow; columns then go by the widest vectors, where these are full."""
    program, leaves, W = layer(9, columns, dtype)
    random = np.random.default_rng(2)
    for count in range(program.few + 1, program.width + 1):
        shape = program.fitting(count).shape
        assert count <= shape.width == shape.lanes == shape.stride <= shape.widest == program.width
        A, X = random.normal(size=(count, 1)).astype(dtype), random.normal(size=(count, columns)).astype(dtype)
        found = program.run(leaves.astype(dtype), (A, X))[1]
        assert close(found, gradient(W, A.astype(float), X.astype(float)), dtype)
    assert program.fitting(program.width + 1).shape.lanes > program.width


@pytest.mark.parametrize("columns", [16, 31])
def test_samples_in_any_order(columns: int) -> None:
    """Gathered from anywhere, with a ragged last batch; and the same batch again, packed once."""
    program, leaves, W = layer(5, columns, "float64")
    assert program.fitting(100).artifact.by_samples == (1, 1 + columns)
    random = np.random.default_rng(1)
    count, size = 300, 2 * program.fitting(100).shape.lanes + 5
    A, X = random.normal(size=(count, 1)), random.normal(size=(count, columns))
    order = np.full((3, size), -1)
    order.ravel()[: 2 * size + 9] = random.integers(0, count, 2 * size + 9)
    rate = 0.1
    training, expected = program.training(0), W.ravel().copy()
    training.parameters[:] = leaves
    training((A, X), update_of("SGD", rate), order=order)
    for rows in order:
        rows = rows[rows >= 0]
        expected -= rate * gradient(expected.reshape(W.shape), A[rows], X[rows])
    assert close(training.parameters, expected, "float64")
    training((A, X), update_of("SGD", rate), steps=3)
    for _ in range(3):
        expected -= rate * gradient(expected.reshape(W.shape), A, X)
    assert close(training.parameters, expected, "float64")


def test_what_lies_behind_a_row_is_left_alone() -> None:
    """The last vector of a row of the gradient reaches into the next one, and that of the last row behind the end."""
    w = [[Value(1.0) for _ in range(15)] for _ in range(4)]
    program, leaves = program_of(
        lambda a, x: engine.sum([c * engine.dot(row, x) for c, row in zip(a, w)]), [(4,), (15,)]
    )
    X = np.ones((16, 15))
    X[:, 0] = np.inf
    assert program.fitting(16).artifact.by_samples
    found = program.run(leaves, (np.ones((16, 4)), X))[1].reshape(4, 15)
    assert found.tolist() == [[np.inf, *[1.0] * 14]] * 4


def test_rows_in_two_arrays() -> None:
    """They are joined at every call, so that what changes in place is seen."""
    W = np.random.default_rng(2).normal(size=(5, 16))
    w = [[Value(number) for number in row] for row in W]
    program, leaves = program_of(lambda x, y: engine.sum([engine.dot(row, [*x, *y]) ** 2 for row in w]), [(7,), (9,)])
    random = np.random.default_rng(3)
    X, Y = random.normal(size=(40, 7)), random.normal(size=(40, 9))
    one = np.ones((40, 1))
    assert program.fitting(40).artifact.by_samples == (0, 16)
    assert close(program.run(leaves, (X, Y))[1], gradient(W, one, np.c_[X, Y]), "float64")
    training, expected = program.training(0), W.ravel().copy()
    training.parameters[:] = leaves
    arrays, settings = (X, Y), update_of("SGD", 0.1)
    for _ in range(4):
        training(arrays, settings)
        expected -= 0.1 * gradient(expected.reshape(W.shape), one, np.c_[X, Y])
        assert close(training.parameters, expected, "float64")
        Y += 1.0


@pytest.mark.parametrize("shared", [False, True])
def test_gradients_begin_anew_at_every_step(shared: bool) -> None:
    """Over several blocks, whether or not two kernels add to the same number."""
    random = np.random.default_rng(4)
    W = random.normal(size=(5, 16))
    w = [[Value(number) for number in row] for row in W]

    def loss(x: Any) -> Any:
        total = engine.sum([engine.dot(row, x) ** 2 for row in w])
        return total + w[1][2] * x[0] if shared else total

    program, leaves = program_of(loss, [(16,)])
    one = program.fitting(100)
    assert one.artifact.alone is not shared
    X = random.normal(size=(2 * one.shape.lanes + 3, 16))
    training, expected = program.training(0), W.copy()
    training.parameters[:] = leaves
    for _ in range(3):
        assert close(program.run(expected.ravel(), (X,))[1], _shared_gradient(expected, X, shared), "float64")
        training((X,), update_of("SGD", 0.1), steps=2)
        for _ in range(2):
            expected -= 0.1 * _shared_gradient(expected, X, shared).reshape(W.shape)
        assert close(training.parameters, expected.ravel(), "float64")


def _shared_gradient(W: Any, X: Any, shared: bool) -> Any:
    found = gradient(W, np.ones((len(X), 1)), X)
    found[16 + 2] += shared * X[:, 0].mean()
    return found
