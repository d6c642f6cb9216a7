"""Vector sin and cos against mpmath, within 1.5 units in the last place, and C's library where arguments are huge."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.compiler.backends.llvm.ir import trigonometry
from engine.compiler.backends.llvm.ir.builder import Code
from engine.compiler.backends.llvm.ir.vector import Vector
from engine.compiler.backends.llvm.jit.machine_code import optimised
from tests.engine.compiler.backends.llvm.formulas import assert_accurate, compiled, text

FUNCTIONS: dict[str, tuple[Any, Any, Any]] = {
    "sin": (trigonometry.sin, mpmath.sin, math.sin),
    "cos": (trigonometry.cos, mpmath.cos, math.cos),
}


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy(name: str, bits: int) -> None:
    dtype, random = (np.float64 if bits == 64 else np.float32), np.random.default_rng(0)
    largest = trigonometry.LARGEST[bits]
    near_zeros = np.concatenate([np.arange(1, 200), random.integers(1, int(largest / 2), 200)]) * (math.pi / 2)
    x = np.concatenate(
        [
            random.uniform(-4, 4, 500),
            random.uniform(-largest, largest, 300),
            near_zeros,
            random.normal(size=200) * 10.0 ** random.uniform(-30, 4, 200),
        ]
    ).astype(dtype)
    assert_accurate(compiled(FUNCTIONS[name][0], bits), FUNCTIONS[name][1], x, units=1.5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_huge_arguments_are_those_of_the_library(name: str) -> None:
    x = np.array([1.1e9, -1e15, 1e22, 1e300, 2.0**30 + 1, 0.5, -(2.0**40), 3.0])
    expected = [FUNCTIONS[name][2](a) for a in x]
    assert np.allclose(compiled(FUNCTIONS[name][0], 64)(x), expected, rtol=4e-16, atol=0)
    assert (compiled(FUNCTIONS[name][0], 64)(x) == expected)[abs(x) > 2.0**30].all()


@pytest.mark.parametrize("bits", [64, 32])
def test_special_values(bits: int) -> None:
    x = np.array([math.inf, -math.inf, math.nan, 0.0, -0.0, 5e-324 if bits == 64 else 1e-45])
    sine, cosine = compiled(trigonometry.sin, bits)(x), compiled(trigonometry.cos, bits)(x)
    assert np.isnan(sine[:3]).all()
    assert np.isnan(cosine[:3]).all()
    assert sine[3:].tolist() == x.astype(sine.dtype)[3:].tolist()
    assert np.signbit(sine[3:]).tolist() == [False, True, False]
    assert cosine[3:].tolist() == [1.0, 1.0, 1.0]


def squares(code: Code, x: Vector) -> Vector:
    sine, cosine = trigonometry.sin(code, x), trigonometry.cos(code, x)
    return sine * sine + cosine * cosine


@pytest.mark.parametrize("bits", [64, 32])
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=16))
@example([2.0**30, 2.0**16, 1e9, 65537.0, math.pi])
def test_squares_add_to_one(bits: int, numbers: list[float]) -> None:
    found = compiled(squares, bits)(np.array(numbers))
    assert np.all(abs(found - 1) <= 4 * np.finfo(found.dtype).eps)


def test_sin_and_cos_of_one_argument_share_their_polynomials() -> None:
    texts = [
        text(lambda c, x: trigonometry.sin(c, x) + trigonometry.cos(c, x), 64, 8),
        text(trigonometry.sin, 64, 8),
    ]
    both, alone = (str(optimised(each)).count("call <8 x double> @llvm.fma") for each in texts)
    assert both == alone > 10


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize(
    ("coefficients", "function"),
    [
        (trigonometry.SINE, lambda r: (mpmath.sin(r) / r - 1) / r**2),
        (trigonometry.COSINE, lambda r: (mpmath.cos(r) - 1 + r**2 / 2) / r**4),
    ],
    ids=["sine", "cosine"],
)
def test_coefficients_go_through_the_function_at_the_zeros_of_a_chebyshev_polynomial(
    coefficients: dict[int, list[float]], function: Any, bits: int
) -> None:
    count = len(coefficients[bits])
    with mpmath.workprec(300):
        zeros = [mpmath.pi / 4 * mpmath.cos(mpmath.pi * (2 * k + 1) / (4 * count + 2)) for k in range(count)]
        matrix = mpmath.matrix([[r ** (2 * j) for j in range(count)] for r in zeros])
        expected = mpmath.lu_solve(matrix, mpmath.matrix([function(r) for r in zeros]))
        assert coefficients[bits] == [float(c) for c in expected]


@pytest.mark.parametrize("bits", [64, 32])
def test_the_parts_of_half_pi(bits: int) -> None:
    with mpmath.workprec(300):
        rest, digits = mpmath.pi / 2, 53 if bits == 64 else 24
        for part in trigonometry.HALF_PI[bits]:
            rest -= part
            assert 0 < rest < mpmath.mpf(part) * mpmath.mpf(2) ** (1 - digits)
