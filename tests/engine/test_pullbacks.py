"""The pullbacks that are written out add, to the last bit, what those made from the rules add."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Constant, Interval, Primitive, Value, backprop, grad, ops
from engine.graph import recorded_order
from engine.pullbacks import UNREACHED, _Pullbacks, pullbacks
from tests.engine.graphs import Recipe, build, recipes

NUMBERS = st.floats() | st.sampled_from([0.0, -0.0, 1.0])


class Parameter(Value):
    """A class of the user's own."""


WRITTEN = [ops.add, ops.sub, ops.mul]


def pulled(primitive: Primitive, operands: Sequence[Any], upstream: float, by: dict[Any, Any]) -> list[str]:
    """What the operands that are Values get, bit by bit."""
    node = primitive(*operands)
    adjoints = recorded_order(node, -0.0)
    by[primitive](adjoints, upstream, node)
    return [adjoints[operand].hex() for operand in operands if type(operand) is not Constant]


@pytest.mark.parametrize("primitive", WRITTEN)
@given(x=NUMBERS, y=NUMBERS, upstream=NUMBERS)
def test_of_two_operands(primitive: Primitive, x: float, y: float, upstream: float) -> None:
    shared = Value(x)
    pairs: list[tuple[Any, Any]] = [
        (Value(x), Value(y)),
        (shared, shared),
        (Value(x), Constant(y)),
        (Constant(x), Value(y)),
        (Parameter(x), Parameter(y)),
    ]
    for operands in pairs:
        assert pulled(primitive, operands, upstream, pullbacks) == pulled(primitive, operands, upstream, _Pullbacks())


@pytest.mark.parametrize("operator", [lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y])
def test_numbers_beside_a_value_get_nothing(operator: Any) -> None:
    x = Value(3.0)
    for node, d in (
        (operator(x, 2.0), operator(4.0, 2.0) - operator(3.0, 2.0)),
        (operator(2.0, x), operator(2.0, 4.0) - operator(2.0, 3.0)),
    ):
        adjoints = recorded_order(node, -0.0)
        pullbacks[node.primitive](adjoints, 5.0, node)
        assert adjoints == {x: 5.0 * d, node: 0.0}


@given(st.lists(NUMBERS, min_size=2, max_size=7), NUMBERS)
def test_of_a_dot(numbers: list[float], upstream: float) -> None:
    n = len(numbers) // 2
    operands = [Value(number) for number in numbers]
    node = ops.dot(operands[:n], operands[n : 2 * n], *operands[2 * n :])
    found = []
    for by in (pullbacks, _Pullbacks()):
        adjoints = recorded_order(node, UNREACHED)
        by[ops.dot](adjoints, upstream, node)
        assert all(adjoints[operand] is not UNREACHED for operand in operands)
        found.append([(adjoints[operand] + 0.0).hex() for operand in operands])  # of a zero without its sign
    assert found[0] == found[1]


@pytest.mark.parametrize("number", [0.0, 2.0, math.inf, math.nan])
def test_of_a_dot_that_nothing_depends_on(number: float) -> None:
    """Its operands are reached, by 0 where their numbers are finite: what comes after them may be infinite."""
    x, w = Value(number), Value(3.0)
    node = ops.dot([w], [ops.sqrt(x)])
    root = node * 0.0
    assert str(grad(root, x)) == str(0.0 * grad(node, x))
    assert str(grad(root, w)) == str(0.0 * math.sqrt(number))
    for before in (-2.0, 2.0):
        adjoints = dict.fromkeys(node.operands, before)
        pullbacks[ops.dot](adjoints, 0.0, node)
        assert str(adjoints[w]) == str(before + 0.0 * math.sqrt(number)), "what came before stays"


@given(
    recipes(["add", "sub", "mul", "dot", "dot", "relu", "sqrt", "exp", "div"]),
    st.lists(NUMBERS, min_size=3, max_size=3),
)
def test_whole_sweeps_agree(recipe: Recipe, numbers: list[float]) -> None:
    """Also where relus are 0, numbers are infinite or there are none, but for the sign of a zero."""
    root, found = build(recipe, list(map(Value, numbers))), []
    for by in (pullbacks, _Pullbacks()):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(backprop, "pullbacks", by)
            found.append([(adjoint + 0.0).hex() for adjoint in backprop.sweep(root).values()])
    assert found[0] == found[1]


def test_the_operand_that_was_not_selected_gets_nothing() -> None:
    """Where its rule gives None: 0 times an infinite derivative of what comes before it would be nan."""
    rule = lambda z, x: ops.unless(x < 0.0, 1.0)  # as in the table
    positive = Primitive(
        "positive", "+", 1, lambda x: max(x, 0.0), (rule,), ("x",), "", (Interval(-math.inf, math.inf),)
    )
    for number, derivative in ((0.0, 0.0), (4.0, 0.25)):
        x = Value(number)
        assert grad(positive(ops.sqrt(x) - 1.0), x) == derivative


def test_a_primitive_keeps_its_pullback() -> None:
    assert pullbacks[ops.tanh] is pullbacks[ops.tanh]
    assert set(pullbacks) >= {*WRITTEN, ops.dot}
