"""erf and erfc on whole vectors, within about 2.7 units in the last place.

Near 0, erf(x) = x + x p(x**2) and erfc = 1 - erf. From 1/2 on, erfc(x) = exp(-x**2) q(t) / (1 + 2 x) with
t = (x - c) / (x + c), which takes all positive x to a short interval, and erf = 1 - erfc.
(M. M. Shepherd and J. G. Laframboise, Chebyshev approximation of (1 + 2x) exp(x**2) erfc x, 1981.)
"""

from __future__ import annotations

from .builder import Code
from .functions import function
from .vector import Vector
from .vectormath import decay_of_square, polynomial

NEAR = {
    64: [0.1283791670955126, -0.3761263890318374, 0.11283791670954482, -0.02686617064487597,
         0.0052239776198731, -0.0008548326292543542, 0.00012055272780806756, -1.4922512706487741e-05,
         1.6361424203968466e-06, -1.4538323545462133e-07],
    32: [0.12837915895211346, -0.3761257363978842, 0.1128232306312324, -0.026730655215148513,
         0.004670991727974174],
}  # fmt: skip  # coefficients
"""By the bits of a number, the polynomial in x**2 of erf(x) / x - 1 for |x| <= 1/2.

It goes through that function at the zeros, but 0, of the Chebyshev polynomial T(2 x) of degree 2 n + 1.
"""

FAR = {
    64: [1.2423492448711544, -0.1400091801376194, -0.010555596332218151, 0.09751909515325563,
         -0.11508959816020042, 0.08798315382497571, -0.04882332582769667, 0.01909933094056669,
         -0.004215019910384933, -0.00030226786092849803, 0.0005643844370842721, -0.00012151250870843876,
         -4.278232062220953e-05, 2.4261220716444518e-05, 2.3285625617049886e-06, -3.814991076700576e-06,
         -4.466283205177847e-08, 6.00951725853741e-07, -7.545055693454484e-09, -9.361273365147815e-08,
         4.2783298300506434e-10, 1.0591622351425399e-08],
    32: [1.2648381831523237, -0.12235675705216699, -0.09902437809426964, 0.1576298485019785,
         -0.10297049629443386, 0.03275930830542988, 0.0009576368301338598, -0.004360265045550933,
         0.0004125250264136417, 0.0005467280100957635],
}  # fmt: skip  # coefficients
"""By the bits of a number, the polynomial in t of (1 + 2 x) exp(x**2) erfc(x) for 1/2 <= x <= `LARGEST`.

It goes through that function at the zeros of a Chebyshev polynomial of t over that interval.
"""

CENTER = {64: 3.5, 32: 2.5}
"""Where t is 0."""

LARGEST = {64: 28.0, 32: 10.5}
"""From here on erfc is 0."""


@function
def erf_near_0(code: Code, x: Vector) -> Vector:
    """erf(x) for |x| <= 1/2."""
    return code.fma(polynomial(code, x * x, NEAR[code.bits]), x, x)


@function
def erfc_from_half(code: Code, size: Vector) -> Vector:
    """erfc(size) for size >= 1/2."""
    largest, center = LARGEST[code.bits], CENTER[code.bits]
    size = code.select(size > largest, largest, size)
    t = (size - center) / (size + center)
    first, *others = FAR[code.bits]
    rest = code.fma(polynomial(code, t, others), t, first - 1.25)
    scale, p = decay_of_square(code, size, 1.0)
    # exp(-x**2) q with q = 1.25 + rest, as 2**n (1.25 + (1.25 p + (rest + rest p))): the one large sum comes last.
    power = code.fma(p, 1.25, code.fma(rest, p, rest)) + 1.25
    return power * scale / (size * 2.0 + 1.0) * 2.0**-64


def erf(code: Code, x: Vector) -> Vector:
    """The error function."""
    size = code.intrinsic("fabs", x)
    far = code.intrinsic("copysign", 1.0 - erfc_from_half(code, size), x)
    return code.select(size < 0.5, erf_near_0(code, x), far)


def erfc(code: Code, x: Vector) -> Vector:
    """1 - erf(x), without loss for large x."""
    size = code.intrinsic("fabs", x)
    far = erfc_from_half(code, size)
    far = code.select(x < 0.0, 2.0 - far, far)
    return code.select(size < 0.5, 1.0 - erf_near_0(code, x), far)
