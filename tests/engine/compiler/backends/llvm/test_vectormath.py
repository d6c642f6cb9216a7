"""Vector mathematics against mpmath, within 2.5 units in the last place, and IEEE 754 at the edges."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.compiler.backends.llvm.ir import vectormath
from engine.compiler.backends.llvm.ir.builder import Code
from engine.compiler.backends.llvm.ir.vector import Vector, literal
from engine.compiler.backends.llvm.jit.machine_code import optimised
from tests.engine.compiler.backends.llvm.formulas import assert_accurate, compiled, text

inf, nan = math.inf, math.nan
FUNCTIONS: dict[str, tuple[Any, Any, tuple[float, float]]] = {
    "exp": (vectormath.exp, mpmath.exp, (-745.0, 709.0)),
    "expm1": (vectormath.expm1, mpmath.expm1, (-40.0, 709.0)),
    "tanh": (vectormath.tanh, mpmath.tanh, (-22.0, 22.0)),
    "sigmoid": (vectormath.sigmoid, lambda x: 1 / (1 + mpmath.exp(-x)), (-745.0, 40.0)),
    "softplus": (vectormath.softplus, lambda x: mpmath.log1p(mpmath.exp(x)), (-700.0, 700.0)),
    "silu": (vectormath.silu, lambda x: x / (1 + mpmath.exp(-x)), (-700.0, 700.0)),
    "sinh": (vectormath.sinh, mpmath.sinh, (-710.0, 710.0)),
    "cosh": (vectormath.cosh, mpmath.cosh, (-710.0, 710.0)),
    "log": (vectormath.log, mpmath.log, (1e-9, 1e9)),
    "log1p": (vectormath.log1p, mpmath.log1p, (-0.999, 1e6)),
}
SPECIAL = [0.0, -0.0, inf, -inf, nan, 5e-324]
EXPECTED = {
    "exp": [1.0, 1.0, inf, 0.0, nan, 1.0],
    "expm1": [0.0, -0.0, inf, -1.0, nan, 5e-324],
    "tanh": [0.0, -0.0, 1.0, -1.0, nan, 5e-324],
    "sigmoid": [0.5, 0.5, 1.0, 0.0, nan, 0.5],
    "softplus": [math.log(2), math.log(2), inf, 0.0, nan, math.log(2)],
    "silu": [0.0, -0.0, inf, -0.0, nan, None],
    "sinh": [0.0, -0.0, inf, -inf, nan, None],
    "cosh": [1.0, 1.0, inf, inf, nan, 1.0],
    "log": [-inf, -inf, inf, nan, nan, math.log(5e-324)],
    "log1p": [0.0, -0.0, inf, nan, nan, 5e-324],
}


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy(name: str, bits: int) -> None:
    formula, exact, (low, high) = FUNCTIONS[name]
    dtype = np.float64 if bits == 64 else np.float32
    if bits == 32:
        low, high = max(low, -103.0 if name in ("exp", "sigmoid") else -88.0), min(high, 88.0)
    random = np.random.default_rng(0)
    x = np.concatenate(
        [
            random.uniform(low, high, 300),
            random.uniform(max(low, -1.0), 1.0, 300),
            np.clip(random.normal(0, 3, 200) * 10.0 ** random.uniform(-8, 1, 200), low, high),
        ]
    ).astype(dtype)
    assert_accurate(compiled(formula, bits), exact, x, units=2.5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_values(name: str) -> None:
    y = compiled(FUNCTIONS[name][0], 64)(np.array(SPECIAL))
    for x, z, expected in zip(SPECIAL, y, EXPECTED[name]):
        if expected is None:  # a subnormal result may be off by one subnormal
            assert abs(z - x) <= 1e-323
        elif expected != expected:
            assert math.isnan(z)
        else:
            assert z == expected, f"{name}({x})"
            assert math.copysign(1, z) == math.copysign(1, expected), f"{name}({x})"


@pytest.mark.parametrize("bits", [64, 32])
def test_coefficients_go_through_the_function_at_the_zeros_of_a_chebyshev_polynomial(bits: int) -> None:
    coefficients = vectormath.EXPM1[bits]
    count = len(coefficients)
    with mpmath.workprec(300):
        end = mpmath.log(2) / 2
        zeros = [
            end * mpmath.cos(mpmath.pi * (2 * k + 1) / (2 * count + 2)) for k in range(count + 1) if 2 * k != count
        ]
        values = [(mpmath.expm1(r) / r - 1) / r for r in zeros]
        expected = mpmath.lu_solve(mpmath.matrix([[r**j for j in range(count)] for r in zeros]), mpmath.matrix(values))
        assert coefficients == [float(c) for c in expected]
        for k in range(-50, 51):
            r = end * (k + mpmath.mpf(1) / 3) / 51
            found = r + r * r * mpmath.fsum(c * r**k for k, c in enumerate(coefficients))
            assert abs(found / mpmath.expm1(r) - 1) < 2.0 ** (-55.2 if bits == 64 else -26)


IDENTITIES: dict[str, Any] = {
    "tanh is odd": lambda c, x: vectormath.tanh(c, -x) + vectormath.tanh(c, x),
    "sigmoids add to 1": lambda c, x: vectormath.sigmoid(c, -x) + vectormath.sigmoid(c, x) - 1.0,
    "tanh x = s(2 x) - s(-2 x)": lambda c, x: (
        vectormath.tanh(c, x) - (vectormath.sigmoid(c, x * 2.0) - vectormath.sigmoid(c, x * -2.0))
    ),
}


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("name", IDENTITIES)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=16))
@example([inf, -inf, 0.0, -0.0, 1e-45, 88.0, -88.0, 104.0])
def test_identities(name: str, bits: int, numbers: list[float]) -> None:
    found = compiled(IDENTITIES[name], bits)(np.array(numbers))
    assert np.all(abs(found) <= 4 * np.finfo(found.dtype).eps)


SHARED: dict[str, tuple[Any, Any]] = {
    "tanh and its derivative": (
        lambda c, x: vectormath.tanh(c, x) + vectormath.sigmoid(c, 2.0 * x) * vectormath.sigmoid(c, -(2.0 * x)),
        vectormath.tanh,
    ),
    "silu and its derivative": (
        lambda c, x: vectormath.silu(c, x) + vectormath.sigmoid(c, x) * vectormath.sigmoid(c, -x),
        vectormath.silu,
    ),
    "elu and its derivative": (
        lambda c, x: vectormath.expm1(c, x) - vectormath.exp(c, x),
        lambda c, x: vectormath.expm1(c, x) * x,
    ),
}


@pytest.mark.parametrize("name", SHARED)
def test_functions_share_their_polynomial_and_their_division(name: str) -> None:
    together, alone = (str(optimised(text(formula, 64, 8))) for formula in SHARED[name])
    assert together.count("= fdiv") == alone.count("= fdiv") <= 1
    fused = [each.count("call <8 x double> @llvm.fma") for each in (together, alone)]
    assert 10 < fused[1] <= fused[0] <= fused[1] + 1


def test_scalars_are_vectors_of_one() -> None:
    x = np.array([-1.5, 0.25])
    assert np.allclose(compiled(vectormath.exp, 64, 1)(x), np.exp(x), rtol=1e-15)


def test_a_library_function_lane_by_lane() -> None:
    x = np.linspace(-3, 3, 16)
    y = compiled(lambda code, x: code.libm("erf", x), 64)(x)
    assert y.tolist() == [math.erf(a) for a in x]


def test_literals_are_rounded_to_their_size() -> None:
    assert literal(1.0, 64) == "0x3FF0000000000000"
    assert literal(0.1, 32) == f"0x{np.array(np.float32(0.1), np.float64).view(np.uint64)[()]:016X}"
    assert literal(1e300, 32) == literal(inf, 64)


def test_a_vector_in_the_making_has_no_truth() -> None:
    code = Code("f", 64, 4, [])
    with pytest.raises(TypeError, match="select"):
        bool(Vector(code, "%x") > 0.0)
