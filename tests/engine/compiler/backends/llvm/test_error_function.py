"""Vector erf and erfc against mpmath, and IEEE 754 at the edges."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.compiler.backends.llvm.ir import error_function
from tests.engine.compiler.backends.llvm.formulas import assert_accurate, compiled

FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "erf": (error_function.erf, mpmath.erf),
    "erfc": (error_function.erfc, mpmath.erfc),
}


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy(name: str, bits: int) -> None:
    formula, exact = FUNCTIONS[name]
    dtype, random = (np.float64 if bits == 64 else np.float32), np.random.default_rng(0)
    x = np.concatenate(
        [
            random.uniform(-6, 27.2 if bits == 64 else 10.0, 500),
            random.uniform(-1, 1, 300),
            [0.5, -0.5],
            random.normal(size=200) * 10.0 ** random.uniform(-30, 0, 200),
        ]
    ).astype(dtype)
    assert_accurate(compiled(formula, bits), exact, x, units=2.75)


@pytest.mark.parametrize("bits", [64, 32])
def test_special_values(bits: int) -> None:
    x = np.array([math.inf, -math.inf, 0.0, -0.0, 30.0, -30.0, 1e300 if bits == 64 else 1e38])
    erf, erfc = compiled(error_function.erf, bits)(x), compiled(error_function.erfc, bits)(x)
    assert erf.tolist() == [1.0, -1.0, 0.0, -0.0, 1.0, -1.0, 1.0]
    assert np.signbit(erf[2:4]).tolist() == [False, True]
    assert erfc.tolist() == [0.0, 2.0, 1.0, 1.0, 0.0, 2.0, 0.0]
    nan = np.array([math.nan])
    assert np.isnan([compiled(error_function.erf, bits)(nan), compiled(error_function.erfc, bits)(nan)]).all()


@pytest.mark.parametrize("bits", [64, 32])
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=16))
@example([0.5, 0.49999997, -0.5, 27.5, 1e-45])
def test_the_two_add_to_one_and_have_their_symmetry(bits: int, numbers: list[float]) -> None:
    x = np.array(numbers)
    erf, erfc = compiled(error_function.erf, bits)(x), compiled(error_function.erfc, bits)(x)
    assert np.all(abs(erf + erfc - 1) <= 2 * np.finfo(erf.dtype).eps)
    assert compiled(error_function.erf, bits)(-x).tolist() == (-erf).tolist()
    assert np.all(abs(compiled(error_function.erfc, bits)(-x) + erfc - 2) <= 4 * np.finfo(erf.dtype).eps)


@pytest.mark.parametrize("bits", [64, 32])
def test_coefficients_go_through_the_function_at_the_zeros_of_a_chebyshev_polynomial(bits: int) -> None:
    near, far = error_function.NEAR[bits], error_function.FAR[bits]
    center, largest = mpmath.mpf(error_function.CENTER[bits]), error_function.LARGEST[bits]

    def scaled_erfc(t: Any) -> Any:
        x = center * (1 + t) / (1 - t)
        return (1 + 2 * x) * mpmath.exp(x * x) * mpmath.erfc(x)

    def through(function: Any, places: list[Any], step: int) -> list[float]:
        powers = mpmath.matrix([[x ** (step * j) for j in range(len(places))] for x in places])
        return [float(c) for c in mpmath.lu_solve(powers, mpmath.matrix([function(x) for x in places]))]

    with mpmath.workprec(250):
        n = len(near)
        zeros = [mpmath.cos(mpmath.pi * (2 * k + 1) / (4 * n + 2)) / 2 for k in range(n)]
        assert near == through(lambda x: mpmath.erf(x) / x - 1, zeros, 2)
        n = len(far)
        low, high = ((x - center) / (x + center) for x in (mpmath.mpf("0.5"), largest))
        cosines = [mpmath.cos(mpmath.pi * (2 * k + 1) / (2 * n)) for k in range(n)]
        assert far == through(scaled_erfc, [(low + high) / 2 + (high - low) / 2 * c for c in cosines], 1)
