"""The table of primitives: every operation the engine has, each declared once.

A rule is called with the output `z` first and then the operands, and is written with the primitives of this very
table: on floats it gives the local derivative's number, on Values a graph of it, and so derivatives of every order
follow from one line. `unless(condition, derivative)` is a structural zero where the condition holds: an operand
that was not selected gets no contribution at all, not even 0 * inf. A `kink` is zero where no derivative exists;
`convention` says which one is taken there.

Accuracy is why some rules are not the textbook's: each stays within 4 units in the last place in the tails too, where
1 - tanh(x)**2 loses every digit; where terms cancel (gelu and silu near the zeros of their derivatives, sum, dot,
logsumexp), within 4 units of the sum of the absolute terms. And it is why derivatives such as that of tanh are entries
of their own: the rule of a product in which terms cancel would have none of the digits of the next derivative.
"""

from __future__ import annotations

import builtins as _py
import math as _math
import operator as _operator
from collections.abc import Callable as _Callable
from typing import Any as _Any
from typing import NamedTuple as _NamedTuple

from . import ieee as _ieee
from .ieee import ieee as _total
from .interval import BOOLEAN as _BOOLEAN
from .interval import INDEX as _INDEX
from .interval import POSITIVE as _POSITIVE
from .interval import REALS as _REALS
from .interval import Interval as _Interval
from .numbers import as_float as _as_float
from .numbers import is_traced as _is_traced
from .numbers import require as _require
from .numbers import shortened as _shortened
from .primitive import Primitive as _Primitive
from .primitive import declare as _declare

_inf = _math.inf
_LN2, _LOG2_E, _LOG10_E = _math.log(2.0), _math.log2(_math.e), _math.log10(_math.e)
_TWO_OVER_SQRT_PI, _OVER_ROOT_TAU = 2.0 / _math.sqrt(_math.pi), 1.0 / _math.sqrt(_math.tau)


def unless(condition: _Any, derivative: _Any) -> _Any:
    """The derivative, or a structural zero (None) where the condition holds: the operand was not selected.

    A condition that is being traced may hold for some samples only: then the derivative is masked by it.

    Args:
        condition: a bool, or a traced condition.
        derivative: the local derivative where the condition does not hold.

    >>> unless(False, 1.0), unless(True, 1.0)
    (1.0, None)
    """
    if getattr(type(condition), "__symbolic__", False):
        return condition.masked(derivative)
    return None if condition else derivative


def _to_multiple(x: float, y: float) -> float:
    """How far x is from the nearest multiple of y, with a sign that changes from each step to the next."""
    if not y or not _math.isfinite(x):
        return 0.0
    distance = _py.abs(_math.remainder(x, y))
    return distance if x // y % 2 == 0 else -distance


def _power_by_base(z: _Any, x: _Any, y: _Any) -> _Any:
    """The derivative of z = x**y with respect to x, y * x**(y - 1), written so that those of any order are right, too.

    Where y - 1 is rounded, that power is up to 340 ULP off, but y * (z / x) only 2, if z has all its digits; for the
    smallest x, where z / x may overflow, it is y * z / x. For an infinite y both would have the sign of x, not that of
    (-1)**inf = 1. At y = 0 no power of x would know the exponent.
    """
    return _choice(
        ((y - 1) + 1 == y) & (_py.abs(y) < 2.0**53),
        lambda: _choice(
            y == 0, lambda: _choice(_py.abs(x) > 0, lambda: y * z / x, lambda: 0.0), lambda: y * pow(x, y - 1)
        ),
        lambda: _choice(
            (_py.abs(z) > 1e-290) & (_py.abs(z) < _inf) & (_py.abs(y) < _inf),
            lambda: _choice(_py.abs(x) < 1e-200, lambda: y * z / x, lambda: y * (z / x)),
            lambda: y * pow(x, y - 1),
        ),
    )


def _choice(condition: _Any, x: _Callable[[], _Any], y: _Callable[[], _Any]) -> _Any:
    """`_either` of two formulas, given as functions: of floats and Values only the one that counts is computed."""
    if condition is True:
        return x()
    return y() if condition is False else where(condition, x(), y())


def _either(condition: _Any, x: _Any, y: _Any) -> _Any:
    """`where`, without a node if the condition is a plain bool, as comparisons of floats and Values give."""
    if condition is True:
        return x
    return y if condition is False else where(condition, x, y)


def _unless_traced(condition: _Any, exact: _Any, plain: _Any) -> _Any:
    """One of two formulas for the same, given as functions: where the condition holds the exact one, else the plain.

    A compiled program would compute both for every sample, so it takes the plain one, which loses only digits of
    subnormal numbers.
    """
    return exact() if condition is True else plain()


def _over(part: _Any, length: _Any) -> _Any:
    """The quotient: 0 for the vector 0, which has no direction."""
    return _either(length == 0, 0.0, part / length)


def _one_minus_square(x: _Any) -> _Any:
    """1 - x * x, for |x| < 1: next to 1 that has no digits, and next to 0 the product's derivative has none."""
    return _either(_py.abs(x) < 0.5, 1 - x * x, (1 - x) * (1 + x))


def _falling(density: _Any, x: _Any) -> _Any:
    """The product of x and something that falls faster than x grows: 0 where that is 0, also at infinity."""
    return _either(density == 0, 0.0, x * density)


_SCALE = 2.0**600  # takes what is below 1e-290 to where all floats have all their digits

# The columns are aligned by hand.
# fmt: off

# ---- arithmetic ----------------------------------------------------------------------------------------------
add = _declare("add", _operator.add, [lambda z, x, y: 1.0, lambda z, x, y: 1.0], formula="x + y",
               symbol="+", dunder="add", precedence=1, native="x + y")
sub = _declare("sub", _operator.sub, [lambda z, x, y: 1.0, lambda z, x, y: -1.0], formula="x - y",
               symbol="-", dunder="sub", precedence=1, native="x - y")
mul = _declare("mul", _operator.mul, [lambda z, x, y: y, lambda z, x, y: x], formula="x * y",
               symbol="*", dunder="mul", precedence=2, native="x * y")
div = _declare("div", _ieee.divide, [lambda z, x, y: 1 / y, lambda z, x, y: _unless_traced(
                   (_py.abs(z) < 1e-290) & (z != 0) & (_py.abs(y) < 1e20),
                   lambda: -(x * _SCALE / y) / y / _SCALE, lambda: -z / y)],
               formula="x / y", symbol="/", dunder="truediv", precedence=2,
               kink=lambda z, x, y: y, convention="IEEE 754 at the pole y = 0", native="x / y")
neg = _declare("neg", _operator.neg, [lambda z, x: -1.0], formula="-x",
               symbol="neg", dunder="neg", precedence=3, native="-x")
pow: _Primitive = _declare("pow", _ieee.power, [
                   _power_by_base, lambda z, x, y: _either((x == 0) & (y >= 0), 0.0, z * log(x))], formula="x ** y",
               symbol="**", dunder="pow", precedence=4, domain=(_POSITIVE, _REALS),
               convention="d/dx of x**0 and d/dy of 0**y are 0", native="pow(x, y)")
floordiv = _declare("floordiv", _ieee.floor_divide, [lambda z, x, y: 0.0, lambda z, x, y: 0.0],
                    formula="floor(x / y)", symbol="//", dunder="floordiv", precedence=2,
                    kink=lambda z, x, y: _to_multiple(x, y), convention="0 at the jumps", native="floordiv(x, y)")
mod = _declare("mod", _ieee.modulo, [lambda z, x, y: 1.0, lambda z, x, y: -floordiv(x, y)],
               formula="x - y * floor(x / y)", symbol="%", dunder="mod", precedence=2,
               kink=lambda z, x, y: _to_multiple(x, y), convention="d/dx = 1 and d/dy = -(x // y) at the jumps",
               native="mod(x, y)")

# ---- signs and rounding --------------------------------------------------------------------------------------
abs = _declare("abs", _operator.abs, [lambda z, x: sign(x)], formula="abs(x)",
               kink=lambda z, x: x, convention="0 at 0", aliases=("absolute", "fabs"), native="fabs(x)", dunder="abs")
sign: _Primitive = _declare("sign", _ieee.sign, [lambda z, x: 0.0], formula="sign(x)",
                kink=lambda z, x: x, convention="0 at 0", native="x if x == 0 or x != x else copysign(1, x)")
floor = _declare("floor", _ieee.to_integer(_math.floor), [lambda z, x: 0.0], formula="floor(x)",
                 kink=lambda z, x: _to_multiple(x, 1.0), convention="0 at the jumps", native="floor(x)", dunder="floor")
ceil = _declare("ceil", _ieee.to_integer(_math.ceil), [lambda z, x: 0.0], formula="ceil(x)",
                kink=lambda z, x: _to_multiple(x, 1.0), convention="0 at the jumps", native="ceil(x)", dunder="ceil")
round = _declare("round", _ieee.to_integer(_py.round), [lambda z, x: 0.0], formula="nint(x)",
                 kink=lambda z, x: _to_multiple(x - 0.5, 1.0), convention="halves go to even; 0 at the jumps",
                 aliases=("rint",), native="rint(x)")

# ---- powers, exponentials, logarithms ------------------------------------------------------------------------
square = _declare("square", lambda x: x * x, [lambda z, x: 2 * x], formula="x ** 2", native="x * x")
sqrt = _declare("sqrt", _total(_math.sqrt), [lambda z, x: 0.5 / (z + 0.0)], formula="sqrt(x)",
                domain=_POSITIVE, convention="inf at 0", native="sqrt(x)")
cbrt = _declare("cbrt", _ieee.cbrt, [lambda z, x: square(1 / z) / 3], formula="sign(x) * cbrt(abs(x))",
                kink=lambda z, x: x, convention="inf at 0", native="cbrt(x)")
reciprocal = _declare("reciprocal", lambda x: _ieee.divide(1.0, x), [lambda z, x: -z * z], formula="1 / x",
                      kink=lambda z, x: x, convention="-inf at the pole 0", native="1 / x")
exp = _declare("exp", _total(_math.exp), [lambda z, x: z], formula="exp(x)", native="exp(x)")
exp2 = _declare("exp2", _ieee.exp2, [lambda z, x: z * _LN2], formula="mpf(2) ** x", native="exp2(x)")
expm1 = _declare("expm1", _total(_math.expm1), [lambda z, x: exp(x)], formula="expm1(x)", native="expm1(x)")
log: _Primitive = _declare("log", _total(_math.log, {0.0: -_inf}), [lambda z, x: 1 / (x + 0.0)],
                           formula="log(x)", domain=_POSITIVE, native="log(x)")
log2 = _declare("log2", _total(_math.log2, {0.0: -_inf}), [lambda z, x: _LOG2_E / (x + 0.0)], formula="log(x, 2)",
                domain=_POSITIVE, native="log2(x)")
log10 = _declare("log10", _total(_math.log10, {0.0: -_inf}), [lambda z, x: _LOG10_E / (x + 0.0)],
                 formula="log(x, 10)", domain=_POSITIVE, native="log10(x)")
log1p = _declare("log1p", _total(_math.log1p, {-1.0: -_inf}), [lambda z, x: 1 / (1 + x)], formula="log1p(x)",
                 domain=_Interval(-1, _inf), native="log1p(x)")

# ---- trigonometry --------------------------------------------------------------------------------------------
sin = _declare("sin", _total(_math.sin), [lambda z, x: cos(x)], formula="sin(x)", native="sin(x)")
cos: _Primitive = _declare("cos", _total(_math.cos), [lambda z, x: -sin(x)], formula="cos(x)", native="cos(x)")
tan = _declare("tan", _total(_math.tan), [lambda z, x: square(1 / cos(x))], formula="tan(x)",
               kink=lambda z, x: _math.cos(x), convention="as computed near the poles, which no float hits",
               native="tan(x)")
asin = _declare("asin", _total(_math.asin), [lambda z, x: 1 / sqrt(_one_minus_square(x))], formula="asin(x)",
                domain=_Interval(-1, 1), aliases=("arcsin",), native="asin(x)")
acos = _declare("acos", _total(_math.acos), [lambda z, x: -1 / sqrt(_one_minus_square(x))], formula="acos(x)",
                domain=_Interval(-1, 1), aliases=("arccos",), native="acos(x)")
atan = _declare("atan", _math.atan, [lambda z, x: square(1 / hypot(1.0, x))], formula="atan(x)",
                aliases=("arctan",), native="atan(x)")
atan2 = _declare("atan2", _math.atan2, [
                     lambda z, y, x: _over(direction(x, y), hypot(x, y)),
                     lambda z, y, x: _over(-direction(y, x), hypot(x, y))],
                 operands=("y", "x"), formula="atan2(y, x)", aliases=("arctan2",),
                 kink=lambda z, y, x: _math.hypot(x, y) if x > 0 else y,
                 convention="as on both sides of the cut y = 0, x < 0; 0 at (0, 0)", native="atan2(y, x)")
hypot: _Primitive = _declare("hypot", _math.hypot, [
                     lambda z, x, y: direction(x, y), lambda z, x, y: direction(y, x)],
                 formula="hypot(x, y)", kink=lambda z, x, y: z, convention="0 at (0, 0)", native="hypot(x, y)")
direction: _Primitive = _declare("direction", _ieee.direction, [
                     lambda z, x, y: _over(square(direction(y, x)), hypot(x, y)),
                     lambda z, x, y: _over(-z * direction(y, x), hypot(x, y))],
                 formula="x / hypot(x, y)", kink=lambda z, x, y: _math.hypot(x, y), convention="0 at (0, 0)",
                 native=lambda x, y: _over(x, hypot(x, y)))

# ---- hyperbolic functions ------------------------------------------------------------------------------------
sinh = _declare("sinh", _total(_math.sinh), [lambda z, x: cosh(x)], formula="sinh(x)", native="sinh(x)")
cosh: _Primitive = _declare("cosh", _total(_math.cosh), [lambda z, x: sinh(x)], formula="cosh(x)", native="cosh(x)")
tanh = _declare("tanh", _math.tanh, [lambda z, x: sech2(x)], formula="tanh(x)", native="tanh(x)")
sech2: _Primitive = _declare("sech2", lambda x: 4.0 * _ieee.logistic_pdf(2.0 * x), [lambda z, x: -2 * (z * tanh(x))],
                             formula="sech(x) ** 2", native=lambda x: 4 * (sigmoid(2 * x) * sigmoid(-2 * x)))
asinh = _declare("asinh", _math.asinh, [lambda z, x: 1 / hypot(1.0, x)], formula="asinh(x)",
                 aliases=("arcsinh",), native="asinh(x)")
acosh = _declare("acosh", _total(_math.acosh), [lambda z, x: 1 / (sqrt(x - 1) * sqrt(x + 1))],
                 formula="acosh(x)", domain=_Interval(1, _inf), aliases=("arccosh",), native="acosh(x)")
atanh = _declare("atanh", _total(_math.atanh, {1.0: _inf, -1.0: -_inf}), [lambda z, x: 1 / _one_minus_square(x)],
                 formula="atanh(x)", domain=_Interval(-1, 1), aliases=("arctanh",), native="atanh(x)")

# ---- the error function and the normal distribution ----------------------------------------------------------
gaussian = _declare("gaussian", _ieee.gaussian, [lambda z, x: -2 * _falling(z, x)], formula="exp(-x ** 2)",
                    native="exp(-(x * x))")
erf = _declare("erf", _math.erf, [lambda z, x: _TWO_OVER_SQRT_PI * gaussian(x)], formula="erf(x)", native="erf(x)")
erfc = _declare("erfc", _math.erfc, [lambda z, x: -_TWO_OVER_SQRT_PI * gaussian(x)], formula="erfc(x)",
                native="erfc(x)")
normal_pdf = _declare("normal_pdf", _ieee.normal_pdf, [lambda z, x: -_falling(z, x)], formula="npdf(x)",
                      native="0.3989422804014327 * exp(-0.5 * (x * x))")
normal_cdf = _declare("normal_cdf", _ieee.normal_cdf, [lambda z, x: normal_pdf(x)], formula="ncdf(x)",
                      native="0.5 * erfc(-0.7071067811865476 * x)")

# ---- network functions ---------------------------------------------------------------------------------------
relu = _declare("relu", _ieee.relu, [lambda z, x: _either(z > 0, 1.0, 0.0)], formula="max(x, 0)",
                kink=lambda z, x: x, convention="0 at 0", native="0 if x <= 0 else x")
leaky_relu = _declare("leaky_relu", _ieee.leaky_relu, [
                          lambda z, x, slope: _either(x > 0, 1.0, slope), lambda z, x, slope: _either(x > 0, 0.0, x)],
                      operands=("x", "slope"), defaults=(0.01,), formula="x if x > 0 else slope * x",
                      kink=lambda z, x, slope: x, convention="slope at 0", native="x if x > 0 else slope * x")
elu = _declare("elu", _ieee.elu, [
                   lambda z, x, alpha: _either(x > 0, 1.0, alpha * exp(x)),
                   lambda z, x, alpha: _either(x > 0, 0.0, expm1(x))],
               operands=("x", "alpha"), defaults=(1.0,), formula="x if x > 0 else alpha * expm1(x)",
               kink=lambda z, x, alpha: x, convention="alpha at 0", native="x if x > 0 else alpha * expm1(x)")
sigmoid: _Primitive = _declare("sigmoid", _ieee.sigmoid, [lambda z, x: logistic_pdf(x)], formula="1 / (1 + exp(-x))",
                               native="1 / (1 + exp(-x))")
logistic_pdf: _Primitive = _declare("logistic_pdf", _ieee.logistic_pdf, [lambda z, x: -z * tanh(0.5 * x)],
                                    formula="sech(x / 2) ** 2 / 4", native=lambda x: sigmoid(x) * sigmoid(-x))
logsigmoid = _declare("logsigmoid", _ieee.logsigmoid, [lambda z, x: sigmoid(-x)], formula="-log1p(exp(-x))",
                      native="-((0 if x >= 0 else -x) + log1p(exp(-fabs(x))))")
softplus = _declare("softplus", _ieee.softplus, [lambda z, x: sigmoid(x)], formula="log1p(exp(x))",
                    native="(0 if x <= 0 else x) + log1p(exp(-fabs(x)))")
silu = _declare("silu", _ieee.silu, [lambda z, x: sigmoid(x) + _falling(logistic_pdf(x), x)],
                formula="x / (1 + exp(-x))", native="-0.0 if x == -inf else x / (1 + exp(-x))")
gelu = _declare("gelu", _ieee.gelu, [lambda z, x: normal_cdf(x) + _unless_traced(
                    x < -37.0, lambda: _falling(gaussian(0.5 * x), x * _OVER_ROOT_TAU * gaussian(0.5 * x)),
                    lambda: _falling(normal_pdf(x), x))], formula="x * ncdf(x)",
                native="-0.0 if x == -inf else x * (0.5 * erfc(-0.7071067811865476 * x))")


# ---- of any number of operands, one node each ----------------------------------------------------------------
def _several(call: str, what: str, given: _Any) -> tuple[_Any, ...]:
    try:
        return tuple(given)
    except TypeError:
        if hasattr(given, "__iter__"):  # an error of its own
            raise
        kind = type(given).__name__
        raise TypeError(f"{call}: {what} are a list, got {_shortened(given)} of type {kind}") from None


def _dot_operands(ws: _Any, xs: _Any, bias: _Any = None) -> tuple[_Any, ...]:
    ws, xs = _several("dot(weights, inputs)", "weights", ws), _several("dot(weights, inputs)", "inputs", xs)
    if len(ws) != len(xs):
        raise ValueError(f"dot() of {len(ws)} weights with {len(xs)} inputs: give as many of one as of the other")
    if not ws:
        raise ValueError("dot() of no operands: give at least one weight and one input")
    return (*ws, *xs) if bias is None else (*ws, *xs, bias)


def _dot_arguments(xs: _Any) -> list[_Any]:
    n = len(xs) // 2
    return [[*xs[:n]], [*xs[n : 2 * n]], *xs[2 * n :]]


def _dot_derivatives(z: _Any, *xs: _Any) -> list[_Any]:
    n = len(xs) // 2
    return [*xs[n : 2 * n], *xs[:n], *[1.0] * (len(xs) % 2)]


def _take_operands(index: _Any, values: _Any) -> tuple[_Any, ...]:
    values = _several("take(index, values)", "the values", values)
    if _is_traced(index):
        _require(_Index(len(values)), index)
    else:
        _Index(len(values)).check(index)
    return (index, *values)


class _Index(_NamedTuple):
    """What the index of `take` has to be; see Requirement."""

    indices: int

    def check(self, index: _Any) -> None:
        position = _as_float(index, "take()")
        if not position.is_integer():
            raise ValueError(f"take() needs a whole number as index, got {index!r}")
        if not 0 <= position < self.indices:
            raise IndexError(f"take() of index {position:g} from {self.indices} values: give 0 to {self.indices - 1}")

    def accepts(self, least: float, most: float) -> bool:
        return False


def _shared(z: _Any, xs: tuple[_Any, ...], beaten: _Any) -> list[_Any]:
    """One share for each operand that equals the extremum: ties split evenly."""
    ties = _py.sum(where(beaten(x), 0.0, 1.0) for x in xs)
    return [unless(beaten(x), 1 / ties) for x in xs]


def _softmax(xs: tuple[_Any, ...]) -> list[_Any]:
    """exp(x - z) for the logsumexp z of xs, shifted by the maximum: z itself has lost digits where xs are large."""
    top = maximum(xs)
    powers = [exp(x - top) for x in xs]
    share = 1 / sum(powers)
    return [power * share for power in powers]


def _runner_up(*xs: float) -> float:
    """How far the largest operand is from the second largest."""
    ranked = sorted(xs, reverse=True)
    return ranked[0] - ranked[1] if len(ranked) > 1 else _inf


def _shifted_logsumexp(*xs: _Any) -> _Any:
    """As the forward function: the 1 of the largest operand goes into log1p, so that what is far smaller counts."""
    m = maximum(xs)
    below = [x < m for x in xs]
    rest = dot(below, [exp(x - m) for x in xs])
    return where(abs(m) < _inf, m + log1p(rest + (len(xs) - 1.0 - sum(below))), m)


sum = _declare("sum", _ieee.total, lambda z, *xs: [1.0] * len(xs), formula="fsum(xs)", native="z + x")
mean = _declare("mean", _ieee.mean, lambda z, *xs: [1 / len(xs)] * len(xs), formula="fsum(xs) / len(xs)",
                native=lambda *xs: sum(xs) / len(xs))
dot = _declare("dot", _ieee.dot, _dot_derivatives, arrange=_dot_operands, arguments=_dot_arguments,
               formula="fdot(xs[:len(xs)//2], xs[len(xs)//2:len(xs)//2*2]) + fsum(xs[len(xs)//2*2:])")
# Whether x is nan comes first, since that does not wait for z: the chain from operand to operand is shorter.
maximum = _declare("maximum", _ieee.largest, lambda z, *xs: _shared(z, xs, lambda x: x < z), formula="max(xs)",
                   kink=lambda z, *xs: _runner_up(*xs), convention="ties share evenly",
                   native="x if x != x else x if x > z else z")
minimum = _declare("minimum", _ieee.smallest, lambda z, *xs: _shared(z, xs, lambda x: x > z), formula="min(xs)",
                   kink=lambda z, *xs: _runner_up(*map(_operator.neg, xs)), convention="ties share evenly",
                   native="x if x != x else x if x < z else z")
logsumexp = _declare("logsumexp", _ieee.logsumexp, lambda z, *xs: _softmax(xs),
                     formula="log(fsum(map(exp, xs)))", native=_shifted_logsumexp)
where: _Primitive = _declare("where", lambda condition, x, y: x if condition else y, [
                     lambda z, condition, x, y: None,
                     lambda z, condition, x, y: unless(condition == 0, 1.0),
                     lambda z, condition, x, y: unless(condition != 0, 1.0)],
                 operands=("condition", "x", "y"), formula="x if condition else y", domain=(_BOOLEAN, _REALS),
                 method=False, convention="the operand that was not selected gets no contribution",
                 native="x if condition != 0 else y")
take = _declare("take", lambda index, *values: values[int(index)],
                lambda z, index, *values: [None, *(unless(index != k, 1.0) for k in range(len(values)))],
                arrange=_take_operands, arguments=lambda xs: [xs[0], [*xs[1:]]],
                formula="xs[1 + int(xs[0])]", domain=(_INDEX, _REALS),
                convention="an index of any of the values; those that were not selected get no contribution")
