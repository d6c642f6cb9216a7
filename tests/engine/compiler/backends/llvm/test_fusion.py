"""Which groups share a kernel, what they compute again, and what is stored."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value, dot, exp, ops
from engine.compiler.backends.llvm import fusion
from engine.compiler.backends.llvm.fused_plan import FusedPlan
from engine.compiler.backends.llvm.fusion import MOST, fuse, recompute, split_columns, store
from engine.compiler.backends.llvm.ir.templates import is_cheap
from engine.compiler.backends.llvm.kernels.shape import Shape
from engine.compiler.backends.llvm.schedule import CALLING, make_schedule
from engine.compiler.backends.llvm.verify import verify
from engine.compiler.errors import PlanError
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from engine.compiler.plan.plan import Group, Plan, Run

WEIGHTS = [[Value(0.1 * j - 0.2 * k) for k in range(4)] for j in range(4)]


def fused_plan_of(function: Any) -> FusedPlan:
    """The plan of a function of four inputs, before any native pass."""
    return FusedPlan.of(plan_of(function, 4), Shape(64, 4, 20))


def plan_of(function: Any, inputs: int) -> Plan:
    traced = trace(function, [(inputs,)])
    return make_plan(Computation.of(traced))


def names(parts: list[list[Group]]) -> list[list[str]]:
    return [[group.primitive.name for group in fused] for fused in parts]


def doubled_twice(x: Any) -> Any:
    """What is doubled before a product is needed again after it."""
    h = [engine.exp(a) for a in x]
    twice = [2.0 * a for a in h]
    z = [dot(row, twice) for row in WEIGHTS]
    return [a * b - c for a, b, c in zip(z, twice, h)]


def test_chains_of_equal_rows_share_a_kernel() -> None:
    assert names(fuse(fused_plan_of(doubled_twice)).stages["body"]) == [["exp", "mul"], ["dot", "mul", "sub"]]


def test_cheap_results_are_computed_again_from_what_is_read_anyway() -> None:
    fused_plan = store(recompute(fuse(fused_plan_of(doubled_twice))))
    parts, kept = fused_plan.stages["body"], fused_plan.stored or set()
    assert names(parts) == [["exp", "mul"], ["dot", "mul", "mul", "sub"]]
    assert [id(group) in kept for group in parts[0]] == [True, True]  # the product reads all rows of the doubled ones
    assert [id(group) in kept for group in parts[1]] == [False, False, False, True]


def test_masks_are_computed_again_from_the_number_that_is_compared() -> None:
    def function(x: Any) -> Any:
        h = [ops.relu(dot(row, x)) for row in WEIGHTS]
        masks = [ops.where(a > 0.0, 1.0, 0.0) for a in h]
        return [a * b for a, b in zip([dot(row, h) for row in WEIGHTS], masks)]

    fused_plan = store(recompute(fuse(fused_plan_of(function))))
    kept = fused_plan.stored or set()
    stored = [[group.primitive.name for group in part if id(group) in kept] for part in fused_plan.stages["body"]]
    assert stored == [["relu"], ["mul"]]
    assert names(fused_plan.stages["body"]) == [["dot", "relu"], ["dot", "less", "where", "mul"]]  # masks there alone


def test_what_a_product_adds_to_is_stored_before_it_is_computed_again() -> None:
    def function(x: Any) -> Any:
        h = [engine.exp(a) for a in x]
        twice = [2.0 * a for a in h]
        return [dot(row, h, b) * b - a for row, a, b in zip(WEIGHTS, h, twice)]

    fused_plan = store(recompute(fuse(fused_plan_of(function))))
    parts, kept = fused_plan.stages["body"], fused_plan.stored or set()
    assert names(parts) == [["exp", "mul"], ["dot", "mul", "mul", "sub"]]
    assert id(parts[0][1]) in kept
    weights = [[w.data for w in row] for row in WEIGHTS]
    samples = np.random.default_rng(0).normal(size=(9, 4))
    h = np.exp(samples)
    expected = (h @ np.array(weights).T + 2 * h) * (2 * h) - h
    for count in (1, 9):
        found = engine.compile(function, backend="llvm")(samples[:count])
        assert np.allclose(found, expected[:count], rtol=1e-13)


def test_what_all_readers_compute_again_is_not_stored() -> None:
    def function(x: Any) -> Any:
        h = [engine.exp(a) for a in x]
        z = [dot(row, h) for row in WEIGHTS]
        return [a * (2.0 * b) - b for a, b in zip(z, h)] + [dot(WEIGHTS[0], [2.0 * b + engine.sin(b) for b in h])]

    fused_plan = store(recompute(fuse(fused_plan_of(function))))
    parts, kept = fused_plan.stages["body"], fused_plan.stored or set()
    doubled = [group for fused in parts for group in fused if group.primitive is ops.mul and group.rows == 4]
    assert len(doubled) == 3
    assert not {id(group) for group in doubled[:2]} & kept


def broken(fused_plan: FusedPlan, change: Callable[[FusedPlan], FusedPlan]) -> str:
    """What the verifier says of a plan that a pass has broken."""
    verify(fused_plan)
    with pytest.raises(PlanError) as caught:
        verify(change(fused_plan))
    return str(caught.value)


def with_body(change: Callable[[list[list[Group]]], list[list[Group]]]) -> Callable[[FusedPlan], FusedPlan]:
    return lambda plan: replace(
        plan, stages={**plan.stages, "body": change([list(each) for each in plan.stages["body"]])}
    )


def test_what_has_more_rows_than_its_reader_is_not_computed_again() -> None:
    """In the reader's kernel it would be made row by row, and one row would lack."""

    def function(x: Any) -> Any:
        squares = [a * a for a in x]
        return engine.sum([engine.exp(a * b) for a, b in zip(x[:3], squares)]) + squares[3]

    verify(store(recompute(fuse(fused_plan_of(function)))))


def test_what_a_wrong_pass_leaves_is_named() -> None:
    def narrow(x: Any) -> Any:
        return dot(WEIGHTS[0], [engine.exp(a) for a in x])

    fused = store(fuse(fused_plan_of(doubled_twice)))
    sine = with_body(lambda body: [[replace(body[0][0], primitive=ops.sin), *body[0][1:]], *body[1:]])
    assert "is no group of the plan" in broken(fused, sine)
    assert re.search(r"nobody computes S\[\d+\]", broken(fused, with_body(lambda body: body[:1])))
    assert "which is not stored by then" in broken(fused, with_body(lambda body: body[::-1]))
    in_one = with_body(lambda body: [[group for fused in body for group in fused]])
    assert "is fused with 4 rows" in broken(fuse(fused_plan_of(narrow)), in_one)


def test_products_of_parameters_alone_are_made_once() -> None:
    def function(x: Any) -> Any:
        vector = [dot(row, [w.tanh() for w in WEIGHTS[0]], b) for row, b in zip(WEIGHTS, WEIGHTS[1])]
        return dot(vector, x)

    samples = np.random.default_rng(0).normal(size=(9, 4))
    weights = np.array([[w.data for w in row] for row in WEIGHTS])
    expected = samples @ (weights @ np.tanh(weights[0]) + weights[1])
    compiled = engine.compile(function, backend="llvm")
    assert np.allclose(compiled(samples), expected, rtol=1e-13)
    assert "prologue" in compiled.explain("plan")
    expected = engine.grad(engine.mean([function(list(row)) for row in samples]), WEIGHTS[2])
    compiled.backward(samples)
    assert np.allclose([w.grad for w in WEIGHTS[2]], expected, rtol=1e-12)


def test_every_native_stage_is_shown() -> None:
    def loss(x: Any) -> Any:
        return engine.sum([dot(row, x, b).tanh() for row, b in zip(WEIGHTS, WEIGHTS[0])])

    compiled = engine.compile(loss, backend="llvm")
    compiled.backward(np.ones((3, 4)))
    for stage in ("split", "fuse", "skip", "recompute", "store", "share sums", "kernels"):
        assert compiled.explain(stage)
    assert re.search(r"sum kernel \d+\n  G.* \+= .* each", compiled.explain("share sums"))


def chain(length: int) -> Any:
    """As many rounds of dependent operations."""

    def function(x: Any) -> Any:
        z = x[0]
        for k in range(length):
            z = engine.tanh(z * WEIGHTS[k % 3][k % 4] + x[k % 4]) if k % 2 else engine.sin(z) + 0.3 * z
        return z

    return function


def test_a_long_chain_is_cut_into_kernels_of_bounded_length() -> None:
    fused_plan = fused_plan_of(chain(600))
    lengths = [len(fused) for fused in fuse(fused_plan).stages["body"]]
    assert max(lengths) <= MOST
    assert len(lengths) > 3
    assert sum(lengths) == len(fused_plan.plan.body)
    texts = [len(str(make_schedule(plan, Shape(64, 4, 20)))) for plan in (plan_of(chain(300), 4), fused_plan.plan)]
    assert texts[1] < 1.5 * texts[0]  # equal kernels are there once


OPERATIONS: tuple[Any, ...] = (
    lambda z, w: engine.sin(z) + w,
    lambda z, w: z * w,
    lambda z, w: engine.tanh(w - z),
    lambda z, w: z / (1 + z * z),
)


def unlike(length: int) -> Any:
    """A chain of operations in an order of which no part is like another."""
    drawn = random.Random(5)
    kinds = [drawn.randrange(len(OPERATIONS)) for _ in range(length)]

    def function(x: Any) -> Any:
        z, h = x[0], [engine.exp(a) for a in x]
        for k, kind in enumerate(kinds):
            z = OPERATIONS[kind](z, WEIGHTS[k % 3][k % 4])
        return sum([dot(row, [2.0 * a for a in h]) * z for row in WEIGHTS])

    return function


def test_what_follows_a_wide_product_is_fused_with_it() -> None:
    """However many columns it has: a loop goes over them, so that they make no long text."""
    weights = [[Value(0.1 * j - 0.2 * k) for k in range(MOST + 1)] for j in range(3)]
    plan = plan_of(lambda x: [dot(row, x).relu() * 2.0 for row in weights], MOST + 1)
    assert names(fuse(FusedPlan.of(plan, Shape(64, 4, 20))).stages["body"]) == [["dot", "relu", "mul"]]


def test_after_so_many_unlike_kernels_single_results_are_no_longer_fused(monkeypatch: pytest.MonkeyPatch) -> None:
    def shares(function: Any) -> list[list[str]]:
        return names(fuse(fused_plan_of(function)).stages["body"])

    for whole in (0, 1000):
        monkeypatch.setattr(fusion, "WHOLE", whole)
        found = shares(unlike(300))
        single = [len(fused) for fused in found if len(fused) == 1]
        assert len(single) > 150
        assert max(map(len, found)) > 30  # the first ones
        assert ["exp", "mul"] in found  # of four rows each
        assert sum(map(len, found)) == len(plan_of(unlike(300), 4).body)
    monkeypatch.setattr(fusion, "WHOLE", 3 * MOST)
    assert all(len(fused) > 1 for fused in shares(chain(600)))  # equal ones count once


@pytest.mark.parametrize("count", [1, 9])
def test_what_is_not_fused_gives_the_same_numbers(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(3).normal(size=(count, 4))
    found = []
    for whole in (10**9, 500):
        monkeypatch.setattr(fusion, "WHOLE", whole)
        value, gradient = engine.compile(unlike(200), backend="llvm").value_and_grad(samples)
        found.append([value, *gradient])
    assert np.allclose(*found, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("count", [1, 9])
def test_a_long_chain_agrees_with_the_eager_engine(count: int) -> None:
    samples = np.random.default_rng(3).normal(size=(count, 4))
    compiled = engine.compile(chain(300), backend="llvm")
    value, gradient = compiled.value_and_grad(samples)
    total = engine.mean([chain(300)([Value(a) for a in sample]) for sample in samples])
    expected = engine.grad(total, compiled.parameters)
    assert abs(value - total.data) <= 1e-13
    assert np.allclose(gradient, expected, rtol=1e-9, atol=1e-13)


def test_what_is_cheap() -> None:
    assert all(map(is_cheap, (ops.add, ops.sub, ops.mul, ops.neg, ops.square)))
    assert not any(map(is_cheap, (ops.div, ops.exp, ops.relu, ops.sum, ops.dot, ops.sigmoid)))


@given(st.data(), st.integers(1, 5), st.integers(1, 6))
def test_split_columns_are_the_same_columns(data: st.DataObject, rows: int, columns: int) -> None:
    slots = st.lists(st.integers(0, 50), min_size=rows * columns, max_size=rows * columns)
    runs = [Run("S", 7, row=data.draw(st.integers(-1, 3)), count=columns, column=data.draw(st.integers(-1, 3)))]
    runs.append(Run("S", 0, count=columns, table=tuple(data.draw(slots))))
    group = Group(ops.dot, rows, ((runs[0],), (runs[1],)), Run("S", 60, 1))
    plan = Plan(0, 0, None, (), (), (group,), (), (), (), (), {"S": 60 + rows, "U": 0, "G": 0})
    ((new,),) = split_columns(FusedPlan.of(plan, Shape(64, 4, 20))).stages["body"]
    for (run,), parts in zip(group.operands, new.operands):
        assert (len(parts) == columns) if columns <= 4 else (parts == (run,))
        assert [[slot for part in parts for slot in part.slots(rows)[r]] for r in range(rows)] == run.slots(rows)


def test_kernels_that_call_functions_stand_apart_from_the_others() -> None:
    schedule = make_schedule(plan_of(lambda x: dot(WEIGHTS[0], x).tanh() * dot(WEIGHTS[1], x), 4), Shape(64, 4, 20))
    (calling, plain), (nothing, others) = schedule.texts()
    assert "call <4 x double> @vector_" in calling
    assert "@vector_" not in plain + others
    assert not nothing
    for number in range(len(schedule.kernels.codes)):
        assert sum([f"@kernel{number}(" in text for text in (calling, plain, others)]) == 1
        assert f"@kernel{number}(" in str(schedule)
    ((calling, plain),) = make_schedule(plan_of(lambda x: dot(WEIGHTS[0], x), 4), Shape(64, 4, 20)).texts()
    assert not calling
    assert "@vector_" not in plain


def test_kernels_that_call_functions_count_for_as_long_as_they_take_to_compile() -> None:
    def loss(x: list[Any]) -> Any:
        return dot(WEIGHTS[0], x).relu() * dot(WEIGHTS[1], x) ** 2 + exp(x[0])

    (calling, plain), (_, others) = make_schedule(plan_of(loss, 4), Shape(64, 4, 20)).texts()
    assert calling
    assert plain.count("\n") + CALLING * calling.count("\n") < 2 * others.count("\n")
    assert plain.count("\n") < others.count("\n")


def test_kernels_are_dealt_to_two_libraries_of_about_as_many_instructions() -> None:
    def loss(x: list[Any]) -> Any:
        hidden = [dot(WEIGHTS[0], x).relu(), dot(WEIGHTS[1], x) ** 2]
        return hidden[0] * hidden[1]

    ((_, one), (_, other)) = make_schedule(plan_of(loss, 4), Shape(64, 4, 20)).texts()
    longest = max([kernel.count("\n") for kernel in re.split("(?=define )", one + other)])
    assert abs(one.count("\n") - other.count("\n")) <= longest + 1
