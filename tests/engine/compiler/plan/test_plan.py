"""The plan: what the passes make of known functions, and that a mistake in any of it is seen."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value, compile, dot, ops, relu
from engine.compiler.backends.python import PythonProgram
from engine.compiler.frontend.operands import as_range
from engine.compiler.passes.computation import Computation
from engine.compiler.passes.differentiate import Layer
from engine.compiler.pipeline import make_plan, trace
from engine.compiler.plan.layout import Part, Vector
from engine.compiler.plan.plan import Group, Plan, Run
from engine.compiler.plan.strides import Column, runs
from tests.needs import INSTALLED, needs


def plan_of(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Plan:
    traced = trace(function, shapes)
    return make_plan(Computation.of(traced, gradients=True))


def trace_only(function: Callable[..., Any], *shapes: tuple[int, ...]) -> tuple[Group, ...]:
    """The groups that compute the outputs, without gradients."""
    traced = trace(function, shapes)
    return make_plan(Computation.of(traced)).body


def test_the_factors_of_a_sum_along_a_recurrence_are_a_few_runs() -> None:
    """They are ordered by buffers, and only then by slots: a kernel has a loop for each run."""
    w = Value(0.9)

    def path(x: list[Value]) -> Value:
        v, total = x[0], Value(0.0)
        for _ in range(20):
            v = (v * w).tanh()
            total = total + 0.5 * v + v.exp() * v.sin()
        return total

    (summed,) = [group for group in trace_only(path, (1,)) if group.primitive is ops.dot]
    assert summed.columns == 40
    assert all(len(part) <= 3 for part in summed.operands)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]])
@pytest.mark.parametrize("numbers", [range(5, 9), range(20, 0, -5), [7, 1, 8, 2]])
def test_weights_in_the_order_of_a_vector(numbers: Any, order: list[int]) -> None:
    """Of a matrix they stay a range, which takes no memory for each weight, in its order and from last to first."""
    found = Vector(0, as_range(order) or order, Part("SSSS", [4, 5, 6, 7])).arranged(Part("PPPP", numbers))
    assert list(found.numbers) == [numbers[k] for k in order]
    assert isinstance(found.numbers, range) is (isinstance(numbers, range) and as_range(order) is not None)
    assert Vector(0, None, Part("", [])).arranged(found) is found


@pytest.mark.parametrize(
    "rows",
    [
        [range(2, 5), range(6, 9), range(10, 13)],
        [range(2, 5)],
        [(1, 4, 2), (7, 6, 0)],
        [range(0, 9, 3), range(5, 8)],
        [range(9, 3, -2), range(8, 2, -2)],
        [range(0, 3), range(9, 12), range(3, 6)],
    ],
)
def test_columns_of_a_layer(rows: list[Any]) -> None:
    layer = Layer()
    layer.rows += rows
    assert [[*layer.column(k)] for k in range(3)] == [[*column] for column in zip(*rows)]


@pytest.mark.parametrize(
    "run",
    [
        Run("G", 3, 7, 4, 1),
        Run("G", 3, 1),
        Run("G", 40, -2, 3, 5),
        Run("G", 9, 0, 2, 0),
        Run("G", 4, count=2, table=(4, 9, 1, 3, 8, 8)),
    ],
)
def test_the_places_of_a_run_are_its_slots(run: Run) -> None:
    needs("numpy")
    assert run.places(3).tolist() == [slot for row in run.slots(3) for slot in row]


def layer(n: int, m: int) -> list[tuple[list[Value], Value]]:
    return [([Value(0.1 * (j + 1) - 0.05 * i) for i in range(n)], Value(0.01 * j)) for j in range(m)]


FIRST, SECOND = layer(3, 4), layer(4, 2)


def network(x: Any, y: Any) -> Any:
    h = [relu(dot(w, x, b)) for w, b in FIRST]
    return engine.sum([(dot(w, h, b) - y) ** 2 for w, b in SECOND])


def by_hand(x: Any, y: Any) -> Any:
    h = []
    for w, b in FIRST:
        z = 0.0
        for wi, xi in zip(w, x):
            z = wi * xi + z
        h.append(relu(z + b))
    total = 0.0
    for w, b in SECOND:
        total += (sum(wi * hi for wi, hi in zip(w, h)) + b - y) ** 2
    return total


def test_a_dense_network_becomes_matrix_products() -> None:
    plan = plan_of(network, (3,), ())
    products = [(g.rows, g.columns) for g in plan.body if g.is_product]
    assert products == [(4, 3), (2, 4), (4, 2)]  # both layers, and the transposed second one
    outer = sorted((r.rows, r.columns) for r in plan.reductions if r.right is not None)
    assert outer == [(2, 4), (4, 3)]
    assert (plan.prologue, plan.epilogue, plan.finish) == ((), (), ())
    assert all(run.table is None for g in plan.body for runs_ in g.operands for run in runs_)


def test_loops_written_by_hand_become_the_same_products() -> None:
    products = [(g.rows, g.columns) for g in plan_of(by_hand, (3,), ()).body if g.is_product]
    assert products == [(4, 3), (2, 4), (4, 2)]


def test_rows_stay_together_with_the_rows_that_they_read() -> None:
    def function(x: Any) -> Any:
        first, second = [engine.exp(a) for a in x], [engine.square(a) for a in x]
        return engine.sum([engine.tanh(a) - b for a, b in zip(first + second, second + first)])

    groups = trace_only(function, (8,))
    assert [g.primitive for g in groups if g.rows == 8] == [ops.exp, ops.square, ops.tanh, ops.tanh, ops.sub, ops.sub]
    assert all(run.table is None for g in groups if g.primitive is not ops.dot for (run, *_) in g.operands)


def test_a_multiple_of_a_sum_is_no_matrix_product() -> None:
    columns = range(5)
    groups = trace_only(lambda x, y: [dot([2.0, 2.0], [x[k], y[k]]) for k in columns], (5,), (5,))
    assert [(g.rows, g.is_product) for g in groups] == [(5, False)]
    groups = trace_only(lambda x: [dot([2.0, k], [x[0], x[1]]) for k in range(3, 8)], (2,))
    assert [(g.rows, g.is_product) for g in groups] == [(5, True)]


def test_what_depends_on_no_input_is_computed_once() -> None:
    w = Value(2.0)
    plan = plan_of(lambda x: engine.exp(w) * x + engine.square(w), ())
    assert {g.primitive for g in plan.prologue} == {ops.exp, ops.square, ops.mul}
    assert plan.epilogue
    assert len(plan.finish) == 1
    _, gradients = PythonProgram(plan).run([2.0], [[[3.0], [5.0]]], 2)
    assert gradients == pytest.approx([engine.exp(2.0) * 4.0 + 4.0])


def test_a_loss_without_inputs() -> None:
    w = Value(3.0)
    compiled = engine.compile(lambda: w * w, backend="python")
    assert compiled() == [9.0]
    assert compiled.value_and_grad() == (9.0, [6.0])


def test_unselected_operands_of_parameters_contribute_nothing() -> None:
    w = Value(0.0)
    compiled = engine.compile(lambda x: engine.where(x > 0, engine.log(w) * x, x), backend="python")
    assert compiled.value_and_grad([-1.0, -2.0]) == (-1.5, [0.0])


def slots_of_runs(rows: list[list[int]]) -> list[list[int]]:
    (pieces,) = runs([[Column.of("S", list(column)) for column in zip(*rows)]])
    return [[slot for run in pieces for slot in run.slots(len(rows))[r]] for r in range(len(rows))]


@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=1, max_size=6))
def test_runs_cover_exactly_the_slots(rows: list[list[int]]) -> None:
    assert slots_of_runs(rows) == rows


def test_columns_of_different_strides_are_a_table_though_they_begin_evenly() -> None:
    rows = [[*range(30)], [k + 1 + k % 2 for k in range(30)]]
    assert slots_of_runs(rows) == rows


def test_no_reduction_adds_twice_to_one_number() -> None:
    w = [Value(0.1 * k + 0.3) for k in range(7)]

    def sliding(x: Any) -> Any:
        rows = [engine.tanh(dot([w[k], w[k], w[k + 1]], x[:3])) for k in range(6)]
        again = [engine.sigmoid(dot(w[2 * k : 2 * k + 3], x[:3])) for k in (0, 1, 0)]
        return engine.sum(rows + again) + dot([w[0]] * 4, x) * dot(w[:4], x)

    for reduction in plan_of(sliding, (4,)).reductions:
        targets = [slot for row in reduction.target.slots(reduction.rows) for slot in row]
        assert len(set(targets)) == len(targets)
    samples = [[0.1 * i - 0.3 * k for k in range(4)] for i in range(9)]
    expected = engine.grad(engine.mean([sliding([Value(a) for a in sample]) for sample in samples]), w)
    for backend in INSTALLED:
        assert engine.compile(sliding, backend=backend).value_and_grad(samples)[1] == pytest.approx(expected)
        for sample in samples[:2]:  # one sample runs along the rows
            one = engine.grad(sliding([Value(a) for a in sample]), w)
            assert engine.compile(sliding, backend=backend).value_and_grad([sample])[1] == pytest.approx(one)


def test_what_lies_in_different_buffers_is_not_done_together() -> None:
    """The adjoint of the first is the weight of the sample, in X; that of the second a result, in S or U."""
    first, second = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]
    plan = plan_of(lambda x: dot(first, x) + engine.square(dot(second, x)), (2,))
    assert [(sums.left.buffer, sums.rows) for sums in plan.reductions] == [("S", 1), ("X", 1)]
    plan = plan_of(lambda x: engine.take(x[0], first) + engine.square(engine.take(x[1], second)), (2,))
    assert [(picks.source.buffer, picks.rows) for picks in plan.scatters] == [("X", 1), ("S", 1)]
    plan = plan_of(lambda x: engine.take(x[0], first) + engine.take(engine.floor(x[1]), second), (2,))
    assert [(picks.index.buffer, picks.rows) for picks in plan.scatters] == [("S", 1), ("X", 1)]
    plan = plan_of(lambda x: (first[0] + 1.0) * x + engine.square(first[1]) * x, ())
    assert [(copy.source.buffer, copy.rows) for copy in plan.finish] == [("G", 1), ("U", 1)]


# ---- planted mistakes: the comparison with the eager engine sees each of them ----

SAMPLES = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.5], [-0.75, 1.25, 1.0]]
TARGETS = [[0.3], [-0.4], [1.1]]


def error(plan: Plan) -> float:
    """How far a plan for `network` is from the eager engine, in outputs and gradients."""
    leaves = [v for w, b in (*FIRST, *SECOND) for v in (*w, b)]
    try:
        outputs, gradients = PythonProgram(plan).run([v.data for v in leaves], [SAMPLES, TARGETS], len(SAMPLES))
    except (TypeError, ValueError, IndexError):
        return float("inf")
    losses = [network([Value(a) for a in x], y[0]) for x, y in zip(SAMPLES, TARGETS)]
    expected = engine.grad(engine.mean(losses), leaves)
    assert gradients is not None
    pairs = [*zip([o[0] for o in outputs], [x.data for x in losses]), *zip(gradients, expected)]
    return max(abs(a - b) for a, b in pairs)


def shifted(run: Run) -> Run:
    return replace(run, base=run.base + 1 if run.base < 3 else run.base - 1)


def test_the_plan_without_mistakes_agrees() -> None:
    assert error(plan_of(network, (3,), ())) < 1e-12


def test_every_wrong_operand_is_caught() -> None:
    plan = plan_of(network, (3,), ())
    count = 0
    for k, group in enumerate(plan.body):
        for i, parts in enumerate(group.operands):
            if parts[0].buffer == "C" or group.primitive is ops.neg:
                continue
            wrong = (*group.operands[:i], (shifted(parts[0]), *parts[1:]), *group.operands[i + 1 :])
            body = (*plan.body[:k], replace(group, operands=wrong), *plan.body[k + 1 :])
            assert error(replace(plan, body=body)) > 1e-9, (k, i, group)
            count += 1
    assert count > 15


def test_every_wrong_sum_is_caught() -> None:
    plan = plan_of(network, (3,), ())
    for k, r in enumerate(plan.reductions):
        for wrong in (
            replace(r, target=shifted(r.target)),
            replace(r, left=shifted(r.left)),
            replace(r, rows=r.rows - 1),
        ):
            sums = (*plan.reductions[:k], wrong, *plan.reductions[k + 1 :])
            assert error(replace(plan, reductions=sums)) > 1e-9
        assert error(replace(plan, reductions=(*plan.reductions, r))) > 1e-9  # counted twice


@pytest.mark.parametrize(("right", "wrong"), [(ops.sub, ops.add), (ops.relu, ops.abs), (ops.square, ops.exp)])
def test_a_wrong_operation_is_caught(right: Any, wrong: Any) -> None:
    plan = plan_of(network, (3,), ())

    def swap(group: Group) -> Group:
        return replace(group, primitive=wrong) if group.primitive is right else group

    assert any(group.primitive is right for group in plan.body)
    assert error(replace(plan, body=tuple(map(swap, plan.body)))) > 1e-9


def test_gradients_with_a_part_that_is_no_samples_are_copied_together() -> None:
    weights = [Value(0.1 * k - 0.7) for k in range(12)]

    def loss(x: Any) -> Any:
        return engine.dot(weights, x) ** 2 + 0.5 * engine.sum([w * w for w in weights])

    plan = plan_of(loss, (12,))
    assert [(copy.rows, copy.target.row, copy.source.row) for copy in plan.finish] == [(12, 1, 1)]
    x = [[float(k % 5) for k in range(12)], [1.0 - k for k in range(12)]]
    _, gradients = PythonProgram(plan).run([w.data for w in weights], [x], 2)
    losses = [loss([Value(a) for a in row]) for row in x]
    assert gradients == pytest.approx(engine.grad(engine.mean(losses), weights), rel=1e-12)
    for backend in INSTALLED:
        assert compile(loss, backend=backend).value_and_grad(x)[1] == pytest.approx(gradients, rel=1e-12)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("what", ["factors", "targets"])
def test_orders_without_a_pattern_are_tables(what: str, backend: str) -> None:
    drawn = random.Random(5)
    order = [drawn.randrange(40) for _ in range(60)]
    rows = [[Value(drawn.gauss(0.0, 0.3)) for _ in range(60)] for _ in range(3)]

    def factors(x: Any) -> Any:
        return engine.sum([dot(row, [x[k] for k in order]).tanh() for row in rows])

    def targets(x: Any) -> Any:
        return engine.sum([engine.sin(x[k % 40] + rows[0][place]) for k, place in enumerate(order)])

    function = factors if what == "factors" else targets
    samples = [[drawn.gauss(0.0, 1.0) for _ in range(40)] for _ in range(5)]
    wanted = [weight for row in rows for weight in row]
    expected = engine.grad(engine.mean([function(x) for x in samples]), wanted)
    compiled = compile(function, backend=backend)
    compiled.backward(samples)
    assert [weight.grad for weight in wanted] == pytest.approx(expected, rel=1e-10, abs=1e-12)
    assert re.search(r"\[\d+, \d+, \d+, \d+.*\]", compiled.explain("plan"))


@pytest.mark.parametrize("backend", INSTALLED)
def test_what_several_conditions_reach(backend: str) -> None:
    """A result of parameters alone that every one of its readers takes for some samples only."""
    w = Value(0.5)

    def f(x: Any) -> Any:
        u = engine.exp(w)
        return engine.where(x > 0.0, u * x, 1.0) + engine.where(x > 1.0, u, 0.0) * x

    samples = [-1.0, 0.5, 2.0, 3.0]
    compile(f, backend=backend).backward(samples)
    assert w.grad == pytest.approx(engine.grad(engine.mean([f(x) for x in samples]), w), rel=1e-12)
    w.grad = 0.0
    compile(f, backend=backend).backward([-1.0, -2.0])
    assert w.grad == 0.0
