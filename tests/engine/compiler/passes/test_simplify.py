"""Every identity of the rewrite table gives the very same float, signed zeros, inf and nan included."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import engine
from engine import Value, ops
from engine.compiler.frontend.conditions import EITHER, EQUAL, INVERT, NOT_EQUAL
from engine.compiler.frontend.graph import Graph
from engine.compiler.frontend.symbol import Symbol
from engine.compiler.passes.differentiate import derivatives
from engine.compiler.passes.simplify import IDENTITIES, simplify

SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 5e-324, 1.5, -2.5, 1e308]
CONSTANTS = [1.0, -1.0, 0.0, -0.0, 2.0]


def same(x: float, y: float) -> bool:
    """The same float, all nans being equal."""
    return (x != x and y != y) or struct.pack("d", x) == struct.pack("d", y)


def run(root: Symbol, numbers: dict[Symbol, float]) -> float:
    """The number of a symbol, by the primitives' forward functions."""
    if root.primitive is not None:
        return root.primitive.forward(*[run(operand, numbers) for operand in root.operands])
    return root.value if root.kind == "constant" else numbers[root]


def matching(graph: Graph, pattern: Any) -> list[Symbol]:
    """Symbols that a place of a pattern accepts: constants, inputs, and operations on an input."""
    x, y = graph.source("input", 0), graph.source("input", 1)
    raw = [graph._add(p, (x,), "", None, False) for p in (ops.neg, ops.abs, ops.relu)]
    raw += [graph._add(p, (x, y), "", None, False) for p in (EQUAL, NOT_EQUAL)]
    raw.append(graph._add(INVERT, (raw[-1],), "", None, False))
    candidates = [x, *raw, *map(graph.constant, CONSTANTS)]  # the first few are taken
    return [s for s in candidates if pattern(s)]


def check_identity(name: str, primitive: Any, pattern: Any, result: Any, pairs: Iterable[tuple[float, float]]) -> None:
    """That both sides of an identity are one float for some numbers of the two inputs."""
    graph = Graph(simplify, derivatives)
    x, y = graph.source("input", 0), graph.source("input", 1)
    choices = [matching(graph, place)[:3] for place in pattern]
    assert all(choices)
    for operands in itertools.product(*choices):
        left = graph._add(primitive, operands, "", None, False)
        right = result(graph, *operands)
        for first, second in pairs:
            numbers = {x: first, y: second}
            found, expected = run(right, numbers), run(left, numbers)
            if primitive is ops.pow and expected == expected:  # C's pow rounds to within 1 ULP, a product to 0.5
                assert found == expected or abs(found - expected) <= math.ulp(expected), (name, first)
            else:
                assert same(found, expected), (name, operands, first, second)


each_identity = pytest.mark.parametrize("identity", IDENTITIES, ids=[line[0] for line in IDENTITIES])


@each_identity
@given(x=st.floats(), y=st.floats())
def test_an_identity_gives_the_same_float(identity: Any, x: float, y: float) -> None:
    check_identity(*identity, [(x, y)])


@each_identity
def test_an_identity_gives_the_same_float_where_floats_are_special(identity: Any) -> None:
    check_identity(*identity, [*itertools.product(SPECIAL, repeat=2)])


@pytest.mark.parametrize(
    ("name", "wrong", "expression", "number"),
    [
        ("0 * x = 0", lambda x: 0.0, lambda x: 0.0 * x, math.inf),
        ("x - x = 0", lambda x: 0.0, lambda x: x - x, math.inf),
        ("x + 0 = x", lambda x: x, lambda x: x + 0.0, -0.0),
        ("0 - x = -x", lambda x: -x, lambda x: 0.0 - x, 0.0),
        ("x / x = 1", lambda x: 1.0, lambda x: x / x, 0.0),
    ],
)
def test_tempting_rewrites_stay_out(name: str, wrong: Any, expression: Any, number: float) -> None:
    graph = Graph(simplify, derivatives)
    symbol = expression(graph.source("input", 0))
    assert symbol.primitive is not None, f"{name} was applied"
    found = run(symbol, {graph.source("input", 0): number})
    assert not same(found, wrong(number))  # the rewrite would be seen


@pytest.mark.parametrize("number", [0.0, -2.0, math.inf, math.nan, 1.5])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: ops.sqrt(x) ** 0,  # 1, by a path on which eager code finds 0 * inf at 0
        lambda x: x + ops.log(x) ** -0.0 * x,
        lambda x: 1.0 ** ops.sqrt(x),
        lambda x: 0.0 * ops.sqrt(x),
        lambda x: ops.sqrt(x) - ops.sqrt(x),
        lambda x: ops.floor(ops.sqrt(x)),
        lambda x: ops.relu(ops.relu(-ops.sqrt(x))),
        lambda x: ops.where(1.0, x, ops.sqrt(x)),
    ],
)
def test_a_path_by_which_nothing_changes_has_the_slope_of_eager_code(f: Any, number: float) -> None:
    w = Value(1.5)
    compiled = engine.compile(lambda x: f(w) + 0.0 * x, backend="python")
    compiled.value_and_grad([1.0])
    w.data = number
    _, (found,) = compiled.value_and_grad([1.0])
    f(w).backward()
    assert found == w.grad or (math.isnan(found) and math.isnan(w.grad))


def test_equal_expressions_are_one_symbol() -> None:
    graph = Graph(simplify, derivatives)
    x, y = graph.source("input", 0), graph.source("input", 1)
    assert x * y + 1.0 is y * x + 1.0
    assert x - y is not y - x
    assert (graph.constant(0.0) is graph.constant(-0.0)) is False
    assert graph.constant(math.nan) is graph.constant(float("nan"))


@given(c=st.floats(), x=st.floats())
def test_one_product_serves_a_constant_of_either_sign(c: float, x: float) -> None:
    graph = Graph(simplify, derivatives)
    symbol = graph.source("input", 0)
    first, second = c * symbol, -c * symbol
    assert math.isnan(c) or abs(c) == 1.0 or (second.primitive is ops.neg and second.operands == (first,))
    assert same(run(second, {symbol: x}), -c * x)


def test_constants_fold_by_the_forward_function() -> None:
    graph = Graph(simplify, derivatives)
    assert (graph.constant(2.0) ** 3).value == 8.0
    assert ops.log(graph.constant(0.0)).value == -math.inf
    assert bool(graph.constant(1.0) > 0.0)


@given(x=st.floats(), y=st.floats())
@example(x=-0.0, y=0.0)
def test_a_condition_that_holds_where_another_does_is_left_out(x: float, y: float) -> None:
    graph = Graph(simplify, derivatives)
    first, second = graph.source("input", 0), graph.source("input", 1)
    both = (first != 0.0) | (second != 0.0)
    for pair in [(both, both), (both, first != 0.0), (second != 0.0, both)]:
        numbers = {first: x, second: y}
        raw = graph._add(EITHER, pair, "", None, False)
        assert pair[0] | pair[1] is both
        assert run(both, numbers) == run(raw, numbers)
