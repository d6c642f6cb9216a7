from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value
from tests.engine.graphs import TAME, Recipe, build, floats, recipes

POINTS = st.lists(floats(), min_size=3, max_size=3)


def by_recursion(node: Value, order: list[Value]) -> list[Value]:
    """The textbook's depth-first walk."""
    if not any(node is done for done in order):
        for operand in node.operands:
            by_recursion(operand, order)
        order.append(node)
    return order


def test_operands_come_before_their_results_from_left_to_right() -> None:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    shared = a * b
    root = engine.sum([c - shared, shared, c, shared.tanh()])
    order = [node.label or node._op for node in engine.topological_order(root)]
    assert order == ["c", "a", "b", "*", "-", "tanh", "sum"]


@given(recipes([*TAME, "maximum"], most=20), POINTS)
def test_the_order_is_that_of_a_depth_first_walk(recipe: Recipe, xs: list[float]) -> None:
    root = build(recipe, [Value(x) for x in xs]) * 2.0
    found, expected = engine.topological_order(root), by_recursion(root, [])
    assert [*map(id, found)] == [*map(id, expected)]


def test_numbers_are_no_leaves() -> None:
    a = Value(1.0)
    root = engine.sum([a, 2.0]) * 3.0
    assert 3.0 in [node.data for node in engine.topological_order(root)]  # which makes a Constant of it
    assert engine.leaves(root) == [a]


def test_a_graph_hangs_on_a_value() -> None:
    with pytest.raises(TypeError, match=r"a graph has a Value as its root, got 2\.0 of type float$"):
        engine.topological_order(2.0)


def test_a_list_or_a_model_in_place_of_a_root_says_what_to_give() -> None:
    class Model:
        def named_parameters(self) -> list[tuple[str, Value]]:
            return []

        def __repr__(self) -> str:
            return "a model\nof many lines"

    outputs: Any = [Value(1.0), Value(2.0)]
    model: Any = Model()
    with pytest.raises(TypeError, match=r"of type list: give one of them, or their engine\.sum$"):
        engine.topological_order(outputs)
    with pytest.raises(
        TypeError, match="got a model of many lines of type Model: give what it computes, such as the loss"
    ):
        engine.topological_order(model)
