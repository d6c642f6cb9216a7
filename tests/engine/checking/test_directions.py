"""Random directions, noise, strictness, and the rate at which Taylor's remainder shrinks."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
import nn
from engine import Value, check_gradients
from engine.checking.directional import random_directions
from engine.checking.estimates.taylor import taylor_rate
from engine.checking.replay import Replay
from engine.checking.subject import Recording
from engine.graph import topological_order
from engine.testing import assert_gradients


def tanh_sum(x: Any) -> float:
    return float(np.tanh(x).sum())


def tanh_gradient(x: Any) -> Any:
    return 1 - np.tanh(x) ** 2


def test_many_parameters_along_a_few_directions() -> None:
    x = np.random.default_rng(1).normal(size=20_000)
    report = assert_gradients(tanh_sum, x, grad=tanh_gradient, directions=3, strict=True)
    assert report.headline.startswith(
        "tanh_sum at ndarray of shape (20000,): 3 derivatives along 3 random directions, none"
    )
    assert f"an error of up to {report.hidden:.2g} in one coordinate could hide" in report.headline
    assert report.hidden < 1e-4

    def off(x: Any) -> Any:
        g = tanh_gradient(x)
        g[777] += 1.01 * report.hidden
        return g

    wrong = check_gradients(tanh_sum, x, grad=off, directions=3)
    assert not wrong.ok


def test_at_kinks_an_error_can_hide_between_their_slopes_and_the_headline_says_so() -> None:
    x = np.array([0.0] * 20 + [1.0] * 20)

    def relu_sum(x: Any) -> float:
        return float(np.maximum(x, 0).sum())

    def gradient(x: Any) -> Any:
        g = np.where(x > 0, 1.0, 0.0)
        g[-1] += error  # of an input that has no kink
        return g

    error = 0.0
    report = check_gradients(relu_sum, x, grad=gradient, directions=3)
    assert report.ok
    assert report.hidden == pytest.approx(20)
    error = 1.01 * report.hidden
    assert not check_gradients(relu_sum, x, grad=gradient, directions=3).ok


@pytest.mark.parametrize("directions", [2, 4])
@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: engine.relu(x) - engine.relu(y),  # x - y on the line on which they part
        lambda x, y: engine.relu(x) - engine.relu(y) + 10 * (engine.sin(x) + 0.3 * y),
        lambda x, y: engine.leaky_relu(x) + 1e5 * y + engine.relu(y - x),
        lambda x, y: abs(x) + engine.maximum(y, 0.0) - 3 * engine.relu(x + y),
    ],
)
def test_kinks_of_several_inputs_at_once_make_no_right_gradient_wrong(f: Any, directions: int) -> None:
    """What holds by coordinates holds along directions; on a line through the point, kinks of two inputs may cancel."""
    gradient = engine.gradient(f)
    for report in (
        check_gradients(f, [0.0, 0.0], directions=directions),
        check_gradients(
            lambda x, y: f(Value(x), Value(y)).data,
            (0.0, 0.0),
            grad=lambda x, y: tuple(gradient(x, y)),
            directions=directions,
        ),
    ):
        assert report.ok, report
    off = check_gradients(
        lambda x, y: f(Value(x), Value(y)).data,
        (0.0, 0.0),
        grad=lambda x, y: (gradient(x, y)[0] + 50.0, gradient(x, y)[1]),
        directions=directions,
    )
    assert not off.ok, off


@settings(max_examples=30)
@given(st.integers(0, 19), st.floats(1e-6, 10.0), st.integers(1, 3))
def test_an_error_in_one_coordinate_shows_along_every_direction(place: int, error: float, directions: int) -> None:
    x = np.linspace(-2, 2, 20)

    def off(x: Any) -> Any:
        g = tanh_gradient(x)
        g[place] += error
        return g

    report = check_gradients(tanh_sum, x, grad=off, directions=directions)
    assert len(report.wrong) == directions


def test_directions_are_signs_and_the_same_in_every_run() -> None:
    first, second = list(random_directions(100, 2)), list(random_directions(100, 2))
    assert first == second
    assert first[0] != first[1]
    assert {abs(d) for direction in first for d in direction} == {1.0}


def test_modules_and_second_order_along_directions() -> None:
    model = nn.MLP(2, [3, 2], activation="tanh", seed=1)
    report = assert_gradients(model, [0.5, -1.0], order=2, directions=2, strict=True)
    assert len(report.derivatives) == 4
    bad = engine.declare("bad_for_directions", math.tanh, [lambda z, x: 1.01 * (1 - z * z)])
    try:
        report = check_gradients(lambda *xs: engine.sum([bad(x) for x in xs]), [0.1, 0.2, 0.3], directions=1)
        assert report.faults[0].primitive == "bad_for_directions"
    finally:
        del engine.PRIMITIVES["bad_for_directions"]


@pytest.mark.parametrize("formula", ["", "exp(x)"])
@pytest.mark.parametrize("directions", [None, 2])
def test_a_rule_that_is_off_by_little_is_named_along_directions_too(directions: int | None, formula: str) -> None:
    """It was within a millionth, and each rule was said to be right."""
    bad = replace(engine.exp, name="bad_exp", formula=formula, local_derivatives=[lambda z, x: z * (1 + 1e-7)])
    report = check_gradients(lambda x, y: bad(x) * y + engine.sin(y), [0.3, 0.7], directions=directions)
    assert "bad_exp, node 2 of the graph: its local derivative with respect to x at x = 0.3" in report.faults[0].what


def test_where_each_rule_is_right_the_inputs_are_to_be_checked_one_by_one() -> None:
    report = check_gradients(lambda x, y: x * float(x) + y, [2.0, 1.0], directions=2)
    assert "the slope along direction 1 is not: check without directions= to learn" in report.faults[0].what


def test_jacobians_along_directions() -> None:
    m = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    report = assert_gradients(lambda v: m @ v, np.array([0.3, 0.7]), grad=lambda v: m, directions=2)
    assert report.derivatives[0].name == "direction 1 of output 0"
    assert len(report.derivatives) == 6


def test_kinks_and_bad_numbers_along_directions() -> None:
    x = np.array([0.0, 1.0])
    assert_gradients(lambda x: float(np.abs(x).sum()), x, grad=np.sign, directions=2)
    assert not check_gradients(lambda x: float(np.abs(x).sum()), x, grad=lambda x: np.array([3.0, 1.0]), directions=2)
    assert not check_gradients(tanh_sum, x, grad=lambda x: np.array([np.nan, 1.0]), directions=2)


@pytest.mark.parametrize("size", [1e-9, 1e-6])
def test_functions_that_are_not_exact(size: float) -> None:
    random_ = random.Random(3)

    def noisy(x: float) -> float:
        return math.sin(x) + size * random_.uniform(-1, 1)

    with pytest.raises(ValueError, match=r"not deterministic.*noise="):
        check_gradients(noisy, 1.0, grad=math.cos)
    for x in (0.3, 1.0, 2.5):
        assert_gradients(noisy, x, grad=math.cos, noise=size)
        assert not check_gradients(noisy, x, grad=lambda x: math.cos(x) + 0.05, noise=size)
    assert_gradients(lambda x: engine.sin(x) + size * random_.uniform(-1, 1), [1.0], noise=size)


def test_strict_fails_on_what_is_unresolved() -> None:
    def f(x: float) -> float:
        return math.tanh(x) + 1

    def gradient(x: float) -> float:
        return 1 / math.cosh(x) ** 2

    report = assert_gradients(f, 20.0, grad=gradient)
    assert report.headline.endswith("1 derivative, none wrong, 1 unresolved")
    with pytest.raises(AssertionError, match="1 unresolved"):
        assert_gradients(f, 20.0, grad=gradient, strict=True)


def test_the_rate_of_the_remainder() -> None:
    assert check_gradients(math.sin, 1.0, grad=math.cos).rate == pytest.approx(2.0, abs=0.1)
    assert check_gradients(math.sin, 1.0, grad=lambda x: 1.01 * math.cos(x)).rate == pytest.approx(1.0, abs=0.1)
    assert check_gradients(lambda x: 3 * x, 1.0, grad=lambda x: 3.0).rate == math.inf
    assert math.isnan(check_gradients(abs, 0.0, grad=lambda x: 0.0).rate), "at a kink it says nothing"
    assert check_gradients(lambda x, y: x * y * y, [1.0, 2.0]).rate == pytest.approx(2.0, abs=0.1)
    assert math.isnan(taylor_rate(lambda t: math.nan, 0.0, 1.0, 0.0))
    text = str(check_gradients(math.sin, 1.0, grad=math.cos))
    assert "second opinion, without a step: Taylor's remainder shrinks like t**2.00, as for a right" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directions": 0}, "a positive number of random directions, got 0"),
        ({"directions": 1.5}, "a positive number of random directions, got 1.5"),
        ({"noise": -1.0}, "a number of at least 0, got -1.0"),
        ({"noise": math.nan}, "a number of at least 0, got nan"),
    ],
)
def test_bad_options(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_gradients(math.sin, 1.0, grad=math.cos, **options)


def test_along_a_line_the_graph_stands_in_for_the_function() -> None:
    """It is called where the line goes farther than before, to either side; in between the graph is evaluated."""
    calls = []

    def f(x: Any, y: Any) -> Any:
        calls.append(x.data)
        return x * engine.sin(y) + abs(y)

    here = recorded(f, [2.0, 3.0])
    line = Replay(here).line(lambda t: f(Value(2 + t), Value(3 - t)).data, [1.0, -1.0], [2.0, 3.0])
    calls.clear()
    numbers = [line(t) for t in (0.5, -0.25, 0.1, -0.1, 1.0, 0.5)]
    assert calls == [2.5, 1.75, 3.0]
    assert numbers == [(2 + t) * math.sin(3 - t) + abs(3 - t) for t in (0.5, -0.25, 0.1, -0.1, 1.0, 0.5)]


@pytest.mark.parametrize("side", [-1, 1])
def test_a_condition_that_turns_is_seen_along_directions(side: int) -> None:
    def f(x: Any, y: Any) -> Any:
        return 3 * x + y if side * x.data > 0 else x + y

    report = check_gradients(f, [0.0, 1.0], directions=2)
    assert [d.kink is not None for d in report.derivatives] == [True, True]
    assert {round(abs(slope)) for d in report.derivatives for slope in d.slopes or ()} <= {0, 2, 4}
    assert check_gradients(f, [1.0, 1.0], directions=2).ok


def test_where_a_primitive_of_the_users_raises_a_replayed_graph_has_no_value() -> None:
    rooted = engine.declare("rooted", math.sqrt, [lambda z, x: 0.5 / z], method=False)
    try:
        x = Value(4.0)
        replay = Replay(Recording(root := rooted(x) * x, [x], topological_order(root)))
    finally:
        del engine.PRIMITIVES["rooted"]
    assert replay.value([9.0]) == 27.0
    assert math.isnan(replay.value([-1.0]))


def test_a_graph_with_constants_and_what_plays_no_part_is_replayed() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        return (2.0 * x - 1.0) ** 3 / (4.0 + y * y) + 5.0

    here = recorded(f, [0.5, -1.0, 9.0])
    for numbers in ([0.5, -1.0, 9.0], [1.25, 2.0, -3.0]):
        assert Replay(here).value(numbers) == f(*map(Value, numbers)).data
    assert Replay(recorded(lambda x, y: y, [1.0, 2.0])).value([3.0, 4.0]) == 4.0
    assert check_gradients(f, [0.5, -1.0, 9.0], directions=2).ok
    assert check_gradients(f, [0.5, -1.0, 9.0]).ok


def recorded(f: Any, numbers: list[float]) -> Recording:
    leaves = list(map(Value, numbers))
    root = f(*leaves)
    return Recording(root, leaves, topological_order(root))


def test_parameters_of_a_subclass_are_assigned_by_their_own_rules() -> None:
    class Positive(Value):
        @property
        def data(self) -> float:
            return self._z

        @data.setter
        def data(self, number: Any) -> None:
            self._z = max(0.0, float(number))

    w = Positive(2.0, "w")
    assert check_gradients(lambda x: w * x, [3.0], directions=1).ok
    assert w.data == 2.0


def squares(x: Any, y: Any) -> Any:
    return np.array([(x * x).sum() * y, x[0] - y])


def slopes_of_squares(x: Any, y: float, dx: Any, dy: float) -> Any:
    return np.array([2 * (x * dx).sum() * y + (x * x).sum() * dy, dx[0] - dy])


@pytest.mark.parametrize("directions", [None, 3])
def test_forward_mode_is_checked_by_its_own_calls(directions: int | None) -> None:
    point = (np.array([0.3, -0.7]), 2.0)
    report = assert_gradients(squares, point, jvp=slopes_of_squares, directions=directions, strict=True)
    assert len(report.derivatives) == 6
    assert report.rate > 1.5
    off = check_gradients(
        squares, point, jvp=lambda x, y, dx, dy: 1.001 * slopes_of_squares(x, y, dx, dy), directions=directions
    )
    assert len(off.wrong) == 5, "one is 0"
    assert off.wrong[0].name == ("direction 1 of output 0, forward" if directions else "x[0] of output 0, forward")


@pytest.mark.parametrize("directions", [None, 2])
def test_both_modes_at_once(directions: int | None) -> None:
    def jvp(x: Any, dx: Any) -> float:
        return float((tanh_gradient(x) * dx).sum())

    x = np.array([0.5, -1.0, 2.0])
    both = assert_gradients(tanh_sum, x, grad=tanh_gradient, jvp=jvp, directions=directions)
    assert len(both.derivatives) == 2 * (directions or 3)
    wrong = check_gradients(tanh_sum, x, grad=tanh_gradient, jvp=lambda x, dx: -jvp(x, dx), directions=directions)
    assert {d.name.endswith(", forward") for d in wrong.wrong} == {True}
    wrong = check_gradients(tanh_sum, x, grad=lambda x: -tanh_gradient(x), jvp=jvp, directions=directions)
    assert {d.name.endswith(", forward") for d in wrong.wrong} == {False}


def test_forward_mode_needs_one_call_along_each_direction() -> None:
    calls = []

    def jvp(x: Any, dx: Any) -> float:
        calls.append(dx)
        return float((tanh_gradient(x) * dx).sum())

    x = np.random.default_rng(1).normal(size=20_000)
    assert_gradients(tanh_sum, x, jvp=jvp, directions=3, strict=True)
    assert len(calls) == 3 + 2 + 1 + 4, (
        "and two for all of them, one for the rate of the remainder, and some that must give the same"
    )


def test_bad_forward_mode_is_named() -> None:
    with pytest.raises(ValueError, match="jvp gave 2 numbers for 1 output: give the slope of each, without the value"):
        check_gradients(math.sin, 1.0, jvp=lambda x, dx: (math.sin(x), math.cos(x) * dx))
    with pytest.raises(TypeError, match=r"^jvp= must be a function of the point, not its result: got 3"):
        check_gradients(math.sin, 1.0, jvp=3)
    with pytest.raises(
        TypeError, match=r"^jvp\(x\) cannot be called with the point's 1 argument .* and a direction for"
    ):
        check_gradients(math.sin, 1.0, jvp=lambda x: math.cos(x))
    with pytest.raises(ValueError, match="first derivatives only"):
        check_gradients(math.sin, 1.0, 2, jvp=lambda x, dx: math.cos(x) * dx)


def test_no_second_opinion_that_finds_it_right_stands_below_what_is_wrong() -> None:
    """An error of 1e-7 is seen by differences, and not by the remainder, which has curvature in it."""
    report = check_gradients(lambda x: x * x, 3.0, grad=lambda x: 2 * x + 1e-7)
    assert not report.ok
    assert "second opinion, without a step: none: so small an error is lost" in str(report)


def test_no_line_is_drawn_twice_while_there_are_others() -> None:
    """Of two inputs both were on one line, along which the errors of entries that have changed places cancel."""
    for count in (1, 2, 3, 4, 5):
        lines = 2 ** (count - 1)
        drawn = [max(tuple(d), tuple(-x for x in d)) for d in random_directions(count, 2 * lines)]
        assert len({*drawn[:lines]}) == len({*drawn[lines:]}) == lines
    for directions in (2, 3):
        report = check_gradients(
            lambda x, y: x * x * y, (1.1, 0.7), grad=lambda x, y: (x * x, 2 * x * y), directions=directions
        )
        assert not report.ok


def test_no_graph_proves_a_slope_at_a_kink_that_is_no_number() -> None:
    """No slope lies between two others that is no number: many digits are not asked."""
    ramp = replace(engine.relu, name="ramp", local_derivatives=[lambda z, x: math.nan if x == 0 else float(x > 0)])
    assert check_gradients(lambda x, y: ramp(x) + y, [0.0, 1.0], directions=2).wrong


def test_an_infinite_derivative_hides_the_others_along_directions() -> None:
    """A right one was called wrong: what the others are, its sum with them does not show."""
    assert check_gradients(lambda x, y: engine.sqrt(x) + y, [0.0, 1.0])
    with pytest.raises(ValueError, match=r"the derivative by x is inf, .* check without directions="):
        check_gradients(lambda x, y: engine.sqrt(x) + y, [0.0, 1.0], directions=2)


@pytest.mark.parametrize(
    "slope",
    [
        lambda x, dx: math.cos(x),  # forgets the direction
        lambda x, dx: math.cos(x) * abs(dx),
        lambda x, dx: math.cos(x) * dx * dx,
        lambda x, dx: math.cos(x) * dx**3,
    ],
)
@pytest.mark.parametrize("directions", [None, 1])
def test_a_slope_that_does_not_follow_its_direction_is_wrong(slope: Any, directions: int | None) -> None:
    """By directions of length 1 alone it is right."""
    report = check_gradients(math.sin, 1.0, jvp=slope, directions=directions)
    (wrong,) = report.wrong
    assert wrong.name.startswith("the direction ")
    assert not directions or report.directions == 1


def test_a_slope_that_is_right_by_each_input_alone_is_wrong() -> None:
    def slope(x: list[float], dx: list[float]) -> list[float]:
        return [2 * x[0] * dx[0], x[1] * dx[0] + x[0] * dx[1] + dx[0] * dx[1]]

    report = check_gradients(lambda x: [x[0] ** 2, x[0] * x[1]], [2.0, 3.0], jvp=slope)
    assert [d.name for d in report.wrong] == ["the direction -0.5 x[0] +0.25 x[1] of output 1, forward"]


@pytest.mark.parametrize("directions", [None, 2])
def test_a_slope_that_is_right_in_positive_directions_alone_is_wrong(directions: int | None) -> None:
    """As by a relu of the direction itself: that of every other input was looked at forwards only."""
    for side in ([1, 0], [0, 1]):

        def slope(x: Any, dx: Any, side: Any = side) -> float:
            return float(np.where(side, np.abs(dx), dx).sum())

        assert not check_gradients(lambda x: x.sum(), np.ones(2), jvp=slope, directions=directions)


def test_a_slope_that_is_right_in_directions_of_one_sign_alone_is_wrong() -> None:
    """At the kink of |x + y|, |dx| + |dy| is right by each input, and where both grow or both shrink."""

    def slope(x: Any, dx: Any, at_kink: Any) -> float:
        total = x[0] + x[1]
        return float(math.copysign(1.0, total) * (dx[0] + dx[1]) if total else at_kink(dx))

    wrong, right = (
        check_gradients(lambda x: abs(x[0] + x[1]), [1.0, -1.0], jvp=partial(slope, at_kink=at_kink))
        for at_kink in (lambda dx: abs(dx[0]) + abs(dx[1]), lambda dx: abs(dx[0] + dx[1]))
    )
    assert not wrong, wrong
    assert right, right


def test_slopes_to_each_side_of_a_kink_need_not_be_linear() -> None:
    """Along both inputs this function is smooth, and it has a kink along others."""

    def relu(x: float) -> float:
        return max(x, 0.0)

    def slope(x: float, dx: float) -> float:
        return dx if x > 0 else relu(dx) if x == 0 else 0.0

    def f(x: float, y: float) -> float:
        return relu(x + y) - relu(x - y)

    def jvp(x: float, y: float, dx: float, dy: float) -> float:
        return slope(x + y, dx + dy) - slope(x - y, dx - dy)

    assert_gradients(f, (0.0, 0.0), jvp=jvp)
    assert_gradients(abs, 0.0, jvp=lambda x, dx: abs(dx) if x == 0 else math.copysign(1.0, x) * dx)
