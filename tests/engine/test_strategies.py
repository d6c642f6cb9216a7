"""The strategies: valid by construction, fast, shrinking to something readable, printing as code."""

from __future__ import annotations

import importlib
import math
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

import engine
from engine import PRIMITIVES, Interval, Primitive, Value, check_gradients
from engine.interval import BOOLEAN
from engine.strategies.graphs import Expression, expressions
from engine.strategies.nets import Network, datasets, networks
from engine.strategies.scalars import nudged, numbers, points, values

TABLE = list(PRIMITIVES.values())  # as it is now: other tests may declare more


@settings(max_examples=200)
@given(expressions(TABLE, max_nodes=30))
def test_expressions_stay_inside_of_every_domain(expression: Expression) -> None:
    assert 1 <= len(expression.nodes) <= 31  # the sum of loose ends is one more
    assert engine.leaves(expression.root) or expression.point == []
    for node in expression.nodes:
        assert math.isfinite(node.data)
        assert node.primitive is not None
        for x, domain in zip(node.inputs, node.primitive.domains(len(node.inputs)), strict=True):
            assert x in domain, f"{x} outside of {domain} of {node.primitive.name}"
        assert node.primitive.kink is None or node.primitive.kink(node.data, *node.inputs) != 0
        assert all(d is None or math.isfinite(d) for d in engine.local_derivatives(node))


FAR = [  # beyond the sizes that are drawn otherwise, narrow, and where floats lie far apart
    *[Interval(100, 101), Interval(-101, -100.5), Interval(100, math.inf), Interval(-math.inf, -1000)],
    *[Interval(1e15, 1e15 + 1), Interval(1e20, 2e20), Interval(1e20, math.inf), Interval(-math.inf, -1e300)],
    *[Interval(0, 1e-9), Interval(1e-300, 2e-300), Interval(-1, 1)],
]


@pytest.mark.parametrize("domain", FAR, ids=str)
@given(data=st.data())
def test_numbers_of_any_domain_lie_inside(domain: Interval, data: st.DataObject) -> None:
    """Of (100, 101) there came numbers up to 108, and of (1e20, 2e20) its end."""
    assert data.draw(numbers(domain)) in domain
    (x,) = data.draw(points(domain))
    assert x in domain


@pytest.mark.parametrize(
    "domain", [*FAR, Interval(2, 5, integers=True), Interval(-math.inf, -1, integers=True)], ids=str
)
def test_expressions_of_any_domain_stay_inside(domain: Interval) -> None:
    """Of (0, 0.001) there came 0.009, of (1e20, 2e20) its end, of (-inf, -1000) numbers above; of integers only one."""
    kink = lambda z, x, y: y - (domain.low + domain.high) / 2
    narrow = replace(engine.sub, name="narrow", dunder="", domain=(Interval(), domain), kink=kink)
    inputs: set[float] = set()

    @given(expressions([narrow, "add", "mul"]), points(narrow))
    def collect(expression: Expression, point: list[float]) -> None:
        inputs.update(node.inputs[1] for node in expression.nodes if node.primitive is narrow)
        inputs.add(point[1])

    collect()
    assert len(inputs) > 2
    assert all(x in domain for x in inputs)


@settings(max_examples=100)
@given(expressions(TABLE, max_nodes=15))
def test_an_expression_is_a_function_and_its_repr_is_that_function(expression: Expression) -> None:
    assert expression(*expression.point) == expression.root.data
    values = [Value(x) for x in expression.point]
    assert expression(*values).data == expression.root.data
    again = eval(repr(expression), {**vars(engine), "Expression": Expression})
    assert again.root.data == expression.root.data
    names = [node.primitive for node in again.nodes]
    assert names == [node.primitive for node in expression.nodes]


def test_expressions_share_nodes() -> None:
    found = find(expressions(["add", "mul", "exp"]), lambda e: any(uses(e, n) > 1 for n in e.nodes))
    assert ":=" in repr(found)


def uses(expression: Expression, node: Value) -> int:
    return sum(operand is node for other in expression.nodes for operand in other.operands)


@settings(max_examples=60)
@given(expressions(TABLE, min_nodes=30, max_nodes=30))
def test_large_expressions(expression: Expression) -> None:
    assert len(expression.nodes) in (30, 31)


def test_every_primitive_occurs() -> None:
    seen: set[Any] = set()

    @settings(max_examples=300, derandomize=True, database=None)
    @given(expressions(TABLE, min_nodes=10))
    def collect(expression: Expression) -> None:
        seen.update(node.primitive for node in expression.nodes)

    collect()
    assert seen >= set(TABLE)


@pytest.mark.parametrize("name", ["sub", "log", "where"])
def test_an_expression_shrinks_to_one_node(name: str) -> None:
    found = find(expressions(TABLE, max_nodes=8), lambda e: PRIMITIVES[name] in [node.primitive for node in e.nodes])
    assert len(found.nodes) <= 2  # one, but for a `where` in the oldest Hypothesis that is supported


def test_a_wrong_rule_shrinks_to_one_node() -> None:
    """Told by one difference for each of many graphs, and by a whole check for the last."""
    bad = replace(engine.tanh, name="bad", local_derivatives=[lambda z, x: 1.001 * (1 - z * z)])

    def is_wrong(e: Expression) -> bool:
        xs, h = [*map(Value, e.point)], 1e-5
        e(*xs).backward()
        beside = [[[b + h * sign * (a is b) for b in xs] for sign in (1, -1)] for a in xs]
        slopes = [(e(*more).data - e(*less).data) / (2 * h) for more, less in beside]
        return any(abs(x.grad - slope) > 1e-4 * abs(slope) + 1e-7 for x, slope in zip(xs, slopes))

    found = find(expressions([bad, "add", "mul", "sin", "exp"], max_nodes=8), is_wrong)
    assert repr(found) == "Expression.of(lambda x0: bad(x0), [0.0])"
    assert not check_gradients(found, found.point)


@pytest.mark.parametrize("primitive", TABLE, ids=lambda p: p.name)
def test_points_of_a_primitive(primitive: Primitive) -> None:
    @settings(max_examples=25)
    @given(points(primitive))
    def check(point: list[float]) -> None:
        for x, domain in zip(point, primitive.domains(len(point)), strict=True):
            assert x in domain
        z = primitive.forward(*point)
        assert math.isfinite(z)
        assert primitive.kink is None or abs(primitive.kink(z, *point)) > 1e-3

    check()


@settings(max_examples=50)
@given(st.data())
def test_points_and_numbers_of_intervals(data: Any) -> None:
    intervals = [Interval(0, 1), Interval(100, math.inf), Interval(-math.inf, -50), Interval(2, 5, integers=True)]
    point = data.draw(points(intervals))
    assert all(x in interval for x, interval in zip(point, intervals, strict=True))
    assert data.draw(values(intervals[0])).data in intervals[0]
    assert len(data.draw(points(count=3))) == 3
    assert [len(data.draw(points(engine.maximum, count=n))) for n in (None, 1, 2, 6)] == [4, 1, 2, 6]


@settings(max_examples=50)
@given(networks(inputs=3, outputs=2), datasets(features=3, classes=4, max_rows=5))
def test_networks_and_datasets_fit_together(network: Network, data: Any) -> None:
    rows, labels = data
    assert 1 <= len(rows) == len(labels) <= 5
    assert all(label in range(4) for label in labels)
    outputs = network(rows[0])
    assert len(outputs) == 2
    again = eval(repr(network), {"Network": Network})
    assert [o.data for o in again(rows[0])] == [o.data for o in outputs]
    assert len(network.parameters()) == len(dict(network.named_parameters()))


def test_health() -> None:
    """No filtering: with every health check on but that of the clock, 30-node graphs are drawn without complaint."""

    @settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(expressions(TABLE, min_nodes=30, max_nodes=30), networks(), datasets(), points(engine.pow))
    def draw(expression: Expression, network: Network, data: Any, point: list[float]) -> None:
        assert len(expression.nodes) >= 30

    draw()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: expressions([]), ValueError, "at least one"),
        (lambda: expressions("tanh"), TypeError, "a list of primitives, got 'tanh': put it in a list"),
        (lambda: expressions(engine.tanh), TypeError, r"a list of primitives, got <primitive tanh\(x\)>: put it in"),
        (lambda: expressions(["nothing"]), LookupError, "no primitive is named 'nothing'"),
        (lambda: expressions([replace(engine.neg, domain=(BOOLEAN,))]), ValueError, "all operands of neg are integers"),
        (lambda: expressions(max_nodes=0), ValueError, "max_nodes=0"),
        (lambda: expressions(min_nodes=5, max_nodes=4), ValueError, "min_nodes=5"),
        (lambda: points(["x"]), TypeError, "an Interval, a list of them or a primitive"),
        (lambda: points(3), TypeError, "for 3 coordinates write count=3"),
        (lambda: points((0, 1)), TypeError, "an Interval, a list of them or a primitive, got 0"),
        (lambda: points(math.sin), TypeError, "an Interval, a list of them or a primitive, got <built-in"),
        (lambda: values((0, 1)), TypeError, r"from an Interval, such as engine.Interval\(0, 1\), got \(0, 1\)"),
        (lambda: points(count=0), ValueError, "positive number of coordinates, got count=0"),
        (lambda: points([]), ValueError, "give one for each coordinate"),
        (lambda: numbers(largest=0.0), ValueError, "positive, finite largest size, got 0.0"),
        (lambda: numbers(largest=math.inf), ValueError, "positive, finite largest size, got inf"),
        (lambda: Expression((x := Value(2.0)) * x, [x, x]), ValueError, "list each once"),
        (lambda: networks(inputs=0), ValueError, "positive number of inputs"),
        (lambda: networks(activations=["nothing"]), LookupError, "nothing"),
        (lambda: networks(activations="tanh"), TypeError, "a list of activations, got 'tanh': put it in a list"),
        (lambda: networks(activations=[]), ValueError, r"primitives of one operand as activations, got \[\]"),
        (lambda: networks(activations=["tanh", "hypot"]), ValueError, r"of one operand .* got \['tanh', 'hypot'\]"),
        (lambda: datasets(max_rows=0), ValueError, "positive number of max_rows"),
        (lambda: datasets(classes=-1), ValueError, "positive number of classes"),
        (lambda: Network([[[1.0, 2.0]], [[1.0]]], "tanh"), ValueError, "1 weights and a bias, got 1"),
        (lambda: Expression.of(lambda x: x.exp(), [1.0])(1.0, 2.0), TypeError, "takes 1 numbers, got 2"),
    ],
)
def test_bad_input_is_named(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_point_of_what_is_all_kinks_is_given_all_the_same() -> None:
    rough = engine.declare("test_rough", abs, [lambda z, x: 1.0], kink=lambda z, x: 0.0, method=False)
    try:
        (x,) = nudged(rough, [0.5])
        assert x != 0.5
    finally:
        del engine.PRIMITIVES["test_rough"]


def test_without_hypothesis_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    for name in [name for name in sys.modules if name.startswith("engine.strategies")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"engine\.strategies needs Hypothesis: pip install hypothesis"):
        importlib.import_module("engine.strategies")
