"""Ways around the check: rules and claims that are right where it looks first, and wrong all the same."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

import engine
from engine import Constant, Value, check_gradients
from engine.checking import oracle

Rule = Callable[..., Any]


def number(x: Any) -> float:
    return x.data if isinstance(x, Value) else float(x)


def square(rule: Rule) -> Rule:
    """The square with another rule, and nothing that tells the right one."""
    return replace(engine.square, name="squared", local_derivatives=[rule], formula="")


def product(by_x: Rule) -> Rule:
    return replace(engine.mul, name="times", local_derivatives=[by_x, lambda z, x, y: x], formula="")


_calls = count()

RULES: list[tuple[str, Rule, list[float], list[float]]] = [
    ("the sign", square(lambda z, x: -2 * x), [0.0], [1.0]),
    ("beyond a threshold", square(lambda z, x: (2 if number(x) < 3 else 3) * x), [2.9999999], [3.0]),
    ("for huge numbers", square(lambda z, x: 2 * x if abs(number(x)) < 1e100 else 0.0), [1e90], [1e120]),
    ("for tiny numbers", square(lambda z, x: 2 * x if abs(number(x)) > 1e-100 else 1.0), [1e-90], [1e-120]),
    ("in one order", product(lambda z, x, y: y if number(x) < number(y) else 2 * y), [1.0, 2.0], [2.0, 1.0]),
    ("where operands are equal", product(lambda z, x, y: y if number(x) != number(y) else 0.0), [1.0, 2.0], [2.0, 2.0]),
    ("no contribution", product(lambda z, x, y: None), [2.0, 0.0], [2.0, 1.0]),
    ("from the second call on", square(lambda z, x: (2 if next(_calls) < 1 else 3) * x), [0.0], [2.0]),
]
"""What is wrong, the primitive, a point where it is right, and one where it is wrong."""


@pytest.mark.parametrize(("f", "right", "wrong"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_a_rule_that_is_right_at_some_points(f: Rule, right: list[float], wrong: list[float]) -> None:
    assert check_gradients(lambda *xs: f(*xs) + xs[0], right).ok
    report = check_gradients(lambda *xs: f(*xs) + xs[0], wrong)
    assert not report.ok
    assert report.faults


def test_an_operand_that_is_used_twice() -> None:
    times = product(lambda z, x, y: y if number(x) != number(y) else 0.0)
    assert not check_gradients(lambda x: times(x, x), [2.0]).ok


@pytest.mark.parametrize("directions", [None, 2])
@pytest.mark.parametrize(
    "f",
    [square(lambda z, x: -2 * x), lambda x: x * x.detach(), lambda x: x * float(x)],
    ids=["the sign", "detach", "float"],
)
def test_second_derivatives_of_a_gradient_that_is_right_at_the_point_alone(f: Rule, directions: int | None) -> None:
    """-2 * x is 0 at 0, as the derivative of the square is; its own derivative there is -2, and not 2."""

    def g(x: Any, y: Any) -> Any:
        return f(x) + engine.sin(y)

    assert check_gradients(g, [0.0, 1.0], directions=directions).ok
    report = check_gradients(g, [0.0, 1.0], 2, directions=directions)
    assert not report.ok
    assert report.wrong[0].name.endswith(", beside the point")
    assert report.notes[-1].startswith("beside the point, at [")
    assert report.faults


def test_higher_derivatives_at_ends_and_kinks_are_right() -> None:
    for f, x in ((engine.sqrt, 1e-9), (lambda x: engine.relu(x) * x, 0.0), (lambda x: engine.floor(x) * x, 2.0)):
        report = check_gradients(f, [x], 3)
        assert report.ok, report


UNRELATED: dict[str, Rule] = {
    "another input": lambda x, y: 0 * engine.floor(y),
    "a constant": lambda x, y: 0 * engine.floor(Value(2.0**53)),
    "the same input": lambda x, y: 0 * engine.floor(x + y),
}


@pytest.mark.parametrize("mpmath", [True, False])
@pytest.mark.parametrize("directions", [None, 3])
@pytest.mark.parametrize("node", UNRELATED.values(), ids=UNRELATED)
def test_kinks_between_floats_hide_no_error_elsewhere(
    node: Rule, directions: int | None, mpmath: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not mpmath:
        monkeypatch.setattr(oracle, "available", lambda: False)
    report = check_gradients(lambda x, y: x * x.detach() + node(x, y), [1.5, 2.0**53], directions=directions)
    assert not report.ok, report


@pytest.mark.parametrize("kink", [lambda z, x: 0.0, lambda z, x: float("nan"), lambda z, x: engine.sin(1e17 * x)])
def test_a_kink_that_is_declared_everywhere_is_no_excuse(kink: Rule) -> None:
    """Nor is the primitive blamed, of which nothing is known there."""
    steep = replace(engine.square, name="steep", local_derivatives=[lambda z, x: 3 * x], formula="", kink=kink)
    assert not check_gradients(lambda x: steep(x), [1.5]).ok
    stairs = replace(engine.floor, name="stairs", formula="")
    report = check_gradients(lambda x: stairs(x), [2.0**53])
    assert report.wrong == []
    assert [d.excluded for d in report.unresolved] == [True]


# ---- random gradients, and such as change what they are given ----------------------------------------------------


def at_random() -> Iterator[bool]:
    """True as long as differences are compared with it, then mostly."""
    draw = random.Random(2)
    for call in count():
        yield call < 4 or draw.random() < 0.7


def test_a_rule_that_is_right_at_random_is_refused() -> None:
    sure = at_random()
    with pytest.raises(ValueError, match="the gradient is not deterministic"):
        check_gradients(lambda x: square(lambda z, x: (2 if next(sure) else 3) * x)(x), [1.5])


@pytest.mark.parametrize("kind", ["grad", "jvp"])
@pytest.mark.parametrize("directions", [None, 2])
def test_so_is_a_gradient_of_other_code(kind: str, directions: int | None) -> None:
    sure = at_random()
    claims: dict[str, Any] = {
        "grad": lambda x: 2 * x if next(sure) else 3 * x,
        "jvp": lambda x, d: float(2 * x @ d) if next(sure) else 0.0,
    }
    claim: Any = {kind: claims[kind]}
    with pytest.raises(ValueError, match="the gradient is not deterministic"):
        check_gradients(lambda x: float(x @ x), np.array([1.5]), directions=directions, **claim)


@pytest.mark.parametrize("later", [7.0, math.inf, math.nan])
def test_a_gradient_that_is_right_in_its_first_call_only_is_refused(later: float) -> None:
    calls = count()
    with pytest.raises(ValueError, match=r"the gradient is not deterministic: it gave 6\.0 and then"):
        check_gradients(lambda x: x * x, 3.0, grad=lambda x: 2 * x if next(calls) == 0 else later)


@pytest.mark.parametrize("odd", [7.0, math.inf, math.nan])
@pytest.mark.parametrize("foreign", [False, True])
def test_a_function_that_gives_another_number_now_and_then_is_refused(odd: float, foreign: bool) -> None:
    calls = count()

    def square_or_odd(x: Any) -> Any:
        return x * x if next(calls) % 7 != 6 else x * odd

    claims: dict[str, Any] = {"grad": lambda x: 2 * x} if foreign else {}
    with pytest.raises(ValueError, match="the function is not deterministic"):
        check_gradients(square_or_odd, 3.0 if foreign else [3.0], **claims)


def test_a_gradient_that_is_nan_in_every_call_is_wrong_and_no_other() -> None:
    report = check_gradients(lambda x: x * x, 3.0, grad=lambda x: math.nan)
    assert [d.status for d in report.derivatives] == ["differs"]


def test_sums_in_another_order_are_no_other_gradient() -> None:
    orders = count()

    def gradient(x: Any) -> Any:
        return 2 * x * (1 + 1e-9 * (next(orders) % 2))

    assert check_gradients(lambda x: float(x @ x), np.array([1.5, 1e-9]), grad=gradient).ok


def test_a_gradient_that_changes_its_argument_changes_neither_the_point_nor_other_claims() -> None:
    def gradient(x: Any) -> Any:
        x *= 2
        return x

    x = np.array([1.0, 2.0])
    report = check_gradients(lambda x: float(x @ x), x, grad=gradient, jvp=lambda x, d: float(2 * x @ d))
    assert report.ok, report
    assert list(x) == [1.0, 2.0]
    assert report.point == "numpy.array([1.0, 2.0], dtype='float64')"


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_a_point_is_finite(bad: float) -> None:
    with pytest.raises(ValueError, match=r"a gradient is checked at finite numbers, got (inf|nan) for x\[1\]"):
        check_gradients(lambda x: x[0] ** 2, [1.0, bad], grad=lambda x: [2 * x[0], 0.0])


@pytest.mark.parametrize("noise", [1e-6, 1e-4, 1e-2])
def test_declared_noise_is_not_taken_for_a_function_that_turns_between_floats(noise: float) -> None:
    report = check_gradients(lambda x: x * x, 0.5, grad=lambda x: x, noise=noise)
    assert report.wrong, report
    assert check_gradients(lambda x: x * x, 0.5, grad=lambda x: 2 * x, noise=noise).ok


def test_a_result_from_before_the_call_does_not_follow_its_parameter() -> None:
    w = Value(2.0, "w")
    before = engine.tanh(w)
    with pytest.raises(ValueError, match=r"uses tanh\(2\.0\), node . of the graph, which was computed before the call"):
        check_gradients(lambda x: before * x, [3.0])
    assert check_gradients(lambda x: before.detach() * x, [3.0]).ok
    assert check_gradients(lambda x: engine.tanh(w) * x, [3.0]).ok
    table = [engine.exp(Constant(k)) for k in range(3)]  # of constants, which never change
    assert check_gradients(lambda x: engine.sum([entry * x for entry in table]), [3.0]).ok


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: engine.relu(-x - 1) - engine.relu(x + 1), -1.0),
        (lambda x: engine.relu(3 * x - 1.5) - engine.relu(1.5 - 3 * x), 0.5),
        (lambda x: engine.relu(x * x - 4) - engine.relu(4 - x * x), 2.0),
    ],
)
def test_a_sum_of_conventions_that_is_no_slope_is_wrong_where_the_kink_comes_out_of_a_difference(
    f: Rule, x: float
) -> None:
    """Moved by the rounding of the numbers on the way, relu has another derivative: that gives a claim no room."""
    report = check_gradients(f, [x])
    assert report.wrong, report
    assert "at a kink each primitive chooses one slope" in report.faults[0].what


# ---- whose fault it is -------------------------------------------------------------------------------------------


def test_parameters_of_one_name_are_told_apart() -> None:
    """The second one is wrong, and the first one is right."""
    first, second, third = Value(1.0, "w"), Value(2.0, "w"), Value(3.0, "x")
    report = check_gradients(lambda x: first * x + second * second.detach() + third, [3.0])
    assert [d.name for d in report.wrong] == ["w (2)"]
    assert sorted(d.name for d in report.derivatives) == ["w", "w (2)", "x", "x (2)"]
    assert report.point == "[3.0], with the parameters {'w': 1.0, 'w (2)': 2.0, 'x (2)': 3.0}"


def test_what_a_graph_lacks_is_not_blamed_on_a_kink_at_the_point() -> None:
    report = check_gradients(lambda x: abs(x - 1) + 5 * x * x.detach(), [1.0])
    assert "the function also depends on x outside it" in report.faults[0].what
    report = check_gradients(lambda x: engine.relu(x) - engine.relu(-x) + (x if x < 0.5 else 3 * x), [0.0])
    assert "at a kink each primitive chooses one slope" in report.faults[0].what


@pytest.mark.parametrize("formula", ["", "sin(x)"])
def test_a_small_error_of_a_rule_is_not_called_one_of_a_sum(formula: str) -> None:
    close = replace(
        engine.sin, name="close", local_derivatives=[lambda z, x: engine.cos(x) * (1 + 1e-7)], formula=formula
    )
    report = check_gradients(lambda x: close(x) + x * x, [1.0])
    assert report.faults[0].primitive == "close", report
