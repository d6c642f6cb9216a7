"""Gradients of lookups: which sums become scatters, and that all back ends add to the right places."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value, compile, take
from engine.compiler.backends.choice import build
from engine.compiler.backends.python import PythonProgram
from engine.compiler.frontend.graph import Graph
from engine.compiler.passes.computation import Computation, GradientSum
from engine.compiler.passes.differentiate import derivatives
from engine.compiler.passes.lookups import looked_up
from engine.compiler.passes.simplify import simplify
from engine.compiler.pipeline import make_plan, trace
from engine.compiler.plan.lazy import LazyPlan
from engine.compiler.plan.plan import Plan, Run
from tests.engine.compiler.everywhere import close
from tests.needs import INSTALLED


def embedding(size: int, width: int) -> list[list[Value]]:
    return [[Value(0.4 + 0.3 * math.sin(7 * k + 3 * j)) for j in range(width)] for k in range(size)]


def loss_of(table: list[list[Value]], tokens: int) -> Any:
    def loss(x: Any) -> Any:
        vectors = [[take(x[t], column) for column in zip(*table)] for t in range(tokens)]
        return engine.sum(
            [engine.tanh(engine.sum([p * (k + 1.5) for k, p in enumerate(parts)])) for parts in zip(*vectors)]
        )

    return loss


def plan_of(loss: Any, inputs: int) -> tuple[Plan, list[Value]]:
    traced = trace(loss, [(inputs,)])
    plan = make_plan(Computation.of(traced, gradients=True))
    return plan, traced.graph.leaves


def test_an_embedding_is_a_scatter_for_each_token() -> None:
    plan, _ = plan_of(loss_of(embedding(5, 3), 2), 2)
    assert [(s.rows, s.target.count) for s in plan.scatters] == [(3, 5), (3, 5)]
    assert not plan.reductions
    assert not [group for group in plan.body if group.primitive.name == "equal"]


@pytest.mark.parametrize("backend", INSTALLED)
def test_an_embedding_that_some_samples_do_not_reach_is_a_scatter_too(backend: str) -> None:
    """Where a sample selects something else nothing is added, not even by an infinite derivative."""
    table = embedding(5, 2)

    def loss(x: Any) -> Any:
        vector = [take(x[0], column) for column in zip(*table)]
        return engine.sum([engine.where(x[1] > 0.0, engine.sqrt(v * x[1]), x[0]) for v in vector])

    plan, _ = plan_of(loss, 2)
    assert [(s.rows, s.target.count) for s in plan.scatters] == [(2, 5)]
    assert not plan.reductions
    samples = [[0.0, 1.0], [3.0, 0.0], [3.0, -2.0], [4.0, 2.5], [0.0, 0.5]]
    compiled = compile(loss, backend=backend)
    _, gradients = compiled.value_and_grad(samples)
    expected = engine.grad(engine.mean([loss(sample) for sample in samples]), compiled.parameters)
    assert [float(g) for g in gradients] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("backend", INSTALLED)
@settings(max_examples=8)
@given(
    size=st.integers(2, 9), width=st.integers(1, 9), tokens=st.integers(1, 3), batch=st.integers(1, 40), data=st.data()
)
def test_embeddings_agree_with_the_eager_engine(
    backend: str, size: int, width: int, tokens: int, batch: int, data: Any
) -> None:
    table = embedding(size, width)
    loss = loss_of(table, tokens)
    row = st.lists(st.integers(0, size - 1), min_size=tokens, max_size=tokens)
    samples = data.draw(st.lists(row, min_size=batch, max_size=batch))
    compiled = compile(loss, backend=backend)
    value, gradients = compiled.value_and_grad(samples)
    total = engine.mean([loss(sample) for sample in samples])
    expected = engine.grad(total, compiled.parameters)
    scale = max([1.0, *map(abs, expected)])
    assert close(total.data, value, scale)
    assert all(close(e, float(f), scale) for f, e in zip(gradients, expected))


@pytest.mark.parametrize("backend", INSTALLED[1:])
@pytest.mark.parametrize("batch", [1, 9])
def test_an_index_that_names_nothing_adds_nothing(backend: str, batch: int) -> None:
    """A computed one that is nan, a fraction or out of range."""
    import numpy as np

    table = [Value(float(k)) for k in range(4)]
    plan, leaves = plan_of(lambda x: 2.0 * take(x[0] * 1.0, table), 1)
    assert [s.target.count for s in plan.scatters] == [4]
    rows = np.array([[2.0], [-1.0], [4.0], [1.5], [np.nan], [1e300], [-np.inf], [2.0], [0.0]])
    for first in range(len(rows)):
        X = np.resize(np.roll(rows, -first, 0), (batch, 1))
        program = build(backend, LazyPlan.of(plan), "float64")
        outputs, gradient = program.run([leaf.data for leaf in leaves], (X,), batch)
        found = dict(zip(leaves, gradient))
        for k, leaf in enumerate(table):
            assert found[leaf] == pytest.approx(2.0 * np.count_nonzero(k == X) / batch, rel=1e-14)
        assert np.array_equal(outputs, np.where(np.isin(X, range(4)), 2.0 * X, np.nan), equal_nan=True)


def test_tables_that_share_an_index() -> None:
    """Of different lengths, with one adjoint: each leaf gets its own share."""
    a, b = [Value(0.5 * k) for k in range(5)], [Value(1.0 - k) for k in range(3)]
    loss = compile(lambda x: (take(x[0], a) + take(x[0], b)) ** 2, backend="python")
    samples = [[0.0], [2.0], [2.0], [1.0]]
    _, gradients = loss.value_and_grad(samples)
    total = engine.mean([(take(int(x), a) + take(int(x), b)) ** 2 for (x,) in samples])
    assert gradients == pytest.approx(engine.grad(total, loss.parameters), rel=1e-14)


@pytest.mark.parametrize("backend", INSTALLED)
def test_neurons_that_an_index_selects_have_sums_of_their_own(backend: str) -> None:
    """One number for each weight, not for the whole of a neuron."""
    neurons = embedding(2, 3)

    def loss(x: Any) -> Any:
        return engine.square(
            engine.sum([engine.where(x[0] == k, engine.dot(w, x[1:]), 0.0) for k, w in enumerate(neurons)])
        )

    samples = [[0.0, 1.0, -2.0, 0.5], [1.0, 0.3, 4.0, -1.0], [2.0, 1.0, 1.0, 1.0], [0.0, -1.5, 2.0, 3.0]]
    compiled = compile(loss, backend=backend)
    _, gradients = compiled.value_and_grad(samples)
    expected = engine.grad(engine.mean([loss(sample) for sample in samples]), compiled.parameters)
    assert [float(g) for g in gradients] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("backend", INSTALLED)
def test_planted_mistakes_are_noticed(backend: str) -> None:
    loss = loss_of(embedding(5, 3), 2)
    plan, leaves = plan_of(loss, 2)
    samples = [[0.0, 4.0], [3.0, 3.0], [4.0, 1.0]]
    expected = engine.grad(engine.mean([loss([int(x) for x in s]) for s in samples]), leaves)
    rows: Any = [samples]
    if backend != "python":
        import numpy as np

        rows = (np.array(samples),)

    def error(plan: Plan) -> float:
        program = build(backend, LazyPlan.of(plan), "float64")
        _, gradient = program.run([leaf.data for leaf in leaves], rows, len(samples))
        return max(abs(float(g) - e) for g, e in zip(gradient, expected))

    assert error(plan) < 1e-14
    first, second = plan.scatters
    shifted = replace(first.target, base=first.target.base + 1)
    wrong = [(first,), (first, first, second), (replace(first, index=second.index), second)]
    wrong += [(replace(first, source=second.source), second), (replace(first, rows=2), second)]
    wrong += [(replace(first, target=shifted, rows=2), second), (replace(first, target=_shorter(first.target)), second)]
    for scatters in wrong:
        assert error(replace(plan, scatters=scatters)) > 1e-6


def _shorter(run: Run) -> Run:
    assert run.table is None
    return replace(run, count=run.count - 1)


def test_plans_without_lookups_have_none() -> None:
    w = [Value(1.0), Value(2.0)]
    plan, _ = plan_of(lambda x: engine.where(x[0] > 0.0, engine.dot(w, x), w[0]), 2)
    assert plan.scatters == ()
    assert PythonProgram(plan).run([1.0, 2.0], [[[1.0, 1.0]]], 1)[1] == [1.0, 1.0]


def test_explain_and_draw_tell_of_lookups() -> None:
    table = embedding(3, 2)
    compiled = compile(loss_of(table, 1), backend="python")
    compiled.backward([[1.0], [2.0]])
    assert re.search(r"^lookups +\d+ that add to what an index names: \d+ of 3", compiled.explain(), re.M)
    assert re.search(r"^add to one of G0\.\.2, by x0: ", compiled.explain("look up"), re.M)
    assert " -> G;" in compiled.draw()


def test_conditions_written_out_are_a_lookup_if_nothing_is_added_elsewhere() -> None:
    """The position of an input, 0, is no number."""
    graph = Graph(simplify, derivatives)
    first, index, added = (graph.source("input", k) for k in range(3))

    def found(*upstreams: Any, coefficients: tuple[Any, ...] = ()) -> int:
        sums = tuple([GradientSum([k], coefficients, upstream) for k, upstream in enumerate(upstreams)])
        computation = looked_up(Computation(graph, 3, (added,), gradients=True, sums=sums))
        assert len(computation.sums) == len(sums) - sum(len(each.targets) for each in computation.lookups)
        return len(computation.lookups)

    where = engine.where
    written = [where(index == k, added, 0.0) for k in range(2)]
    assert found(*written) == 1
    assert found(*written, *written) == 2
    assert found(*written, coefficients=(added,)) == found(written[0]) == found(written[0], added) == 0
    assert found(*[where(index == k, added, 1.0) for k in range(2)]) == 0
    assert found(*[where(index == k, added, first) for k in range(2)]) == 0
    assert found(where(index == first, added, 0.0), written[1]) == 0
    assert found(*[where(index < k, added, 0.0) for k in range(2)]) == 0


@pytest.mark.parametrize("number", [1.5, 1.0, 2.0])
def test_a_condition_on_a_number_is_a_lookup_only_if_it_is_an_index(number: float) -> None:
    """Of parts of which not all have their turn the rest are sums as any other."""
    table = [Value(0.5), Value(-2.0)]

    def loss(x: Any) -> Any:
        chosen = [engine.where(x == k, entry, 0.0) for k, entry in zip((0.0, number), table)]
        return engine.square(engine.sum(chosen))

    for backend in INSTALLED:
        for entry in table:
            entry.grad = 0.0
        compile(loss, backend=backend).backward([0.0, 1.0, 1.5, 1.0, 2.0])
        expected = [2 * 0.5 / 5, -2 * 2.0 * (2 if number == 1.0 else 1) / 5]  # of the mean
        assert [entry.grad for entry in table] == pytest.approx(expected)
