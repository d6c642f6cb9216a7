"""The gradient that compiled programs are compared with: that of `engine.grad`, weight by weight."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
import nn
from engine import TraceError, Value, ops
from engine.compiler.comparison import leaf_gradient as module
from engine.compiler.comparison.leaf_gradient import leaf_gradient
from engine.compiler.comparison.selfcheck import Eager, agree
from engine.compiler.values.places import Places
from engine.operators import affine
from tests.needs import NATIVE, needs

np = needs("numpy")


def same(result: Value, leaves: list[Value]) -> bool:
    """Whether the two give the same bits: the sweep of arrays too, without the engine to fall back on."""
    expected = np.array(engine.grad(result, leaves)).tobytes()
    return expected == module._swept(result, leaves).tobytes() == leaf_gradient(result, leaves).tobytes()


@given(seed=st.integers(0, 10**6), widths=st.lists(st.integers(1, 6), min_size=1, max_size=4), layers=st.booleans())
def test_networks_have_the_gradient_of_the_engine_to_the_last_bit(seed: int, widths: list[int], layers: bool) -> None:
    rng = random.Random(seed)
    model = nn.MLP(3, [*widths, 1], rng.choice(["relu", "tanh"]), seed=seed)
    x: list[Any] = [rng.uniform(-2, 2) for _ in range(3)]
    leaves = model.parameters()
    if not layers:  # each neuron by itself, and inputs that are Values
        x = [Value(number) for number in x]
        leaves += x
        result = x
        for layer in model.layers:
            result = [neuron(result) for neuron in layer.neurons]
    else:
        result = model(x)
    assert same(result[0] * result[0], leaves)
    assert same(result[0] * result[0], rng.sample(leaves, len(leaves)))  # in whatever order
    assert same(result[0], rng.sample(leaves, len(leaves) // 2))  # of some


@pytest.mark.parametrize("constant", [True, False])
def test_dots_are_rows_and_constants_are_not_looked_for(constant: bool) -> None:
    model = nn.MLP(4, [4, 1], "tanh", seed=1)
    x = [engine.Constant(k) if constant else Value(k) for k in (0.1, 0.2, 0.3, 0.4)]
    (result,) = model(x)
    leaves = model.parameters()
    order = module._Order(result, leaves)
    assert sorted(order.rows.values()) == [0, 5, 10, 15, 20]
    found = {leaves[k] for k in (4, 9, 14, 19, 24)} | ({*x} if not constant else set())
    assert {*order.single} == found


def test_rows_that_are_read_twice_singly_or_from_the_other_side() -> None:
    """Sums of halves and quarters are exact, so that the order of their terms does not matter."""
    w = [Value(x) for x in (0.5, -1.25, 2.0)]
    v, b, x = [Value(x) for x in (1.0, 0.25, -3.0)], Value(0.5), [Value(0.75), Value(-2.0), Value(1.5)]
    leaves = [*w, b, *v, *x]
    for result in (
        ops.dot(w, x, b) * ops.dot(w, x),
        ops.dot(w, x) + w[1] * b + w[2],
        ops.dot(x, w) * ops.dot(v, w, b),
        ops.dot(v, v) * ops.dot([w[0], w[2], v[1]], x),
        ops.dot([w[1], w[2], b], x, v[0]) * ops.sum(w),
        ops.dot(w, [ops.dot(v, x, b), ops.dot(w, x), b]),
        ops.dot([w[0], w[0], w[0]], x),
        ops.dot(w, [1.0, 2.0, 3.0], b) * Value(2.0),
        w[0],
        Value(1.0) * 2.0,
    ):
        assert same(result, leaves)
        assert same(result, leaves[::-1])


@pytest.mark.parametrize("relu", [ops.relu, lambda z: ops.where(z > 0, z * math.inf, 0.0)])
def test_what_is_infinite_or_not_reached(relu: Callable[[Any], Any]) -> None:
    for numbers in ([1.0, 2.0], [-1.0, 0.0], [math.inf, 1.0], [0.0, -math.inf], [math.nan, 1.0], [1e200, 1e300]):
        w, v = [Value(x) for x in numbers], [Value(x) for x in numbers[::-1]]
        for inputs in ([0.0, 1.0], [-1e200, 1e200], [math.inf, 0.0]):
            hidden = [relu(z) for z in affine([w, v], [engine.Constant(x) for x in inputs], [None, Value(1.0)])]
            (result,) = affine([w], hidden, [None])
            found, expected = leaf_gradient(relu(result), [*w, *v]), engine.grad(relu(result), [*w, *v])
            assert np.array_equal(found, np.array(expected), equal_nan=True)


def test_what_is_reached_by_nothing_but_zeros_is_reached() -> None:
    """0 * inf is nan further down, as in the engine."""
    w, v = Value(2.0), Value(math.inf)
    result = ops.dot([w], [ops.exp(-(v * v))]) * 0.0
    found = module._swept(result, [w, v])
    assert np.array_equal(found, engine.grad(result, [w, v]), equal_nan=True)
    assert math.isnan(found[1])


def test_rules_that_raise_or_give_no_floats() -> None:
    """Where Python's arithmetic on floats raises, the engine goes on with Values; of what is no number it tells."""
    w = Value(0.0)
    inverse = engine.declare("inverse_rule", lambda x: math.inf, [lambda z, x: 1.0 / x], method=False)
    odd = engine.declare("odd_float_rule", lambda x: x, [lambda z, x: np.float64(3.0)], method=False)
    wrong = engine.declare("complex_rule", lambda x: 1.0, [lambda z, x: 1j], method=False)
    try:
        result = inverse(w) * Value(2.0)
        assert leaf_gradient(result, [w]).tolist() == engine.grad(result, [w]) == [math.inf]
        assert leaf_gradient(odd(w) * Value(2.0), [w]).tolist() == engine.grad(odd(w) * Value(2.0), [w])
        with pytest.raises(TypeError, match="complex_rule"):
            leaf_gradient(wrong(w), [w])
    finally:
        for name in ("inverse_rule", "odd_float_rule", "complex_rule"):
            del engine.PRIMITIVES[name]


def test_places_are_found_in_and_out_of_order() -> None:
    values = [Value(1.0) for _ in range(10)]  # which are all equal
    places, drawn = Places(values), random.Random(1)
    assert [places.of(value) for value in values] == [*range(10)]
    assert not places._table  # in order none is needed
    assert [places.of_row(values[k : k + 2]) for k in (0, 2, 8, 6, 4)] == [0, 2, 8, 6, 4]
    assert len(places._table) == 10
    some = Places(values)
    assert [some.of_row(values[k : k + 2]) for k in (0, 2, 8, 6, 4)] == [0, 2, 8, 6, 4]
    assert len(some._table) == 6  # those that were read in order are not in it
    for k in drawn.choices(range(10), k=30):
        assert places.of(values[k]) == k
        assert places.of_row(values[k : k + 3]) == k
    assert places.of(Value(1.0)) is places.of(values[0] + 1.0) is places.of(engine.Constant(1.0)) is None
    assert places.of_row([values[8], values[9], values[0]]) is None
    assert places.of_row([values[2], values[4]]) is places.of_row([Value(1.0), values[1]]) is None
    assert Places([]).of(values[0]) is None


def test_what_is_nowhere_needs_no_table_of_many_values() -> None:
    """Their addresses tell; whatever the order, and whatever new Values have come to stand between them."""
    values = random.Random(2).sample([Value(1.0) for _ in range(30_000)], 12_000)
    others = [Value(1.0) for _ in range(30_000)]
    places = Places(values)
    assert {places.of(other) for other in others} == {None}
    assert places.of(values[0]) == 0
    assert not places._table
    for k in (11_999, 0, 7, 8, 5_000):
        assert places.of(values[k]) == k
        assert places.of(others[k]) is None


def test_what_rounding_allows_depends_on_the_numbers_that_are_computed_with() -> None:
    w = Value(2.0)
    eager = Eager((w * 3.0 - 6.0) ** 2 + Value(1e100) * 0.0 + w, [w], False)
    agree(eager, {"result": [2.0 + 1e-15], "gradient": [1.0 - 1e-15]}, 0.0)
    for wrong in ({"result": [2.1], "gradient": [1.0]}, {"result": [2.0], "gradient": [1.1]}):
        with pytest.raises(TraceError, match="differs"):
            agree(eager, wrong, 1e-8)
    agree(Eager((Value(1e8) + w) - 1e8, [w], False), {"result": [2.0 + 1e-8], "gradient": [1.0]}, 0.0)
    agree(Eager((w * 1e100 - 2e100) ** 2, [w], False), {"result": [1e160], "gradient": [1e170]}, 0.0)


def test_noise_is_the_same_where_the_graph_is_not_kept() -> None:
    w = [Value(0.3), Value(-0.7)]

    def loss() -> Any:
        return (w[0] * w[1]).exp() - w[1] * 1e-3

    kept, anew = Eager(loss(), w, arrays=True), Eager(loss(), w, True, None, loss)
    assert kept.noise == anew.noise
    assert kept.noise["gradient"][0] > 0.0


FAULTS: dict[str, Callable[[Any], Any]] = {
    "two weights exchanged": lambda g: g.__setitem__([3, 4], g[[4, 3]]),
    "an input left out": lambda g: g.__setitem__(slice(2, 40, 8), 0.0),
    "another stride": lambda g: g.__setitem__(slice(0, 40), g[:40].reshape(8, 5).T.ravel()),
    "rows exchanged": lambda g: g.__setitem__(slice(0, 16), g[[*range(8, 16), *range(8)]]),
    "one number of the last row": lambda g: g.__setitem__(-2, g[-2] * (1 + 1e-5)),
    "the last bias": lambda g: g.__setitem__(-1, 0.0),
    "nan": lambda g: g.__setitem__(7, math.nan),
    "infinite": lambda g: g.__setitem__(0, -math.inf),
    "none": lambda g: None,
}


@NATIVE
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_in_a_compiled_gradient_are_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each number of the gradient of a sample is compared, in whatever array it comes."""
    from engine.compiler.backends.llvm.program import NativeProgram

    run = NativeProgram.run

    def wrong(self: Any, *arguments: Any) -> Any:
        outputs, gradient = run(self, *arguments)
        FAULTS[fault](gradient)
        return outputs, gradient

    monkeypatch.setattr(NativeProgram, "run", wrong)
    model = nn.MLP(7, [5, 3], "tanh", seed=1)
    compiled = engine.compile(lambda x: ops.sum([ops.square(z + 0.5) for z in model(x)]), backend="llvm")
    samples = [[0.3 * k + 0.1 for k in range(7)]]
    if fault == "none":
        compiled.value_and_grad(samples)
        return
    with pytest.raises(TraceError, match=r"the compiled gradient .* differs from the eager"):
        compiled.value_and_grad(samples)


def test_numbers_of_another_length_never_agree() -> None:
    w = [Value(1.0), Value(2.0)]
    eager = Eager(w[0] * w[1], w, arrays=True)
    agree(eager, {"result": [2.0], "gradient": np.array([2.0, 1.0])}, 1e-8)
    for found, told in ([2.0], "shorter"), ([2.0, 1.0, 1.0], "longer"):
        with pytest.raises(ValueError, match=told):
            agree(eager, {"result": [2.0], "gradient": np.array(found)}, 1e-8)
