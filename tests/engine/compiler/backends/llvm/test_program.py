"""Native programs against the eager engine: the whole table, random graphs, and the shapes that kernels come in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import engine
from engine import PRIMITIVES, Primitive, Value
from engine.compiler.backends.llvm import build
from engine.compiler.backends.llvm import variants as programs
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from tests.engine.compiler.backends.llvm.test_training import program_of
from tests.engine.graphs import build as expression
from tests.engine.graphs import call, recipes

NUMBERS = [-3.5, -2.0, -1.0, -0.75, -0.5, -1e-3, -0.0, 0.0, 1e-9, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 20.0]
EDGES = [math.inf, -math.inf, math.nan, 1e300, -1e300, 800.0, -800.0]

TOLERANCE = {"normal_cdf": 1e-12, "gelu": 1e-12}  # in the tail the rounding of x / sqrt(2) counts


def outputs(function: Any, columns: int, rows: Any) -> Any:
    """What a compiled function gives for each row."""
    traced = trace(function, [(columns,)])
    plan = make_plan(Computation.of(traced))
    leaves = np.array([leaf.data for leaf in traced.graph.leaves])
    return build(plan, "float64").run(leaves, (np.ascontiguousarray(rows, dtype=float),))[0][:, 0]


def same(a: float, b: float, tolerance: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= tolerance * max(abs(a), abs(b), 1e-290)


@pytest.mark.parametrize("primitive", [p for p in PRIMITIVES.values() if p.native], ids=lambda p: p.name)
def test_the_whole_table(primitive: Primitive) -> None:
    """Every primitive that has a native template, on ordinary and extreme operands, as the eager engine has it."""
    if primitive.name == "take":
        rows = [[k % 3, 1.5, -2.0, k] for k in range(10)]
        found = outputs(lambda x: engine.take(x[0], x[1:]), 4, rows)
        assert found.tolist() == [row[1 + row[0]] for row in rows]
        return
    count = primitive.arity or 4
    random = np.random.default_rng(0)
    numbers = NUMBERS + (EDGES if primitive.arity else [math.inf, -math.inf, math.nan])
    rows = random.choice(numbers, (300, count)) if count > 1 else np.array([[x] for x in numbers])
    if primitive.name == "where":
        rows[:, 0] = random.integers(0, 2, len(rows))
    found = outputs(lambda x: call(primitive, x), count, rows)
    for row, z in zip(rows, found):
        expected = call(primitive, list(map(float, row)))
        # Another order of summation may differ by a rounding of the largest term, which here is at most 20 * 20.
        close = primitive.arity is None and abs(float(z) - expected) <= 1e-13
        assert close or same(float(z), expected, TOLERANCE.get(primitive.name, 5e-15)), f"{primitive.name}{tuple(row)}"


@settings(max_examples=40)
@given(recipes(leaves=4), st.integers(1, 20))
@example([("sub", [0, 0]), ("hypot", [4, 4])], 1)  # nan in the gradient
def test_random_graphs_and_their_gradients(recipe: Any, count: int) -> None:
    random = np.random.default_rng(count)
    parameters = [Value(x) for x in random.uniform(-1, 1, 2)]
    rows = random.uniform(-1.5, 1.5, (count, 2))

    def loss(x: Any) -> Any:
        return expression(recipe, [*parameters, *x]) + 0.25 * parameters[0] * parameters[1]

    program, leaves = program_of(loss, [(2,)])
    found, gradient = program.run(leaves, (rows,))
    losses = [loss(list(map(float, row))) for row in rows]
    assert all(same(z, value.data, 1e-11) or abs(z - value.data) < 1e-11 for z, value in zip(found[:, 0], losses))
    order = trace(loss, [(2,)]).graph.leaves
    expected = engine.grad(engine.mean(losses), order)
    assert gradient is not None
    scale = max([1.0, *[abs(x) for x in expected if math.isfinite(x)]])
    np.testing.assert_allclose(gradient, expected, rtol=0.0, atol=1e-10 * scale)  # a nan agrees with a nan


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (2, 3), (3, 17), (5, 4), (7, 9), (13, 2), (33, 10)])
@pytest.mark.parametrize(("count", "size"), [(1, 64), (9, 64), (40, 64), (130, 64), (9, 32), (40, 32), (40, 16)])
def test_matrix_products_of_every_shape(
    rows: int, columns: int, count: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full tiles and what is left over on each side: forward, to the inputs and to the matrix; all vector sizes."""
    monkeypatch.setattr(programs, "vector_bytes", lambda: size)
    random = np.random.default_rng(rows * columns)
    W, b, V = random.normal(size=(rows, columns)), random.normal(size=rows), random.normal(size=(2, rows))
    w, bias, v = [[Value(x) for x in row] for row in W], [Value(x) for x in b], [[Value(x) for x in row] for row in V]

    def loss(x: Any) -> Any:
        h = [engine.dot(row, x, c).relu() for row, c in zip(w, bias)]
        z = [engine.dot(row, h) for row in v]
        return z[0] * z[1]

    X = random.normal(size=(count, columns))
    program, leaves = program_of(loss, [(columns,)])
    found, gradient = program.run(leaves, (X,))
    A = X @ W.T + b
    H = np.maximum(A, 0)
    Z = H @ V.T
    assert np.allclose(found[:, 0], Z[:, 0] * Z[:, 1], rtol=1e-11, atol=1e-11)
    G = np.stack([Z[:, 1], Z[:, 0]], 1) / count
    back = (G @ V) * (A > 0)
    dense = np.c_[back.T @ X, back.sum(0)].ravel()
    expected = np.concatenate([dense, (G.T @ H).ravel()])
    assert gradient is not None
    assert np.abs(gradient - expected).max() <= 1e-12 * max(1e-9, np.abs(expected).max())


def test_outer_products_of_several_places_share_their_sums() -> None:
    """One matrix used three times: its gradient is the sum over the uses."""
    random = np.random.default_rng(0)
    W = random.normal(size=(6, 6)) / 3
    w = [[Value(x) for x in row] for row in W]

    def loss(x: Any) -> Any:
        for _ in range(3):
            x = [engine.dot(row, x).tanh() for row in w]
        return engine.sum(x)

    X = random.normal(size=(50, 6))
    program, leaves = program_of(loss, [(6,)])
    _, gradient = program.run(leaves, (X,))
    total = engine.mean([loss([float(v) for v in row]) for row in X])
    expected = np.array(engine.grad(total, [p for row in w for p in row]))
    assert gradient is not None
    assert np.abs(gradient - expected).max() <= 1e-12 * np.abs(expected).max()


def test_an_embedding_by_take() -> None:
    random = np.random.default_rng(0)
    table = [[Value(x) for x in row] for row in random.normal(size=(5, 3))]

    def loss(token: Any) -> Any:
        vectors = [[engine.take(t, column) for column in zip(*table)] for t in token]
        return engine.sum([(a * b).tanh() for a, b in zip(*vectors)])

    X = random.integers(0, 5, (37, 2)).astype(float)
    program, leaves = program_of(loss, [(2,)])
    _, gradient = program.run(leaves, (X,))
    order = {id(leaf): k for k, leaf in enumerate(trace(loss, [(2,)]).graph.leaves)}
    total = engine.mean([loss([int(v) for v in row]) for row in X])
    for p in (p for row in table for p in row):
        p.grad = 0.0
    total.backward()
    assert gradient is not None
    for p in (p for row in table for p in row):
        assert gradient[order[id(p)]] == pytest.approx(p.grad, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("exponent", [2.0, 3.0, -1.0, -2.0, 0.5, -0.5, -1.5, 1.7])
def test_powers(exponent: float) -> None:
    numbers = [x for x in NUMBERS + EDGES if abs(x) < 1e100 or not math.isfinite(x)]
    found = outputs(lambda x: x[0] ** exponent, 1, [[x] for x in numbers])
    for x, z in zip(numbers, found):
        assert same(float(z), (Value(x) ** exponent).data, 1e-15), f"{x} ** {exponent}"


def test_uniform_values_are_computed_once_and_differentiated() -> None:
    a, b = Value(0.5), Value(-1.5)
    program, leaves = program_of(lambda x: engine.exp(a * b) * x[0] + (a * a).tanh(), [(1,)])
    X = np.array([[1.0], [2.0], [4.0]])
    found, gradient = program.run(leaves, (X,))
    values = [engine.exp(a * b) * x + (a * a).tanh() for x in (1.0, 2.0, 4.0)]
    assert np.allclose(found[:, 0], [v.data for v in values], rtol=1e-14)
    assert gradient is not None
    assert np.allclose(gradient, engine.grad(engine.mean(values), [a, b]), rtol=1e-13)


@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 17, 40])
def test_uniform_values_of_many_parameters_go_by_vectors(count: int, batch: int) -> None:
    """Penalties and functions of all parameters, next to their gradients from the samples: each entry once."""
    random = np.random.default_rng(count)
    ws = [Value(w, "w") for w in random.normal(size=count)]
    X = random.normal(size=(batch, count))

    def loss(x: Any) -> Any:
        z = engine.dot([engine.exp(w) for w in ws], x)
        return z * z + engine.sum([w * w for w in ws]) + engine.sum([abs(w) for w in ws]) * 0.5

    program, leaves = program_of(loss, [(count,)])
    found, gradient = program.run(leaves, (X,))
    values = [loss(row) for row in X.tolist()]
    assert np.allclose(found[:, 0], [v.data for v in values], rtol=1e-13)
    assert gradient is not None
    assert np.allclose(gradient, engine.grad(engine.mean(values), ws), rtol=1e-12, atol=1e-13)


def test_a_template_of_a_new_primitive() -> None:
    assert "softsign_native" not in PRIMITIVES
    softsign = engine.declare(
        "softsign_native",
        lambda x: x / (1 + abs(x)),
        [lambda z, x: 1 / engine.square(1 + abs(x))],
        native="x / (1 + fabs(x))",
    )
    try:
        found = outputs(lambda x: softsign(x[0]), 1, [[-3.0], [1.0]])
        assert found.tolist() == [-0.75, 0.5]
    finally:
        del PRIMITIVES["softsign_native"]


def test_the_text_and_the_statistics() -> None:
    w = Value(2.0)
    program, _ = program_of(lambda x: w * x[0], [(1,)])
    assert "define void @kernel0(" in program.ir()
    assert program.stats()["kernels"] >= 1


def test_a_program_that_another_thread_has_made_meanwhile_is_taken() -> None:
    """It was not there when this thread looked, and is there when it has the lock."""
    program, _ = program_of(lambda x: x[0] * x[1], [(2,)])
    made = program.fitting(1)
    there, program._programs = program._programs, {}

    class Lock:
        def __enter__(self) -> None:
            program._programs.update(there)

        def __exit__(self, *_: object) -> None:
            pass

    program._lock = Lock()
    assert program.fitting(1) is made


def test_few_outputs_are_read_directly() -> None:
    """Of many, copying takes longer than telling the frame where they go."""
    program, leaves = program_of(lambda x: x[0] * x[1], [(2,)])
    direct = program.fitting(3).direct((3, 2))
    assert direct is not None
    found = direct(leaves, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert found is not None
    assert found.ravel().tolist() == [2.0, 12.0, 30.0]
    assert program.fitting(10_000).direct((10_000, 2)) is None
