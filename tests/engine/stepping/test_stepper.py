from __future__ import annotations

import copy
import gc
import math
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value, tanh, topological_order
from engine.stepping.backward_pass import BackwardPass
from engine.stepping.stepper import Stepper
from engine.stepping.steps import ForwardStep, Step
from tests.engine.graphs import TAME, Recipe, build, floats, recipes
from tests.needs import needs

POINTS = st.lists(floats(), min_size=3, max_size=3)
WILD = [*TAME, "relu", "maximum", "div", "log", "sqrt", "exp"]


def grads(root: Value) -> list[bytes]:
    return [b"nan" if math.isnan(n.grad) else struct.pack("d", n.grad) for n in topological_order(root)]


def graph() -> tuple[Value, Value, Value]:
    """L = (a*b + a) * a, where the gradient of a is 0, -4, -2, -8."""
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    c = a * b + a
    loss = c * a
    engine.label(c=c, L=loss)
    return loss, a, b


def test_forth_and_back() -> None:
    loss, a, _ = graph()
    s = loss.stepper()
    assert (len(s), s.position, s.done, s.last) == (3, 0, False, None)
    first = s.next()
    assert first is s.last
    assert first.node is loss
    last = s.next(2)
    assert (last.number, s.done, a.grad) == (3, True, -8.0)
    assert s.back() is s
    assert (s.position, a.grad) == (2, -2.0)
    assert s.last is not None
    assert s.last.number == 2
    s.back(2)
    assert (s.last, s.position, a.grad, loss.grad) == (None, 0, 0.0, 0.0)


def test_the_forward_pass_comes_first() -> None:
    loss, a, _ = graph()
    s = loss.stepper(forward=True)
    kinds = []
    while not s.done:
        kinds.append(type(s.next()))
    assert kinds == [ForwardStep] * 3 + [Step] * 3
    assert a.grad == -8.0
    s.back(4)
    assert a.grad == 0.0
    assert isinstance(s.last, ForwardStep)
    assert (s.last.number, s.position) == (2, 2)


def test_a_step_shows_what_was_not_selected() -> None:
    x, y = Value(2.0, "x"), Value(3.0, "y")
    step = engine.where(1.0, x, y).stepper().next()
    assert "y  nothing: not selected" in step.text
    assert "grad 0 -> 1" in step.text


def test_both_passes_as_a_page(tmp_path: Path) -> None:
    needs("pygraphviz")
    loss, _, _ = graph()
    s = loss.stepper()
    s.next()
    path = s.save(tmp_path / "steps.html")
    assert "a*b" in path.read_text(encoding="utf-8")
    assert s.position == 1


def test_to_a_node_or_a_label() -> None:
    loss, a, b = graph()
    s = loss.stepper()
    assert s.to("c").node.label == "c"
    assert s.position == 2
    assert s.to(a).number == 3  # which completes it
    assert s.to(loss).number == 1  # back again
    assert s.to("L").number == 1
    assert s.to(b).number == 3
    assert s.to("a*b").number == 3
    forward = loss.stepper(forward=True)
    assert isinstance(forward.to("c"), ForwardStep)
    assert isinstance(forward.to("c"), ForwardStep)
    forward.next(2)
    assert forward.to("c") is forward.last
    assert forward.position == 5


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


@given(recipes(WILD), POINTS, st.lists(st.integers(-3, 3), max_size=20))
def test_wandering_is_exact(recipe: Recipe, xs: list[float], moves: list[int]) -> None:
    """Wherever one comes from, the gradients of a position are the same; at the end they are backward's."""
    root = build(recipe, [Value(x) for x in xs])
    root.backward()
    before = grads(root)
    s = Stepper(root)
    expected = [before]
    while not s.done:
        s.next()
        expected.append(grads(root))
    s.back(len(s))
    for move in moves:
        position = min(max(s.position + move, 0), len(s))
        if position > s.position:
            s.next(position - s.position)
        elif position < s.position:
            s.back(s.position - position)
        assert grads(root) == expected[position]
    s.close()
    if not s.done:
        assert grads(root) == before
    for leaf in engine.leaves(root):
        leaf.grad = 0.0
    root.backward()
    reference = grads(root)
    for leaf in engine.leaves(root):
        leaf.grad = 0.0
    Stepper(root).run()
    assert grads(root) == reference


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


def test_mistakes_leave_the_gradients() -> None:
    loss, a, b = graph()
    s = loss.stepper()
    s.next()
    before = grads(loss)
    with pytest.raises(IndexError, match="cannot go 3 steps: only 2 steps are left"):
        s.next(3)
    with pytest.raises(IndexError, match="cannot go 2 steps: only 1 step is done"):
        s.back(2)
    with pytest.raises(ValueError, match="must be 1 or more, got 0"):
        s.next(0)
    with pytest.raises(ValueError, match=r"Value\(data=1.0, grad=0.0\) is not in the graph of L"):
        s.to(Value(1.0))
    with pytest.raises(ValueError, match="no node is called 'q'; there are a, b, c, L"):
        s.to("q")
    with pytest.raises(ValueError, match="no node is called 'tanh'"):
        s.break_at("tanh")
    with pytest.raises(TypeError, match=r"until\(\) takes a function"):
        s.until("a")
    with pytest.raises(TypeError, match=r"break_at\(\) takes a node, a name, a primitive or a function.*got 3"):
        s.break_at(3)
    with pytest.raises(ValueError, match="one breakpoint has one condition"):
        s.break_at("a", changes=True, nan=True)
    with pytest.raises(TypeError, match="exceeds= takes real numbers, got 'big'"):
        s.break_at("a", exceeds="big")
    for target in (engine.mul, lambda step: True):
        with pytest.raises(ValueError, match="are of the gradient of a node; for"):
            s.break_at(target, changes=True)
    with pytest.raises(ValueError, match="there is no tanh in the graph of L"):
        s.break_at(engine.tanh)
    for never in (-1.0, math.nan):
        with pytest.raises(ValueError, match=f"exceeds= is the size of a gradient, 0 or more, got {never}"):
            s.break_at("a", exceeds=never)
    with pytest.raises(ValueError, match="is not set; there are none"):
        s.clear(engine.stepping.Breakpoint("other", lambda step: True))
    assert (grads(loss), s.position) == (before, 1)
    s.run()
    with pytest.raises(IndexError, match="the pass is complete"):
        s.next()
    with pytest.raises(IndexError, match="the pass is complete"):
        s.run()
    with pytest.raises(ValueError, match="is a leaf: there is nothing to step through"):
        a.stepper()
    with pytest.raises(ValueError, match=r"compute it outside of no_grad\(\) and detach\(\)"):
        loss.detach().stepper()
    b.label = "a"
    with pytest.raises(ValueError, match="2 nodes are labelled 'a'"):
        loss.stepper().to("a")


def test_what_no_gradient_reaches_has_no_step() -> None:
    x, y = Value(1.0, "x"), Value(2.0, "y")
    s = engine.where(1.0, x, y).stepper()
    with pytest.raises(ValueError, match="no gradient reaches y"):
        s.to(y)
    assert "no gradient: not selected" in s.text


def test_closed_or_dropped_half_way_it_restores() -> None:
    loss, _, _ = graph()
    loss.backward()
    before = grads(loss)
    with loss.stepper() as s:
        s.next()
        assert grads(loss) != before
    assert grads(loss) == before
    with pytest.raises(RuntimeError, match="was closed"):
        s.next()
    assert "; closed" in s.text
    assert s.text.endswith("closed half-way: the gradients are not those of this pass")
    s = loss.stepper()
    s.next(2)
    del s
    gc.collect()
    assert grads(loss) == before
    old, new = loss.stepper(), loss.stepper()
    old.next(2)
    new.next()
    with pytest.raises(RuntimeError, match="was closed"):
        old.next()
    new.close()
    assert grads(loss) == before


def test_a_zero_grad_half_way_is_not_undone() -> None:
    """The gradients from before came back after it, and the next `backward` added to them."""
    loss, a, b = graph()
    loss.backward()
    once = grads(loss)
    s = loss.stepper()
    s.next()
    loss.zero_grad()
    loss.backward()
    assert grads(loss) == once
    s = loss.stepper()
    s.next()
    loss.zero_grad()
    s.close()
    assert (a.grad, b.grad) == (0.0, 0.0)


def test_it_does_not_complete_a_pass_whose_gradients_somebody_has_zeroed() -> None:
    """No later step moves x, so that none noticed: at the end x had no gradient, and the others theirs."""
    x, y = Value(2.0, "x"), Value(1.0, "y")
    s = (y.exp() + x).stepper()
    s.next()
    x.grad = 0.0
    with pytest.raises(RuntimeError, match=r"the gradient of x is 0\.0, where this pass left 1\.0"):
        s.next()


def test_what_a_zero_leaves_is_not_restored_where_the_pass_has_cancelled_the_gradient() -> None:
    """The pass had left 0 there too: by equality nobody would seem to have set it."""
    x = Value(3.0, "x")
    x.grad = -2.0
    s = (Value(1.0).exp().exp() + x * 2.0).stepper()
    s.until(lambda step: x.grad == 0.0)
    assert not s.done
    x.grad = 0.0
    s.close()
    assert x.grad == 0.0


def test_it_does_not_go_back_over_what_another_pass_has_added() -> None:
    """No step hands y anything, so that no single step would notice: y was 0 again at the start."""
    x, y = Value(1.0, "x"), Value(2.0, "y")
    s = engine.where(1.0, x, y * 3.0).stepper()
    s.run()
    (y * 5.0).backward()
    with pytest.raises(RuntimeError, match=r"the gradient of y is 5\.0, where this pass left 0\.0"):
        s.reset()
    assert y.grad == 5.0


def test_what_it_shows() -> None:
    loss, _, _ = graph()
    s = loss.stepper(forward=True)
    s.next()
    assert s.text == (
        "forward pass of L: 1 of 3 steps done\n"
        "  node  value  state\n"
        "  a     2      given\n"
        "  b     -3     given\n"
        "  a*b   -6     done\n"
        "  c     ?      next\n"
        "  L     ?      waits"
    )
    s.next(3)
    assert s.text == (
        "backward pass of L: 1 of 3 steps done\n"
        "  node  value  gradient  state\n"
        "  L     -8     1         done\n"
        "  c     -4     2         next\n"
        "  a*b   -6     0         waits for 1 path\n"
        "  b     -3     0         waits for 1 path\n"
        "  a     2      -4        partial, path 1 of 3"
    )
    assert s._repr_html_().startswith("<iframe")
    assert "<th style='text-align:left'>gradient</th>" in s._sheet().html()


def test_it_tells_of_gradients_from_before() -> None:
    loss, _, b = graph()
    s = loss.stepper()
    assert "before" not in s.text
    b.grad = 1.0
    assert s.text.endswith("  1 leaf held a gradient before, and this pass adds to it; zero_grad() first clears it")
    s.run()
    assert "1 leaf held" in s.text
    loss.backward()
    assert "  2 leaves held" in loss.stepper().text


def test_it_tells_of_gradients_that_somebody_else_has_changed() -> None:
    loss, a, _ = graph()
    s = loss.stepper()
    s.next()
    loss.zero_grad()
    told = "the gradient of a is 0.0, where this pass left -4.0: it was changed in between; start a new pass"
    assert s.text.endswith(told)
    with pytest.raises(RuntimeError, match=re.escape(told)):
        s.next()
    loss.stepper().run()
    done = loss.stepper()
    done.run()
    assert "changed in between" not in done.text
    a.grad = 100.0
    assert "the gradient of a is 100.0" in done.text


def test_of_a_large_graph_it_shows_a_window() -> None:
    x = y = Value(1.0, "x")
    for _ in range(5000):
        y = y * x
    s = y.stepper()
    s.next(2500)
    lines = s.text.splitlines()
    assert len(lines) == 23
    assert lines[0] == "backward pass of mul5001: 2500 of 5000 steps done"
    assert lines[-1] == "  ... and 4,981 more nodes: 2,495 done, 2,485 waiting, 1 partial"


@pytest.mark.parametrize("way", [pickle.dumps, copy.deepcopy])
def test_steppers_and_steps_are_not_copied(way: Callable[[Any], Any]) -> None:
    """Of a node with two users pickle makes two: a stepper from a pickle failed at its next step with a KeyError."""
    a = Value(2.0, "a")
    product = a * 3.0
    stepper = Stepper(tanh(product) + product)
    for thing in (stepper, stepper.next(), Stepper(product, forward=True).next()):
        with pytest.raises(TypeError, match="copy the root, and step through that"):
            way(thing)
    assert Stepper(copy.deepcopy(stepper.root)).next().upstream == 1.0


def test_a_shallow_copy_is_none_either() -> None:
    """It moved the same pass, and was closed when the other was dropped."""
    with pytest.raises(TypeError, match="copy the root, and step through that"):
        copy.copy((Value(2.0) * 3.0).stepper())


def test_a_loop_makes_the_steps_that_are_left() -> None:
    loss, a, _ = graph()
    s = loss.stepper()
    first = next(s)
    assert isinstance(first, Step)
    assert [step.number for step in s] == [2, 3]
    assert (s.done, a.grad, next(s, None)) == (True, -8.0, None)
    for step in s.reset():
        if step.node.label == "c":
            break
    assert (s.position, a.grad) == (2, -2.0)


def test_a_new_stepper_tells_of_gradients_that_are_there() -> None:
    loss, _, _ = graph()
    loss.backward()
    s = loss.stepper()
    leaves, results = "2 leaves held a gradient before", "3 results hold the gradients of a pass before"
    assert leaves in s.text
    assert f"{results}, which the first step clears" in s.text
    s.next()
    assert leaves in s.text
    assert results not in s.text
    assert results in s.back().text
    loss.zero_grad()
    assert "before" not in loss.stepper().text


def test_a_stepper_without_its_brackets() -> None:
    loss, _, _ = graph()
    s: Any = loss.stepper
    for move in (s.next, s.run, s.to, s.break_at):
        with pytest.raises(AttributeError, match=r"write s = y.stepper\(\), with brackets"):
            move()


def test_numpys_whole_numbers_count_steps() -> None:
    np = needs("numpy")
    loss, _, _ = graph()
    s = loss.stepper()
    assert s.next(np.int64(2)).number == 2
    assert loss.why("a", k=np.int64(1)).paths
    assert loss.explain(rows=np.int64(3)).text


@pytest.mark.parametrize("flag", ["changes", "nan"])
def test_a_flag_of_a_breakpoint_is_true_or_false(flag: str) -> None:
    loss, _, _ = graph()
    options: dict[str, Any] = {flag: "no"}
    with pytest.raises(TypeError, match=f"{flag}= is True or False, got 'no'"):
        loss.stepper().break_at("a", **options)
