"""exp, log, tanh and their family on whole vectors, as formulas over `Code`.

Each is an argument reduction, a polynomial and a reconstruction without branches, within about 2 units in the
last place, and follows IEEE 754 for nan, infinities, signed zeros and subnormal numbers. What is rarer than these
goes to C's library, lane by lane (`Code.libm`).

Constants: exponentials by interpolation, see `EXPM1`; logarithms by the series of log((1 + s) / (1 - s)) in the
economised form of Sun's fdlibm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .builder import Code
from .functions import function
from .vector import Vector


def polynomial(code: Code, x: Vector, coefficients: Sequence[float]) -> Vector:
    """c0 + c1 x + c2 x**2 + ..., in two interleaved halves: half the latency of Horner's rule."""
    if len(coefficients) < 6:
        return _horner(code, x, coefficients)
    square = x * x
    even, odd = _horner(code, square, coefficients[::2]), _horner(code, square, coefficients[1::2])
    return code.fma(odd, x, even)


def _horner(code: Code, x: Vector, coefficients: Sequence[float]) -> Vector:
    total = code.lift(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = code.fma(total, x, c)
    return total


def _clamp(code: Code, x: Vector, low: float, high: float) -> Vector:
    """``x`` moved into [low, high]; nan stays nan, since it is neither above nor below."""
    x = code.select(x > high, high, x)
    return code.select(x < low, low, x)


def _reduce(code: Code, x: Vector, less: Any = 0) -> tuple[Vector, Vector, Vector]:
    """2**(n - less), r and what rounding has cut off r, where x = n ln 2 + r and |r| <= ln 2 / 2.

    Adding 1.5 * 2**52 rounds to a whole number, which the low bits then hold. With the exponent's bias added too they
    are the exponent of the power of two, and a shift moves them there.
    """
    mantissa, bias = (52, 1023) if code.bits == 64 else (23, 127)
    magic = 1.5 * 2.0**mantissa + bias - less
    shifted = code.fma(x, 1 / math.log(2), magic)
    n = shifted - magic
    high, low = (6.93147180369123816490e-01, 1.90821492927058770002e-10)
    if code.bits == 32:
        high, low = (0.693359375, -2.12194440054690583e-4)
    most = code.fma(n, -high, x)  # exact
    r = code.fma(n, -low, most)
    return (shifted.bits << mantissa).float, r, code.fma(n, -low, most - r)


EXPM1 = {
    64: [0.5000000000000006, 0.1666666666666667, 0.04166666666657314, 0.008333333333326141,
         0.0013888888932488599, 0.00019841269874800493, 2.4801504346997686e-05, 2.7557255425746435e-06,
         2.7626357241447223e-07, 2.510520637395701e-08],
    32: [0.5000000047117757, 0.16666666718997508, 0.04166635289677516, 0.008333298483754886,
         0.0013941108433972674, 0.0001989927395864936],
}  # fmt: skip  # coefficients
"""By the bits of a number, q with expm1(r) = r + r**2 q(r) for |r| <= ln 2 / 2, to within 0.2 units in the last place.

q goes through ((exp(r) - 1) / r - 1) / r at the zeros, but 0, of the Chebyshev polynomial T(r / (ln 2 / 2)) of degree
len(q) + 1. So the relative error, nearly r times that of q, has equal peaks.
"""


def _expm1_reduced(code: Code, r: Vector, rest: Vector | None = None) -> Vector:
    """exp(r + rest) - 1 for |r| <= ln 2 / 2 and a rest that is next to nothing, or None to do without."""
    q = polynomial(code, r, EXPM1[code.bits])
    return code.fma(r * r, q, r) if rest is None else code.fma(r * r, q, rest) + r


# ---- exp and expm1, of parts that LLVM finds to be common in one kernel


def _growth(code: Code, x: Vector) -> tuple[Vector, Vector, Vector]:
    """Whether x < 0, 2**(n +- 64) and exp(r) - 1, with x = n ln 2 + r.

    The power of two that is left is 2**-64 or 2**64. In two factors it takes results right from the smallest subnormal
    number to infinity.
    """
    x = _clamp(code, x, *((-746.0, 710.8) if code.bits == 64 else (-104.5, 89.5)))
    below = x < 0.0
    scale, r, _ = _reduce(code, x, less=code.select(below, -64.0, 64.0))
    return below, scale, _expm1_reduced(code, r)


@function
def exp(code: Code, x: Vector) -> Vector:
    """The exponential of x."""
    below, scale, p = _growth(code, x)
    return code.fma(p, scale, scale) * code.select(below, 2.0**-64, 2.0**64)


@function
def quarter_expm1(code: Code, x: Vector) -> Vector:
    """(exp(x) - 1) / 4, which overflows later than exp: enough for expm1, sinh and cosh."""
    below, scale, p = _growth(code, x)
    scale = scale * code.select(below, 2.0**-66, 2.0**62)
    # Where n is 0, p is the answer to all its digits; a sum with 1 would lose those of a subnormal one.
    return code.fma(p, scale, scale - 0.25)


# ---- tanh and sigmoid, of parts that LLVM finds to be common: tanh x, sigmoid(2 x) and sigmoid(-2 x) in one kernel
# take one reduction, one polynomial and one division together


def _decay(code: Code, size: Vector, more: Vector | None = None) -> tuple[Vector, Vector]:
    """2**(n + 64) and exp(r) - 1, with -(size + more) = n ln 2 + r; `more` is what rounding has cut off the size."""
    x, lowest = -size, -746.0 if code.bits == 64 else -104.5
    scale, r, rest = _reduce(code, code.select(x < lowest, lowest, x), less=-64)
    if more is not None:
        rest, before = rest - more, r
        r = before + rest
        rest = rest + (before - r)
    return scale, _expm1_reduced(code, r, rest)


@function
def exp_of_minus(code: Code, size: Vector) -> Vector:
    """exp(-size) for size >= 0, subnormal results included."""
    scale, p = _decay(code, size)
    return code.fma(p, scale, scale) * 2.0**-64


@function
def expm1_of_minus(code: Code, size: Vector) -> Vector:
    """exp(-size) - 1 for size >= 0."""
    scale, p = _decay(code, size)
    scale = scale * 2.0**-64
    return code.fma(p, scale, scale - 1.0)


@function
def logistic(code: Code, size: Vector) -> Vector:
    """1 / (1 + e) with e = exp(-size), for size >= 0."""
    e = exp_of_minus(code, size)
    z = 1.0 / (e + 1.0)
    return code.fma(code.fma(-z, e, 1.0 - z), z, z)  # Newton's step brings back what e lost beside 1


def tanh(code: Code, x: Vector) -> Vector:
    """(1 - e) / (1 + e) with e = exp(-|2 x|)."""
    size = _abs(code, x * 2.0)
    return _copysign(code, expm1_of_minus(code, size) * logistic(code, size), x)


def sigmoid(code: Code, x: Vector) -> Vector:
    """1 / (1 + e) or e / (1 + e) with e = exp(-|x|), which never overflows."""
    size = _abs(code, x)
    z = logistic(code, size)
    return code.select(x < 0.0, exp_of_minus(code, size) * z, z)


def _copysign(code: Code, size: Vector, sign: Vector) -> Vector:
    return code.intrinsic("copysign", size, sign)


def _abs(code: Code, x: Vector) -> Vector:
    return code.intrinsic("fabs", x)


def expm1(code: Code, x: Vector) -> Vector:
    """exp(x) - 1; a zero keeps its sign."""
    z = quarter_expm1(code, x) * 4.0
    return code.select(_abs(code, x) < 1e-30, x, z)


def sinh(code: Code, x: Vector) -> Vector:
    """(e + e / (e + 1)) / 2 with e = expm1(|x|)."""
    q = quarter_expm1(code, _abs(code, x)) * 2.0
    z = code.select(q > 1e18, q, q + q / (q * 2.0 + 1.0))
    return _copysign(code, z, x)


def cosh(code: Code, x: Vector) -> Vector:
    """(e + 1 / e) / 2 with e = exp(|x|)."""
    half = quarter_expm1(code, _abs(code, x)) * 2.0 + 0.5
    return half + 0.25 / half


def _log_of(code: Code, u: Vector, correction: Vector | None) -> Vector:
    """log(u) for a normal positive u, plus a small correction that is added with the low digits."""
    if code.bits == 64:
        mantissa, root_half, bias = 52, 0x3FE6A09E667F3BCD, 0x3FF << 52
        shifted_one, whole = 0x4330 << 48, 2.0**52 + 1023.0
        high, low = 6.93147180369123816490e-01, 1.90821492927058770002e-10
        series = [6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
                  2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01,
                  1.479819860511658591e-01]  # fmt: skip  # coefficients
    else:
        mantissa, root_half, bias = 23, 0x3F3504F3, 0x7F << 23
        shifted_one, whole = 0x4B000000, 2.0**23 + 127.0
        high, low = 6.9313812256e-01, 9.0580006145e-06
        series = [0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841]
    offset = u.bits - root_half  # the exponent now counts from sqrt(1/2), so that m is in [sqrt(1/2), sqrt(2))
    k = ((((offset + bias) >> mantissa) | shifted_one).float) - whole
    m = ((offset & ((1 << mantissa) - 1)) + root_half).float
    f = m - 1.0
    s = f / (f + 2.0)
    z = s * s
    half_square = f * f * 0.5
    tail = s * (half_square + z * polynomial(code, z, series))
    tail = code.fma(k, low, tail)
    if correction is not None:
        tail = tail + correction
    return code.fma(k, high, f - (half_square - tail))


@function
def log(code: Code, x: Vector) -> Vector:
    """The natural logarithm: -inf at 0, nan below."""
    smallest, scale, exponent = (2.0**-1022, 2.0**54, 54.0) if code.bits == 64 else (2.0**-126, 2.0**25, 25.0)
    subnormal = x < smallest
    z = _log_of(code, code.select(subnormal, x * scale, x), None)
    z = code.select(subnormal, z - exponent * math.log(2), z)
    return _special_log(code, x, z)


def _special_log(code: Code, x: Vector, z: Vector) -> Vector:
    z = code.select(x.compare("ueq", math.inf), x, z)  # inf and nan
    z = code.select(x.equals(0.0), -math.inf, z)
    return code.select(x < 0.0, math.nan, z)


@function
def log1p(code: Code, x: Vector) -> Vector:
    """log(u) with u = 1 + x rounded, and the rounding (x - (u - 1)) / u put back."""
    u = _opaque_add(code, x, 1.0)
    # Whichever of 1 and x is larger, subtracting it first leaves the rounding error of u exactly.
    lost = code.select(x > 1.0, 1.0 - _opaque_add(code, u, -x), x - _opaque_add(code, u, -1.0))
    z = _log_of(code, u, lost * (1.0 / u))  # which `logistic` needs, too
    z = _special_log(code, u, z)
    tiny = _abs(code, x) < (1e-17 if code.bits == 64 else 1e-8)
    return code.select(tiny, x, z)


def _opaque_add(code: Code, a: Vector, b: Any) -> Vector:
    """A sum that may not be contracted with a product: its exact rounding matters."""
    other = code.lift(b)
    return code.emit(f"fadd {code.type()} {a.name}, {other.name}")


def softplus(code: Code, x: Vector) -> Vector:
    """max(x, 0) + log1p(exp(-|x|))."""
    rest = log1p(code, exp_of_minus(code, _abs(code, x)))
    return code.select(x > 0.0, x + rest, rest)


def silu(code: Code, x: Vector) -> Vector:
    """The product of x and sigmoid(x); -0 at -inf."""
    return code.select(x.equals(-math.inf), -0.0, x * sigmoid(code, x))


def decay_of_square(code: Code, x: Vector, factor: float) -> tuple[Vector, Vector]:
    """As `_decay` for factor * x * x, with a power of two as factor: what rounding cuts off the square counts."""
    square = code.emit(f"fmul {code.type()} {x.name}, {x.name}")
    lost = code.select(square > 1e4, 0.0, code.fma(x, x, -square))
    return _decay(code, square * factor, lost * factor)


def exp_of_square(code: Code, x: Vector, factor: float) -> Vector:
    """exp(-factor * x * x), with a power of two as factor."""
    scale, p = decay_of_square(code, x, factor)
    return code.fma(p, scale, scale) * 2.0**-64
