"""Errors of a millionth in the gradient of smooth functions that are hard to differentiate by values alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from engine import check_gradients
from tests.needs import needs

mpmath = needs("mpmath")

Formula = Callable[[Any, Any], Any]
"""A function of `math` or mpmath, and a number of that library."""


def _iterated(step: Formula, times: int) -> Formula:
    def repeated(m: Any, x: Any) -> Any:
        for _ in range(times):
            x = step(m, x)
        return x

    return repeated


def _solved(m: Any, x: Any) -> Any:
    """The root of y**3 + y = x, by Newton's method."""
    y = 1 + 0 * x
    for _ in range(40):
        y = y - (y**3 + y - x) / (3 * y * y + 1)
    return y


def _chaotic(m: Any, x: Any) -> Any:
    y = 0.3 + 0 * x
    for _ in range(15):
        y = x * y * (1 - y)
    return y


def _integrated(m: Any, x: Any) -> Any:
    """y' = x cos(y) up to 1, by Heun's method."""
    y = 1 + 0 * x
    for _ in range(40):
        slope = x * m.cos(y)
        y = y + (slope + x * m.cos(y + slope / 40)) / 80
    return y


HARD: dict[str, tuple[Formula, float]] = {
    "sin(50 x)": (lambda m, x: m.sin(50 * x), 1.0),
    "sin(500 x)": (lambda m, x: m.sin(500 * x), 1.0),
    "the tail of a Gaussian": (lambda m, x: m.exp(-x * x), 5.0),
    "x^50": (lambda m, x: x**50, 1.1),
    "tanh(20 x)": (lambda m, x: m.tanh(20 * x), 0.1),
    "near a pole": (lambda m, x: 1 / (x - 1), 1.001),
    "near a triple pole": (lambda m, x: 1 / (x - 1) ** 3, 1.01),
    "log-sum-exp": (lambda m, x: m.log(m.exp(x) + m.exp(-x)), 5.0),
    "sqrt(1 + x^2)": (lambda m, x: m.sqrt(1 + x * x), 100.0),
    "x log x": (lambda m, x: x * m.log(x), 1e-5),
    "atan(1000 x)": (lambda m, x: m.atan(1000 * x), 1e-3),
    "beside 1000": (lambda m, x: 1000 + m.sin(x), 1.0),
    "beside 100,000": (lambda m, x: 100000 + x * m.sin(x), 2.0),
    "1e-6 sin(x^2)": (lambda m, x: 1e-6 * m.sin(x * x), 3.0),
    "x^x": (lambda m, x: m.exp(x * m.log(x)), 2.5),
    "sin(x)/x": (lambda m, x: m.sin(x) / x, 10.0),
    "close roots": (lambda m, x: (x - 1) * (x - 1.001) * (x - 0.999), 1.0005),
    "cosh": (lambda m, x: m.cosh(x), 30.0),
    "a rational function near a pole": (lambda m, x: (x**3 - 2 * x) / (x**2 - 2.001), 1.414),
    "sin(x)^20": (lambda m, x: m.sin(x) ** 20, 0.7),
    "exp(5 sin(10 x))": (lambda m, x: m.exp(5 * m.sin(10 * x)), 0.6),
    "roots that cancel": (lambda m, x: m.sqrt(x + 100) - m.sqrt(x + 99), 1.0),
    "1 - cos(x)": (lambda m, x: 1 - m.cos(x), 1e-3),
    "ten sines": (_iterated(lambda m, x: m.sin(3 * x), 10), 0.4),
    "six Gaussians": (_iterated(lambda m, x: m.exp(-x * x), 6), 0.8),
    "Newton's method": (_solved, 3.0),
    "the logistic map": (_chaotic, 3.7),
    "Heun's method": (_integrated, 1.3),
}


def _slope(formula: Formula, x: float) -> float:
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -20
        return float((formula(mpmath, x + h) - formula(mpmath, x - h)) / (2 * h))


@pytest.mark.parametrize("name", HARD)
def test_an_error_of_a_millionth_is_found(name: str) -> None:
    formula, x = HARD[name]
    right = _slope(formula, x)

    def f(u: float) -> float:
        return float(formula(math, u))

    assert check_gradients(f, x, grad=lambda u: right).unresolved == []
    for error in (1e-6, -1e-6):
        report = check_gradients(f, x, grad=lambda u, error=error: right * (1 + error))
        assert report.wrong, report


@pytest.mark.parametrize("name", HARD)
def test_it_is_found_by_one_of_two_inputs(name: str) -> None:
    """Slopes beside the line are no excuse: they change as the function curves, not at a kink."""
    formula, x = HARD[name]
    right = _slope(formula, x)

    def f(x: list[float]) -> float:
        return float(formula(math, x[0])) * x[1]

    for error in (1e-6, -1e-6):
        report = check_gradients(f, [x, 1.0], grad=lambda x, error=error: [right * (1 + error), f([x[0], 1.0])])
        assert report.wrong, report
