"""Breakpoints: where a run of the stepper ends."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value
from engine.stepping.backward_pass import BackwardPass
from engine.stepping.stepper import Stepper
from tests.engine.graphs import Recipe, build, recipes
from tests.engine.stepping.test_stepper import POINTS, WILD, graph


def test_breakpoints() -> None:
    loss, a, _ = graph()
    for target, options, stops in [
        ("c", {}, [2]),
        (a, {}, [3]),
        ("*", {}, [1, 3]),
        ("mul", {}, [1, 3]),
        (engine.add, {}, [2]),
        (lambda step: step.upstream == 2.0, {}, [2, 3]),
        ("a", {"changes": True}, [1, 2, 3]),
        ("b", {"changes": True}, [3]),
        ("a", {"exceeds": 3}, [1, 3]),
        ("a", {"exceeds": 10}, []),
        ("a", {"nan": True}, []),
    ]:
        s = loss.stepper()
        point = s.break_at(target, **options)
        found = []
        while not s.done:
            step = s.run()
            if not s.done or point.condition(step):
                found.append(step.number)
        assert found == stops, point
        s.back(3)
        s.clear(point)
        assert s.run().number == 3
        s.back(3)


def test_a_breakpoint_on_nan() -> None:
    x = Value(0.0, "x")
    y = (x * 1.0).sqrt() * 0.0
    s = (y + 1.0).stepper()
    s.break_at("x*1", nan=True)
    assert s.run().primitive is engine.sqrt
    assert "stopped: the gradient of x*1 turns nan" in s.text
    s.back()
    assert "stopped" not in s.text


def test_one_that_is_set_twice_is_named_once() -> None:
    x = Value(3.0, "x")
    s = (x * x).stepper()
    for target in ("*", "mul"):
        s.break_at(target)
    s.run()
    assert s.text.startswith("backward pass of x*x: 1 of 1 steps done; stopped: a step of mul\n")


def test_breakpoints_on_a_gradient_tell_of_the_moment_it_happens() -> None:
    x = Value(3.0, "x")
    y = (x * x) * 2.0 + x * 100.0  # the gradient of x is 100, then 112
    s = y.stepper()
    s.break_at(x, exceeds=50)
    assert s.run().number == 2
    assert s.run().number == 4
    assert s.done
    assert "stopped" not in s.text
    x.grad = 0.0
    squared = (x * x).stepper()
    squared.break_at(x, exceeds=5)  # half of x*x has 3, both have 6
    squared.run()
    assert "stopped: the gradient of x exceeds 5" in squared.text
    zero = Value(0.0, "zero")
    s = (zero * 1.0 + (zero.sqrt() * 0.0 + zero.sqrt() * 0.0)).stepper()
    s.break_at(zero, nan=True)
    first = s.run()
    assert math.isnan(zero.grad)
    assert not s.done
    s.run()
    assert s.done
    assert first.primitive is engine.sqrt


def test_a_breakpoint_that_would_never_stop_is_refused() -> None:
    a, b = Value(2.0, "a"), Value(1.0, "b")
    largest = engine.maximum(a, b * 3.0 - 5.0)
    s = largest.stepper()
    for target in (b, "b", "b*3"):
        for options in ({}, {"changes": True}):
            with pytest.raises(ValueError, match=r"no gradient reaches b(\*3)?: it has no step"):
                s.break_at(target, **options)
    for options in ({"changes": True}, {"nan": True}, {"exceeds": 0.5}):
        with pytest.raises(ValueError, match="is 1, where the pass starts, and no step changes it"):
            s.break_at(largest, **options)
    assert s.breakpoints == []
    both = largest.stepper(forward=True)
    assert both.break_at("b*3") is not None  # there it is computed
    with pytest.raises(ValueError, match=r"no gradient reaches b\*3: no step changes it"):
        both.break_at("b*3", changes=True)
    assert len(both.breakpoints) == 1


def test_until() -> None:
    loss, a, _ = graph()
    s = loss.stepper()
    assert s.until(lambda step: a.grad == -2.0).number == 2
    assert s.until(lambda step: False).number == 3
    assert s.done


@given(recipes(WILD), POINTS, st.integers(0, 30))
def test_a_breakpoint_on_change_stops_at_every_change_and_nowhere_else(
    recipe: Recipe, xs: list[float], which: int
) -> None:
    root = build(recipe, [Value(x) for x in xs])
    run = BackwardPass(root)
    reached = [node for node in run.order if run.stop_of(node) and node is not root]
    node = reached[which % len(reached)]
    expected = []
    s = Stepper(root)
    last = 0.0
    while not s.done:
        number = s.next().number
        if node.grad != last and not (math.isnan(node.grad) and math.isnan(last)):
            expected.append(number)
        last = node.grad
    s.back(len(s))
    point = s.break_at(node, changes=True)
    found = []
    while not s.done:
        step = s.run()
        if point.condition(step):
            found.append(step.number)
    assert found == expected


@pytest.mark.parametrize("flag", ["changes", "nan"])
def test_a_flag_of_a_breakpoint_is_true_or_false(flag: str) -> None:
    loss, _, _ = graph()
    options: dict[str, Any] = {flag: "no"}
    with pytest.raises(TypeError, match=f"{flag}= is True or False, got 'no'"):
        loss.stepper().break_at("a", **options)
