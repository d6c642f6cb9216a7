"""Operations where numbers are zero, subnormal, huge or infinite: conventions, limits, and digits that stay."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import mp

import engine
from engine import Primitive, Value
from tests.engine import oracle
from tests.engine.test_ops import same
from tests.needs import needs


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x: engine.relu(x), 0.0),
        (lambda x: abs(x), 0.0),
        (lambda x: engine.maximum(x, 0.0), 0.5),
        (lambda x: engine.minimum(x, 0.0, 0.0), 1 / 3),
        (lambda x: engine.sqrt(x), math.inf),
        (lambda x: x**0, 0.0),
        (lambda x: engine.leaky_relu(x, 0.2), 0.2),
        (lambda x: engine.log(x), math.inf),
        (lambda x: 1 / x, -math.inf),
        (lambda x: x**0.5, math.inf),
        (lambda x: x**1, 1.0),
        (lambda x: x**2, 0.0),
        (lambda x: engine.hypot(x, 0.0), 0.0),
        (lambda x: engine.hypot(0.0, -2 * x), 0.0),
        (lambda x: engine.atan2(x, 0.0), 0.0),
        (lambda x: engine.atan2(0.0, x), 0.0),
        (lambda x: engine.sqrt(-1 * x), -math.inf),
    ],
)
def test_conventions_at_zero(call, expected: float) -> None:
    assert engine.gradient(call)(0.0) == [expected]


def test_second_derivatives_at_the_vector_0() -> None:
    for f in (engine.hypot, engine.atan2):
        assert engine.hessian(f)(0.0, 0.0) == [[0.0, 0.0], [0.0, 0.0]]
        assert engine.jvp(f, [0.0, 0.0], [1.0, -1.0])[1] == 0.0
        assert not any(math.isnan(d) for row in engine.hessian(f)(0.0, -2.0) for d in row)


@pytest.mark.parametrize(
    ("function", "x", "slope"),
    [
        (engine.asin, 1.0, math.inf),
        (engine.asin, -1.0, math.inf),
        (engine.acos, 1.0, -math.inf),
        (engine.acos, -1.0, -math.inf),
        (engine.acosh, 1.0, math.inf),
        (engine.atanh, 1.0, math.inf),
        (engine.atanh, -1.0, math.inf),
        (engine.log1p, -1.0, math.inf),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_slopes_at_the_ends_of_a_domain_are_their_limits(function: Primitive, x: float, slope: float) -> None:
    """Not 0, as of a vector without a direction."""
    assert engine.gradient(function)(x) == [slope]


def test_the_sign_of_a_zero_divisor_tells_the_side_of_the_pole() -> None:
    assert engine.gradient(engine.div)(1.0, 0.0) == [math.inf, -math.inf]
    assert engine.gradient(engine.div)(1.0, -0.0) == [-math.inf, -math.inf]
    assert engine.gradient(engine.div)(-1.0, -0.0) == [-math.inf, math.inf]


def test_slopes_of_an_angle_on_the_axes() -> None:
    """On the cut too, where it is that of both sides."""
    for y, x, slopes in (
        (0.0, 2.0, [0.5, 0.0]),
        (0.0, -2.0, [-0.5, 0.0]),
        (-0.0, -2.0, [-0.5, 0.0]),
        (2.0, 0.0, [0.0, -0.5]),
        (-2.0, 0.0, [0.0, 0.5]),
    ):
        assert engine.gradient(engine.atan2)(y, x) == slopes


@pytest.mark.parametrize("y", [1e-15, 0.7, 1e15, -1e19, 1e21, -1e100, 1e150])
def test_second_derivatives_of_a_quotient_next_to_zero(y: float) -> None:
    """Where x / y is next to 0, dz/dy is scaled; the derivative of dz/dx was 0 for large y."""
    x = 1e-300 * abs(y)
    hessian = engine.hessian(engine.div)(x, y)
    assert hessian[0] == pytest.approx([0.0, -1 / y / y], rel=1e-15, abs=0)
    assert hessian[1][0] == pytest.approx(-1 / y / y, rel=1e-15, abs=0)


@pytest.mark.parametrize(
    ("function", "order", "slope"),
    [
        (engine.tanh, 2, -2.0),
        (engine.sech2, 1, -2.0),
        (engine.sigmoid, 2, -1 / 8),
        (engine.logistic_pdf, 1, -1 / 8),
        (engine.softplus, 3, -1 / 8),
        (engine.logsigmoid, 3, 1 / 8),
        (engine.silu, 3, -1 / 2),
        (engine.asin, 2, 1.0),
        (engine.acos, 2, -1.0),
        (engine.atanh, 2, 2.0),
        (engine.atan, 2, -2.0),
        (engine.asinh, 2, -1.0),
        (engine.tan, 2, 2.0),
        (engine.gaussian, 3, 12.0),
        (engine.erf, 2, -4 / math.sqrt(math.pi)),
    ],
    ids=lambda x: getattr(x, "name", None),
)
@pytest.mark.parametrize("x", [1e-9, 1e-20, -1e-20, 1e-200])
def test_higher_derivatives_next_to_0_where_they_are_0(function: Primitive, order: int, slope: float, x: float) -> None:
    """The terms of a product's rule cancelled there: the second derivative of tanh at 1e-20 was 0, that of asin too."""
    v = Value(x)
    z = function(v)
    for _ in range(order):
        z = engine.grad(z, v, create_graph=True)
    assert z.data == pytest.approx(slope * x, rel=1e-14, abs=0)


@given(st.floats(-140, 140), st.floats(-140, 140), st.sampled_from([1.0, -1.0]))
@example(0, -8.5, 1.0)
@example(-8, 0, -1.0)
@example(-100, -100, 1.0)
def test_second_derivatives_of_hypot_at_unlike_scales(x: float, y: float, sign: float) -> None:
    """A difference of 1 and nearly 1: next to an axis they were 0, or a tenth off."""
    a, b = sign * 10.0**x, 10.0**y
    found = engine.hessian(engine.hypot)(a, b)
    with mp.workdps(60):
        cube = mp.hypot(a, b) ** 3
        for row, exact in zip(found, [[mp.mpf(b) ** 2, -mp.mpf(a) * b], [-mp.mpf(a) * b, mp.mpf(a) ** 2]]):
            assert row == pytest.approx([float(e / cube) for e in exact], rel=1e-14, abs=1e-290)


SMOOTH = [
    p for p in engine.PRIMITIVES.values() if p.arity == 1 and (p.kink is None or p.name in ("cbrt", "reciprocal"))
]
FAR_AND_NEAR = [1e-300, 1e-160, 1e-20, 1e-9, 0.3, 0.95, 1.5, 2.75, 8.5, 30.0, 37.5, 300.0, 1e8, 1e100, 1e155, 1e300]


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("primitive", SMOOTH, ids=lambda p: p.name)
def test_higher_derivatives_near_the_ends_of_floats(primitive: Primitive, order: int) -> None:
    """Of every smooth function of one operand, where the results are floats: all digits, and no nan."""
    compared = 0
    for x in (sign * x for x in FAR_AND_NEAR for sign in (1, -1)):
        if x not in primitive.domain[0]:
            continue
        v = Value(x)
        z = primitive(v)
        for _ in range(order):
            z = engine.grad(z, v, create_graph=True)
        exact = float(oracle.exact_higher(primitive, [x], [0] * order))
        if math.isfinite(exact):
            assert z.data == pytest.approx(exact, rel=1e-14, abs=1e-290), x
            compared += 1
    assert compared > 5


LENGTHS = [engine.hypot, engine.atan2, engine.direction]


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("primitive", LENGTHS, ids=lambda p: p.name)
@pytest.mark.parametrize("exponent", [-300, -200, -165, -155, -140, -100, -20, 0, 100, 155, 160, 200, 300])
def test_derivatives_where_a_squared_length_is_no_float(primitive: Primitive, order: int, exponent: int) -> None:
    """All digits, or, where 1 / length**order is beyond the largest float, nothing that looks like a number."""
    for a, b in ((1.0, 1.3), (0.3, -1.0), (-1e-5, -1.7), (1.0, 1e-20), (0.0, 1.5), (2.0, 0.0)):
        xs = [a * 10.0**exponent, b * 10.0**exponent]
        for by in itertools.combinations_with_replacement((0, 1), order):
            vs = [Value(x) for x in xs]
            z = primitive(*vs)
            for position in by:
                z = engine.grad(z, vs[position], create_graph=True)
            exact = float(oracle.exact_higher(primitive, xs, by))
            if -exponent * order > 300 and not math.isfinite(z.data):
                continue
            assert z.data == pytest.approx(exact, rel=1e-13, abs=1e-290), (xs, by)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_the_second_derivative_of_a_cube_root_at_0(zero: float) -> None:
    """That of the side that the zero's sign tells; it was nan, which the check called wrong."""
    assert engine.gradient(engine.cbrt)(zero) == [math.inf]
    assert engine.hessian(engine.cbrt)(zero) == [[-math.copysign(math.inf, zero)]]
    assert engine.check_gradients(engine.cbrt, [zero], order=2)


def test_second_derivatives_of_a_power_at_the_exponent_0() -> None:
    """By x the derivative is 0 there, and that in turn has the derivative 1/x by the exponent."""
    for x in (2.0, 1e-20, 0.1):
        for y in (0.0, -0.0):
            hessian = engine.hessian(engine.pow)(x, y)
            assert hessian[0] == [0.0, 1 / x]
            assert hessian[1] == pytest.approx([1 / x, math.log(x) ** 2], rel=1e-15)
    for x in (0.0, -0.0, math.nan, math.inf, 5e-324):
        assert engine.gradient(engine.pow)(x, 0.0)[0] == 0.0
    assert engine.hessian(engine.pow)(0.0, 0.0) == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("n", [2.0, 3.0, 7.0, 0.5, -1.5, -2.0, 1.0, 1 + 1e-9, 0.9999999])
@pytest.mark.parametrize("x", [1e-5, 0.7, 1.0, 30.0, -0.25])
def test_derivatives_of_every_order_of_a_power(x: float, n: float) -> None:
    """By z / x the next one was a difference: the fifth of x**2 at 1e-5 was 0.2, that of x**0.9999999 lacked digits."""
    if x < 0 and not n.is_integer():
        x = -x
    v = Value(x)
    z = v**n
    with mp.workdps(60):
        factor = mp.mpf(1)
        for k in range(5):
            z = engine.grad(z, v, create_graph=True)
            factor *= mp.mpf(n) - k
            assert z.data == pytest.approx(float(factor * mp.mpf(x) ** (mp.mpf(n) - k - 1)), rel=1e-14, abs=0)


def test_second_derivatives_at_the_kinks_of_activations() -> None:
    assert engine.hessian(engine.leaky_relu)(0.0, 0.2) == [[0.0, 1.0], [1.0, 0.0]]
    assert engine.hessian(engine.elu)(0.0, 2.0) == [[2.0, 1.0], [1.0, 0.0]]
    assert engine.gradient(engine.elu)(0.0, 2.0) == [2.0, 0.0]


def test_far_out_a_bell_is_flat() -> None:
    for x in (1e200, -1e308, math.inf, -math.inf):
        for bell in (engine.gaussian, engine.normal_pdf):
            assert engine.gradient(bell)(x) == [0.0]
            assert engine.hessian(bell)(x) == [[0.0]]


def test_derivatives_at_infinity_are_their_limits() -> None:
    rising = [engine.silu, engine.gelu, engine.softplus, engine.relu, engine.elu]
    settled = [engine.tanh, engine.sigmoid, engine.erf, engine.normal_cdf, engine.atan]
    for f in rising:
        assert engine.gradient(f)(math.inf) == [1.0]
        assert engine.gradient(f)(-math.inf) == [0.0]
        assert engine.hessian(f)(math.inf) == engine.hessian(f)(-math.inf) == [[0.0]]
    for f in settled:
        assert engine.gradient(f)(math.inf) == engine.gradient(f)(-math.inf) == [0.0]


def test_logarithms_at_the_ends_of_floats() -> None:
    for log in (engine.log, engine.log2, engine.log10):
        assert engine.gradient(log)(0.0) == engine.gradient(log)(-0.0) == [math.inf]
    assert math.isclose(engine.gradient(engine.log10)(1e308)[0], 1e-308 / math.log(10.0))
    assert math.isclose(engine.gradient(engine.log10)(6e-309)[0], 1e308 / (0.6 * math.log(10.0)))


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (engine.log(0.0), -math.inf),
        (engine.div(1.0, 0.0), math.inf),
        (engine.div(-1.0, 0.0), -math.inf),
        (engine.div(1.0, -0.0), -math.inf),
        (engine.div(0.0, 0.0), math.nan),
        (engine.exp(1000.0), math.inf),
        (engine.pow(-8.0, 1 / 3), math.nan),
        (engine.pow(-10.0, 309.0), -math.inf),
        (engine.pow(-0.0, -3.0), -math.inf),
        (engine.pow(0.0, 0.0), 1.0),
        (engine.sinh(-1000.0), -math.inf),
        (engine.log2(0.0), -math.inf),
        (engine.log2(-1.0), math.nan),
        (engine.log10(0.0), -math.inf),
        (engine.log10(-1.0), math.nan),
        (engine.atanh(1.0), math.inf),
        (engine.atanh(-1.0), -math.inf),
        (engine.log1p(-1.0), -math.inf),
        (engine.sqrt(-1.0), math.nan),
        (engine.sin(math.inf), math.nan),
        (engine.floor(math.inf), math.inf),
        (engine.ceil(-0.5), -0.0),
        (engine.round(2.5), 2.0),
        (engine.mod(-7.0, 3.0), 2.0),
        (engine.floordiv(-7.0, 2.0), -4.0),
        (engine.mod(1.0, 0.0), math.nan),
        (engine.maximum(1.0, math.nan), math.nan),
        (engine.sum([math.inf, -math.inf]), math.nan),
        (engine.sum([1e308, 1e308]), math.inf),
        (engine.logsumexp([1000.0, 1000.0]), 1000.0 + math.log(2)),
        (engine.logsumexp([-math.inf, -math.inf]), -math.inf),
        (engine.gelu(-math.inf), -0.0),
        (engine.silu(-math.inf), -0.0),
        (engine.softplus(1000.0), 1000.0),
        (engine.sigmoid(-1000.0), 0.0),
    ],
)
def test_ieee_results(got: float, expected: float) -> None:
    assert same(got, expected) or math.isclose(got, expected, rel_tol=1e-9)
    assert expected != 0 or math.copysign(1, got) == math.copysign(1, expected)


def test_tails_where_the_textbook_rules_lose_every_digit() -> None:
    with mp.workdps(50):
        for x in (20.0, 40.0, 300.0):
            expected = 1 / mp.cosh(mp.mpf(x)) ** 2
            assert oracle.ulps(engine.gradient(engine.tanh)(x)[0], expected) <= 4
    assert engine.gradient(engine.tanh)(20.0) == [1.6993417021166355e-17]


@pytest.mark.parametrize("x", [-36.9, -37.1, -37.7, -38.0, -38.4, -38.5, -20.0, -1.0])
def test_gelu_keeps_its_digits_where_normal_cdf_is_subnormal(x: float) -> None:
    v = Value(x)
    z = engine.gelu(v)
    with mp.workdps(50):
        exact = mp.mpf(x)
        value, slope = exact * mp.ncdf(exact), mp.ncdf(exact) + exact * mp.npdf(exact)
        assert abs(z.data - value) <= 2 * math.ulp(float(value))
        assert abs(engine.grad(z, v) - slope) <= 4 * math.ulp(float(slope))


@given(st.floats(-300, -295), st.floats(10, 30), st.sampled_from([-1.0, 1.0]))
def test_a_subnormal_quotient_has_an_exact_derivative(x: float, y: float, sign: float) -> None:
    a, b = Value(sign * 10.0**x), Value(10.0 ** (y - 20))
    slope = engine.grad(a / b, b)
    with mp.workdps(50):
        exact = -mp.mpf(a.data) / mp.mpf(b.data) ** 2
        assert abs(slope - exact) <= 3 * math.ulp(float(exact))


@pytest.mark.parametrize("x", [3e-322, -3e-322, 4e-320, -4e-320])
@pytest.mark.parametrize("y", [3e-10, -3e-10, 7e-5])
def test_of_subnormal_numbers_a_derivative_that_is_normal_has_its_digits(x: float, y: float) -> None:
    a, b = Value(x), Value(y)
    with mp.workdps(50):
        exact = -mp.mpf(x) / mp.mpf(y) ** 2
        assert abs(engine.grad(a / b, b) - exact) <= 3 * math.ulp(float(exact))


@given(st.floats(-323, 308), st.floats(-323, 2.5), st.sampled_from([1.0, -1.0]))
@example(-310, -310, 1.0)
@example(-310, -3, 1.0)
@example(-289, -1, -1.0)
def test_the_derivative_of_a_power_is_finite_where_the_exact_one_is(x: float, y: float, sign: float) -> None:
    """z / x, a step on the way there, may overflow: x**x at 1e-310 had the derivative inf."""
    base, exponent = Value(10.0**x), sign * 10.0**y
    found = engine.grad(base**exponent, base)
    with mp.workdps(60):
        exact = mp.mpf(exponent) * mp.mpf(base.data) ** (mp.mpf(exponent) - 1)
        if 1e-290 < abs(exact) < 1.7e308:
            assert found == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("y", [0.0, 0.5, 1.0, 3.0])
def test_a_power_of_0_does_not_change_with_its_exponent(y: float) -> None:
    exponent = Value(y)
    assert engine.grad(Value(0.0) ** exponent, exponent) == 0.0
    assert math.isnan(engine.grad(Value(-1.0) ** exponent, exponent))
    negative = Value(-1.0 - y)
    assert engine.grad(Value(0.0) ** negative, negative) == -math.inf


def test_a_subnormal_quotient_by_hand() -> None:
    x, y = Value(1e-300), Value(3e13)
    z = x / y
    assert z.data < 1e-308
    first = engine.grad(z, y, create_graph=True)
    assert first.data == pytest.approx(float(-mp.mpf(1e-300) / mp.mpf(3e13) ** 2), abs=1e-323)
    assert engine.grad(engine.div(Value(3e-322), Value(1e-10)), x) == 0.0
    for k in (1000, 1010, 1023, 1040, 1050):  # powers of two: exact to the last digit
        y = Value(3 * 2.0**30)
        assert engine.grad(Value(9 * 2.0 ** (60 - k)) / y, y) == -(2.0**-k)


def test_a_large_dividend_needs_no_scaling() -> None:
    for x, y in ((1e200, 3.0), (1e200, 1e201), (-1e308, 7e300)):
        divisor = Value(y)
        assert engine.grad(Value(x) / divisor, divisor) == pytest.approx(-x / y / y, rel=1e-15)


@pytest.mark.parametrize("y", [2.0**53, -(2.0**53), 1e30, -1e30])
def test_a_power_of_minus_1_by_an_even_exponent_that_is_1_less_only_when_rounded(y: float) -> None:
    v = Value(-1.0)
    assert engine.grad(v**y, v) == -y


@pytest.mark.parametrize(("x", "sign"), [(-1.0, 1.0), (1.0, 1.0), (-2.0, 1.0), (2.0, 1.0)])
def test_the_derivative_of_a_power_of_infinity_is_that_of_torch(x: float, sign: float) -> None:
    """IEEE's infinity is an even number: (-1)**inf is 1, and y * x**(y - 1) is inf."""
    v = Value(x)
    assert engine.grad(v**math.inf, v) == sign * math.inf
    torch = needs("torch")
    t = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    (t**math.inf).backward()
    assert t.grad.item() == sign * math.inf
