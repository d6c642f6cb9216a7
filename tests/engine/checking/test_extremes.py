"""Where floats are too coarse for differences: kinks that lie closer than floats, slopes beyond the largest one."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import engine
from engine import Value, check_gradients
from engine.checking import oracle
from engine.checking.estimates.slopes import slopes_at
from engine.checking.kinks import finer_than_floats
from tests.in_threads import in_threads
from tests.needs import needs

EXTREMES: list[tuple[Any, list[float]]] = [
    (engine.floor, [2.0**52]),
    (engine.ceil, [-1e16]),
    (engine.round, [1e300]),
    (engine.mod, [-(2.0**52) - 1, 1.0]),
    (engine.mod, [1e16, 10.0]),
    (engine.mod, [-1e5, 1e-8]),
    (engine.mod, [1e154, 2.0**53]),
    (engine.mod, [-0.0, 1e-300]),
    (engine.mod, [1e18, 1e12]),
    (engine.mod, [1e22, 1e16]),
    (engine.floordiv, [1e-20, 1e-160]),
    (engine.floordiv, [1e200, -2.5]),
    (engine.floordiv, [2.0**53, 1.0]),
    (engine.pow, [1.0, 1e8]),
    (engine.pow, [1.0, 1e16]),
    (engine.pow, [-1e-300, -1.0]),
    (engine.pow, [-1.0, -1e30]),
    (engine.pow, [-2.5, -1e16]),
    (engine.pow, [0.0, 1e-300]),
    (engine.pow, [0.0, 1e-8]),
    (engine.atan2, [-0.0, -1e-300]),
    (engine.atan2, [-1e-300, -1e-300]),
    # along several inputs: waves that are shorter than the steps
    *((lambda x, y, c=c: engine.sin(2 * x + c * y), [1e-3, -0.7]) for c in (1e11, 1.2e11, 1.57e11)),
]


@pytest.mark.parametrize(
    ("f", "point"), EXTREMES, ids=lambda of: getattr(of, "name", None) or (repr(of) if isinstance(of, list) else None)
)
def test_what_floats_cannot_resolve_is_not_called_wrong(f: Any, point: list[float]) -> None:
    needs("mpmath")
    report = check_gradients(f, point)
    assert report.ok, report


@pytest.mark.parametrize("directions", [None, 3])
@pytest.mark.parametrize("point", [[1e18, 1e12], [1e22, 1e16]])
def test_nor_along_directions(point: list[float], directions: int | None) -> None:
    """The slope with respect to y has two sides; between them lies what is claimed, by the graph to many digits."""
    needs("mpmath")
    report = check_gradients(lambda x, y: engine.mod(x, y) / 2 + y, point, directions=directions)
    assert report.ok, report
    assert any(d.status == "unresolved" and d.direction for d in report.derivatives)


@pytest.mark.parametrize("directions", [None, 3])
def test_a_composition_of_conventions_is_no_slope_between(directions: int | None) -> None:
    """relu has the derivative 0 at 0, so that of relu(t) - relu(-t), which is t, is 0 by the chain rule, and not 1."""
    needs("mpmath")
    report = check_gradients(lambda x, y: engine.relu(x * y) - engine.relu(-x * y), [0.0, 2.0], directions=directions)
    assert not report.ok, report


@pytest.mark.parametrize(
    ("f", "point"), [(engine.floor, [2.0**52]), (engine.mod, [1e16, 10.0]), (engine.floordiv, [2.0**53, 1.0])]
)
def test_nor_is_it_without_mpmath(f: Any, point: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "available", lambda: False)
    report = check_gradients(f, point)
    assert report.ok, report
    assert any(d.status == "unresolved" for d in report.derivatives)


@pytest.mark.parametrize(
    ("of", "rules", "point"),
    [
        (engine.floor, [lambda z, x: 0.5], [2.0**53]),
        (engine.mod, [lambda z, x, y: 2.0, lambda z, x, y: -engine.floordiv(x, y)], [1e16, 10.0]),
        (engine.mod, [lambda z, x, y: 1.0, lambda z, x, y: engine.floordiv(x, y)], [1e16 + 2.0, 10.0]),
        (engine.floordiv, [lambda z, x, y: 1 / y, lambda z, x, y: 0.0], [1e200, -2.5]),
        (engine.pow, [lambda z, x, y: z, engine.pow.rules[1]], [1.0, 1e16]),
    ],
)
def test_a_wrong_rule_is_found_there_by_fifty_digits(of: Any, rules: list[Any], point: list[float]) -> None:
    needs("mpmath")
    bad = replace(of, name="bad", local_derivatives=rules)
    report = check_gradients(lambda *xs: bad(*xs), point)
    assert not report.ok
    assert report.faults[0].primitive == "bad"


def test_slopes_of_fifty_digits_on_both_sides_of_a_kink() -> None:
    needs("mpmath")
    assert oracle.slopes(engine.relu, [0.0], 0) == (0.0, 1.0)
    assert oracle.slopes(engine.mod, [1e16, 10.0], 0) == (1.0, 1.0)
    assert oracle.slopes(engine.mod, [10.0, 5.0], 1) == (-2.0, -1.0)
    assert oracle.slopes(engine.atan2, [0.0, -2.0], 0) == (-0.5, -0.5)
    assert oracle.slopes(engine.cbrt, [0.0], 0) is None
    assert oracle.slopes(engine.log, [0.0], 0) is None


def test_fifty_digits_in_threads() -> None:
    """They shared a context of mpmath, whose precision each of them sets: some slopes were 0 or infinite."""
    needs("mpmath")
    alone, found = [oracle.rounded(engine.tanh, [x], 0) for x in (300.0, 135.5)], set[float | None]()

    def slope(x: float) -> None:
        found.update([oracle.rounded(engine.tanh, [x], 0) for _ in range(50)])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        in_threads(slope, [300.0, 135.5] * 2)
    finally:
        sys.setswitchinterval(interval)
    assert found == {*alone}


def test_which_kinks_are_finer_than_floats() -> None:
    def of(node: Any) -> bool:
        return finer_than_floats(node)

    x = Value(0.0)
    assert not any(map(of, (x, engine.exp(x), engine.relu(x), engine.hypot(x, Value(0.0)), engine.maximum(x, x))))
    assert not of(engine.mod(Value(1e16), 1e15))
    assert of(engine.mod(Value(1e16), 3.0))
    assert not of(engine.mod(1.0, Value(math.inf)))
    assert all(
        map(of, (engine.mod(Value(2.0**53), 2.0), engine.floor(Value(2.0**51)), engine.floordiv(Value(1e16), 1.0)))
    )
    assert not of(engine.floor(Value(2.0 + 2.0**-50))), "one kink is a few floats away"
    for node in (engine.leaky_relu(x, Value(0.1)), engine.atan2(x, Value(-1.0)), engine.maximum(x, x, Value(-1.0))):
        assert not of(node), "an operand by which the kink does not move"


def test_an_infinite_claim_needs_a_jump_to_its_side() -> None:
    """The right derivative of x**1e-300 at 0 is inf; -inf is wrong."""
    steep = replace(engine.pow, name="steep", local_derivatives=[lambda z, x, y: -math.inf, lambda z, x, y: 0.0])
    assert check_gradients(lambda x: x**1e-300, [0.0]).ok
    assert not check_gradients(lambda x: steep(x, 1e-300), [0.0]).ok


def test_a_pole_and_an_infinity_within_the_graph_are_no_error() -> None:
    """The formula's 1 / 0 raised ZeroDivisionError, and of steps around an infinity there were none."""
    report = check_gradients(lambda x: engine.atan2(x, engine.gelu(x / (x - x))), [-69.9])
    (found,) = report.derivatives
    assert math.isnan(found.claimed)
    assert (
        found.status == "differs"
    )  # where the function is flat; a nan that 50 digits give at an infinity proves nothing
    assert "should be 0.0" in report.text or "give nan" not in report.text
    assert oracle.slopes(engine.div, [1.0, 0.0], 0) is None
    assert oracle.rounded(engine.mod, [1.0, 0.0], 0) is None
    assert slopes_at(abs, math.inf) == (None, None, 0.0)


HIGHER: list[tuple[Any, list[float]]] = [
    # products of tiny numbers vanish in one mode and not in the other
    (lambda y: y * 1e-200 * 1e-200 * 1e301, [1.0]),
    (lambda y: (y * 1e-200) * (y * 1e-150) * 1e301, [1.0]),
    (lambda x, y: engine.asinh(engine.hypot(y * x, x)), [1.5e301, -3e-146]),
    # rules branch: the graph of the gradient is another one at the places of all steps
    (lambda x, y: engine.minimum(engine.softplus(engine.hypot(y, x)), engine.sin(x**y)), [3.6e-229, 2.8]),
    (lambda x, y: (engine.sqrt(x) * y) ** y, [3.56e-211, 4.27]),
    (lambda x, y: engine.minimum(engine.cos(y), y - x), [-1.4, 3.8e152]),
    (lambda x, y: engine.log1p(engine.cbrt(engine.maximum(y, x))), [1.4e-101, -5.7e-209]),
    (lambda x, y: engine.minimum(1 / x, x * y), [-8.6e-45, -2.5e-278]),
    # ties: of the other coordinate, and of one with itself
    (lambda x, y: engine.hypot(engine.cbrt(x) - engine.maximum(y, y), y), [-3e-146, -471.0]),
    (lambda x: engine.acos(engine.cbrt(x)) - engine.minimum(x, x), [5.8e-122]),
    # an operand that is subnormal, and so has lost digits
    (lambda x, y: engine.atan2(y, x * y) + x, [8e-95, 2.8e-218]),
]


@pytest.mark.parametrize(("f", "point"), HIGHER)
def test_a_right_graph_is_no_fault_at_extreme_sizes(f: Any, point: list[float]) -> None:
    needs("mpmath")
    report = check_gradients(f, point, order=2)
    assert report.ok, report
    assert "as for a wrong gradient" not in str(report)


def test_a_wrong_higher_derivative_is_one_at_extreme_sizes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule whose number is right, and whose graph holds one x too many."""
    needs("mpmath")
    by_x, by_y = engine.pow.rules

    def more(z: Any, x: Any, y: Any) -> Any:
        return by_x(z, x, y) * (x / x.detach()) if isinstance(x, Value) else by_x(z, x, y)

    wrong = replace(engine.pow, local_derivatives=[more, by_y])
    monkeypatch.setattr(engine.ops, "pow", wrong)  # as the engine's own, whose formula may prove it
    assert not check_gradients(lambda x: engine.sin(wrong(x, 2.8)), [3.6e-229], order=2).ok


LARGE: list[tuple[Callable[[float], float], Callable[[float], float], float]] = [
    (lambda x: x * x, lambda x: 2 * x, 1.3e154),
    (math.exp, math.exp, 709.0),
    (lambda x: 8e307 * abs(x - 1), lambda x: 8e307 if x > 1 else -8e307, 1.0),
    (lambda x: max(x, 1.5e308), lambda x: float(x > 1.5e308), 1.5e308),
    (lambda x: 1.5e308 + 1e306 * abs(x), lambda x: math.copysign(1e306, x), 0.0),
]


@pytest.mark.parametrize(("f", "slope", "x"), LARGE)
def test_values_near_the_largest_float_are_compared(
    f: Callable[[float], float], slope: Callable[[float], float], x: float
) -> None:
    """Sums of several such values are infinite: only their differences may be added."""
    (right,) = check_gradients(f, x, grad=slope).derivatives
    assert right.status == "agrees"
    for factor in (1.01, -2.0):
        (wrong,) = check_gradients(f, x, grad=lambda at, factor=factor: factor * slope(at)).derivatives
        assert wrong.status == "differs"
        assert 0 < wrong.relative_error <= 3


def test_slopes_that_are_not_known_are_given_with_their_bound() -> None:
    """Below their bound they count as 0: that said nothing here but "where the slope is 0", of 2.7e32."""
    (found,) = check_gradients(engine.tan, [math.pi / 2]).derivatives
    assert found.status == "unresolved"
    assert re.fullmatch(r"2\.667\d+e\+32, differences give \S+( to \S+)? \+- \S+", found.finding)


@pytest.mark.parametrize(
    ("factor", "status"), [(1.0, "agrees"), (0.0, "differs"), (1.01, "differs"), (-1.0, "differs")]
)
@pytest.mark.parametrize("directions", [None, 3])
def test_a_hump_no_wider_than_tiny_numbers(factor: float, status: str, directions: int | None) -> None:
    """To steps of the usual width the function is 0, and flat: along directions a gradient of zeros agreed."""

    def hump(x: list[float]) -> float:
        first, second = (each * 1e300 for each in x)
        return 1e-100 / (1 + first * first + second * second)

    def slopes(x: list[float]) -> list[float]:
        return [-2e300 * factor * (each * 1e300) * hump(x) * (hump(x) * 1e100) for each in x]

    report = check_gradients(hump, [-7.4e-301, -6e-301], grad=slopes, directions=directions)
    assert {d.status for d in report.derivatives} == {status}
