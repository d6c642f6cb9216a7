"""Rounding inside of a function, mostly to single and half precision: values lie on a grid, equal ones hide a slope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import check_gradients

A = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)
X = np.random.default_rng(2).normal(size=4)

Gradient = Callable[[Any], Any]


def _nothing(x: Any) -> Any:
    return 0 * x


@pytest.mark.parametrize("directions", [None, 3])
@pytest.mark.parametrize(
    ("f", "point", "right", "wrong"),
    [
        (lambda x: np.float32(100 + np.tanh(A @ x).sum()), X, lambda x: A.T @ (1 - np.tanh(A @ x) ** 2), []),
        (
            lambda x: np.float32(np.abs(x).sum()),
            [0.0, 1.0, -2.0],
            np.sign,
            [lambda x: np.sign(x) + np.array([1.5, 0, 0])],
        ),
        (lambda x: np.float16(np.sin(x).sum()), [0.3, 1.0, -2.0], np.cos, [lambda x: 2 * np.cos(x)]),
        (
            lambda x: np.float32(np.maximum(x, 0).sum() + 10),
            [-0.3, 1.0, -2.0],
            lambda x: (x > 0) * 1.0,
            [lambda x: np.ones(3), lambda x: np.array([0.1, 1.0, 0.0])],
        ),
        (
            lambda x: np.float32(100 + x[0] * 1e-3 + x[1] * 2e-3),
            [2.0, 3.0],
            lambda x: np.array([1e-3, 2e-3]),
            [lambda x: np.array([1e-3, 0.0])],
        ),
        (
            lambda x: np.float32(x[0] * 1e-3 + x[1] ** 2),
            [2.0, 10.0],
            lambda x: np.array([1e-3, 2 * x[1]]),
            [lambda x: np.array([0.0, 2 * x[1]]), lambda x: np.array([1e-3, 19.0])],
        ),
        (lambda x: int(1e6 * np.sin(x).sum()) / 2**20, [0.3, 1.0, -2.0], lambda x: 1e6 / 2**20 * np.cos(x), []),
    ],
    ids=["tanh", "abs", "half", "relu", "tiny slopes", "slopes apart", "integers"],
)
def test_equal_values_hide_no_slope(
    f: Callable[[Any], Any], point: Any, right: Gradient, wrong: list[Gradient], directions: int | None
) -> None:
    """Zeros passed along directions, with a bound of 1e-9, and at kinks right gradients were refuted."""
    point = np.array(point)
    report = check_gradients(lambda x: float(f(x)), point, grad=right, directions=directions)
    assert report, report
    for claim in (_nothing, lambda x: -right(x), *wrong):
        assert not check_gradients(lambda x: float(f(x)), point, grad=claim, directions=directions), claim(point)


@pytest.mark.parametrize("directions", [None, 2])
def test_a_slope_below_the_rounding_of_a_large_sum_is_not_confirmed_to_be_zero(directions: int | None) -> None:
    report = check_gradients(
        lambda x: x[0] + x[1] + 1e15, [2.0, 10.0], grad=lambda x: [0.0, 0.0], directions=directions
    )
    assert report.unresolved


def test_a_network_that_has_settled_hides_a_small_slope() -> None:
    """Values that wide steps find equal refuted slopes of a millionth, which single precision cannot show."""
    weights, biases = np.float32([0.6, 0.6, -0.4]), np.float32([0.4, 0.9, -0.4])

    def loss(x: Any) -> Any:
        return (np.tanh(weights * x + biases) ** 2).sum()

    def slope(x: Any) -> Any:
        z = np.tanh(weights.astype(float) * x + biases)
        return 2 * np.sum(z * (1 - z * z) * weights, keepdims=True)

    point = np.array([-22.3], np.float32)
    assert check_gradients(loss, point, grad=slope)
    assert not check_gradients(loss, point, grad=lambda x: slope(x) + 1e-3)


@pytest.mark.parametrize("margin", [26.0, 30.0, 34.0, 36.0, 38.5, 40.0, 100.0])
def test_the_loss_of_a_sample_that_is_surely_right_hides_its_slope(margin: float) -> None:
    """-log(p) for p next to 1 is 0 or a few times the rounding of p; the slope, exp(-margin), was called wrong."""

    def loss(x: Any) -> float:
        with np.errstate(over="ignore", divide="ignore"):
            return float(-np.log(1 / (1 + np.exp(-x))))

    def slope(x: Any) -> float:
        return float(-np.exp(-x) / (1 + np.exp(-x)))

    report = check_gradients(loss, margin, grad=slope)
    assert report, report
    assert report.unresolved
    assert not check_gradients(loss, margin, grad=lambda x: -1e-3)


def single(number: float) -> np.float32:
    return np.float32(number)


@pytest.mark.parametrize(
    ("f", "at", "slope"),
    [
        # every claim agreed: far away the values are 1e20 times as large, and so is their grid
        (lambda x: (x[0] / single(1e-15)) ** 2, 1.3e-15, lambda x: 2 * x[0] / single(1e-15) / single(1e-15)),
        # a right one was wrong: by a wide step from a tiny number no digit of it is left, and x*x is symmetric about 0
        (lambda x: (x[0] * single(1e12)) ** 2 + 1, 2.6e-12, lambda x: 2 * x[0] * single(1e12) * single(1e12)),
        (lambda x: np.sin(x[0] * single(1e12)), 1.5e-12, lambda x: np.cos(x[0] * single(1e12)) * single(1e12)),
    ],
)
@pytest.mark.parametrize("factor", [1.0, 1.05, 2.0, -1.0, 0.0])
def test_a_number_that_is_tiny_beside_the_usual_steps(f: Gradient, at: float, slope: Gradient, factor: float) -> None:
    report = check_gradients(f, np.array([at], np.float32), grad=lambda x: [single(factor) * slope(x)])
    assert [d.status for d in report.derivatives] == ["agrees" if factor == 1.0 else "differs"]


def test_zero_does_not_agree_where_rounding_swallows_every_usual_step() -> None:
    """With a bound of 17 it did. A relu far off is flat, though, as its slope would show."""
    for f, point, status in (
        (lambda x: (x[0] + single(1e8)) * single(1e-3), np.array([1.0], np.float32), "unresolved"),
        (lambda x: (x[0] + single(1e8)) * single(1e-6), np.array([1.0], np.float32), "unresolved"),
        (lambda x: (x[0] + 1e18) * 1e-3, np.array([1.0]), "unresolved"),
        (lambda x: (x[0] + 1e18) * 1e-30, np.array([0.0]), "unresolved"),
        (lambda x: np.sin(x[0]) / 4 + 2e14, np.array([2e-6]), "unresolved"),  # never moved by much more than rounding
        (
            lambda x: np.exp(-0.737 * x[0]) + np.maximum(x[0] - 0.8, 0) + single(1e8),
            np.array([1.6], np.float32),
            "unresolved",
        ),
        (lambda x: np.exp(2 * x[0]) + single(1e8), np.array([1e-8], np.float32), "unresolved"),
        (lambda x: np.maximum(x[0] - 100, 0) * single(1e-6) + 3, np.array([0.5], np.float32), "agrees"),
        (lambda x: np.maximum(x[0] - 100, 0) + 3, np.array([0.5], np.float32), "agrees"),
        (lambda x: x[0] * 0 + single(1e8), np.array([0.5], np.float32), "agrees"),
    ):
        with np.errstate(over="ignore"):
            report = check_gradients(f, point, grad=_nothing)
        assert [d.status for d in report.derivatives] == [status]


@pytest.mark.parametrize(
    ("f", "at", "slope"),
    [
        (
            lambda x: sum((np.sin(x[0] * single(k)) / single(k) for k in range(1, 8)), single(0)),
            2.736205577850342,
            lambda x: sum(np.cos(x[0] * single(k)) for k in range(1, 8)),
        ),
        (
            lambda x: np.sin(x[0]) + np.sin(x[0] * single(100)) * single(1e-2),
            2.0846023559570312,
            lambda x: np.cos(x[0]) + np.cos(x[0] * single(100)),
        ),
    ],
)
@pytest.mark.parametrize("factor", [1.0, 1.1])
def test_a_curve_is_no_kink_that_rounding_hides(f: Gradient, at: float, slope: Gradient, factor: float) -> None:
    """A claim that is a tenth off was let pass, as the bend of a curve may be that of a kink too."""
    report = check_gradients(f, np.array([at], np.float32), grad=lambda x: [single(factor) * slope(x)])
    assert bool(report) == (factor == 1.0)


def _bends(x: Any) -> Any:
    return np.abs(x[0] - 1) - np.abs(x[1] - 1) + 5


@pytest.mark.parametrize(
    ("f", "point", "gradient", "right", "wrong"),
    [
        (
            lambda x: np.clip(x, -1, 1).sum(),
            [1, -1, 0.3],
            lambda x: (np.abs(x) < 1).astype(np.float32),
            [(1, 1, 1), (0, 1, 1), (0.5, 0.5, 1)],
            [(1.2, 1, 1), (1, 1, 1.1)],
        ),
        (
            _bends,
            [1, 1],
            lambda x: np.array([np.sign(x[0] - 1), -np.sign(x[1] - 1)]),
            [(1, -1), (1, 1), (0, 0)],
            [(1.5, 1), (-1, -1.5)],
        ),
        (
            lambda x: x.max() - x.min() + 5,
            [1, 1, 1],
            lambda x: np.sign(x - np.median(x)),
            [(1, -1, 0), (0, 0, 0)],
            [(1, 1, 1), (1, 0, 0)],
        ),
    ],
    ids=["clip", "bends", "range"],
)
def test_kinks_that_cancel_on_a_line_show_beside_it(
    f: Gradient, point: list[float], gradient: Gradient, right: list[Any], wrong: list[Any]
) -> None:
    """Rounding drowned all slopes beside the line, where its one slope then refuted right gradients."""
    at = np.array(point, np.float32)
    for claims, ok in ((right, True), (wrong, False)):
        for claim in claims:
            report = check_gradients(f, at, grad=lambda x, c=claim: c if np.array_equal(x, at) else gradient(x))
            assert report.ok == ok, report


@pytest.mark.parametrize(("claim", "ok"), [(2.42, True), (1.92, True), (0.92, False), (0.0, False)])
def test_slopes_some_way_off_are_none_of_a_kink(claim: float, ok: bool) -> None:
    """Rounding drowned those nearby, and among those of a curve further off was every claim: 0.92 agreed."""

    def f(x: Any) -> Any:
        return single(0.5) * np.abs(x[1]) + 3 * (x[0] + x[1] + single(0.02)) ** 2

    def slopes(x: Any) -> Any:
        slope = 6 * (x[0] + x[1] + 0.02)
        return np.array([slope, slope + 0.5 * np.sign(x[1])])

    at = np.array([0.3, 0], np.float32)
    report = check_gradients(f, at, grad=lambda x: [1.92, claim] if np.array_equal(x, at) else slopes(x))
    assert report.ok == ok, report


@pytest.mark.parametrize("power", [0.5, 0.9])
def test_a_slope_that_may_grow_on_below_rounding_is_not_known_to_be_finite(power: float) -> None:
    """The root of 0 in a sum: its slope was found to be 196 +- 261, and inf was wrong."""
    at = np.array([0.0, 1.5], np.float32)

    def slope(x: Any) -> Any:
        with np.errstate(divide="ignore"):
            return power * x ** (power - 1)

    with np.errstate(invalid="ignore"):
        assert check_gradients(lambda x: (x**power).sum(), at, grad=slope)
        report = check_gradients(lambda x: np.where(x < 0, np.nan, 2 * x).sum(), at, grad=lambda x: [np.inf, 2])
    assert [d.status for d in report.derivatives] == ["differs", "agrees"]


@pytest.mark.parametrize("large", [1e3, 3e3, 1e4, 1e5, 3e5])
@pytest.mark.parametrize("x", [0.0, 0.3, 1.0, 2.0])
def test_a_large_number_under_a_wave_makes_stairs(large: float, x: float) -> None:
    """In 1e5 + x, x moves the sum by 1/128 or not at all: differences gave 0, and called the right gradient wrong."""

    def wave(x: Any) -> Any:
        return np.sin(x[0] + np.float32(large))

    def claimed(factor: float) -> Any:
        return lambda x: [factor * np.cos(x[0] + np.float32(large))]

    point = np.array([x], np.float32)
    assert check_gradients(wave, point, grad=claimed(1.0)).ok
    assert not check_gradients(wave, point, grad=claimed(1.2)).ok
    assert not check_gradients(wave, point, grad=claimed(-1.0)).ok
