"""Weights that a dot reads as a row have no symbols; where one of them is used otherwise too, nothing else changes."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from operator import is_
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
import nn
from engine import Value, compile
from engine.compiler.errors import PlanError
from engine.compiler.frontend.graph import Graph, operations
from engine.compiler.frontend.operands import DotOperands, LeafRow
from engine.compiler.passes.computation import Computation
from engine.compiler.passes.differentiate import derivatives
from engine.compiler.passes.simplify import simplify
from engine.compiler.passes.verify import verify
from engine.compiler.pipeline import stages, trace
from engine.compiler.plan.plan import Plan
from tests.engine.compiler.everywhere import close
from tests.needs import INSTALLED

NIN = 3


class Sub(Value):
    """A parameter of a class of the user's own."""


def of_rows(seed: int, size: int) -> tuple[Callable[[list[Any]], Any], list[Value]]:
    """A function whose dots read rows, parts, columns and mixtures of the same parameters, and these singly."""
    rng = random.Random(seed)
    table = [[(Value, Sub)[rng.random() < 0.2](rng.uniform(-1, 1)) for _ in range(NIN)] for _ in range(4)]
    pool = [w for row in table for w in row]

    def function(x: list[Any]) -> Any:
        rng = random.Random(seed)
        known, made = list(x), Value(0.25)
        for _ in range(size):
            kind, row = rng.randrange(9), rng.choice(table)
            inputs = [rng.choice(known) for _ in range(NIN)]
            bias = rng.choice([None, made, 0.5, rng.choice(pool)])
            if kind < 3:
                result = engine.dot(row, inputs, bias)
            elif kind == 3:
                result = engine.dot(inputs, row, bias)
            elif kind == 4:
                column = rng.randrange(NIN)
                result = engine.dot([other[column] for other in table], [*inputs, x[0]], bias)
            elif kind == 5:
                result = engine.dot([rng.choice([*pool, made, 2.0]) for _ in inputs], inputs, bias)
            elif kind == 6:
                result = engine.dot(row[::-1], inputs) + engine.dot(row[1:], inputs[1:], bias)
            elif kind == 7:
                result = rng.choice(known) + rng.choice(pool) * engine.dot(row, rng.choice(table))
            else:
                result = engine.sum([w * w for w in rng.sample(pool, 3)]) * rng.choice(known)
            known.append(engine.tanh(result))
        return engine.mean(known[NIN:]) + 0.0 * engine.sum(x)

    return function, pool


@pytest.mark.parametrize("backend", INSTALLED)
@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 12))
def test_rows_that_are_read_otherwise_too_agree_with_the_eager_engine(backend: str, seed: int, size: int) -> None:
    function, pool = of_rows(seed, size)
    rng = random.Random(seed)
    samples = [[rng.uniform(-1, 1) for _ in range(NIN)] for _ in range(6)]
    losses = [function(sample) for sample in samples]
    wanted = [sum(each) / len(samples) for each in zip(*[engine.grad(loss, pool) for loss in losses])]
    compiled = compile(function, backend=backend)
    loss, gradient = compiled.value_and_grad(samples)
    found = dict(zip(compiled.parameters, gradient))
    scale = max(1.0, *map(abs, wanted))
    assert close(loss, sum(map(float, losses)) / len(samples), 1.0)
    assert all(close(found.get(w, 0.0), expected, scale) for w, expected in zip(pool, wanted))


@pytest.mark.parametrize("backend", INSTALLED)
def test_neurons_of_the_same_weights_with_a_bias_each(backend: str) -> None:
    row, biases = [Value(0.5), Value(-2.0)], [Value(1.0), Value(3.0)]

    def function(x: Any) -> Any:
        first, second = (engine.tanh(engine.dot(row, x, bias)) for bias in biases)
        return first * second

    compiled = compile(function, backend=backend)
    samples = [[1.0, 2.0], [0.5, 0.25], [-1.0, 3.0]]
    assert all(close(float(found), function(x).data, 1.0) for found, x in zip(compiled(samples), samples))
    wanted = [sum(engine.grad(function(x), leaf) for x in samples) / 3 for leaf in (*row, *biases)]
    found = dict(zip(compiled.parameters, compiled.value_and_grad(samples)[1]))
    assert all(close(float(found[leaf]), each, 1.0) for leaf, each in zip((*row, *biases), wanted))


def planned(function: Any, shapes: Any, gradients: bool = True) -> tuple[Any, Plan]:
    """The graph of a function, and its plan."""
    traced = trace(function, shapes)
    *_, (_, plan) = stages(Computation.of(traced, gradients))
    assert isinstance(plan, Plan)
    return traced.graph, plan


def symbols_of_leaves(graph: Any) -> int:
    """How many leaves have a symbol."""
    return sum(symbol.kind == "leaf" for symbol in graph.symbols.values())


def test_of_a_network_only_the_biases_get_symbols_forth_and_back() -> None:
    model = nn.MLP(7, [5, 4, 3])
    graph, plan = planned(lambda x, y: nn.cross_entropy([model(x)], [y]), [(7,), ()])
    assert all(map(is_, graph.leaves, model.parameters()))
    assert symbols_of_leaves(graph) == 5 + 4 + 3
    assert plan.leaves == 5 * 8 + 4 * 6 + 3 * 5


def test_layers_that_read_the_same_inputs_and_shared_ones_are_one_product() -> None:
    first, second, last = nn.Layer(4, 3), nn.Layer(3, 3), nn.Layer(6, 1)

    def function(x: list[Any]) -> Any:
        h = first(x)
        return last([*second(h), *second(h[::-1])])[0]

    graph, _ = planned(function, [(4,)])
    assert symbols_of_leaves(graph) == 3 + 3 + 1 + 9 + 6, "the second layer's columns are no range of both, nor the one"


def operands_of(function: Any, shape: tuple[int, ...] = (2,)) -> list[Any]:
    """The left sides of all dots of a function."""
    dots = [symbol.operands for symbol in operations(trace(function, [shape]).outputs)]
    return [operands.left for operands in dots if isinstance(operands, DotOperands)]


def test_what_is_a_range() -> None:
    a, b, c, d = (Value(float(k)) for k in range(4))
    (row,) = operands_of(lambda x: engine.dot([a, b], x))
    assert isinstance(row, LeafRow)
    assert row.numbers == range(2)
    assert row[1].value is b
    assert [leaf.value for leaf in row[::-1]] == [b, a]
    (right,) = operands_of(lambda x: engine.dot(x, [a, b]))
    assert right.numbers == range(2), "weights stand on the left"
    one, other = operands_of(lambda x: engine.dot([a, b], x) * engine.dot([c, d], x))
    assert (one.numbers, other.numbers) == (range(2), range(2, 4))
    *_, column = operands_of(lambda x: engine.dot([a, b], x) * engine.dot([c, d], x) * engine.dot([b, d], x))
    assert column.numbers == range(1, 5, 2)
    (twice,) = operands_of(lambda x: engine.dot([a, a], x))
    assert twice.numbers == (0, 0)
    (mixed,) = operands_of(lambda x: engine.dot([a, 2.0], x))
    assert isinstance(mixed, tuple)
    (of_written_out,) = operands_of(lambda x: engine.dot([a * 1.0, b * 1.0], x))
    assert of_written_out.numbers == range(2), "an identity has left the leaves"
    whole = DotOperands(row, tuple(row), (twice[0],))
    assert [leaf.value for leaf in (whole[1], *whole[2:], whole[-1])] == [b, a, b, a, a], "as a tuple of all"


def test_a_row_made_by_the_function_itself_is_constants() -> None:
    w = [Value(1.5), Value(-2.0)]

    def function(x: list[Any]) -> Any:
        return engine.dot([Value(3.0), Value(4.0)], x) * engine.dot(w, x)

    traced = trace(function, [(2,)])
    assert len(traced.graph.leaves) == 2
    assert all(map(is_, traced.graph.leaves, w))
    compiled = compile(function, backend="python")
    assert compiled([[1.0, 2.0]]) == [float(function([1.0, 2.0]))]


def test_derivatives_by_inputs_and_by_single_weights_inside_a_function() -> None:
    layer, w = nn.Layer(2, 3, "tanh"), nn.Layer(3, 1)

    def function(x: list[Any]) -> Any:
        y = w(layer(x))[0]
        inside = engine.grad(y, [x[0], layer.neurons[1].w[0], layer.neurons[1].b], create_graph=True)
        return y + engine.sum([engine.square(d) for d in inside])

    compiled = compile(function, backend="python")
    x = [0.3, -0.7]
    loss, gradient = compiled.value_and_grad([x])
    eager = function([Value(number) for number in x])
    assert close(loss, float(eager), 1.0)
    for found, expected in zip(gradient, engine.grad(eager, compiled.parameters)):
        assert close(found, expected, 1.0)


def test_the_verifier_sees_leaves_that_do_not_exist() -> None:
    w = [Value(1.0), Value(2.0)]
    traced = trace(lambda x: engine.dot(w, x), [(2,)])
    verify(Computation.of(traced))
    del traced.graph.leaves[1:]
    with pytest.raises(PlanError, match="reads a leaf that does not exist"):
        verify(Computation.of(traced))


def test_a_row_of_which_some_leaves_are_in_another_one_is_none_and_leaves_no_trace() -> None:
    a, b, c, d = (Value(float(k)) for k in range(4))

    def function(x: list[Any]) -> Any:
        return engine.dot([a, b], x) + engine.dot([c, b], x) + engine.dot([d, d], x) + engine.dot([c, d], x)

    graph = trace(function, [(2,)]).graph
    assert all(map(is_, graph.leaves, [a, b, c, d]))
    assert [*graph._rows.values()] == [range(2), range(2), range(2, 3), range(3, 4)]
    assert [left.numbers for left in operands_of(function)] == [range(2), range(2, 0, -1), (3, 3), range(2, 4)]


def test_what_the_function_makes_itself_beside_a_weight_is_differentiated_the_same_way_in_every_run() -> None:
    w, v = Value(0.5), [Value(-0.25), Value(2.0), Value(0.1)]

    def function(x: list[Any]) -> Any:
        h = [engine.tanh(number) for number in x]
        y = engine.dot([w, Value(3.0), Value(1.5)], h) + engine.sin(h[0]) + engine.dot(v, h) * engine.dot(h, v)
        return engine.sum(engine.grad(y, h, create_graph=True)) * y

    compiled = compile(function, backend="python")
    loss, gradient = compiled.value_and_grad([[0.3, -0.7, 0.2]])
    eager = function([Value(number) for number in (0.3, -0.7, 0.2)])
    assert close(loss, float(eager), 1.0)
    assert {*map(id, compiled.parameters)} == {*map(id, [w, *v])}
    for found, expected in zip(gradient, engine.grad(eager, compiled.parameters)):
        assert close(found, expected, 10.0)


def test_a_settled_graph_knows_its_rows_again() -> None:
    """What a rule of the user's reads while passes run may be a row of before, or one of its leaves."""
    graph, w, b = Graph(simplify, derivatives), [Value(0.5) for _ in range(3)], Value(1.0)
    row, alone = graph.row(w), graph.lift(b)
    graph.settle()
    assert graph.row(w) == row
    graph.settle()
    assert (graph.lift(w[2]).number, graph.lift(b)) == (2, alone)
    graph.settle()
    assert graph.row([w[0], b]) is None
    new = [Value(2.0), Value(3.0)]
    graph.settle()
    assert graph.row(new).numbers == range(4, 6)
    assert graph.is_leaf_among([Value(2.0), new[1]])
    assert not graph.is_leaf_among([Value(2.0)])


def _assigned(x: Any) -> Any:
    y = copy.copy(x)
    y[0] = 2.0 * x[1]
    del y[1]
    return y[0] * y[1] + x[0]


def _copied_deeply(x: Any) -> Any:
    y = copy.deepcopy([x])[0]
    y[0], y[1:] = x[2], [5.0]
    return y[0] * y[1] + x[0] * len(x)


def _joined(x: Any) -> Any:
    longer = [4.0] + x  # noqa: RUF005  # it is the operator that is looked at
    longer += x[1:]
    return sum(value * k for k, value in enumerate(longer))


@pytest.mark.parametrize("function", [_assigned, _copied_deeply, _joined])
def test_a_row_is_the_list_that_it_stands_for(function: Any) -> None:
    """A copy that shared its entries, or a slice of another kind, would change the samples, or be refused."""
    rows = [[1.0, 2.0, 3.0], [-1.0, 0.5, 7.0]]
    assert list(compile(function, backend="python")(rows)) == [float(function([*row])) for row in rows]
