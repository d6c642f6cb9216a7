"""A checker is only as good as what it catches: planted faults are all caught, right rules give no alarm."""

from __future__ import annotations

import random
from typing import Any

import pytest

import engine
import engine.checking.culprit
import engine.checking.whitebox
from engine import PRIMITIVES, Primitive, Value, check_gradients
from tests.engine.checking.faults import Mutant, apply, mutants, sample

TABLE = list(PRIMITIVES.values())


def name(primitive: Primitive) -> str:
    return primitive.name


@pytest.mark.parametrize("primitive", TABLE, ids=name)
def test_every_planted_fault_is_caught_and_named(primitive: Primitive) -> None:
    random_ = random.Random(primitive.name)
    planted = list(mutants([primitive]))
    assert planted
    for mutant in planted:
        assert first_alarm(mutant, random_) == primitive.name, f"{mutant} was not caught"


def first_alarm(mutant: Mutant, random_: random.Random) -> str | None:
    """Which primitive the first alarm names; rules that are wrong in a few places only take several points."""
    for _ in range(60):
        f, point = apply(mutant.primitive, sample(mutant.primitive, random_, wide=mutant.tail))
        report = check_gradients(f, point, order=mutant.order)
        if not report:
            return report.faults[0].primitive
    return None


def test_there_are_faults_of_every_kind() -> None:
    planted = list(mutants())
    kinds = {mutant.kind for mutant in planted}
    assert {"sign", "factor", "missing", "off by 0.1 %", "tail", "second order", "swapped operands"} <= kinds
    assert len(planted) > 6 * len(TABLE)


@pytest.mark.parametrize("primitive", TABLE, ids=name)
def test_right_rules_give_no_alarm(primitive: Primitive) -> None:
    random_ = random.Random(f"{primitive.name}, right")
    for k in range(40 if primitive.arity is not None else 15):  # the check of several operands takes seconds
        f, point = apply(primitive, sample(primitive, random_, wide=k % 3 > 0))
        report = check_gradients(f, point, order=2 if k % 5 == 0 else 1)
        assert report, str(report)


def losing(root: Value) -> dict[Value, float]:
    """A sweep that keeps the last contribution of a repeated operand instead of the sum."""
    order = engine.topological_order(root)
    adjoint = dict.fromkeys(order, 0.0)
    adjoint[root] = 1.0
    for node in reversed(order):
        for operand, d in zip(node.operands, engine.local_derivatives(node)):
            if d is not None:
                adjoint[operand] = adjoint[node] * d
    return adjoint


@pytest.mark.parametrize("primitive", TABLE[::3], ids=name)
def test_a_lost_accumulation_is_caught(primitive: Primitive, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operand used twice: in one node, or else beside it. What is lost is lost by the sweep, under any primitive."""
    random_ = random.Random(primitive.name)
    f, point = twice(primitive, sample(primitive, random_))
    assert check_gradients(f, point), "the right sweep is right"
    for module in (engine.checking.whitebox, engine.checking.culprit):
        monkeypatch.setattr(module, "sweep", losing)
    report = check_gradients(f, point)
    assert not report
    assert "the sweep gives" in report.faults[0].what, report


def twice(primitive: Primitive, inputs: list[float]) -> tuple[Any, list[float]]:
    f, point = apply(primitive, inputs)
    return (lambda *xs: f(*xs) * (xs[0] + 3.0) + 7.0 * xs[0]), point


def test_the_repeated_operand_of_one_node(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (engine.checking.whitebox, engine.checking.culprit):
        monkeypatch.setattr(module, "sweep", losing)
    report = check_gradients(lambda x: x * x, [3.0])
    assert [(d.claimed, round(d.expected, 6)) for d in report.wrong] == [(3.0, 6.0)]
    assert "2 uses of x: the smallest graph that is wrong is x*x" in report.faults[0].what
    beside = check_gradients(lambda x, y: x * (y * x), [3.0, 3.0])  # an equal number is no use of it
    assert "2 uses of x: the smallest graph that is wrong is x*(3.0*x)" in beside.faults[0].what
    starred = check_gradients(lambda *x: x[0] * x[0], [3.0])
    assert "x = Value(3.0)\nprint(grad(x*x, x)" in starred.faults[0].code  # x[0] is no name to paste


def test_forward_mode_against_reverse_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.checking.whitebox, "push_forward", lambda root, tangents: 12.001)
    report = check_gradients(lambda x: x**3, [2.0])
    assert not report.wrong
    assert "forward mode gives 12.001 along a direction where reverse mode gives 12.0" in report.faults[0].what
