"""A graph recorded partly before a leaf was changed and partly after is refused: no function has its gradient.

One that was recorded before as a whole has the gradient of its numbers, with a warning.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
import nn
from engine import Value, graph

KEPT: dict[str, Callable[[Value], Value]] = {
    "an operator": lambda t: 1 / (t * t),
    "a number on the left": lambda t: 2 - t,
    "a function": engine.exp,
    "a dot": lambda t: engine.dot([t, Value(2.0)], [Value(1.0), t]),
    "a sum": lambda t: engine.sum([Value(1.0), t, t]),
    "a penalty in several steps": lambda t: engine.sum([w * w for w in (t, Value(3.0))]) * 0.1,
    "a choice": lambda t: engine.where(t > 0, t, -t),
}


TOLD = "the gradient is the one at that number: compute the result anew"


@pytest.mark.parametrize("kind", KEPT)
def test_a_result_kept_while_its_leaf_changes_is_refused(kind: str) -> None:
    t, x = Value(2.0, "t"), Value(3.0, "x")
    kept, optimizer = KEPT[kind](t), nn.SGD([t], lr=0.1)
    loss = kept * x * t
    loss.backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"'t'\) was .* mixes results from before and after a change, .*detach\(\)"):
        (kept * x * t).backward()
    with pytest.raises(RuntimeError, match="from before and after a change"):
        engine.grad(kept * x * t, t)


def test_a_leaf_of_a_class_of_ones_own_is_looked_at_too() -> None:
    """It was passed over: the gradient of 2.0 * 2.0 * t was that of t * t * t at no number."""

    class Parameter(Value):
        pass

    t = Parameter(2.0)
    kept = t * t
    t.data = 5.0
    with pytest.raises(RuntimeError, match="from before and after a change"):
        (kept * t).backward()
    with pytest.warns(UserWarning, match=TOLD):
        kept.backward()


def test_a_refused_pass_changes_no_gradient() -> None:
    t = Value(2.0)
    kept = t * t
    t.data = 5.0
    t.grad = 7.0
    with pytest.raises(RuntimeError, match=r"was 2\.0 when mul was computed from it, and 5\.0 when add was"):
        (kept + (t + 1)).backward()
    assert t.grad == 7.0


def test_a_detached_result_is_a_constant() -> None:
    t = Value(2.0)
    kept = (1 / (t * t)).detach()
    t.data = 4.0
    (kept * t).backward()
    assert t.grad == 0.25


def test_a_graph_that_is_old_as_a_whole_has_the_gradient_of_its_numbers() -> None:
    t = Value(2.0)
    square = t * t
    t.data = 5.0
    with pytest.warns(UserWarning, match=TOLD) as told:
        square.backward()
    assert t.grad == 4.0
    with pytest.warns(UserWarning, match=TOLD):
        (square * 3).backward()  # more of it, that does not read the leaf
    assert t.grad == 16.0
    assert told[0].filename == __file__


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_loss_from_before_a_loop_is_warned_of(by_hand: bool) -> None:
    """Every step went the way of the first, and nothing said so; PyTorch refuses the second pass."""
    w = Value(2.0, "w")
    optimizer, loss = nn.SGD([w], lr=0.1), w * w
    for step in range(3):
        optimizer.zero_grad()
        with pytest.warns(UserWarning, match=r"'w'\) was 2\.0 when mul .*as a loss in each") if step else nullcontext():
            loss.backward()
        if by_hand:
            w.data -= 0.1 * w.grad
        else:
            optimizer.step()


@pytest.mark.parametrize("number", [2.0, -0.0, math.nan, math.inf])
def test_the_same_number_again_is_no_change(number: float) -> None:
    t = Value(number)
    kept = t * 1
    t.data = float(repr(number))  # another object
    (kept + t).backward()
    assert t.grad == 2.0


def test_a_number_that_came_back_is_no_change() -> None:
    t = Value(2.0)
    kept = t * t
    t.data = 3.0
    t.data = 2.0
    (kept * t).backward()
    assert t.grad == 12.0


def mixed(terms: int) -> Value:
    """A graph of which a part is from before and after a change."""
    t = Value(1.0)
    kept = t * t
    t.data = 1.5
    return engine.sum([kept * t for _ in range(terms)])


def test_large_graphs_of_one_size_are_looked_at_in_calls_whose_number_is_a_power_of_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph, "_calls", {})
    loss = mixed(graph.LARGE)
    for refused in (True, True, False, True, False, False, False, True):
        with pytest.raises(RuntimeError) if refused else nullcontext():
            loss.backward()


def test_the_first_graph_of_its_size_is_looked_at_whatever_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of all sizes were counted together: the third one let a mixed graph pass, however large the others were."""
    monkeypatch.setattr(graph, "_calls", {})
    x = Value(2.0)
    for terms in (1, graph.LARGE + 1, graph.LARGE + 1, 1, graph.LARGE + 2):
        engine.sum([x * x for _ in range(terms)]).backward()
    with pytest.raises(RuntimeError):
        mixed(graph.LARGE + 5).backward()


def test_sizes_without_end_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_calls", dict.fromkeys(range(graph._SIZES), 3))
    with pytest.raises(RuntimeError):
        mixed(graph.LARGE).backward()
    assert len(graph._calls) == 1


@given(
    st.lists(st.tuples(st.sampled_from("+*-"), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12),
    st.integers(0, 12),
    st.integers(0, 2),
)
def test_refused_exactly_where_one_leaf_was_read_at_two_numbers(
    steps: list[tuple[str, int, int]], moment: int, changed: int
) -> None:
    nodes = [Value(float(k + 2)) for k in range(3)]
    leaf, reads = nodes[changed], []
    for k, (symbol, i, j) in enumerate(steps):
        if k == moment:
            leaf.data = 17.0
        a, b = nodes[i % len(nodes)], nodes[j % len(nodes)]
        nodes.append(a + b if symbol == "+" else a * b if symbol == "*" else a - b)
        if a is leaf or b is leaf:
            reads.append((nodes[-1], k < moment))
    root = nodes[-1]
    order = engine.topological_order(root)
    seen = {before for node, before in reads if any(node is one for one in order)}
    if len(seen) == 2:
        with pytest.raises(RuntimeError, match="from before and after a change"):
            root.backward()
    elif True in seen and leaf.data == 17.0:
        with pytest.warns(UserWarning, match=TOLD):
            root.backward()
    else:
        root.backward()
