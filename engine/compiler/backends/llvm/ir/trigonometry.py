"""sin and cos on whole vectors, within about 1.5 units in the last place; they share all but their last step.

An argument is a multiple of pi / 2 plus a rest of at most pi / 4, from which one of two polynomials makes the result.
Arguments so large that the rest would lose digits, and infinities and nan, go to C's library.
"""

from __future__ import annotations

import math

from .builder import Code
from .functions import function
from .vector import Vector
from .vectormath import polynomial

HALF_PI = {
    64: [1.5707963267948966, 6.123233995736765e-17, 1.0828566739219139e-32],
    32: [1.570796251296997, 7.549789415861596e-08, 5.390302529957765e-15],
}
"""By the bits of a number, pi / 2 in parts, each rounded down: taking off 0 times them leaves the sign of a zero."""

SINE = {
    64: [-0.16666666666666655, 0.008333333333327309, -0.0001984126983345405, 2.7557314878175512e-06,
         -2.505093336928916e-08, 1.5906429654356818e-10],
    32: [-0.16666659661273478, 0.008332424157379118, -0.0001954586806984438],
}  # fmt: skip  # coefficients
"""By the bits of a number, the polynomial in r**2 of (sin(r) / r - 1) / r**2.

It goes through that function at the zeros, but 0, of the Chebyshev polynomial T(r / (pi / 4)) of degree 2 n + 1, which
are n and their opposites.
"""

COSINE = {
    64: [0.04166666666666666, -0.001388888888888512, 2.4801587296698583e-05, -2.755731650582851e-07,
         2.0876022112278733e-09, -1.1375313694551185e-11],
    32: [0.04166665964980018, -0.001388797833087325, 2.45058405745852e-05],
}  # fmt: skip  # coefficients
"""Likewise the polynomial of (cos(r) - 1 + r**2 / 2) / r**4."""

LARGEST = {64: 2.0**30, 32: 2.0**16}
"""Up to here a multiple of the first part of pi / 2 is taken off without rounding."""


@function
def sin(code: Code, x: Vector) -> Vector:
    """The sine."""
    return _circular(code, x, "sin", 0)


@function
def cos(code: Code, x: Vector) -> Vector:
    """The cosine: the sine, a quarter of a turn further."""
    return _circular(code, x, "cos", 1)


def _circular(code: Code, x: Vector, name: str, turn: int) -> Vector:
    """The sine of x + turn pi / 2; `name` is that function in C."""
    magic = 6755399441055744.0 if code.bits == 64 else 12582912.0  # rounds to a whole number, in the low bits
    shifted = code.fma(x, 2 / math.pi, magic)
    n, r = shifted - magic, x
    for part in HALF_PI[code.bits]:
        r = code.fma(n, -part, r)
    z = r * r
    sine = code.intrinsic("copysign", code.fma(r * z, polynomial(code, z, SINE[code.bits]), r), r)
    cosine = code.fma(z, code.fma(z, polynomial(code, z, COSINE[code.bits]), -0.5), 1.0)
    quadrant = shifted.bits + turn
    size = code.select(quadrant.has(1), cosine, sine)
    near = (size.bits ^ ((quadrant & 2) << (code.bits - 2))).float
    return _or_by_libm(code, code.intrinsic("fabs", x).compare("ugt", LARGEST[code.bits]), name, x, near)


def _or_by_libm(code: Code, wanted: Vector, name: str, x: Vector, else_: Vector) -> Vector:
    """A function of C's library in the lanes where it is wanted, which are rare; no call if there is none."""
    result = code.variable(else_)
    with code.when(code.any(wanted), rare=True):
        code.write(result, code.select(wanted, code.libm(name, x), else_))
    return code.read(result)
