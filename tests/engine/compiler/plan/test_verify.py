"""The verifiers: every kind of wrong slot in a valid plan is named, and so is what a wrong pass leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value, dot, ops, relu, take
from engine.compiler.errors import PlanError
from engine.compiler.explain import draw
from engine.compiler.frontend.conditions import DETACH
from engine.compiler.passes.computation import Computation, GradientSum
from engine.compiler.passes.verify import verify as verify_computation
from engine.compiler.pipeline import make_plan, stages, trace
from engine.compiler.plan.plan import Copy, Group, Plan, Run
from engine.compiler.plan.text import plan_text
from engine.compiler.plan.verify import verify

W = [[Value(0.1 * (i + 2 * j) - 0.3) for i in range(3)] for j in range(4)]
B = [Value(0.05 * j) for j in range(4)]
TABLE = [Value(0.2 * k - 0.3) for k in range(5)]
SCALE = Value(0.7)


def network(x: Any, token: Any) -> Any:
    """A product, what follows it, a lookup, a prologue and an epilogue."""
    h = [relu(dot(w, x, b)) for w, b in zip(W, B)]
    return engine.sum([(a - 0.5) ** 2 for a in h]) * engine.exp(SCALE) + take(token, TABLE) ** 2


TRACE = trace(network, [(3,), ()])
WANTED = list(stages(Computation.of(TRACE, gradients=True)))
COMPUTATION = WANTED[-2][1]
PLAN = WANTED[-1][1]
assert isinstance(COMPUTATION, Computation)
assert isinstance(PLAN, Plan)


def test_a_valid_plan_is_valid() -> None:
    assert isinstance(PLAN, Plan)
    assert all([PLAN.prologue, PLAN.body, PLAN.reductions, PLAN.scatters, PLAN.epilogue, PLAN.finish])
    verify(PLAN)
    verify(PLAN, COMPUTATION)


def group(stage: str, k: int, change: Callable[[Group], Group]) -> Callable[[Plan], Plan]:
    """A plan with one group changed."""

    def mutated(plan: Plan) -> Plan:
        groups = list(getattr(plan, stage))
        groups[k] = change(groups[k])
        return replace(plan, **{stage: tuple(groups)})

    return mutated


def operand(k: int, **changes: Any) -> Callable[[Group], Group]:
    """A group whose operand k has another run."""

    def mutated(group: Group) -> Group:
        operands = list(group.operands)
        first, *rest = operands[k]
        operands[k] = (replace(first, **changes), *rest)
        return replace(group, operands=tuple(operands))

    return mutated


def job(kind: str, k: int, **runs: Any) -> Callable[[Plan], Plan]:
    """A plan with one reduction, scatter or copy changed: ``target={"base": 1}`` changes its run."""

    def mutated(plan: Plan) -> Plan:
        jobs = list(getattr(plan, kind))
        changes = {
            name: replace(getattr(jobs[k], name), **new) if isinstance(new, dict) else new for name, new in runs.items()
        }
        jobs[k] = replace(jobs[k], **changes)
        return replace(plan, **{kind: tuple(jobs)})

    return mutated


def result(**changes: Any) -> Callable[[Group], Group]:
    return lambda group: replace(group, result=replace(group.result, **changes))


def sizes(**changes: int) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, sizes={**plan.sizes, **changes})


def without(kind: str, k: int) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, **{kind: tuple([one for i, one in enumerate(getattr(plan, kind)) if i != k])})


def swapped(kind: str) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, **{kind: getattr(plan, kind)[::-1]})


LAST = PLAN.sizes["S"] - 1

# What is changed, and what the verifier says.
MUTATIONS: dict[str, tuple[Callable[[Plan], Plan], str]] = {
    "another weight": (group("body", 0, operand(0, base=1)), r"body group 0 \(.*operands of row 0 are not those of"),
    "weights in another stride": (group("body", 0, operand(0, row=2)), "operands of row 1 are not"),
    "weights beyond the last": (group("body", 0, operand(0, base=990)), r"reads P\[\d+\], which does not exist"),
    "a slot below 0": (group("body", 0, operand(1, base=-1)), r"reads X\[-1\], which does not exist"),
    "another input": (group("body", 0, operand(1, base=1)), "operands of row 0 are not"),
    "an input beyond the last": (group("body", 0, operand(1, base=40)), r"reads X\[4\d\], which does not exist"),
    "what is computed later": (
        group("body", 1, operand(0, buffer="S", base=LAST, row=0)),
        rf"reads S\[{LAST}\], which holds nothing yet",
    ),
    "the gradient before it is complete": (
        group("body", 1, operand(0, buffer="G")),
        "reads G, where only P, C, U, X, S",
    ),
    "an input before the samples": (group("prologue", 0, operand(0, buffer="X")), "reads X, where only P, C, U can"),
    "a table that is too short": (group("body", 0, operand(0, table=(0, 1))), "a table of 2 slots for 4 rows of 3"),
    "a result over another": (group("body", 1, result(base=0)), r"writes S\[0\], which has been written before"),
    "a result beyond the last": (group("body", 0, result(base=LAST + 1)), rf"writes S\[{LAST + 1}\], which does not"),
    "a result in another buffer": (group("body", 0, result(buffer="U")), "side by side in S"),
    "results apart": (group("body", 0, result(row=2)), "side by side in S"),
    "an operand too many": (
        group("body", 1, lambda g: replace(g, operands=(*g.operands, g.operands[0]))),
        "columns .* do not fit",
    ),
    "another primitive": (group("prologue", 0, lambda g: replace(g, primitive=ops.tanh)), "operands of row 0 are not"),
    "a row too few": (
        group("body", 0, lambda g: replace(g, rows=3, nodes=g.nodes[:3])),
        r"S\[3\], which holds nothing yet",
    ),
    "a group too few": (without("body", len(PLAN.body) - 1), "holds nothing yet|is never written"),
    "groups in another order": (swapped("body"), "holds nothing yet"),
    "a buffer too large": (sizes(S=LAST + 2), rf"S\[{LAST + 1}\] is never written, though S has {LAST + 2}"),
    "a buffer too small": (sizes(S=LAST), rf"writes S\[{LAST}\], which does not exist"),
    "too few accumulators": (sizes(G=3), r"writes G\[\d+\], which does not exist"),
    "another target": (job("reductions", 0, target={"base": 1}), r"to G\[\d+\]: S\[\d+\] by X\[\d\] is missing"),
    "a target beyond the last": (job("reductions", 0, target={"base": 999}), r"writes G\[999\], which does not exist"),
    "two products in one place": (job("reductions", 0, target={"row": 0}), r"writes G\[\d+\] 4 times"),
    "another adjoint": (job("reductions", 0, left={"row": 0}), r"to G\[\d+\]: S\[\d+\] by X\[\d\] is missing"),
    "another coefficient": (job("reductions", 0, right={"base": 1}), r"to G\[\d+\].*is missing"),
    "products of another width": (job("reductions", 0, right={"count": 2}), "1 x 2 products for 3 columns"),
    "a reduction too few": (without("reductions", 0), r"to G\[\d+\].*is missing|G\[\d+\], which holds nothing"),
    "a reduction twice": (
        lambda plan: replace(plan, reductions=plan.reductions * 2),
        r"to G\[\d+\].*should not be",
    ),
    "another index": (job("scatters", 0, index={"base": 0}), "is missing"),
    "other places of a lookup": (job("scatters", 0, target={"base": 1}), "is missing"),
    "a lookup too few": (without("scatters", 0), "is missing"),
    "a copy to another leaf": (job("finish", 0, target={"base": 0}), "the copies give whole gradients of"),
    "a copy of something else": (job("finish", 0, source={"buffer": "P"}), "the copies give whole gradients of"),
    "a copy twice": (lambda plan: replace(plan, finish=plan.finish * 2), r"writes G\[\d+\] 2 times"),
    "a copy of what is replaced": (
        lambda plan: replace(plan, finish=(Copy(1, Run("G", 0), Run("G", 1)), Copy(1, Run("G", 1), Run("G", 2)))),
        r"G\[1\] is read by a copy, and replaced",
    ),
    "an output that is something else": (
        lambda plan: replace(plan, outputs=(Run("S", 0),)),
        "the 1 outputs are not the 1 that are wanted",
    ),
    "an output that is not there": (
        lambda plan: replace(plan, outputs=(Run("S", 999),)),
        r"output 0 reads S\[999\], which does not exist",
    ),
    "an output of two slots": (
        lambda plan: replace(plan, outputs=(replace(plan.outputs[0], count=2),)),
        r"output 0 is .*, not a single slot",
    ),
    "a target that is no gradient": (job("reductions", 0, target={"buffer": "S"}), "its targets belong to G"),
    "an output too many": (lambda plan: replace(plan, outputs=plan.outputs * 2), "the 2 outputs are not the 1"),
    "a weight in another place": (lambda plan: replace(plan, weight=0), r"the weight is in X\[0\], not after"),
    "another constant": (
        lambda plan: replace(plan, constants=(99.0, *plan.constants[1:])),
        "are not those of|is missing",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_wrong_slot_is_named(name: str) -> None:
    mutate, message = MUTATIONS[name]
    assert isinstance(PLAN, Plan)
    assert isinstance(COMPUTATION, Computation)
    with pytest.raises(PlanError, match=message):
        verify(mutate(PLAN), COMPUTATION)


@given(st.data())
def test_any_other_slot_is_refused(data: st.DataObject) -> None:
    """One number of one run is changed at random: the plan is refused, or reads the very same slots."""
    assert isinstance(PLAN, Plan)
    assert isinstance(COMPUTATION, Computation)
    stage = data.draw(st.sampled_from(["prologue", "body", "epilogue"]))
    k = data.draw(st.integers(0, len(getattr(PLAN, stage)) - 1))
    old: Group = getattr(PLAN, stage)[k]
    which = data.draw(st.integers(0, len(old.operands) - 1))
    run = old.operands[which][0]
    name, change = data.draw(st.sampled_from(["base", "row", "column"])), data.draw(st.integers(-3, 3))
    new = replace(run, **{name: getattr(run, name) + change})
    mutated = group(stage, k, operand(which, **{name: getattr(run, name) + change}))(PLAN)
    try:
        verify(mutated, COMPUTATION)
    except PlanError:
        return
    same = [run.slots(old.rows), new.slots(old.rows)]
    constants = run.buffer == "C" and [[[PLAN.constants[s] for s in row] for row in slots] for slots in same]
    assert same[0] == same[1] or (constants and constants[0] == constants[1])


# ---- computations ----


def computation(**changes: Any) -> Computation:
    assert isinstance(COMPUTATION, Computation)
    return replace(COMPUTATION, **changes)


def test_what_a_wrong_pass_leaves_is_named() -> None:
    assert isinstance(COMPUTATION, Computation)
    for name, result in WANTED[:-1]:
        assert isinstance(result, Computation)
        verify_computation(result, name)
    other = trace(network, [(3,), ()])
    graph = COMPUTATION.graph
    with graph.opened():
        accumulator = graph.source("accumulator", 0)
        never = graph.make(ops.exp, (graph.source("accumulator", 77),))
        x, y = TRACE.inputs[:2]
        detached = graph.make(DETACH, (x,))
        short = graph._add(ops.mul, (x,), "", None, False)
        shared = graph._add(ops.exp, (x,), "", None, True)
        beyond = graph.make(ops.exp, (graph.source("input", 99),))
        unsaid = graph._add(ops.exp, (graph.make(ops.mul, (x, y)),), "", None, False)
        unsaid.below = ()
    sums = COMPUTATION.sums
    wrong: list[tuple[Computation, str]] = [
        (computation(outputs=tuple(other.outputs)), "belongs to another graph"),
        (computation(outputs=(accumulator,)), "complete only after all samples"),
        (computation(totals={0: TRACE.outputs[0]}), "whole gradient of leaf 0 depends on a sample"),
        (computation(totals={0: never}), r"G\[77\] is read, to which nothing is added"),
        (computation(gradients=False), "no gradient is wanted"),
        (computation(sums=(GradientSum([-1], (), sums[0].upstream), *sums)), r"G\[-1\] is added to"),
        (computation(sums=(GradientSum([0, 1], (), sums[0].upstream), *sums)), "0 coefficients for 2 targets"),
    ]
    wrong += [
        (computation(outputs=(detached,)), "is left, though it has no template"),
        (computation(outputs=(short,)), "has 1 operands, where mul takes 2"),
        (computation(outputs=(shared,)), "says that it is the same for all samples"),
        (computation(outputs=(beyond,)), "reads an input beyond the 4 of a sample"),
        (computation(outputs=(unsaid,)), "does not name its operands that are results"),
    ]
    for one, message in wrong:
        with pytest.raises(PlanError, match=message):
            verify_computation(one, "lower", lowered=True)


def test_the_whole_plan_as_text_and_as_a_picture() -> None:
    text = plan_text(PLAN)
    for line in ("prologue", "body", "sums over the samples", "outputs", "epilogue", "finish"):
        assert f"\n{line}\n" in text
    assert " where c = " in text  # what is added to one of several places
    drawn = draw(PLAN)
    assert " -> G;" in drawn
    for k, job in enumerate(PLAN.finish):
        assert text.splitlines()[-len(PLAN.finish) + k].startswith(f"  G[{job.target.base}")


def test_make_plan_verifies_where_it_is_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.compiler import pipeline

    assert isinstance(PLAN, Plan)
    broken = replace(PLAN, outputs=(Run("S", 999),))
    monkeypatch.setattr(pipeline, "planned", lambda _: broken)
    with pytest.raises(PlanError, match="output 0"):
        make_plan(Computation.of(TRACE, gradients=True))
    monkeypatch.setenv("STEPGRAD_VERIFY", "off")
    assert make_plan(Computation.of(TRACE, gradients=True)) is broken
