"""The stepper: forth and back with exact gradients, what it shows, and what it leaves behind."""

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
    forward.run()
    assert isinstance(forward.to("c"), Step)  # back to the later one of its two
    assert forward.position == 5


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
        with pytest.raises(ValueError, match="ask for the gradient of a node; for"):
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


def test_whether_it_begins_with_the_forward_pass_is_true_or_false() -> None:
    with pytest.raises(TypeError, match="forward is True to begin with the forward pass, else False, got 'yes'"):
        Stepper(graph()[0], forward="yes")


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


def test_closed_at_the_end_it_keeps_them() -> None:
    loss, a, _ = graph()
    with loss.stepper() as s:
        s.run()
    assert a.grad == -8.0
    assert "; closed" in s.text
    assert "half-way" not in s.text


def test_another_pass_stops_one_that_has_gone_back_from_its_end() -> None:
    loss, a, _ = graph()
    s = loss.stepper()
    s.run()
    s.back()
    loss.backward()
    assert a.grad == -8.0
    with pytest.raises(RuntimeError, match="was closed"):
        s.next()


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


@pytest.mark.parametrize(("forward", "places"), [(False, [4, 5, 6, 7]), (True, [0, 1, 2, 3, 5, 6, 7])])
def test_a_notebook_shows_the_page_where_it_stands(
    forward: bool, places: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both passes are on it; a stepper without the forward pass begins where that has ended."""
    monkeypatch.setattr(Value, "_steps_frame", lambda root, names, place: str(place))
    s = graph()[0].stepper(forward=forward)
    assert [int(s._repr_html_()), *[int(s._repr_html_()) for _ in s]] == places


def test_it_tells_of_gradients_from_before() -> None:
    loss, _, b = graph()
    s = loss.stepper()
    assert "before" not in s.text
    b.grad = 1.0
    assert s.text.endswith("  1 leaf held a gradient before, and this pass adds to it; zero_grad() first clears it")
    s.run()
    assert "1 leaf held" in s.text
    s.reset()
    b.grad = 0.0
    assert "before" not in s.text
    b.grad = 1.0
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


def test_names_that_can_be_read_once_are_known_all_along() -> None:
    """As pairs that a generator of one's own yields: the steps had them, why() and the page did not."""
    weight = Value(2.0)
    s = (weight * 3.0).stepper(names=(pair for pair in [("layer.weight", weight)]))
    assert "layer.weight" in str(s.next())
    assert "layer.weight" in str(s.why("layer.weight"))
    assert "layer.weight" in s._repr_html_()
