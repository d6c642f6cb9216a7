"""The table itself: every entry against exact results, at ordinary points, in the tails and at its kinks."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
from mpmath import mp

import engine
from engine import PRIMITIVES, Constant, Primitive, Value, local_derivatives
from tests.engine import oracle

TABLE = [pytest.param(primitive, id=name) for name, primitive in PRIMITIVES.items()]

# Correctly rounded or nearly so; all others are within 2 ULP.
ONE_ULP = {"add", "sub", "mul", "div", "sqrt", "neg", "square", "reciprocal"}
# These inherit the C library's erfc, which is a little worse on some platforms.
ERFC = {"erfc", "normal_cdf", "gelu"}
# Results and derivatives in which terms cancel: within 4 ULP of the sum of the absolute terms.
CANCEL = {
    "sum": lambda z, xs: math.fsum(map(abs, xs)),
    "mean": lambda z, xs: math.fsum(map(abs, xs)) / len(xs),
    "dot": lambda z, xs: math.fsum(abs(w * x) for w, x in zip(xs[: len(xs) // 2], xs[len(xs) // 2 :])),
    "logsumexp": lambda z, xs: max(map(abs, xs)) + math.log(len(xs)),
    "mod": lambda z, xs: abs(xs[0]) + abs(xs[1]),
}


def at_kink(primitive: Primitive, z: float, xs: list[float]) -> bool:
    return primitive.kink is not None and abs(primitive.kink(z, *xs)) < 1e-9 * max(1.0, *map(abs, xs))


@pytest.mark.parametrize("primitive", TABLE)
def test_values_are_exact_to_the_last_places(primitive: Primitive) -> None:
    for xs in oracle.samples(primitive, 60):
        z = primitive.forward(*xs)
        if primitive.name in {"div", "mod", "floordiv", "reciprocal"} and xs[-1] == 0:
            continue  # the pole: test_ieee_results
        expected = oracle.exact(primitive, xs)
        scale = CANCEL[primitive.name](z, xs) if primitive.name in CANCEL else None
        assert isinstance(z, float)
        limit = 1.0 if primitive.name in ONE_ULP else 4.0 if primitive.name in ERFC else 2.0
        assert oracle.ulps(z, expected, scale) <= limit, (xs, z, expected)


@pytest.mark.parametrize("primitive", TABLE)
def test_local_derivatives_are_exact_in_the_tails_too(primitive: Primitive) -> None:
    for xs in oracle.samples(primitive, 20, seed=2):
        z = primitive.forward(*xs)
        if not math.isfinite(z) or at_kink(primitive, z, xs):
            continue
        node = engine.value.Value.__apply_primitive__(primitive, tuple(map(Value, xs)))
        for by, (got, interval) in enumerate(zip(local_derivatives(node), primitive.domains(len(xs)))):
            if interval.integers:
                assert got is None
                continue
            expected = oracle.exact_derivative(primitive, xs, by)
            assert oracle.ulps(got or 0.0, expected, cancelling(primitive, z, xs)) <= 4, (xs, by, got, expected)


def cancelling(primitive: Primitive, z: float, xs: list[float]) -> float | None:
    """The sum of the absolute terms of a local derivative, where they may cancel."""
    if primitive.name == "gelu":
        return float(engine.normal_cdf(xs[0]) + abs(xs[0]) * engine.normal_pdf(xs[0]))
    if primitive.name == "silu":
        s = engine.sigmoid(xs[0])
        return float(s + abs(xs[0]) * s * engine.sigmoid(-xs[0]))
    if primitive.name == "logsumexp":  # shares of 1
        return 1.0
    return None


@pytest.mark.parametrize("primitive", TABLE)
def test_every_entry_is_complete(primitive: Primitive) -> None:
    assert primitive.formula
    assert primitive.kink is None or primitive.convention
    assert getattr(engine, primitive.name) is primitive
    assert engine.lookup(primitive.name) is primitive
    assert primitive.signature in repr(primitive)
    assert primitive.formula in (primitive.__doc__ or "")
    if primitive.method:
        assert getattr(Value, primitive.name).__doc__ == primitive.__doc__
    else:
        assert not hasattr(Value, primitive.name)


def test_the_index_of_take_is_one_of_any_of_the_values() -> None:
    """Its domain is what tests can draw beside a single value, and was shown as if only 0 were allowed."""
    assert "Domain: an index, all reals." in str(engine.take.__doc__)


@pytest.mark.parametrize("primitive", TABLE)
def test_floats_and_values_agree_also_beyond_the_domain(primitive: Primitive) -> None:
    """Never an exception, whatever the floats: what Python raises is IEEE 754's inf or nan."""
    special = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan]
    n = primitive.arity or 2
    for k in range(len(special) ** min(n, 2)):
        xs = [special[(k // len(special) ** min(i, 1)) % len(special)] for i in range(n)]
        if primitive.name == "take":
            xs[0] = 0.0
        z = primitive.forward(*xs)
        node = Value.__apply_primitive__(primitive, tuple(map(Value, xs)))
        assert same(z, node.data)
        for d in local_derivatives(node):
            assert d is None or isinstance(d, float)
        node.backward()


@pytest.mark.parametrize("primitive", [p for p in TABLE if p.values[0].arity == 1])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_has_settled_far_out_is_the_same_at_infinity(primitive: Primitive, sign: float) -> None:
    """Such as x / (1 + |x|), which is 1 at 1e200 and nan at infinity, unless somebody thinks of it."""
    [rule] = primitive.local_derivatives

    def value_and_slope(x: float) -> tuple[float, float]:
        z = primitive.forward(x)
        return z, rule(z, x)

    for near, far, end in zip(*map(value_and_slope, (sign * 1e200, sign * 1e300, sign * math.inf))):
        if near == far:
            assert end == far


def same(x: float, y: float) -> bool:
    return x == y or (x != x and y != y)


@pytest.mark.parametrize("primitive", [p for p in TABLE if p.values[0].kink is not None])
def test_a_kink_is_where_the_convention_holds(primitive: Primitive) -> None:
    """At a kink the rule gives a definite answer, and the table says which."""
    zero = [0.0] * (primitive.arity or 2)
    if primitive.name in ("floordiv", "mod"):
        zero = [2.0, 1.0]
    if primitive.name == "tan":
        zero = [math.pi / 2]
    if primitive.name == "round":
        zero = [0.5]
    z = primitive.forward(*zero)
    assert abs(primitive.kink(z, *zero)) < 1e-15


@pytest.mark.parametrize(
    ("name", "more", "jumps"),
    [
        ("floor", (), [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]),
        ("ceil", (), [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]),
        ("round", (), [-1.5, -0.5, 0.5, 1.5, 2.5]),
        ("mod", (0.75,), [-1.5, -0.75, 0.0, 0.75, 1.5, 2.25]),
        ("floordiv", (-0.75,), [-1.5, -0.75, 0.0, 0.75, 1.5, 2.25]),
    ],
)
def test_the_kink_of_steps_is_the_distance_to_the_nearest_with_a_sign_for_each_side(
    name: str, more: tuple[float, ...], jumps: list[float]
) -> None:
    primitive = PRIMITIVES[name]
    assert primitive.kink is not None
    for jump in jumps:
        below, at, above = (primitive.kink(0.0, jump + d, *more) for d in (-0.125, 0.0, 0.25))
        assert (abs(below), at, abs(above)) == (0.125, 0.0, 0.25)
        assert below * above < 0.0
    assert (
        primitive.kink(0.0, 0.6 if name == "round" else 0.125 * math.copysign(1.0, more[0] if more else 1.0), *more) > 0
    )
    assert primitive.kink(0.0, math.inf, *more) == primitive.kink(0.0, math.nan, *more) == 0.0
    assert not more or primitive.kink(0.0, 1.0, 0.0) == 0.0


def test_the_kinks_of_other_primitives_by_hand() -> None:
    def kink(name: str, *xs: float) -> float:
        found = PRIMITIVES[name].kink
        assert found is not None
        return float(found(PRIMITIVES[name].forward(*xs), *xs))

    assert [kink("maximum", *xs) for xs in ((3.0, 1.0, 2.5), (1.0, 3.0, 3.0), (2.0,))] == [0.5, 0.0, math.inf]
    assert [kink("minimum", *xs) for xs in ((3.0, 1.0, 2.5), (1.0, 3.0, 1.0), (2.0,))] == [1.5, 0.0, math.inf]
    assert [kink("atan2", *yx) for yx in ((-2.0, -1.0), (2.0, -1.0), (0.0, -1.0), (0.0, 0.0))] == [-2.0, 2.0, 0.0, 0.0]
    assert [kink("atan2", *yx) for yx in ((-3.0, 4.0), (3.0, 4.0), (0.0, 0.5))] == [5.0, 5.0, 0.5]
    assert [kink("atan2", *yx) for yx in ((0.0, -0.5), (-2.0, 0.0), (2.0, 0.0))] == [0.0, -2.0, 2.0]
    assert [kink("hypot", *xs) for xs in ((3.0, 4.0), (0.0, 0.0))] == [5.0, 0.0]
    assert kink("tan", 0.0) == 1.0


@pytest.mark.parametrize("primitive", TABLE)
def test_a_domain_ends_where_the_values_do(primitive: Primitive) -> None:
    for place, interval in enumerate(primitive.domain):
        for end, outward in ((interval.low, -1e-9), (interval.high, 1e-9)):
            if interval.integers or math.isinf(end):
                continue
            inside, outside = ([0.5] * (primitive.arity or 1) for _ in range(2))
            inside[place], outside[place] = end - outward, end + outward
            assert math.isfinite(primitive.forward(*inside))
            assert math.isnan(primitive.forward(*outside))


@pytest.mark.parametrize(
    "name", ["relu", "leaky_relu", "elu", "pow", "where", "take", "maximum", "minimum", "gelu", "div"]
)
def test_a_rule_that_is_traced_gives_what_it_gives_eagerly(name: str) -> None:
    """With conditions that hold for some samples only."""
    primitive = PRIMITIVES[name]
    rows = [[0.0, 2.0, -1.0], [1.0, -0.5, 3.0], [1.0, 0.0, 0.0], [0.0, -2.0, -2.0]]
    rows = [row[: primitive.arity or 3] for row in rows]

    def slopes(*xs: Any) -> Any:
        z = primitive(xs[0], xs[1:]) if name == "take" else primitive(*xs)
        return engine.grad(z, xs[1:] if name in ("where", "take") else xs, create_graph=True)

    columns = [[row[k] for row in rows] for k in range(len(rows[0]))]
    traced = engine.compile(slopes, backend="python")(*columns)
    for got, row in zip(traced, rows):
        expected = [d.data for d in slopes(*map(Value, row))]
        assert got == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (1e-200, 0.3),
        (1e-200, 0.7),
        (1e250, 0.3),
        (1e250, -0.3),
        (3e-290, 0.99),
        (1e-150, 1.97),
        (7e-4, 93.0),
        (1e200, 1.6),
    ],
)
def test_a_power_of_what_is_far_from_1_has_an_exact_derivative(x: float, y: float) -> None:
    """Where the exponent less 1 is rounded, and that counts as often as the logarithm of x says."""
    v = Value(x)
    slope = engine.grad(v**y, v)
    with mp.workdps(50):
        exact = mp.mpf(y) * mp.mpf(x) ** (mp.mpf(y) - 1)
        assert abs(slope - exact) <= 4 * math.ulp(float(exact))


@pytest.mark.parametrize("primitive", [p for p in TABLE if p.values[0].arity != 1])
def test_second_derivatives_by_all_pairs_of_operands(primitive: Primitive) -> None:
    """A rule that gives the right number and no graph of it, such as exp(x.data), has a right gradient alone."""
    count = primitive.arity or 4
    for xs in ([0.7, -1.3, 2.0, 0.4], [1.5, 0.6, -0.8, 1.1], [-0.9, 0.8, 1.2, -0.3]):
        xs = [1.0 if domain.integers else x for x, domain in zip(xs, primitive.domains(count))]
        if primitive.name == "pow" and xs[0] < 0:
            continue
        places = [k for k, domain in enumerate(primitive.domains(count)) if not domain.integers]

        def f(*leaves: Any, xs: list[float] = xs, places: list[int] = places) -> Any:
            return Value.__apply_primitive__(primitive, (*map(Value, xs[: places[0]]), *leaves))

        found = engine.hessian(f)(*[xs[k] for k in places])
        for row, i in zip(found, places):
            exact = [float(oracle.exact_higher(primitive, xs, (i, j))) for j in places]
            assert row == pytest.approx(exact, rel=1e-13, abs=1e-15)


def test_derivatives_of_several_operands_by_hand() -> None:
    a, b, c, d, e = map(Value, (2.0, 3.0, 5.0, 7.0, 11.0))
    assert local_derivatives(engine.dot([a, b], [c, d])) == [5.0, 7.0, 2.0, 3.0]
    assert local_derivatives(engine.dot([a, b], [c, d], e)) == [5.0, 7.0, 2.0, 3.0, 1.0]
    assert local_derivatives(engine.sum([a, b, c])) == [1.0, 1.0, 1.0]
    assert local_derivatives(engine.mean([a, b, c, d])) == [0.25] * 4
    assert local_derivatives(engine.maximum([b, a, b])) == [0.5, None, 0.5]
    assert local_derivatives(engine.minimum([a, b, a, a])) == [1 / 3, None, 1 / 3, 1 / 3]
    assert [*map(engine.take, (0, 1, 2.0), [[a, b, c]] * 3)] == [a, b, c]
    assert local_derivatives(engine.take(1, [a, b, c])) == [None, None, 1.0, None]
    assert local_derivatives(engine.dot([a, b, c], [c, d, e])) == [5.0, 7.0, 11.0, 2.0, 3.0, 5.0]
    assert local_derivatives(engine.dot([a], [c], e)) == [5.0, 2.0, 1.0]
    assert local_derivatives(engine.dot([a, b, c], [c, d, e], a)) == [5.0, 7.0, 11.0, 2.0, 3.0, 5.0, 1.0]
    with pytest.raises(IndexError, match="index 3 from 3 values: give 0 to 2"):
        engine.take(3, [a, b, c])
    for shift in (0.0, 1e4, -1e4):
        shares = local_derivatives(engine.logsumexp([Value(shift), Value(shift + math.log(3.0))]))
        assert shares == pytest.approx([0.25, 0.75], rel=1e-11)


@pytest.mark.parametrize(
    "xs",
    [
        (1.0,),
        (1.0, 2.0),
        (2.0, 2.0, 2.0),
        (40.0, 0.0, -3.0),
        (0.0, -3.0, 40.0),
        (-1e4, -1e4),
        (1e4, 0.0),
        (-math.inf, 1.0),
        (-math.inf, -math.inf),
        (math.inf, 1.0),
        (0.0, -800.0),
        (-50.0, 0.0),
        (-1e-300, -1e-300),
    ],
)
def test_a_program_computes_logsumexp_as_the_table_does(xs: tuple[float, ...]) -> None:
    primitive = PRIMITIVES["logsumexp"]
    assert callable(primitive.native)
    found, expected = primitive.native(*map(Value, xs)).data, primitive.forward(*xs)
    assert found == expected or math.isclose(found, expected, rel_tol=1e-15)


def test_a_program_computes_means_as_the_table_does() -> None:
    primitive = PRIMITIVES["mean"]
    assert callable(primitive.native)
    for xs in ((3.0,), (1.0, 2.0, 6.0), (-1.0, 0.5)):
        assert primitive.native(*map(Value, xs)).data == primitive.forward(*xs)


def test_any_number_but_0_is_true() -> None:
    x, y = Value(2.0), Value(3.0)
    for condition in (1.0, -1.0, 0.5, math.nan):
        assert local_derivatives(engine.where(Value(condition), x, y)) == [None, 1.0, None]
    assert local_derivatives(engine.where(Value(-0.0), x, y)) == [None, None, 1.0]


def test_calls_are_written_as_they_were_made() -> None:
    assert PRIMITIVES["dot"].arguments is not None
    assert PRIMITIVES["take"].arguments is not None
    assert PRIMITIVES["dot"].arguments((1, 2, 3, 4)) == [[1, 2], [3, 4]]
    assert PRIMITIVES["dot"].arguments((1, 2, 3, 4, 5)) == [[1, 2], [3, 4], 5]
    assert PRIMITIVES["dot"].arguments((1, 2, 3, 4, 5, 6, 7)) == [[1, 2, 3], [4, 5, 6], 7]
    assert engine.dot([1, 2, 3], [4, 5, 6]) == 32.0
    assert engine.dot([1, 2, 3], [4, 5, 6], 7) == engine.dot([1, 2, 3], [4, 5, 6], bias=7) == 39.0
    assert PRIMITIVES["take"].arguments((0, 1, 2)) == [0, [1, 2]]
    assert not engine.ops._Index(3).accepts(0.0, 1.0), "numbers between need not be whole"


def test_what_is_no_method() -> None:
    table: list[Primitive] = [entry.values[0] for entry in TABLE]  # as it was before other tests declare more
    assert [p.name for p in table if p.arity is not None and not p.method] == ["where"]


def test_signs_bind_as_in_python() -> None:
    found = {p.dunder: p.precedence for p in PRIMITIVES.values() if p.precedence}
    assert found == {"add": 1, "sub": 1, "mul": 2, "truediv": 2, "floordiv": 2, "mod": 2, "neg": 3, "pow": 4}


@pytest.mark.parametrize("name", ["sum", "mean", "maximum", "minimum", "logsumexp"])
def test_several_operands_or_one_list(name: str) -> None:
    f = PRIMITIVES[name]
    a, b = Value(1.0), Value(4.0)
    one_by_one, listed, generated = f(a, b), f([a, b]), f(x for x in (a, b))
    assert one_by_one.data == listed.data == generated.data
    assert listed.operands == (a, b)
    for empty in ((), ([],)):
        with pytest.raises(ValueError, match=f"{name}.. of no operands"):
            f(*empty)


def test_dot_and_take_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="2 weights with 1 inputs"):
        engine.dot([Value(1), Value(2)], [1.0])
    with pytest.raises(ValueError, match="1 weights with 2 inputs"):
        engine.dot([1.0], [Value(1), Value(2)])
    with pytest.raises(ValueError, match="no operands"):
        engine.dot([], [])
    for index in ("1", None, 10**400):
        with pytest.raises((TypeError, OverflowError), match=r"^take\(\)"):
            engine.take(index, [Value(1), Value(2)])
    with pytest.raises(IndexError, match="index 3 from 2 values: give 0 to 1"):
        engine.take(3, [Value(1), Value(2)])
    with pytest.raises(IndexError, match="index -1"):
        engine.take(-1, [Value(1), Value(2)])
    with pytest.raises(ValueError, match=r"whole number as index, got 0\.5"):
        engine.take(0.5, [Value(1), Value(2)])
    with pytest.raises(TypeError, match=r"^take\(index, values\): the values are a list, got 1 of type int"):
        engine.take([Value(1), Value(2)], 1)
    with pytest.raises(TypeError, match=r"^dot\(weights, inputs\): inputs are a list, got .* of type Value"):
        engine.dot([1.0], Value(2))
    with pytest.raises(TypeError, match="of its own"):
        engine.dot([1.0], (failing(x) for x in [1.0]))


def failing(x: float) -> float:
    raise TypeError("of its own")


def test_what_was_not_selected_contributes_nothing() -> None:
    """Not even 0 * inf: the branch that was not taken has an infinite derivative at 0."""
    for f in (
        lambda x: engine.where(x > 1, engine.log(x), x),
        lambda x: engine.take(1, [engine.log(x), x]),
        lambda x: engine.maximum(engine.log(x), x),
        lambda x: engine.minimum(-engine.log(x), x),
    ):
        assert engine.gradient(f)(0.0) == [1.0]
        assert engine.jvp(f, [0.0], [1.0]) == (0.0, 1.0)
        assert engine.hessian(f)(0.0) == [[0.0]]


def test_constants_get_no_derivative() -> None:
    """(-3)**2 as a function of the base: the derivative with respect to the exponent would be nan."""
    x = Value(-3.0)
    y = x**2
    y.backward()
    assert x.grad == -6.0
    exponent = y.operands[1]
    assert isinstance(exponent, Constant)
    assert exponent.grad == 0.0
    assert engine.hessian(lambda x: x**3)(-2.0) == [[-12.0]]


def test_named_operands_and_defaults() -> None:
    x = Value(-1.0)
    assert x.leaky_relu().data == -0.01
    assert engine.leaky_relu(x, slope=0.5).data == -0.5
    assert engine.elu(-1.0) == math.expm1(-1.0)
    with pytest.raises(TypeError, match=r"leaky_relu\(-1.0, alpha=2\): expected leaky_relu\(x, slope\)"):
        engine.leaky_relu(-1.0, alpha=2)
    with pytest.raises(TypeError, match=r"expected exp\(x\)"):
        engine.exp(1.0, 2.0)
    with pytest.raises(TypeError, match=r"exp\(\) takes real numbers, got 'a' of type str"):
        engine.exp("a")


def test_the_table_is_declared_in_one_place() -> None:
    """No other module of the engine names an operation that is not one of Python's operators."""
    operators = {"add", "sub", "mul", "div", "neg", "pow", "floordiv", "mod", "abs", "floor", "ceil", "round"}
    source = inspect.getsource(engine.value) + inspect.getsource(engine.backprop) + inspect.getsource(engine.graph)
    mentioned = {name for name in PRIMITIVES if f"ops.{name}" in source}
    assert mentioned <= operators
