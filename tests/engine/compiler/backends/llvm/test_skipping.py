"""Blocks whose loss is flat leave out the rest of their work, and no bit of any result tells."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
import nn
from engine import Value, dot, maximum, relu, where
from engine.compiler.backends.llvm import Variants, build, schedule
from engine.compiler.backends.llvm.fused_plan import FusedPlan
from engine.compiler.backends.llvm.kernels.guard import Guard
from engine.compiler.backends.llvm.kernels.kernel import Context, Kernel
from engine.compiler.backends.llvm.kernels.shape import Shape
from engine.compiler.backends.llvm.runtime import cost_model
from engine.compiler.backends.llvm.runtime import threads as pools
from engine.compiler.backends.llvm.schedule import stages
from engine.compiler.backends.llvm.verify import verify
from engine.compiler.errors import PlanError
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from engine.compiler.plan.plan import Plan, Run
from tests.engine.compiler.backends.llvm.test_training import update_of

SHAPE = Shape(64, 4, 20)
MOMENTUM = update_of("SGD", 0.1, momentum=0.9)


def plan_of(loss: Callable[..., Any], inputs: int = 2, labels: int = 1) -> tuple[Plan, list[Value]]:
    traced = trace(loss, [(inputs,), (labels,)])
    return make_plan(Computation.of(traced, gradients=True)), list(traced.graph.leaves)


def after(plan: Plan, stage: str, shape: Shape = SHAPE) -> FusedPlan:
    found = dict(stages(plan, shape))[stage]
    assert isinstance(found, FusedPlan)
    return found


def guard_of(loss: Callable[..., Any], inputs: int = 2, shape: Shape = SHAPE) -> Guard | None:
    return after(plan_of(loss, inputs)[0], "share sums", shape).guard


def never(context: Context, guard: Guard) -> Kernel:
    """A guard that lets no block leave anything out."""
    kernel = Kernel(context)
    kernel.code.lines.append(f"store {kernel.code.scalar} 0.0, ptr {kernel.panel(1)}")
    kernel.code.ret()
    return kernel


def both(monkeypatch: pytest.MonkeyPatch, plan: Plan, dtype: str, batch: int, threads: int = 1) -> list[Variants]:
    """The program, and one that does the same work without leaving anything out."""
    programs = [build(plan, dtype, threads)]
    programs[0].fitting(batch)
    with monkeypatch.context() as patch:
        patch.setattr(schedule, "look", never)
        programs.append(build(plan, dtype, threads))
        programs[1].fitting(batch)
    return programs


def left_out(program: Variants) -> bool:
    """What the guard said of the last block."""
    native = program.recent
    place = native.artifact.sizes["S"] * native.shape.stride
    return bool(native.buffers["S"][place] != 0.0)


def same(a: Any, b: Any) -> bool:
    """Whether all numbers are the same bits; of nan the sign and payload do not matter."""
    signs = [np.where(np.isnan(array), False, np.signbit(array)) for array in (a, b)]
    return np.array_equal(a, b, equal_nan=True) and np.array_equal(*signs)


def hinge_of(model: Any) -> Callable[..., Any]:
    return lambda x, y: nn.hinge(model(x)[0], y[0])


def test_losses_with_a_kink_have_a_guard() -> None:
    model, three = nn.MLP(2, [8, 8, 1], seed=1), nn.MLP(2, [8, 8, 3], seed=1)

    def margins(x: Any, y: Any) -> Any:
        scores = three(x)
        chosen = engine.take(y[0], scores)
        return engine.sum([where(y[0] == k, 0.0, relu(1 + score - chosen)) for k, score in enumerate(scores)])

    with_guard = {
        "hinge": hinge_of(model),
        "hinge, other hidden units": hinge_of(nn.MLP(2, [8, 8, 1], activation="tanh", seed=1)),
        "two-sided, with a margin": lambda x, y: maximum(0.0, abs(model(x)[0] - y[0]) - 0.1),
        "squared hinge": lambda x, y: relu(1 - y[0] * model(x)[0]) ** 2,
        "large errors only": lambda x, y: where(abs(model(x)[0] - y[0]) > 1, (model(x)[0] - y[0]) ** 2, 0.0),
        "several classes": margins,
        "with L2": lambda x, y: nn.hinge(model(x)[0], y[0]) + 0.001 * engine.sum([p * p for p in model.parameters()]),
        "a factor that is there late": lambda x, y: relu(maximum(*three(x)) - y[0]),
    }
    for name, loss in with_guard.items():
        for shape in (SHAPE, Shape(64, 4, 1)):
            assert guard_of(loss, shape=shape) is not None, name


def test_others_have_none() -> None:
    model, three = nn.MLP(2, [8, 8, 1], seed=1), nn.MLP(2, [8, 8, 3], seed=1)
    wide = nn.MLP(2, [80], activation="identity", seed=1)

    def every_other_unit_is_a_factor(x: Any, y: Any) -> Any:
        units = wide(x)
        return relu(1 - y[0] * (engine.sum([a * a for a in units[::2]]) + engine.sum(units[1::2])))

    without = {
        "mse": lambda x, y: (model(x)[0] - y[0]) ** 2,
        "bce": lambda x, y: nn.bce_with_logits(model(x)[0], y[0]),
        "cross-entropy": lambda x, y: nn.cross_entropy(three(x), y[0]),
        "some samples only": lambda x, y: where(y[0] > 0, (model(x)[0] - y[0]) ** 2, 0.0),
        "absolute": lambda x, y: abs(model(x)[0] - y[0]),
        "hinge and something smooth": lambda x, y: nn.hinge(model(x)[0], y[0]) + 0.1 * model(x)[0] ** 2,
        "too little behind it": lambda x, y: nn.hinge(x[0] * model.parameters()[0] + x[1], y[0]),
        "numbers in too many places": every_other_unit_is_a_factor,
        "a quotient behind it": lambda x, y: nn.hinge(dot(x, [p / (1 + x[0]) for p in model.parameters()[:2]]), y[0]),
    }
    for name, loss in without.items():
        assert guard_of(loss) is None, name
    traced = trace(hinge_of(model), [(2,), (1,)])
    assert after(make_plan(Computation.of(traced)), "share sums").guard is None  # no gradient, nothing to leave out


def test_a_guard_is_shown_with_what_it_looks_at() -> None:
    model = nn.MLP(2, [8, 8, 1], seed=1)
    compiled = engine.compile(
        lambda x, y: nn.hinge(model(x)[0], y) + 0.01 * engine.sum([p * p for p in model.parameters()]), backend="llvm"
    )
    compiled.backward(np.ones((9, 2)), np.ones(9))
    shown = compiled.explain("skip")
    head, found, tail = shown.partition("no further where in all lanes\n  0 = S[")
    assert found
    assert "relu" in head
    assert "dot" in tail
    assert "\n  finite: P[" in tail
    assert "\n  in any case G[105] += X[3]" in tail


def test_masks_are_computed_again_behind_a_guard_too() -> None:
    """Else each of them would be stored by what always runs, and loaded where the number that it tells about is."""
    fused_plan = after(plan_of(hinge_of(nn.MLP(2, [8, 8, 1], seed=1)))[0], "share sums")
    assert fused_plan.guard is not None
    body, kept = fused_plan.stages["body"], fused_plan.stored or set()
    guarded = [[group.primitive.name for group in fused] for fused in body[fused_plan.guard.kernels :]]
    assert guarded == [["less", "where", "mul", "mul"], ["dot", "less", "where", "mul"]]
    stored = [group.primitive.name for fused in body for group in fused if id(group) in kept]
    assert stored == ["relu", "relu", "relu", "mul", "mul", "mul"]


NUMBERS = [0.0, -0.0, 1.0, -2.5, 0.3, 7.0, -40.0, 1e-30, -1e-25, 1e30, math.inf, -math.inf, math.nan]
PROGRAMS = [
    ("hinge", "relu", [5, 4, 1]),
    ("hinge", "tanh", [9, 2]),
    ("margin", "gelu", [3, 6, 2]),
    ("squared", "leaky_relu", [8, 1]),
    ("L2", "relu", [4, 8, 1]),
    ("hinge", "identity", [4, 4, 1]),
    ("layers twice", "relu", [6, 1]),
    ("a table", "tanh", [6, 1]),
    ("any order", "relu", [3, 1]),
    ("the largest", "gelu", [5, 3]),
]


@functools.cache
def drawn(kind: str, activation: str, sizes: tuple[int, ...], dtype: str) -> tuple[list[Variants], Any]:
    """A program on two threads and one that leaves nothing out, and the numbers of its leaves."""
    model = nn.MLP(3, sizes, activation=activation, seed=1)
    table = [Value(0.3 * k - 1.0) for k in range(30)]

    def loss(x: Any, y: Any) -> Any:
        scores = model(x)
        if kind == "layers twice":  # two kernels add to a gradient
            scores = [a * b for a, b in zip(scores, model([x[1], -x[2], x[0]]))]
        if kind == "a table":  # a kernel adds where a label says
            scores = [score + engine.take(where(y[0] > 0, 2.0, 5.0), table) for score in scores]
        if kind == "any order":  # of the weights, in which there is no pattern
            units = [
                relu(dot([*x, x[0] * x[1]], [table[(k * j * 7 + 3 * j) % 30] for j in range(4)])) for k in range(6)
            ]
            scores = [scores[0] + dot(units, [table[k * 11 % 30] for k in range(6)])]
        if kind == "the largest":
            return relu(maximum(*scores) - y[0])
        if kind == "margin":
            return engine.sum([maximum(0.0, abs(score - y[0]) - 1.5) for score in scores])
        found = engine.sum([relu(0.2 - y[0] * score) for score in scores])
        if kind == "L2":
            return found + 0.01 * engine.sum([p * p for p in model.parameters()])
        return found * found if kind == "squared" else found

    plan, leaves = plan_of(loss, 3)
    assert after(plan, "share sums").guard is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools, "processors", lambda: 2)
        patch.setattr("engine.compiler.backends.llvm.program.processors", lambda: 2)
        patch.setattr(cost_model, "MARGIN", 0.0)
        programs = both(patch, plan, dtype, 1, threads=2)
        both_many = both(patch, plan, dtype, 60, threads=2)
    return [*programs, *both_many], np.array([leaf.data for leaf in leaves])


@given(data=st.data())
def test_no_bit_tells_what_was_left_out(data: st.DataObject) -> None:
    """Samples of all margins, and numbers planted anywhere, by which zeros would become nan."""
    draw = data.draw
    kind, activation, sizes = draw(st.sampled_from(PROGRAMS))
    dtype, batch = draw(st.sampled_from(["float64", "float32"])), draw(st.sampled_from([1, 2, 3, 7, 40, 250]))
    programs, leaves = drawn(kind, activation, tuple(sizes), dtype)
    pair = programs[:2] if batch <= programs[0].few else programs[2:]
    source = np.random.default_rng(draw(st.integers(0, 99)))
    X, P = source.normal(size=(batch, 3)).astype(dtype), leaves.astype(dtype)
    Y = draw(st.sampled_from([source.choice([-1.0, 1.0], (batch, 1)), np.ones((batch, 1)), -np.ones((batch, 1))]))
    P[-1] = draw(st.sampled_from([0.1, 3.0, -3.0, 50.0]))
    for array in draw(st.lists(st.sampled_from([P, X.reshape(-1)]), max_size=2)):
        array[draw(st.integers(0, len(array) - 1))] = draw(st.sampled_from(NUMBERS))
    arrays = X, Y.astype(dtype)
    order = np.random.default_rng(1).permutation(4 * batch).reshape(4, batch).astype(np.int64) % batch
    results = []
    for program in pair:
        training = program.training(1)
        training.parameters[:] = P
        losses = [*training(arrays, MOMENTUM, order=order), *training(arrays, MOMENTUM, steps=3)]
        results.append((*program.run(P, arrays), losses, training.parameters.copy(), training.memory.copy()))
    assert all(same(np.array(a), np.array(b)) for a, b in zip(*results))


def planted(monkeypatch: pytest.MonkeyPatch, batch: int = 30) -> Callable[..., tuple[Any, bool]]:
    """The gradient of a network all of whose losses are 0, with numbers planted; whether something was left out."""
    model = nn.MLP(2, [8, 8, 1], seed=1)
    plan, leaves = plan_of(hinge_of(model))
    program, other = both(monkeypatch, plan, "float64", batch)
    numbers = np.array([leaf.data for leaf in leaves])
    numbers[-1] = 50.0

    def gradient(weights: dict[int, float], inputs: float = 0.5) -> tuple[Any, bool]:
        P = numbers.copy()
        for place, number in weights.items():
            P[place] = number
        X = np.full((batch, 2), 0.5)
        X[-1, 1] = inputs
        found, expected = (one.run(P, (X, np.ones((batch, 1))))[1] for one in (program, other))
        assert same(found, expected)
        return found, left_out(program)

    return gradient


@pytest.mark.parametrize("batch", [1, 30])
def test_zeros_that_meet_what_is_not_finite_become_nan(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    gradient = planted(monkeypatch, batch)
    found, skipped = gradient({})
    assert skipped
    assert not found.any()
    assert not np.signbit(found).any()
    hidden = {
        0: math.inf,
        **dict.fromkeys([24 + 9 * k for k in range(8)], -1.0),
    }  # relu makes 0 of -inf behind it
    for weights, inputs in (({}, math.inf), ({}, -math.inf), (hidden, 0.5)):
        found, skipped = gradient(weights, inputs)
        assert not skipped
        assert np.isnan(found).any()
    for first in (1e308, math.inf):  # the sum in a hidden unit; its weight is read in the backward pass of no layer
        assert gradient({0: -first, 1: -first})[1]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_blocks_of_wide_layers_leave_out_the_same(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    """Their products go by pieces, copied to where the guard has its say: some blocks are flat and some are not."""
    model = nn.MLP(100, [128, 1], seed=1)
    plan, leaves = plan_of(lambda x, y: relu(0.2 - y[0] * model(x)[0]), 100)
    programs, source = both(monkeypatch, plan, dtype, 200), np.random.default_rng(0)
    X = source.normal(size=(200, 100)).astype(dtype)
    X[64:128] = 0.0
    for bias, number in ((0.0, 0.5), (0.5, 0.5), (50.0, 0.5), (50.0, math.inf), (50.0, math.nan)):
        P = np.array([leaf.data for leaf in leaves]).astype(dtype)
        P[-1], X[-1, 3] = bias, number
        found, expected = (program.run(P, (X, np.ones((200, 1), dtype))) for program in programs)
        assert all(same(a, b) for a, b in zip(found, expected))
        assert left_out(programs[0]) or bias < 50 or not math.isfinite(number)


def test_a_sample_after_another_one_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is rounded to -0.0 in the gradient of the first one becomes +0.0 by adding the +0.0 of the second one."""
    model = nn.MLP(8, [16, 1], seed=1)
    plan, leaves = plan_of(hinge_of(model), 8)
    P = np.array([leaf.data for leaf in leaves])
    P[: 9 * 16], P[9 * 16 : -1], P[-1] = 1.0, 1e-200, 5.0
    X, Y = np.array([[-1e-200] * 8, [-0.1] * 8]), np.array([[-1.0], [1.0]])
    programs = both(monkeypatch, plan, "float64", 2)
    for count, negative in ((1, True), (2, False)):
        found, expected = (program.run(P, (X[:count], Y[:count]))[1] for program in programs)
        assert found is not None
        assert same(found, expected)
        if count == 1 and not np.signbit(expected[:8]).any():
            pytest.skip("with vectors of this width every sum begins at +0.0")
        assert not found[:8].any()
        assert np.signbit(found[:8]).all() == negative


def test_what_is_summed_in_any_case_begins_anew_in_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The L2 term's weight is summed also where the hinge leaves its own out, and the rest is cleared."""
    model = nn.MLP(2, [8, 8, 1], seed=1)
    plan, leaves = plan_of(
        lambda x, y: nn.hinge(model(x)[0], y[0]) + 0.5 * engine.sum([p * p for p in model.parameters()])
    )
    program, _ = both(monkeypatch, plan, "float64", 300)
    P = np.array([leaf.data for leaf in leaves])
    X = np.random.default_rng(0).normal(size=(300, 2))
    for bias in (0.0, 50.0, 0.0, 50.0):
        P[-1] = bias
        _, found = program.run(P, (X, np.ones((300, 1))))
        assert left_out(program) == (bias > 0)
        if bias:
            assert np.allclose(found, P, rtol=1e-14, atol=0)
        else:
            assert not np.allclose(found, P)


def test_the_verifier_finds_what_a_guard_cannot_read() -> None:
    model = nn.MLP(2, [8, 8, 1], seed=1)
    found = after(plan_of(hinge_of(model))[0], "share sums")
    verify(found)
    assert found.guard is not None
    early = replace(found, guard=replace(found.guard, kernels=1))
    with pytest.raises(PlanError, match=r"the guard reads S\[\d+\], which is not stored by then"):
        verify(early)
    output = found.plan.outputs[0]
    elsewhere = replace(found, plan=replace(found.plan, outputs=(Run("S", found.plan.sizes["S"] - 1), output)))
    with pytest.raises(PlanError, match="an output that is not guarded reads"):
        verify(elsewhere)


def test_training_with_a_flat_loss_is_as_in_the_open() -> None:
    """The same numbers as the eager engine's, over steps with and without flat batches."""
    random.seed(0)
    source = np.random.default_rng(0)
    X = source.normal(size=(64, 2))
    y = np.where(X[:, 0] + X[:, 1] > 0, 1, -1)
    X[y > 0] += 0.5
    trained = []
    for backend in ("eager", "llvm"):
        model = nn.MLP(2, [8, 1], seed=3)
        history = nn.fit(
            model,
            X.tolist(),
            y.tolist(),
            nn.hinge,
            nn.SGD(model.parameters(), lr=0.2, momentum=0.9),
            epochs=12,
            batch_size=8,
            seed=0,
            backend=backend,
        )
        trained.append((history, [p.data for p in model.parameters()]))
    assert np.allclose(trained[0][1], trained[1][1], rtol=1e-9)
