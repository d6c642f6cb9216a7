from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
import nn
from engine import Value, topological_order
from engine.text.expressions import parse
from engine.text.names import Names, given_names
from engine.text.source import expression
from tests.engine.graphs import Recipe, build, floats, recipes

POINTS = st.lists(floats(), min_size=3, max_size=3)


def written(root: Value, most: int = 10_000) -> str:
    return Names(topological_order(root)).expression(root, most)


def test_label() -> None:
    a, ws = Value(1.0), [Value(2.0), [Value(3.0)]]
    engine.label(a=a, w=ws)
    assert a.label == "a"
    assert ws[1][0].label == "w[1][0]"
    with pytest.raises(TypeError, match=r"label\(b=...\) names a Value or a list of them, got 2"):
        engine.label(a2=a, b=2)
    with pytest.raises(TypeError, match=r"names as keywords: write label\(y=y\)"):
        engine.label(a)
    assert a.label == "a"


def test_label_locals() -> None:
    a, kept, _hidden = Value(1.0), Value(2.0, "mine"), Value(3.0)
    ws = [Value(4.0), Value(5.0)]
    constant = (a * 2.0).operands[1]
    number = 6.0
    assert engine.label_locals() == ["a", "ws[0]", "ws[1]"]
    assert (a.label, kept.label, _hidden.label, ws[1].label) == ("a", "mine", None, "ws[1]")
    assert (constant.label, number) == (None, 6.0)


def test_brackets_stand_where_they_must() -> None:
    a, b, c = Value(2.0, "a"), Value(3.0, "b"), Value(5.0, "c")
    for node, text in [
        ((a * b + c) * a, "(a*b + c) * a"),
        (a - (b - c), "a - (b - c)"),
        (a - b - c, "a - b - c"),
        (a / (b * c), "a/(b*c)"),
        (-(a**2), "-a**2"),
        ((-a) ** 2, "(-a)**2"),
        (a ** (b**c), "a**b**c"),
        ((a**b) ** c, "(a**b)**c"),
        (a**-2, "a**-2"),
        (Value(-3.0) * a, "v1*a"),
        (-3 * a, "-3*a"),
        (-(a + b), "-(a + b)"),
        (a // b % c, "a//b%c"),
        (engine.dot([a, b], [c, 2], a), "dot([a, b], [c, 2], a)"),
        (engine.where(1.0, a, b + c), "where(1, a, b + c)"),
        (engine.tanh(a * 0.25), "tanh(a*0.25)"),
    ]:
        assert written(node) == text


@given(recipes(most=6), POINTS)
def test_what_is_written_can_be_read_again(recipe: Recipe, xs: list[float]) -> None:
    leaves = [Value(round(x, 3), label=name) for x, name in zip(xs, "xyz")]
    root = build(recipe, leaves)
    text = written(root)
    again = parse(text, {str(leaf.label): leaf for leaf in leaves})
    assert math.isclose(again.data, root.data, rel_tol=1e-12, abs_tol=1e-12)


def test_long_expressions_stop_at_one_operation() -> None:
    x = y = Value(1.0, "x")
    for _ in range(100_000):
        y = y + x
    assert written(y, 160) == "add100000 + x"


def test_names_stay_apart() -> None:
    a = Value(2.0, "a")
    first, second = a * a, a * a
    root = first + second
    root.label = "mul3"
    names = Names(topological_order(root))
    assert [names(first), names(second), names(root)] == ["a*a", "mul3'", "mul3"]
    assert names.find("mul3'") is second
    assert names.find("a*a") is first


def test_a_name_is_the_same_node_whatever_is_asked_first() -> None:
    """A stepper names nodes from the result on, a table from the leaves on; both said a*b, of different nodes."""
    a, b = Value(2.0, "a"), Value(-0.3, "b")
    root = (a * b).tanh() + a * b
    inner, outer = root.operands[0].operands[0], root.operands[1]
    for nodes in ([inner, outer, root], [root, outer, inner]):
        names = Names(topological_order(root))
        assert {node: names(node) for node in nodes} == {inner: "a*b", outer: "mul5", root: "tanh(a*b) + a*b"}
        a.label, b.label = "x", "y"
        assert {node: names(node) for node in nodes} == {inner: "x*y", outer: "mul5", root: "tanh(x*y) + x*y"}
        a.label, b.label = "a", "b"
    assert "a -> a*b -> tanh(a*b)" in str(root.why("a"))
    assert "a -> mul5 -> (tanh(a*b) + a*b)" in str(root.why("a"))


def test_labels_that_come_later_count() -> None:
    a, b = Value(2.0), Value(3.0)
    root = (a * b).tanh()
    s = root.stepper()
    assert str(s).splitlines()[-1].split()[0] == "v1"
    assert engine.label_locals() == ["a", "b", "root"]
    assert str(s).splitlines()[-1].split()[0] == "a"
    assert s.to("b").operands[1] is b
    assert s.to("a*b").node is root.operands[0]
    with pytest.raises(ValueError, match=re.escape("no node is called 'v3'; there are a, b, root, a*b (label")):
        s.to("v3")


def test_a_blank_label_is_none() -> None:
    a, blank = Value(2.0, "a"), Value(3.0, " ")
    assert (a + blank).explain().expression == "a + v2"


def test_a_label_with_operators_is_bracketed_in_a_formula() -> None:
    """Labels as in micrograd's lecture, where a + b times 3 would read as a plus 3b."""
    total, minus, call, pair = (Value(2.0, label) for label in ("x1*w1 + x2*w2", "-a", "f(a, b - c)", "(a) - (b)"))
    for node, text in [
        (total * 3, "(x1*w1 + x2*w2) * 3"),
        (minus**2, "(-a)**2"),
        (call * 3, "f(a, b - c) * 3"),
        (3 - pair, "3 - ((a) - (b))"),
        (engine.tanh(total), "tanh(x1*w1 + x2*w2)"),
    ]:
        names = Names(topological_order(node))
        assert (names(node), names.formula(node)) == (text, text)
    assert str(engine.forward_steps(total * 3).__next__()).endswith("\n  x1*w1 + x2*w2  = 2")


def test_names_from_outside() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    names = Names(topological_order(a * b), {"weight": a, "elsewhere": Value(1.0)})
    assert (names(a), names.find("weight") is a) == ("weight", True)
    with pytest.raises(ValueError, match="no node is called 'a'"):
        names.find("a")


def test_names_from_modules_mappings_and_pairs() -> None:
    w = Value(1.0)
    assert given_names(None) == {}
    assert given_names({"w": w}) == given_names([("w", w)]) == {w: "w"}
    for wrong in (3, [w], {"w": 1.0}, {1: w}, [w] * 1000, nn.MLP):  # the last one is a class, and no model
        with pytest.raises(TypeError, match=r"^names= takes a module .* got .{1,40} of type \w+$"):
            given_names(wrong)


def test_labels_do_nothing_to_a_terminal() -> None:
    a, b = Value(2.0, "\x1b[31mred\0"), Value(3.0, "long" * 250_000)
    root = a * b
    names = Names(topological_order(root))
    assert names(a) == "␛[31mred␀"
    assert len(names(b)) == 80
    assert names.find("␛[31mred␀") is names.find("\x1b[31mred\0") is a
    assert names.find(names(b)) is b
    text = str(root.explain()) + str(root.stepper()) + str(root.why(a))
    assert "\x1b" not in text
    assert "\0" not in text
    assert len(text) < 2000
    with pytest.raises(ValueError, match="no node is called") as caught:
        names.find("x" * 1_000_000)
    assert len(str(caught.value)) < 2000
    assert len(repr(b)) < 200


def test_a_formula_of_many_operands_names_those_at_the_ends() -> None:
    xs = [Value(float(k), f"x{k}") for k in range(13)]
    for root, formula in {
        engine.logsumexp(xs[:12]): "logsumexp(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11)",
        engine.logsumexp(xs): "logsumexp(x0, x1, ... 9 more ..., x11, x12)",
        engine.dot(xs, [1.0] * 13, xs[0]): "dot([x0, x1, ... 9 more ..., x11, x12], [1, 1, ... 9 more ..., 1, 1], x0)",
    }.items():
        assert Names(engine.topological_order(root)).formula(root) == formula
    assert "..." not in expression(root, {x: x.label or "" for x in xs})  # code is whole
