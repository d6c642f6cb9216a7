"""Forward functions on floats that follow IEEE 754 where Python raises.

``math.log(0.0)``, ``1.0 / 0.0`` and ``math.exp(1000.0)`` raise in Python; here, as in C, PyTorch and JAX, they
are -inf, inf and inf. A function without a real result gives nan.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from math import copysign, erfc, exp, expm1, fsum, inf, log1p, nan, tanh
from operator import mul


def ieee(function: Callable[..., float], poles: dict[float, float] | None = None) -> Callable[..., float]:
    """`function` with Python's exceptions replaced by what IEEE 754 has there.

    Args:
        function: of one float; an ``OverflowError`` becomes inf with the operand's sign where the function is
            odd (its value at -1 is negative), else plain inf; a ``ValueError`` becomes nan.
        poles: the operands whose result is infinite, with that result.

    >>> ieee(math.log, {0.0: -inf})(0.0), ieee(math.exp)(1000.0), ieee(math.sinh)(-1000.0)
    (-inf, inf, -inf)
    """
    poles = poles or {}

    def total(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return poles.get(x, nan)
        except OverflowError:
            return copysign(inf, function(copysign(1.0, x)))

    return total


def divide(x: float, y: float) -> float:
    """IEEE division: nan for 0/0, else a signed infinity for x/0."""
    try:
        return x / y
    except ZeroDivisionError:
        return nan if x == 0.0 or x != x else copysign(inf, x) * copysign(1.0, y)


def power(x: float, y: float) -> float:
    """C's pow: a negative base to a fractional power is nan, 0 to a negative power infinite."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -inf if x < 0.0 and y % 2.0 == 1.0 else inf
    except ValueError:
        if x == 0.0:
            return copysign(inf, x) if y % 2.0 == 1.0 else inf
        return nan


def floor_divide(x: float, y: float) -> float:
    """Python's ``//``, with x // 0 as x / 0."""
    return x // y if y else divide(x, y)


def modulo(x: float, y: float) -> float:
    """Python's ``%`` (the sign of the divisor), with nan for x % 0."""
    return x % y if y else nan


def to_integer(rounding: Callable[[float], int]) -> Callable[[float], float]:
    """`rounding` as a function from float to float that keeps -0.0, inf and nan."""

    def total(x: float) -> float:
        return copysign(float(rounding(x)), x) if math.isfinite(x) else x

    return total


def sign(x: float) -> float:
    """-1, 0 or 1; a zero keeps its sign and nan stays nan."""
    return x if x == 0.0 or x != x else copysign(1.0, x)


def cbrt(x: float) -> float:
    """The cube root: a power, then one Newton step, as C libraries round it badly and Python 3.10 has none."""
    if x == 0.0 or not math.isfinite(x):
        return x
    mantissa, exponent = math.frexp(abs(x))
    third, rest = divmod(exponent, 3)
    mantissa = math.ldexp(mantissa, rest)
    root = mantissa ** (1 / 3)
    root -= (root * root * root - mantissa) / (3.0 * root * root)
    return copysign(math.ldexp(root, third), x)


def direction(x: float, y: float) -> float:
    """The part x of a vector over its length hypot(x, y); 0 for the vector 0, which has no direction."""
    length = math.hypot(x, y)
    return x / length if length else 0.0


exp2: Callable[[float], float] = ieee(math.exp2 if sys.version_info >= (3, 11) else lambda x: math.pow(2.0, x))


def relu(x: float) -> float:
    """max(x, 0); nan stays nan."""
    return 0.0 if x <= 0.0 else x


def leaky_relu(x: float, slope: float) -> float:
    """``x`` where it is positive, else ``slope * x``."""
    return x if x > 0.0 else slope * x


def elu(x: float, alpha: float) -> float:
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``."""
    return x if x > 0.0 else alpha * expm1(x)


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), also where exp(-x) overflows."""
    return 1.0 / (1.0 + exp(-x)) if x > -709.0 else exp(x)


def logistic_pdf(x: float) -> float:
    """The derivative of sigmoid, e / (1 + e)**2 with e = exp(-x).

    Near 0 it is (1 - tanh(x / 2)**2) / 4; elsewhere what rounding the square loses is put back.
    """
    if -1.1 < x < 1.1:
        t = tanh(0.5 * x)
        return 0.25 - 0.25 * t * t
    e = exp(-abs(x))
    more = e * (2.0 + e)
    square = 1.0 + more
    z = e / square
    return z - z * ((more - (square - 1.0)) / square)


def silu(x: float) -> float:
    """``x * sigmoid(x)``, with no rounding between the two."""
    if x > -709.0:
        return x / (1.0 + exp(-x))
    return x * exp(x) if x != -inf else -0.0


def softplus(x: float) -> float:
    """log(1 + exp(x)), from the side on which the exponential is small."""
    return log1p(exp(x)) if x <= 0.0 else x + log1p(exp(-x))


def logsigmoid(x: float) -> float:
    """-softplus(-x)."""
    return -softplus(-x)


_SPLITTER = 134217729.0  # 2**27 + 1: Veltkamp's constant, splits a float into two halves of 26 bits
_SQRT_HALF, _SQRT_HALF_LOW = math.sqrt(0.5), -4.833646656726457e-17  # sqrt(1/2) in two floats
_TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)


def _halves(x: float) -> tuple[float, float]:
    """``x`` as the exact sum of two floats of 26 bits, whose products are exact."""
    high = x * _SPLITTER
    high -= high - x
    return high, x - high


def _exp_of_square(x: float, scale: float) -> float:
    """exp(-scale * x * x) for a power of two `scale`; the rounding of x * x would cost hundreds of ULP."""
    if abs(x) > 60.0:
        return 0.0
    high, _ = _halves(x)
    main = exp(-scale * (high * high))
    return main + main * expm1(-scale * ((x - high) * (x + high)))


def gaussian(x: float) -> float:
    """exp(-x * x)."""
    return _exp_of_square(x, 1.0)


def normal_pdf(x: float) -> float:
    """exp(-x * x / 2) / sqrt(2 pi), the standard normal density."""
    return _exp_of_square(x, 0.5) * 0.3989422804014327


def normal_cdf(x: float) -> float:
    """erfc(-x / sqrt(2)) / 2, the standard normal distribution function.

    In the tail a relative error of the argument t grows by 2 t**2, so that x / sqrt(2) is computed in two
    floats, and erfc is corrected by its derivative for the second.
    """
    t = -x * _SQRT_HALF
    if not -6.0 < t < 27.5:
        return 0.5 * erfc(t)
    x_high, x_low = _halves(-x)
    c_high, c_low = _halves(_SQRT_HALF)
    rest = ((x_high * c_high - t) + x_high * c_low + x_low * c_high) + x_low * c_low - x * _SQRT_HALF_LOW
    return 0.5 * (erfc(t) - rest * _TWO_OVER_SQRT_PI * gaussian(t))


def gelu(x: float) -> float:
    """``x * normal_cdf(x)``; the limit 0 at -inf.

    Where normal_cdf is subnormal and has lost digits, by its asymptotic series 1 - 1/x**2 + 1*3/x**4 - 1*3*5/x**6 ...
    """
    if -inf < x < -37.0:
        term = series = 1.0
        for k in range(1, 16, 2):
            term *= -k / (x * x)
            series += term
        return -normal_pdf(x) * series
    return x * normal_cdf(x) if x != -inf else -0.0


def total(*xs: float) -> float:
    """The sum, rounded once; where a partial sum overflows, the plain sum."""
    try:
        return fsum(xs)
    except (OverflowError, ValueError):
        return _plain_sum(xs)


def _plain_sum(xs: Iterable[float]) -> float:
    result = 0.0
    for x in xs:  # not the builtin: from Python 3.12 it compensates, and inf then gives nan
        result += x
    return result


def mean(*xs: float) -> float:
    """The sum over the number of operands."""
    return total(*xs) / len(xs)


def dot(*xs: float) -> float:
    """Sum of the products of the first half with the second; an odd operand at the end is added."""
    n = len(xs) // 2
    return inner([*xs[:n], *xs[2 * n :]], [*xs[n : 2 * n], 1.0])


def inner(ws: Sequence[float], xs: Sequence[float]) -> float:
    """Sum of the products of `ws` with as many of `xs`, rounded once; where a partial sum overflows, the plain sum."""
    try:
        return fsum(map(mul, ws, xs))
    except (OverflowError, ValueError):
        return _plain_sum(map(mul, ws, xs))


def largest(*xs: float) -> float:
    """The maximum; nan if any operand is nan."""
    z = max(xs)
    return nan if any(x != x for x in xs) else z


def smallest(*xs: float) -> float:
    """The minimum; nan if any operand is nan."""
    z = min(xs)
    return nan if any(x != x for x in xs) else z


def logsumexp(*xs: float) -> float:
    """log(sum(exp(x))), shifted by the largest operand, whose own 1 goes into log1p."""
    m = largest(*xs)
    if not math.isfinite(m):
        return m
    return m + log1p(max(0.0, fsum([-1.0, *[exp(x - m) for x in xs]])))
