"""affine() is dot() of every row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Constant, Value, affine, dot, grad, local_derivatives, no_grad
from engine.modes import observed_by

FLOATS = st.floats(-1e3, 1e3)


def rows(m: int, n: int) -> list[list[Value]]:
    return [[Value(0.5 * (k + 1) - r) for k in range(n)] for r in range(m)]


@pytest.mark.parametrize("number", [Value, Constant, float])
def test_it_gives_the_nodes_that_dot_gives(number: Any) -> None:
    weights, biases, inputs = rows(3, 4), [Value(1.0), Value(-2.0), Value(0.5)], [number(k) for k in range(4)]
    nodes = affine(weights, inputs, biases)
    for node, ws, bias in zip(nodes, weights, biases):
        same = dot(ws, inputs, bias)
        assert (node.data, node.primitive, node.inputs) == (same.data, dot, same.inputs)
        assert [o.data for o in node.operands] == [o.data for o in same.operands]
        assert local_derivatives(node) == local_derivatives(same)


def test_weights_of_which_some_are_numbers() -> None:
    w, x = Value(2.0), Value(3.0)
    for weights, biases in (([[w, 5.0]], [Value(1.0)]), ([[w, Value(5.0)]], [1.0]), ([[2.0, 5.0]], [1.0])):
        (node,) = affine(weights, [x, Value(1.0)], biases)
        assert node.data == 12.0
        x.grad = 0.0
        node.backward()
        assert x.grad == 2.0


def test_numbers_overflow_and_open_modes() -> None:
    assert affine([[2.0, 3.0]], [1.0, 1.0], [1.0]) == [6.0]
    (big,) = affine([[Value(1e200), Value(1e200)]], [Value(1e200), Value(-1e200)], [Value(0.0)])
    assert big.data != big.data  # inf - inf
    with no_grad():
        (plain,) = affine([[Value(2.0)]], [Value(3.0)], [Value(1.0)])
        (without,) = affine([[Value(2.0)]], [Value(3.0)], [None])
        assert affine([[Value(2.0), 5.0]], [3.0, 1.0], [None])[0].data == 11.0
    assert (plain.data, plain.operands, without.data, without.primitive) == (7.0, (), 6.0, None)


def test_who_watches_sees_the_nodes_of_a_layer_whether_they_are_recorded_or_not() -> None:
    seen = list[Any]()

    class Watching:
        def made(self, node: Any) -> None:
            seen.append(node.primitive)

        def swept(self, root: Any, adjoints: Any) -> None:
            """Nothing is."""

    with observed_by(Watching()), no_grad():
        (node,) = affine([[Value(2.0)]], [Value(3.0)], [Value(1.0)])
    assert (node.data, node.operands, seen) == (7.0, (), [dot])


@pytest.mark.parametrize(
    ("weights", "inputs", "biases", "message"),
    [
        ([[1.0]], [1.0], [], "got 0 for 1"),
        ([[1.0]], [1.0], [2.0, 3.0], "got 2 for 1"),
        ([[Value(1.0)]], [1.0, 2.0], [Value(0.0)], "1 weights with 2 inputs"),
        ([[Value(1.0)]], [Value(1.0), Value(2.0)], [Value(0.0)], "1 weights with 2 inputs"),
        ([[Value(1.0), Value(2.0)]], [Value(1.0)], [Value(0.0)], "2 weights with 1 inputs"),
        ([[]], [], [Value(0.0)], "no operands"),
    ],
)
def test_lengths_are_checked(weights: Any, inputs: Any, biases: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        affine(weights, inputs, biases)


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=6), FLOATS, st.booleans(), st.booleans())
def test_a_sweep_adds_what_the_rule_says(
    pairs: Sequence[tuple[float, float]], upstream: float, biased: bool, shared: bool
) -> None:
    xs = [Value(x) for _, x in pairs]
    ws = [xs[-1], *(Value(w) for w, _ in pairs[1:])] if shared else [Value(w) for w, _ in pairs]
    node = dot(ws, xs, Value(1.0)) if biased else dot(ws, xs)
    expected: dict[Value, float] = {}
    for operand, d in zip(node.operands, local_derivatives(node)):
        assert d is not None
        expected[operand] = expected.get(operand, 0.0) + upstream * d
    (node * upstream).backward()
    for operand, gradient in expected.items():
        assert operand.grad == pytest.approx(gradient, rel=1e-12, abs=1e-300)


def test_every_row_adds_to_the_inputs() -> None:
    """Also with a number among the weights, where the dots are made one by one, and beside constants."""
    x, ws, bs = Value(3.0), rows(3, 2), [Value(1.0), Value(2.0), Value(3.0)]
    ws[1] = [ws[1][0], 5.0]
    for other in (Value(4.0), Constant(4.0)):
        nodes = affine(ws, [x, other], bs)
        assert [node.data for node in nodes] == [dot(w, [x, other], b).data for w, b in zip(ws, bs)]
        assert [node._y for node in affine([ws[0], ws[2]], [x, other], bs[1:])] == [False, False], "read once"
        x.grad = other.grad = 0.0
        engine.sum(nodes).backward()
        assert x.grad == sum(w[0].data for w in ws)
        assert other.grad == (0.0 if isinstance(other, Constant) else 1.0 + 5.0 - 1.0)
    nodes = affine([[2.0], [Value(3.0)]], [x], [None, None])
    assert [(node.data, grad(node, x)) for node in nodes] == [(6.0, 2.0), (9.0, 3.0)]
    nodes = affine([[Value(3.0)]] * 2, [2.0], [None, Value(1.0)])
    assert [node.data for node in nodes] == [6.0, 7.0]


def test_constant_inputs_get_nothing_and_weights_all() -> None:
    inputs, ws, b = [Constant(3.0), Constant(4.0)], [Value(1.0), Value(2.0)], Value(0.5)
    (node,) = affine([ws], inputs, [b])
    assert node._y is True
    node.backward()
    assert [w.grad for w in ws] == [3.0, 4.0]
    assert b.grad == 1.0
    assert [x.grad for x in inputs] == [0.0, 0.0]


def test_numbers_in_expressions_stay_floats_until_somebody_looks() -> None:
    x = Value(3.0)
    y = 2 * x + 1
    y.backward()
    assert x.grad == 2.0
    assert y._b.__class__ is float
    assert [type(o) for o in y.operands] == [Value, Constant]
    y.backward()
    assert x.grad == 4.0
    assert len(engine.topological_order(y)) == 5
