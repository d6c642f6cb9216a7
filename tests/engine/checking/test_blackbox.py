"""check_gradients with grad=: any code on floats, lists and arrays, by its values alone."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value, check_gradients
from engine.checking.estimates.noise import grid_of_differences
from engine.testing import assert_gradients
from tests.needs import needs


def test_floats_lists_and_several_arguments() -> None:
    assert_gradients(math.sin, 1.0, grad=math.cos)
    report = assert_gradients(
        lambda x: x[0] * x[1][0] ** 2, [2.0, [3.0]], grad=lambda x: [x[1][0] ** 2, 2 * x[0] * x[1][0]]
    )
    assert [d.name for d in report.derivatives] == ["x[0]", "x[1][0]"]
    report = assert_gradients(lambda a, b: a * b**2, (2.0, 3.0), grad=lambda a, b: (b**2, 2 * a * b))
    assert [(d.name, d.claimed) for d in report.derivatives] == [("a", 9.0), ("b", 12.0)]
    assert [d.expected for d in report.derivatives] == pytest.approx([9.0, 12.0], rel=1e-9)


def test_a_power_that_is_complex_on_the_other_side_ends_the_domain() -> None:
    assert_gradients(lambda x: x**1.5, 0.0, grad=lambda x: 1.5 * math.sqrt(x))
    report = check_gradients(lambda x: x**1.5, 0.0, grad=lambda x: 1.0)
    assert [d.status for d in report.derivatives] == ["differs"]


@pytest.mark.parametrize(("claim", "status"), [(1.0, "agrees"), (1 + 5e-7, "unresolved"), (1 + 3e-6, "differs")])
def test_between_two_slopes_that_are_nearly_one_a_claim_is_not_called_wrong(claim: float, status: str) -> None:
    """A kink of a millionth is none that is told; but no more can be said of what lies between its slopes."""
    report = check_gradients(lambda x: math.sin(x) + 1e-6 * abs(x), 0.0, grad=lambda x: claim)
    assert [d.status for d in report.derivatives] == [status]


@pytest.mark.parametrize("x", [1e-9, 1e-8, 1e-7])
@pytest.mark.parametrize("scale", [1.0, 3e-3, 7.0])
def test_small_values_that_larger_numbers_leave_refute_no_right_slope(x: float, scale: float) -> None:
    """Values of log(1 + x*x) are 0 there: so 0 agreed, and the slope itself was called wrong."""

    def f(x: float) -> float:
        return scale * math.log(1 + x * x)

    right = 2 * scale * x / (1 + x * x)
    for claim, expected in ((right, ("agrees", "unresolved")), (0.0, ("differs",)), (2 * right, ("differs",))):
        report = check_gradients(f, x, grad=lambda x, claim=claim: claim)
        assert report.derivatives[0].status in expected, claim


@pytest.mark.parametrize("seed", range(5))
def test_at_a_perfect_fit_a_gradient_of_zeros_is_not_wrong(seed: int) -> None:
    """Residuals that are 0 as rounding has it are 1e-17 by the numbers themselves, so that the slope is not quite 0."""
    draw = np.random.default_rng(seed)
    X, w = np.round(draw.normal(size=(5, 3)), 1), np.round(draw.normal(size=3), 1)
    y = X @ w
    for factor in (1.0, 1.001):  # beside the fit a thousandth is found

        def gradient(w: Any, factor: float = factor) -> Any:
            return factor * 2 * X.T @ (X @ w - y) / 5

        assert check_gradients(lambda w: float(((X @ w - y) ** 2).mean()), w, grad=gradient)
        beside = check_gradients(lambda w: float(((X @ w - y) ** 2).mean()), w + 1e-3, grad=gradient)
        assert bool(beside) == (factor == 1.0)
    off = check_gradients(lambda w: float(((X @ w - y) ** 2).mean()), w, grad=lambda w: gradient(w) + 1e-12)
    assert [d.status for d in off.derivatives] == ["differs"] * 3


@pytest.mark.parametrize("levels", [(-1.7e308, 1.7e308, 0.0, 1e-320), (-1.7e308, 1.7e308, -1e308, 1e308)])
def test_values_as_far_apart_as_floats_go_are_no_error(levels: tuple[float, ...]) -> None:
    """Their distances overflow, and so do quotients of these."""
    assert grid_of_differences(lambda x: levels[int(abs(x) * 1e15) % 4], 0.5) == 0.0


def test_arrays_of_any_shape_and_jacobians() -> None:
    x = np.array([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]])
    before = x.copy()
    report = assert_gradients(lambda x: np.sin(x).sum(), x, grad=np.cos)
    assert [d.name for d in report.derivatives][:4] == ["x[0, 0]", "x[0, 1]", "x[0, 2]", "x[1, 0]"]
    assert (x == before).all()
    m = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    report = assert_gradients(lambda v: m @ v, np.array([0.3, 0.7]), grad=lambda v: m)
    assert [d.name for d in report.derivatives][:2] == ["v[0] of output 0", "v[0] of output 1"]
    fault = np.array([[0, 0], [0, 0.004], [0, 0]])
    wrong = check_gradients(lambda v: m @ v, np.array([0.3, 0.7]), grad=lambda v: m + fault)
    assert [d.name for d in wrong.wrong] == ["v[1] of output 1"]


def test_a_zero_dimensional_array_and_single_precision() -> None:
    assert_gradients(lambda x: np.exp(x), np.array(0.5), grad=lambda x: np.exp(x))
    x = np.array([0.5, 1.5], dtype=np.float32)
    assert_gradients(lambda x: np.tanh(x).sum(), x, grad=lambda x: 1 - np.tanh(x) ** 2)
    assert not check_gradients(lambda x: np.tanh(x).sum(), x, grad=lambda x: 1.05 * (1 - np.tanh(x) ** 2))


def test_pytorch() -> None:
    torch = needs("torch")

    def loss(w: Any) -> Any:
        return (torch.tanh(w) * torch.exp(-w * w)).sum()

    def gradient(w: Any) -> Any:
        w = w.detach().requires_grad_()
        return torch.autograd.grad(loss(w), w)

    w = torch.tensor([[0.5, -1.0], [2.0, 0.1]], dtype=torch.float64)
    assert len(assert_gradients(loss, w, grad=gradient).derivatives) == 4
    assert not check_gradients(loss, w, grad=lambda w: gradient(w)[0] * 1.001)


def test_jax() -> None:
    jax = needs("jax")
    x = jax.numpy.asarray([0.5, 1.5], dtype=jax.numpy.float32)

    def loss(x: Any) -> Any:
        return jax.numpy.sin(x).sum()

    assert_gradients(loss, x, grad=jax.grad(loss))
    assert not check_gradients(loss, x, grad=lambda x: -jax.grad(loss)(x))


@pytest.mark.parametrize(
    ("f", "below", "above"),
    [
        (abs, lambda x: -1.0, lambda x: 1.0),
        (lambda x: max(x, 3 * x), lambda x: 1.0, lambda x: 3.0),
        (lambda x: x * x if x > 0 else -2 * x, lambda x: -2.0, lambda x: 2 * x),
        (lambda x: math.exp(x) if x >= 0 else 0.5 + x, lambda x: 1.0, math.exp),  # a jump without a bend
        (lambda x: math.floor(x + 2) * (x + 2), lambda x: 1.0, lambda x: 2.0),
    ],
)
def test_kinks_without_a_graph(f: Any, below: Any, above: Any) -> None:
    report = assert_gradients(f, 0.0, grad=lambda x: below(x) if x < 0 else above(x))
    (kink,) = report.kinks
    assert (kink.left, kink.right) == pytest.approx((below(0.0), above(0.0)), abs=1e-5)
    assert check_gradients(f, 0.0, grad=lambda x: below(x) + 0.01 if x < 0 else above(x)).wrong
    assert check_gradients(f, 0.0, grad=lambda x: below(x) if x < 0 else above(x) + 0.01).wrong


@settings(max_examples=60)
@given(st.floats(-5, 5), st.sampled_from([1e-12, 1e-9, 1e-7, 1e-4, 1e-2, 1.0]), st.booleans())
def test_near_a_kink_nothing_is_wrong(shift: float, distance: float, right: bool) -> None:
    def f(x: float) -> float:
        return abs(x - shift) + 2 * math.sin(x)

    x = shift + distance if right else shift - distance
    assert_gradients(f, x, grad=lambda x: math.copysign(1.0, x - shift) + 2 * math.cos(x))
    assert check_gradients(f, x, grad=lambda x: math.copysign(1.01, x - shift) + 2 * math.cos(x)).wrong


@pytest.mark.parametrize(
    ("f", "gradient", "x"),
    [
        (abs, lambda x: math.copysign(1.0, x), 1e-9),
        (lambda x: 2 * x + float(x > 1 - 4.25e-10), lambda x: 2.0, 1.0),
        (math.log, lambda x: 1 / x, 1e-12),
    ],
)
def test_without_a_graph_no_place_is_claimed_of_a_kink_close_by(f: Any, gradient: Any, x: float) -> None:
    """It was put where the finest steps end: the jump at +7e-4, and the end of log's domain above the point."""
    report = assert_gradients(f, x, grad=gradient)
    (kink,) = report.kinks
    assert math.isnan(kink.distance)
    assert "kink near the point" in str(report)
    assert "away" not in str(report)
    assert "none below" not in str(report)  # nor a slope at the end of log's domain, which is infinite


@pytest.mark.parametrize(
    ("f", "gradient", "root"),
    [
        (lambda x: x**3 - 8, lambda x: 3 * x * x, 2.0),
        (lambda x: x**3 - x, lambda x: 3 * x * x - 1, -1.0),
        (lambda x: x**4 - 16, lambda x: 4 * x**3, 2.0),
        (lambda x: math.tan(x) - 1, lambda x: 1 / math.cos(x) ** 2, math.pi / 4),
    ],
)
def test_small_errors_are_found_at_roots(f: Any, gradient: Any, root: float) -> None:
    """Values at the floats next to a root happened to be exact, so all were taken to be, and nothing was resolved."""
    for factor, status in ((1, "agrees"), (1 + 1e-6, "differs"), (1 + 3e-3, "differs")):
        report = check_gradients(f, root, grad=lambda x, factor=factor: factor * gradient(x))
        assert [d.status for d in report.derivatives] == [status]


@settings(max_examples=60)
@given(st.lists(st.floats(-4, 4), min_size=1, max_size=4), st.data())
def test_a_fault_of_a_thousandth_in_one_place_is_found(point: list[float], data: Any) -> None:
    place = data.draw(st.integers(0, len(point) - 1))

    def f(x: list[float]) -> float:
        return sum(math.exp(0.5 * item) for item in x)

    def gradient(x: list[float]) -> list[float]:
        return [0.5 * math.exp(0.5 * item) for item in x]

    assert_gradients(f, point, grad=gradient)
    report = check_gradients(
        f, point, grad=lambda x: [d * (1.001 if k == place else 1.0) for k, d in enumerate(gradient(x))]
    )
    assert [d.name for d in report.wrong] == [f"x[{place}]"]


def test_functions_of_many_scales() -> None:
    assert_gradients(lambda x: math.sin(1e5 * x), 1.0, grad=lambda x: 1e5 * math.cos(1e5 * x))
    assert_gradients(lambda x: (x + 1e8) - 1e8 + x * x, 1.0, grad=lambda x: 1 + 2 * x)
    assert_gradients(math.log, 1e-12, grad=lambda x: 1 / x)
    assert_gradients(lambda x: x**3, 1e40, grad=lambda x: 3 * x * x)
    assert_gradients(math.sqrt, 1e-6, grad=lambda x: 0.5 / math.sqrt(x))


def test_a_value_as_the_result_is_a_number_too() -> None:
    assert_gradients(lambda x: Value(x).tanh(), 0.5, grad=lambda x: 1 - math.tanh(x) ** 2)


@pytest.mark.parametrize(
    ("f", "point", "grad", "error", "message"),
    [
        (
            lambda x: x,
            1,
            3,
            TypeError,
            "^grad= must be a function of the point, not its result: got 3 of type int$",
        ),
        (2.0, 1.0, abs, TypeError, "^f must be a function of the point, not its result: got 2.0"),
        (lambda x: x, "1", abs, TypeError, "a float, a list of floats, an array .*got '1'"),
        (lambda x: x, [], abs, TypeError, "a float, a list of floats"),
        (lambda x: x.sum(), np.array([1, 2]), abs, TypeError, r"int64: write point.astype\(float\)$"),
        (lambda x: 1j, 1.0, abs, TypeError, "must give real numbers, got 1j"),
        (lambda x, y: x, 1.0, abs, TypeError, "cannot be called with the point's 1 argument "),
        (lambda x: x, 1.0, lambda x, y: x, TypeError, r"^grad\(x, y\) cannot be called with the point's 1 argument "),
        (math.sin, [1.0], math.cos, TypeError, r"seems to take numbers, .* list \[1.0\], .*several.* here \(1.0,\)"),
        (lambda x: "x" + x, [1.0], abs, TypeError, "can only concatenate str"),
        (lambda x: x[0] + "x", [1.0], abs, TypeError, "unsupported operand"),
        (lambda x: random.random(), 1.0, abs, ValueError, "not deterministic"),
        (lambda x: math.inf, 1.0, abs, ValueError, "no finite value at the point: it gives inf"),
        (lambda x: x[0], [1.0, 2.0], lambda x: 1.0, ValueError, "grad gave 1 number for the 2 of x: give one"),
        (lambda x: x * x, 0.0, lambda x: None, ValueError, "grad gave None: it must return the derivatives"),
        (
            lambda x: x,
            np.array([1.0, 2.0]),
            lambda x: x,
            ValueError,
            "and 2 outputs: give a row of derivatives for each output",
        ),
    ],
)
def test_bad_input_is_named(f: Any, point: Any, grad: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_gradients(f, point, grad=grad)


def test_a_function_with_a_value_at_the_point_alone_is_unresolved() -> None:
    report = check_gradients(lambda x: 1.0 if x == 1.0 else math.nan, 1.0, grad=lambda x: 1.0)
    assert [d.status for d in report.derivatives] == ["unresolved"]
    assert "x: 1, differences give nothing" in str(report)
    assert "kink" not in report._repr_html_()


def test_an_infinite_claim_at_a_kink_of_several_inputs() -> None:
    def f(x: list[float]) -> float:
        return math.sqrt(abs(x[0])) + x[1]

    def grad(x: list[float]) -> list[float]:
        return [math.copysign(0.5 / math.sqrt(abs(x[0])), x[0]) if x[0] else math.inf, 1.0]

    first, second = check_gradients(f, [0.0, 1.0], grad=grad).derivatives
    assert (first.status, second.status) == ("agrees", "agrees")
    assert first.relative_error == 0.0
    assert first.finding == "inf where the slope is -inf to inf"


def test_values_on_the_axes_alone() -> None:
    """Along any other direction there is nothing to compare with, and no alarm."""

    def f(x: list[float]) -> float:
        return abs(x[0]) + abs(x[1]) if 0.0 in x else math.nan

    def grad(x: list[float]) -> list[float]:
        return [math.copysign(1.0, x[0]) if x[0] else 0.5, math.copysign(1.0, x[1]) if x[1] else 0.5]

    assert not check_gradients(f, [0.0, 0.0], grad=grad).wrong


def test_second_order_needs_a_graph() -> None:
    with pytest.raises(ValueError, match="first derivatives only"):
        check_gradients(math.sin, 1.0, 2, grad=math.cos)


def test_no_second_opinion_on_what_turns_faster_than_its_steps() -> None:
    report = check_gradients(
        lambda x: x * x * math.sin(1 / x), 1e-9, grad=lambda x: 2 * x * math.sin(1 / x) - math.cos(1 / x)
    )
    assert report.ok
    assert math.isnan(report.rate)
    assert "second opinion" not in str(report)


@pytest.mark.parametrize(
    ("f", "gradient", "point", "average"),
    [
        (lambda x: abs(x[0]) + x[0], lambda x: [2.0 * (x[0] > 0)], [0.0], [1.0]),
        (lambda x: max(x), lambda x: [float(x[0] > x[1]), float(x[0] < x[1])], [1.0, 1.0], [0.5, 0.5]),
    ],
)
def test_a_kink_is_seen_where_the_claim_is_the_average_of_its_slopes(
    f: Any, gradient: Any, point: list[float], average: list[float]
) -> None:
    report = check_gradients(f, point, grad=lambda x: average if x == point else gradient(x))
    assert report.ok
    assert report.kinks[0].distance == 0.0
