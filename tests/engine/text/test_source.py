"""What the one writer writes, the project's reader reads: the same graph, shared nodes and all."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import PRIMITIVES, Value, topological_order
from engine.text import source
from engine.text.expressions import parse
from engine.text.source import call, expression
from tests.engine.graphs import Recipe, build, floats, recipes

EVERYTHING = sorted(PRIMITIVES.keys() - {"take", "where"})  # these two need particular numbers: tried below
POINTS = st.lists(floats(), min_size=3, max_size=3)


def same(x: float, y: float) -> bool:
    return x == y or (math.isnan(x) and math.isnan(y))


def assert_same_graph(root: Value, again: Value) -> None:
    """The same operations on the same numbers, and what is shared in one is shared in the other."""
    order, other = topological_order(root), topological_order(again)
    assert [(n.primitive, isinstance(n, engine.Constant)) for n in order] == [
        (n.primitive, isinstance(n, engine.Constant)) for n in other
    ]
    assert all(same(n.data, m.data) for n, m in zip(order, other))
    places = [{node: k for k, node in enumerate(nodes)} for nodes in (order, other)]
    for n, m in zip(order, other):
        assert [places[0][operand] for operand in n.operands] == [places[1][operand] for operand in m.operands]


@given(recipes(EVERYTHING, most=12), POINTS)
def test_what_is_written_is_read_as_the_same_graph(plan: Recipe, xs: list[float]) -> None:
    leaves = [Value(x, name) for x, name in zip(xs, "xyz")]
    root = build(plan, leaves)
    text = expression(root, {leaf: str(leaf.label) for leaf in leaves})
    assert_same_graph(root, parse(text, {str(leaf.label): leaf for leaf in leaves}))
    pasted = eval(text, {name: getattr(engine, name) for name in PRIMITIVES} | dict(zip("xyz", leaves)))
    assert_same_graph(root, pasted)


@given(st.sampled_from([math.inf, -math.inf, math.nan, -0.0, -1e-300, 1e22, 2.0, -2.0]), floats())
def test_numbers_and_lists(c: float, x: float) -> None:
    a, b = Value(x, "a"), Value(3.0, "b")
    roots = [
        c * a,
        a - c,
        a**c,
        c**a,
        -(a * c),
        a - (b - c),
        (-a) ** 2,
        -(a**2),
        a ** (b**c),
        engine.take(1, [a, c]),
        engine.take(a * 0, [b, c]),
        engine.where(a > 0, a, c),
        engine.dot([a, c], [b, 1.0], c),
    ]
    for root in roots:
        assert_same_graph(root, parse(expression(root, {a: "a", b: "b"}), {"a": a, "b": b}))


def test_what_explain_shows_can_be_read() -> None:
    """As it printed a take, the reader refused it."""
    i, a, b = Value(1.0, "i"), Value(2.0, "a"), Value(3.0, "b")
    values = {"i": i, "a": a, "b": b}
    root = engine.take(i, [a, b * 2, engine.dot([a], [b])]) - -engine.sum([a, b])
    shown = root.explain().expression
    assert shown == "take(i, [a, b*2, dot([a], [b])]) - -sum(a, b)"
    assert_same_graph(root, parse(shown, values))


def test_a_deep_graph_and_names_that_are_taken() -> None:
    x = y = Value(0.5, "n1")
    for _ in range(3000):
        y = y.sin() + y
    text = expression(y, {x: "n1"})
    assert "n1 :=" not in text
    assert text.count(":=") == 2999


def test_a_call() -> None:
    assert call(engine.pow, ["-2.0", "y"]) == "(-2.0)**y"
    assert call(engine.take, ["i", "x", "y"]) == "take(i, [x, y])"


def test_an_n_ary_primitive_of_ones_own() -> None:
    worst = engine.declare("test_source_worst", min, lambda z, *xs: [None] * len(xs))
    try:
        a = Value(2.0, "a")
        assert worst(a, 3.0).explain().expression == "test_source_worst(a, 3)"
    finally:
        del engine.PRIMITIVES["test_source_worst"]


@pytest.mark.parametrize("planted", ["no brackets", "swapped operands"])
def test_a_planted_mistake_of_the_writer_is_found(monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    """The tester is tested: what these tests compare would notice."""
    a, b, c = Value(2.0, "a"), Value(3.0, "b"), Value(5.0, "c")
    root = (a - (b - c)) ** 2 * a
    values = {"a": a, "b": b, "c": c}
    assert_same_graph(root, parse(expression(root, {v: k for k, v in values.items()}), values))
    if planted == "no brackets":
        monkeypatch.setattr(
            source,
            "_parts",
            lambda p, xs, ends, own=source._parts: [
                (item[0], 0) if isinstance(item, tuple) else item for item in own(p, xs, ends)
            ],
        )
    else:
        monkeypatch.setattr(source, "_parts", lambda p, xs, ends, own=source._parts: own(p, xs[::-1], ends))
    with pytest.raises(AssertionError):
        assert_same_graph(root, parse(expression(root, {v: k for k, v in values.items()}), values))
