"""Verdicts at kinks: which gradients are right where there are two slopes, and which faults a kink does not excuse."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

import engine
from engine import check_gradients, relu, sin
from engine.testing import assert_gradients

BAD_TANH = replace(engine.tanh, name="bad_tanh", local_derivatives=[lambda z, x: 1.001 * (1 - z * z)])


def test_at_a_kink() -> None:
    report = check_gradients(lambda x, y: relu(x * y) * 3, [0.0, 2.0])
    assert report.ok
    (kink,) = report.kinks
    assert kink.why == "relu(0.0), node 4 of the graph"
    assert (kink.distance, kink.taken) == (0.0, 0.0)
    assert (kink.left, kink.right) == pytest.approx((0.0, 6.0))
    assert kink.interval[0] < 0 < kink.interval[1]
    assert str(kink) in str(report)


@pytest.mark.parametrize("distance", [1e-5, 1e-9, 1e-12, 1e-14])
@pytest.mark.parametrize("sign", [-1, 1])
def test_near_a_kink_the_valid_interval_is_found(distance: float, sign: int) -> None:
    report = check_gradients(lambda x: relu(x - 0.5) + sin(x), [0.5 + sign * distance])
    assert report.ok
    (kink,) = report.kinks
    assert kink.distance == pytest.approx(-sign * distance, rel=1e-2)
    assert (kink.left, kink.right) == pytest.approx((math.cos(0.5), math.cos(0.5) + 1), rel=1e-5)
    assert report.derivatives[0].expected == pytest.approx(math.cos(0.5) + (sign > 0), rel=1e-3)


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (lambda x: (1e9 + BAD_TANH(x) + abs(x)) - 1e9, [0.0]),  # that of the values: slopes of 0 and 10, to within 300
        (lambda x: (1e9 + 1.5 * BAD_TANH(x) + 0.5 * abs(x)) - 1e9, [0.0]),
        (lambda x: 1e16 * x - 1e16 * x + 2000 * BAD_TANH(x) + abs(x), [0.0]),  # that of the gradient
        (lambda x, y: 1e16 * x - 1e16 * x + BAD_TANH(x) + abs(x) / 1e4 + y * y, [0.0, 1.0]),
    ],
)
def test_at_a_kink_rounding_does_not_excuse_a_wrong_rule(f: Any, point: list[float]) -> None:
    """A claim agreed that lay between slopes as rough as that, or as near to them as its own rounding."""
    report = check_gradients(f, point)
    assert report.derivatives[0].status == "unresolved"
    assert report.faults[0].primitive == "bad_tanh"


def test_nor_does_it_of_several_inputs() -> None:
    """The slope of -0.1 is beyond both, 0 and 2, by less than their rounding: points beside the line tell no more."""
    low = replace(relu, name="low", local_derivatives=[lambda z, x: engine.where(x > 0, 1.0, -0.05)])
    report = check_gradients(lambda x, y: (3e6 + 2 * low(x)) - 3e6 + y, [0.0, 1.0])
    assert report.derivatives[0].status == "unresolved"
    assert report.faults[0].primitive == "low"


@pytest.mark.parametrize(
    ("f", "x", "why"),
    [
        (lambda x: abs(x - 1), 1.0, "abs"),
        (lambda x: engine.maximum(x, 2 * x - 1), 1.0, "maximum"),
        (lambda x: engine.minimum(x, 2 * x - 1, 3), 1.0 + 1e-8, "minimum"),
        (lambda x: engine.floor(x) * x, 2.0, "floor"),
        (lambda x: engine.round(x) * x, 2.5 - 1e-9, "round"),
        (lambda x: x % 2 + x, 4.0, "mod"),
        (lambda x: engine.where(x > 1, x * 2, x * 3), 1.0 + 1e-7, "where"),
        (lambda x: engine.leaky_relu(x), 0.0, "leaky_relu"),
        (lambda x: x * x if x > 1 else 3 * x, 1.0, "a branch in the function's own code"),
        (lambda x: x * x if x > 1 else 3 * x, 1.0 - 1e-10, "a branch in the function's own code"),
        (lambda x: x * (2 if x < 1 else 5), 1.0 - 1e-7, "a branch in the function's own code"),
    ],
)
def test_kinks_of_all_kinds(f: Any, x: float, why: str) -> None:
    report = check_gradients(f, [x])
    assert report.ok, str(report)
    assert why in report.kinks[0].why


@pytest.mark.parametrize(
    ("f", "order"),
    [
        (lambda x: x**3, 2),  # the rule of a power has another formula at 0
        (lambda x: x**5, 4),
        (lambda x: x * abs(x), 1),
        (lambda x: relu(x) ** 2, 1),
        (lambda x: 0 * x + 1 if x == 0 else sin(x) / x, 1),
    ],
)
def test_where_two_pieces_meet_with_one_slope_there_is_no_kink(f: Any, order: int) -> None:
    report = check_gradients(f, [0.0], order=order)
    assert report.ok
    assert not report.kinks, str(report)


def test_a_rule_that_takes_another_way_is_not_blamed_on_the_function_alone() -> None:
    second = check_gradients(lambda x: engine.where(x > 0.5, x * x, x), [0.5], order=2).derivatives[1]
    assert second.kink is not None
    assert second.kink.why == "a branch in the function's own code, or of a rule"


def test_a_value_that_stands_alone_is_no_place_of_one_slope() -> None:
    [kink] = check_gradients(lambda x: 0 * x + 7 if x == 0 else x * x, [0.0]).kinks
    assert kink.why == "a branch in the function's own code, where the value jumps by 7"
    assert kink.jump == 7


def test_a_true_fault_is_not_excused_by_a_kink() -> None:
    for x in (0.0, 1e-10, -1e-10, 1e-4):
        report = check_gradients(lambda x: relu(x) + BAD_TANH(x + 1), [x])
        assert report.wrong, str(report)
        assert report.faults[0].primitive == "bad_tanh"


def test_a_wrong_slope_on_one_side_only() -> None:
    steep = replace(relu, name="steep", local_derivatives=[lambda z, x: engine.where(x > 0, 1.001, 0.0)])
    for x in (0.0, 1e-9, 0.5):
        assert check_gradients(lambda x: steep(x), [x]).faults[0].primitive == "steep"
    assert check_gradients(lambda x: steep(x), [-0.5])


def test_a_number_that_follows_the_input_outside_the_graph_is_no_branch() -> None:
    report = check_gradients(lambda x: float(x) * x, [2.0])
    assert [(d.claimed, round(d.expected, 9)) for d in report.wrong] == [(2.0, 4.0)]
    assert "the function also depends on" in report.faults[0].what


def test_what_is_not_selected_may_have_any_value() -> None:
    assert_gradients(lambda x: engine.where(x > 1, engine.log(x), x * x), [-1.0], order=2)
    assert_gradients(lambda x: engine.where(x > 1, 1 / (x + 1), x * x), [-1.0])
    assert_gradients(lambda x: engine.where(x > 1, engine.sqrt(x), x * x), [-1.0], order=2)  # its rule gives nan


RAMP = replace(relu, name="ramp", kink=None)
STEEP_AT_0 = replace(relu, name="steep", local_derivatives=[lambda z, x: engine.where(x > 0, 1.0, 100.0 * (x == 0))])


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (lambda x, y: relu(x) - relu(y), [0.0, 0.0]),
        (lambda x, y: relu(x + y) - relu(x - y), [0.0, 0.0]),
        (lambda x, y: abs(x - y), [0.0, 0.0]),
        (lambda x, y: engine.maximum(x, y), [1.0, 1.0]),
        (lambda x, y, z: engine.maximum(x, y, z) * 2, [1.0, 1.0, 1.0]),
        (lambda x, y: abs(x) + abs(y) + x * y, [0.0, 0.5]),
        (lambda x, y: relu(relu(x) - relu(y)), [0.0, 0.0]),
        (lambda x: abs(x) ** 3, [0.0]),
        (engine.sqrt, [0.0]),  # inf, as the slopes grow without bound
        (engine.sqrt, [-0.0]),
        (engine.cbrt, [0.0]),
        (lambda x: -engine.sqrt(x), [0.0]),
        (engine.hypot, [0.0, 0.0]),
        (lambda x, y: engine.hypot(3 * x, -y) + x, [0.0, -0.0]),
        (lambda x: 2 * RAMP(x), [0.0]),
        (lambda x, y: RAMP(x) - RAMP(y), [0.0, 0.0]),
    ],
)
def test_what_can_be_a_gradient_at_a_kink_agrees(f: Any, point: list[float]) -> None:
    report = check_gradients(f, point)
    assert report.ok, str(report)
    assert not report.unresolved, str(report)


@pytest.mark.parametrize(
    ("f", "point", "primitive", "words"),
    [
        (lambda x: relu(x) - relu(-x), [0.0], "", "each rule is right, their sum is not"),
        (lambda x: RAMP(x) - RAMP(-x), [0.0], "", "each rule is right, their sum is not"),
        (lambda x, y: relu(x - y) - relu(y - x), [0.0, 0.0], "", "each rule is right, their sum is not"),
        (lambda x, a: engine.leaky_relu(x, a) - engine.leaky_relu(-x, a), [0.0, 0.1], "", "where the slope is 1.1"),
        (lambda x: engine.sqrt(x * x), [0.0], "", "nan at a kink with slopes -1 and 1: expected a number in [-1, 1]"),
        (lambda x, y: engine.sqrt(x * x + y * y), [0.0, 0.0], "", "nan at a kink with slopes -1 and 1"),
        (lambda x: x * engine.sqrt(x), [0.0], "", "nan where the slope is 0"),
        (lambda x: STEEP_AT_0(x), [0.0], "steep", "100 at a kink with slopes 0 and 1"),
        (lambda x, y: STEEP_AT_0(x) + y, [0.0, 1.0], "steep", "100.0 at a kink with slopes 0 and 1"),
    ],
)
def test_what_cannot_be_a_gradient_at_a_kink_differs(f: Any, point: list[float], primitive: str, words: str) -> None:
    report = check_gradients(f, point)
    assert report.wrong, str(report)
    assert report.faults[0].primitive == primitive, str(report)
    assert words in str(report)


def test_a_branch_in_a_rule_is_no_code_outside_of_the_graph() -> None:
    """The second derivative of relu(x)**2 + relu(-x)**2, which is x**2, is taken as 0 at 0: float() was suspected."""
    report = check_gradients(lambda x: relu(x) ** 2 + relu(-x) ** 2, [0.0], order=2)
    assert [d.finding for d in report.wrong] == ["0 where the slope is 2"]
    assert "each rule is right, their sum is not" in report.faults[0].what
    report = check_gradients(lambda x: relu(x) ** 2 + abs(float(x)) * x, [0.0], order=2)
    assert "Look for float()" in report.faults[0].what


def test_an_undeclared_kink_is_named_with_the_remedy() -> None:
    (kink,) = check_gradients(lambda x: 2 * RAMP(x), [0.0]).kinks
    assert "ramp(0.0), node 3 of the graph: 0 lies between 0 and 1: a kink? declare(kink=...)" in kink.why


@pytest.mark.parametrize(
    ("f", "point", "jump"),
    [
        (engine.floor, [2.0], 1.0),
        (lambda x: engine.floor(x) * x, [2.0], 2.0),
        (engine.sign, [0.0], 2.0),
        (lambda x: x % 2, [4.0], 2.0),
        (engine.atan2, [0.0, -1.0], 2 * math.pi),
        (lambda x: x + 1 if x > 1 else x, [1.0], 1.0),
        (lambda x: x + 1e-4 if x > 1 else x, [1.0], 1e-4),
        (lambda x: x + 5 if x == 1 else x, [1.0], 5.0),
        (lambda x: 0 * x + 5 if x == 1 else 0 * x, [1.0], 5.0),
        (lambda x, y: engine.where(x > 1, x + 3, x) * y, [1.0, 2.0], 6.0),
    ],
)
def test_where_the_value_jumps_no_claim_is_confirmed(f: Any, point: list[float], jump: float) -> None:
    """There is no gradient, whichever side the value at the point belongs to, or neither; strict tests fail."""
    for directions in (None, 1):
        report = check_gradients(f, point, directions=directions)
        assert report.ok, str(report)
        found = report.unresolved[0]
        assert found.at_jump
        assert found.kink is not None
        assert found.kink.jump == pytest.approx(jump, rel=1e-6)
        assert "is among the slopes beside a jump, at which there is no derivative" in report.text
        assert "lack the digits" not in report.text
    with pytest.raises(AssertionError, match="beside a jump"):
        assert_gradients(f, point, strict=True)


@pytest.mark.parametrize(
    ("f", "jump"),
    [
        (lambda x: x + (x > 1), 1.0),
        (lambda x: x + 1e-4 * (x >= 1), 1e-4),
        (lambda x: 5.0 if x == 1 else x, 4.0),
        (lambda x: math.nan if x > 1 else 7.0 if x == 1 else x, 6.0),
    ],
)
def test_nor_of_other_code(f: Any, jump: float) -> None:
    for more in ({}, {"directions": 1}) if math.isfinite(f(1.5)) else ({},):
        report = check_gradients(f, 1.0, grad=lambda x: 1.0, **more)
        assert report.ok, str(report)
        (found,) = report.unresolved
        assert found.kink is not None
        assert found.kink.jump == pytest.approx(jump, rel=1e-6)
        assert not check_gradients(f, 1.0, grad=lambda x: 1.1, **more), "no slope of either side"


@pytest.mark.parametrize(
    ("f", "gradient", "at"),
    [
        (lambda x: abs(x) ** 1.5, lambda x: 1.5 * math.copysign(math.sqrt(abs(x)), x), 0.0),
        (lambda x: math.sin(1e300 * x), lambda x: 1e300 * math.cos(1e300 * x), 1e-300),
        (lambda x: math.tanh(1e9 * (x - 1)), lambda x: 1e9 * (1 - math.tanh(1e9 * (x - 1)) ** 2), 1.0),
        (lambda x: max(x, 0.0) + 1e8, lambda x: float(x > 0), 0.0),
    ],
)
def test_what_is_steep_or_bends_is_no_jump(f: Any, gradient: Any, at: float) -> None:
    report = check_gradients(f, at, grad=gradient)
    assert report.ok, str(report)
    assert not any(kink.jump and kink.distance == 0 for kink in report.kinks), str(report)


def test_the_second_derivative_at_a_kink_is_one_at_a_jump() -> None:
    report = check_gradients(relu, [0.0], order=2)
    assert [(d.order, d.status) for d in report.derivatives] == [(1, "agrees"), (2, "unresolved")]
    assert "where the value jumps, no differences can confirm derivatives of order 2" in report.text


def test_a_wrong_slope_close_to_a_kink_is_not_taken_for_a_mixture() -> None:
    """Wide steps see both slopes of relu, the finest one: a claim between is wrong."""
    for distance in (1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3):
        for at in (0.3, 1.0, 3.0):
            kinked = at + distance

            def f(x: float, kinked: float = kinked) -> float:
                return max(x - kinked, 0.0)

            report = check_gradients(f, at, grad=lambda x, kinked=kinked: (x > kinked) + 0.01)
            assert not report, f"{at}, {distance}: {report}"


def test_the_slope_of_a_small_penalty_at_its_kink_agrees() -> None:
    """With the derivative 0 of abs at 0, it is in the middle of two slopes so close that they do not count as a kink.

    The finest steps see one of the two, which is no evidence against the middle.
    """
    report = check_gradients(lambda w: w[0] + 1e-5 * abs(w[0]), [0.0], grad=lambda w: [1.0])
    assert [entry.status for entry in report.derivatives] == ["agrees"]


def test_an_infinite_slope_at_a_jump_is_not_confirmed_either() -> None:
    report = check_gradients(lambda x: engine.cbrt(x) - engine.sign(x), [0.0])
    assert report.ok
    assert report.derivatives[0].claimed == math.inf
    assert report.derivatives[0].at_jump


def test_an_infinite_slope_accuses_no_rule_that_is_right_to_its_last_digit() -> None:
    """A disagreement with infinity was none, and rules were to be right to the last bit then."""
    report = check_gradients(lambda x: engine.gelu(x + 0.37) + engine.erf(x + 0.7) + engine.sqrt(x.detach()), [0.0])
    assert report.wrong[0].relative_error == math.inf
    assert "no part of the recorded graph is wrong" in report.faults[0].what
