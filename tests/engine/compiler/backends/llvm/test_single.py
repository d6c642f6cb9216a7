"""Variants that take one sample at a time: vectors along rows, in every shape that rows come in."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value
from engine.compiler.backends.llvm import build
from engine.compiler.backends.llvm import variants as programs
from engine.compiler.backends.llvm.kernels import single as rows
from engine.compiler.backends.llvm.kernels import single_sums as row_sums
from engine.compiler.backends.llvm.kernels.shape import Shape
from engine.compiler.backends.llvm.kernels.single import LONG
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from engine.compiler.plan.plan import Run

UNARY = [engine.tanh, engine.exp, engine.relu, engine.sigmoid, engine.square, engine.sin, engine.softplus]
BINARY = [engine.add, engine.mul, engine.sub, engine.maximum, engine.hypot]


def random_loss(seed: int) -> tuple[Callable[[Any], Any], int]:
    """A loss made of whole vectors, and their size: products both ways, rows among each other, tables, a lookup."""
    random = np.random.default_rng(seed)
    size = int(random.integers(1, 20))
    parameters = [Value(x) for x in random.normal(0, 0.5, size * size + size)]

    def loss(x: Any) -> Any:
        rng = np.random.default_rng(seed)
        matrix = [parameters[k * size : (k + 1) * size] for k in range(size)]
        vectors = [list(x[:size]), parameters[size * size :]]
        for _ in range(int(rng.integers(1, 5))):
            a, b = (vectors[int(rng.integers(len(vectors)))] for _ in range(2))
            kind = int(rng.integers(9))
            if kind == 0:
                made = [engine.dot(row, a) for row in matrix]
            elif kind == 1:
                made = [engine.dot(column, a, c) for column, c in zip(zip(*matrix), b)]
            elif kind == 2:
                made = [UNARY[int(rng.integers(len(UNARY)))](p * 0.5) for p in a]
            elif kind == 3:
                made = [BINARY[int(rng.integers(len(BINARY)))](p, q) for p, q in zip(a, b)]
            elif kind == 4:  # every third or so, in another order: tables
                order = rng.permutation(size)
                made = [a[int(k)] * b[int(k) // 3] for k in order]
            elif kind == 5:
                made = [engine.sum(a[k:] + b[: k + 1]) * 0.1 for k in range(size)]
            elif kind == 6:
                made = [engine.where(x[0] + p > q, q, 2.0) for p, q in zip(a, b)]
            elif kind == 7:
                top = engine.maximum(a)
                total = engine.sum([engine.exp(p - top) for p in a])
                made = [engine.exp(p - top) / total for p in a]
            else:
                made = [engine.take(x[size], list(column)) * p for column, p in zip(zip(*matrix), a)]
            vectors.append([engine.tanh(p) for p in made])
        return engine.dot(vectors[-1], vectors[-2]) + 0.01 * engine.sum([p for v in vectors for p in v])

    return loss, size


def single(loss: Any, columns: int, batch: int, bytes_of_vectors: int = 64, dtype: str = "float64") -> tuple[Any, Any]:
    """The programs of a loss that take samples one by one, on vectors of that size, and the leaves that it reads."""
    traced = trace(loss, [(columns,)])
    plan = make_plan(Computation.of(traced, gradients=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "vector_bytes", lambda: bytes_of_vectors)
        made = build(plan, dtype)
        made.few = batch
        assert made.fitting(batch).shape == Shape(64 if dtype == "float64" else 32, made.width, 1)
    return made, traced.graph.leaves


def agrees(loss: Any, X: Any, bytes_of_vectors: int = 64, dtype: str = "float64", tolerance: float = 1e-12) -> bool:
    """Whether outputs and gradient are those of the eager engine; the last column of `X` is an integer."""
    made, leaves = single(loss, X.shape[1], len(X), bytes_of_vectors, dtype)
    found, gradient = made.run([leaf.data for leaf in leaves], (np.ascontiguousarray(X, dtype),))
    losses = [loss([*map(float, row[:-1]), int(row[-1])]) for row in X]
    wanted = np.array([value.data for value in losses])
    expected = np.array(engine.grad(engine.mean(losses), leaves))
    close = np.abs(found[:, 0] - wanted).max() <= tolerance * max(1.0, np.abs(wanted).max())
    return bool(close and np.abs(gradient - expected).max() <= tolerance * max(1.0, np.abs(expected).max()))


def samples_of(seed: int, batch: int) -> tuple[Any, Any]:
    """A random loss and samples for it."""
    loss, columns = random_loss(seed)
    random = np.random.default_rng(seed)
    return loss, np.c_[random.normal(size=(batch, columns)), random.integers(0, columns, batch)]


@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), batch=st.integers(1, 3), size=st.sampled_from([64, 64, 32, 16, 8]))
def test_random_losses_over_vectors_agree_with_the_eager_engine(seed: int, batch: int, size: int) -> None:
    loss, X = samples_of(seed, batch)
    assert agrees(loss, X, size)


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6), batch=st.integers(1, 3))
def test_single_precision(seed: int, batch: int) -> None:
    loss, X = samples_of(seed, batch)
    assert agrees(loss, X, dtype="float32", tolerance=2e-4)


@pytest.mark.parametrize("terms", [LONG - 1, LONG, LONG + 5, 10 * LONG + 7])
def test_sums_of_any_length(terms: int) -> None:
    """Long ones go in chains: of parameters alone, of a sample's numbers, of both, with what is left over of each."""
    random = np.random.default_rng(terms)
    w, v = ([Value(x) for x in random.normal(size=terms)] for _ in range(2))

    def loss(x: Any) -> Any:
        scaled = [x[0] * p for p in v[3:]]
        return engine.sum([abs(p) for p in w]) * engine.sum(scaled) + engine.sum([*w, *scaled]) + 0.0 * x[1]

    assert agrees(loss, np.c_[random.normal(size=2), np.zeros(2)])


@pytest.mark.parametrize("rows", [1, 3, 7, 17])
@pytest.mark.parametrize("columns", [1, 4, 13, 33])
@pytest.mark.parametrize("size", [64, 32])
def test_products_of_every_shape(rows: int, columns: int, size: int) -> None:
    """Forward along columns, backward along rows, outer products, and what is left over of each."""
    random = np.random.default_rng(rows * columns)
    w = [[Value(x) for x in row] for row in random.normal(size=(rows, columns))]
    b, v = ([Value(x) for x in random.normal(size=rows)] for _ in range(2))

    def loss(x: Any) -> Any:
        hidden = [engine.relu(engine.dot(row, [engine.tanh(p) for p in x[:columns]], c)) for row, c in zip(w, b)]
        return engine.dot(v, hidden) ** 2 + 0.0 * x[columns]

    assert agrees(loss, np.c_[random.normal(size=(2, columns)), np.zeros(2)], size)


@pytest.mark.parametrize("tokens", [[0, 6, 3, 3], [7, 0, 1, 2], [-1, 0, 0, 0], [0.5, 1, 1, 1], [math.nan, 0, 0, 0]])
def test_a_lookup_gives_nan_where_there_is_nothing(tokens: list[float]) -> None:
    """Whole rows of an embedding, and single numbers."""
    table = [[Value(10.0 * k + j) for j in range(16)] for k in range(7)]

    def outputs(x: Any) -> Any:
        vectors = [engine.take(t, column) for t in x for column in zip(*table)]
        return [*vectors, *[engine.take(x[0], vectors[k : k + 7]) for k in range(9)]]

    traced = trace(outputs, [(4,)])
    plan = make_plan(Computation.of(traced))
    leaves = [leaf.data for leaf in traced.graph.leaves]
    (found,) = build(plan, "float64").run(leaves, (np.array([tokens], float),))[0]
    rows = [[10.0 * t + j if t in range(7) else math.nan for j in range(16)] for t in tokens]
    expected = [x for row in rows for x in row]
    expected += [expected[k + int(tokens[0])] if tokens[0] in range(7) else math.nan for k in range(9)]
    assert np.array_equal(found, expected, equal_nan=True)


def test_extreme_numbers_come_out_as_with_many_samples() -> None:
    """Nan, infinities and the signs of zeros: elementwise, in sums and in products, also in the gradient."""
    numbers = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e308, -1e308, 5e-324, 1.0, -2.0, 800.0]
    w = [Value(x) for x in numbers]

    def outputs(x: Any) -> Any:
        pairs = [(p, q) for p in x for q in w]
        return [
            engine.sum([p.relu() for p in x]),
            *[f(p) for f in (engine.relu, engine.exp, engine.tanh, engine.abs, engine.neg) for p in x],
            *[p * q for p, q in pairs],
            *[engine.maximum(p, q) for p, q in pairs],
            *[engine.dot([p, q], [q, 1.0]) for p, q in pairs],
            *[engine.where(p > q, p, q) for p, q in pairs],
        ]

    traced = trace(outputs, [(len(numbers),)])
    plan = make_plan(Computation.of(traced, gradients=True))
    leaves, X = [leaf.data for leaf in traced.graph.leaves], np.array([numbers, numbers[::-1]])
    results = []
    for few in (2, 0):
        made = build(plan, "float64")
        made.few = few
        results.append(made.run(leaves, (X,)))
    for one, many in zip(*results):
        assert np.array_equal(one, many, equal_nan=True)
        assert np.array_equal(np.signbit(one), np.signbit(many)) or np.isnan(one).any()
        there = ~np.isnan(one)
        assert np.array_equal(np.signbit(one[there]), np.signbit(many[there]))


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (Run("S", 3, row=1), "along"),
        (Run("S", 3, row=0), "same"),
        (Run("S", 3, row=16), "apart"),
        (Run("S", 0, table=(5, 6, 7, 8, 1, 2, 3, 4, 5)), "along"),
        (Run("S", 0, table=(5, 5, 5, 5, 1, 1, 1, 1, 1)), "same"),
        (Run("S", 0, table=(5, 6, 7, 8, 1, 1, 1, 1, 1)), "apart"),
        (Run("S", 0, table=(5, 6, 7, 8, 1, 2, 3, 4, 6)), "apart"),
        (Run("S", 0, count=2, table=(5, 1, 5, 1, 5, 1, 5, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2)), "same"),
        (Run("S", 0, count=2, table=(1, 5, 2, 5, 3, 5, 4, 5, 5, 2, 6, 2, 7, 2, 8, 2, 9, 2)), "apart"),
    ],
)
def test_how_slots_lie_under_the_vectors(run: Run, expected: str) -> None:
    assert rows.pattern(run, 9, 4) == expected


# ---- planted mistakes: each of these must be noticed
def overlap_counts(patch: pytest.MonkeyPatch) -> None:
    """What a last vector computes again is added again."""
    patch.setattr(row_sums, "_kept", lambda code, skip, old, new: new)


def all_along(patch: pytest.MonkeyPatch) -> None:
    """All rows are taken for neighbours."""
    patch.setattr(rows, "pattern", lambda *_: "along")


def pairs_exchanged(patch: pytest.MonkeyPatch) -> None:
    """Of the sums of a tile, two go to each other's place."""
    original = rows.lane_sums
    patch.setattr(rows, "lane_sums", lambda code, v: original(code, [*v[1::-1], *v[2:]]))


def columns_left_out(patch: pytest.MonkeyPatch) -> None:
    """Columns that fill no vector are forgotten."""
    original = rows._along_rows

    def along(kernel: Any, left: Any, right: Any, starts: Any, first: int, totals: Any) -> None:
        original(kernel, left, right, starts, left.run.count if first else 0, totals)

    patch.setattr(rows, "_along_rows", along)


@pytest.mark.parametrize("mistake", [None, overlap_counts, all_along, pairs_exchanged, columns_left_out])
def test_a_planted_mistake_is_noticed(mistake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    w = [[Value(x) for x in row] for row in random.normal(size=(11, 13))]
    scale = [Value(x) for x in random.normal(size=13)]

    def loss(x: Any) -> Any:
        hidden = [engine.tanh(engine.dot(row, [p * s for p, s in zip(x, scale)])) for row in w]
        return engine.sum([a * b for a, b in zip(hidden, hidden[::-1])]) + 0.0 * x[13]

    if mistake is not None:
        mistake(monkeypatch)
    X = np.c_[random.normal(size=(2, 13)), np.zeros(2)]
    assert agrees(loss, X) == (mistake is None)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_gradients_begin_anew_with_the_first_sample(count: int, shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cleared between steps, unless two kernels add to one number."""
    random = np.random.default_rng(5)
    W = random.normal(size=(5, 11))
    w = [[Value(number) for number in row] for row in W]

    def loss(x: Any) -> Any:
        total = engine.sum([engine.dot(row, x) ** 2 for row in w])
        return total + w[1][2] * x[0] if shared else total

    plan = make_plan(Computation.of(trace(loss, [(11,)]), gradients=True))
    made = build(plan, "float64")
    monkeypatch.setattr(made, "few", 4)
    assert made.fitting(count).shape.single
    assert made.fitting(count).artifact.alone is not shared
    for _ in range(3):
        X = random.normal(size=(count, 11))
        expected = 2 * (X @ W.T).T @ X / count
        expected[1, 2] += shared * X[:, 0].mean()
        _, gradient = made.run(W.ravel(), (X,), count)
        assert gradient is not None
        assert np.abs(gradient - expected.ravel()).max() <= 1e-12 * np.abs(expected).max()
