"""Coverage: what is said to hold for every sample does, of all numbers; and matrix products stay what they are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
import nn
from engine import Value
from engine.compiler.frontend.conditions import INVERT
from engine.compiler.frontend.graph import Graph
from engine.compiler.frontend.symbol import Symbol
from engine.compiler.passes.computation import Computation
from engine.compiler.passes.coverage import ATOMS, covers
from engine.compiler.passes.differentiate import derivatives
from engine.compiler.passes.simplify import simplify
from engine.compiler.pipeline import make_plan, trace
from tests.needs import NATIVE

SPECIAL = [0.0, -0.0, 1.0, 2.0, 0.5, -3.0, math.inf, -math.inf, math.nan, 5e-324]


def number(symbol: Symbol, x: float, y: float) -> float:
    """Of a condition on two inputs, by the primitives' forward functions."""
    if symbol.primitive is not None:
        return symbol.primitive.forward(*[number(operand, x, y) for operand in symbol.operands])
    return float(symbol.value) if symbol.kind == "constant" else (x, y)[symbol.value]


def inverted(condition: Any) -> Any:
    return condition.graph.make(INVERT, (condition,))


def comparisons(graph: Graph) -> list[Any]:
    x, y = graph.source("input", 0), graph.source("input", 1)
    return [x == 0.0, x != 0.0, 1.0 - x == 0.0, 1.0 - x != 0.0, 0.0 - x != 0.0, x < y, y <= x, x == y, x != y, x == 1.0]


@given(st.data())
def test_what_is_said_to_cover_does(data: st.DataObject) -> None:
    graph = Graph(simplify, derivatives)

    def combined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        pairs = st.tuples(parts, parts)
        return parts.map(inverted) | pairs.map(lambda ab: ab[0] & ab[1]) | pairs.map(lambda ab: ab[0] | ab[1])

    conditions = data.draw(
        st.lists(st.recursive(st.sampled_from(comparisons(graph)), combined, max_leaves=5), min_size=1, max_size=4)
    )
    if covers(graph, conditions):
        for x, y in itertools.product(SPECIAL, repeat=2):
            assert any(number(condition, x, y) for condition in conditions)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda c, d: [c, inverted(c)], True),
        (lambda c, d: [c & d, inverted(c), c & inverted(d)], True),
        (lambda c, d: [inverted(c & d), c], True),
        (lambda c, d: [c & d, inverted(c)], False),
        (lambda c, d: [c | d, inverted(c)], True),
        (lambda c, d: [c | d], False),
    ],
)
def test_branches_within_branches(made: Callable[[Any, Any], list[Any]], expected: bool) -> None:
    graph = Graph(simplify, derivatives)
    x, y = graph.source("input", 0), graph.source("input", 1)
    assert covers(graph, made(x < 1.0, y < x)) is expected
    for neither in ([x < y, x != y], [x != 0.0, 1.0 - x == 0.0], [x != 0.0, y - x != 0.0]):  # where both are 0
        assert not covers(graph, neither)


def test_the_position_of_an_input_is_no_number() -> None:
    graph = Graph(simplify, derivatives)
    first, x = graph.source("input", 0), graph.source("input", 1)
    assert not covers(graph, [x != first, 1.0 - x != first])  # neither where both are 0.5
    graph.requirements[engine.ops._Index(1), (x,)] = None
    assert covers(graph, [x == 0.0])
    assert not covers(graph, [x == first])


def test_nan_is_neither_less_nor_not() -> None:
    graph = Graph(simplify, derivatives)
    x, y = graph.source("input", 0), graph.source("input", 1)
    assert not covers(graph, [x < y, y <= x])
    assert covers(graph, [x == y, x != y])
    assert not covers(graph, [x != 0.0, 0.0 - x != 0.0])


def test_which_comparisons_exclude_one_another() -> None:
    graph = Graph(simplify, derivatives)
    x, y = graph.source("input", 0), graph.source("input", 1)
    assert covers(graph, [x != 0.0, 1.0 - x != 0.0])
    assert not covers(graph, [x != 0.0, 1.0 - y != 0.0])
    assert not covers(graph, [x != 1.0, 2.0 - x != 1.0])
    less = x < y
    assert not covers(graph, [inverted(less), less == 0.0])  # which says the same


def test_of_many_comparisons_nothing_is_told() -> None:
    graph = Graph(simplify, derivatives)
    some = [graph.source("input", k) < 0.0 for k in range(ATOMS)]
    assert covers(graph, [*some, inverted(some[0])])
    assert not covers(graph, [*some, inverted(some[0]), graph.source("input", ATOMS) < 0.0])
    chain = some[0]
    for k in range(100):
        chain = inverted(chain) & some[k % 2]
    assert not covers(graph, [chain, inverted(chain)])


def test_all_indices_of_a_take_cover() -> None:
    graph = Graph(simplify, derivatives)
    index, other = graph.source("input", 0), graph.source("input", 1)
    conditions = [index == k for k in range(3)]
    assert not covers(graph, conditions)
    engine.take(index, [other] * 3)
    assert covers(graph, conditions)
    assert covers(graph, [(other < 0.0) | conditions[0], *conditions[1:]])
    for some in (conditions[:2], [*conditions[:2], other == 2], [*conditions[:2], index == 3]):
        assert not covers(graph, some)


def huber(outputs: list[Any], target: list[Any]) -> Any:
    error = engine.abs(outputs[0] - target[0])
    return engine.where(error < 1.0, 0.5 * engine.square(error), error - 0.5)


def masked(outputs: list[Any], target: list[Any]) -> Any:
    """A loss that leaves samples out; of the numbers that come of it, `test_selected_losses` knows."""
    return engine.where(target[0] > 0.0, engine.square(outputs[0] - target[0]), 0.0)


LOSSES: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[int, ...]]] = {
    "bce_with_logits": (nn.bce_with_logits, lambda z: z, (4,)),
    "bce": (nn.bce, lambda z: [engine.sigmoid(x) for x in z], (4,)),
    "nll": (nn.nll, nn.log_softmax, ()),
    "huber": (huber, lambda z: [engine.sum(z)], (4,)),
    "masked": (masked, lambda z: [engine.sum(z)], (4,)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_with_branches_leave_matrix_products_as_they_are(name: str) -> None:
    """Of the two terms of bce a label of 0 or 1 leaves one out, but never both; one of the classes is the label's."""
    loss, last, label = LOSSES[name]
    model = nn.MLP(3, [8, 8, 4], "relu", seed=0)
    traced = trace(lambda x, y: loss(last(model(x)), y if label else y[0]), [(3,), label or (1,)])
    plan = make_plan(Computation.of(traced, gradients=True))
    products = [(job.rows, job.columns) for job in plan.reductions if job.right is not None]
    assert products[-2:] == [(8, 8), (8, 3)]


@NATIVE
@pytest.mark.parametrize("margin", [math.inf, math.nan])
def test_what_is_not_reached_is_not_multiplied_by_infinity(margin: float) -> None:
    """Of the samples here none has a label in the one branch: 0 * inf would make nan of its weight's gradient."""
    w, v = Value(1.0), Value(2.0)

    def loss(x: Any, y: Any) -> Any:
        return engine.where(y[0] == 0.0, w * x[0], 0.0) + engine.where(y[0] == 1.0, v * x[1], 0.0)

    engine.compile(loss, backend="llvm").backward([[1.5, margin]] * 3, [[0.0]] * 3)
    assert (w.grad, v.grad) == (1.5, 0.0)


def test_conditions_that_are_numbers() -> None:
    """One that always holds covers all, one that never does nothing."""
    graph = Graph(simplify, derivatives)
    x = graph.source("input", 0)
    always, never = graph.constant(1.0), graph.constant(0.0)
    assert covers(graph, [always, x < 1.0])
    assert not covers(graph, [never, x < 1.0])
    assert covers(graph, [never, x < 1.0, inverted(x < 1.0)])
