"""Which rules the audit of a graph names, at kinks and beside them, and which it leaves alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import engine
from engine import Interval, Primitive, Value, check_gradients
from engine.checking.faults import audit, undeclared_kink
from tests.needs import needs


def ruled(primitive: Primitive, rule: Callable[..., Any], **changes: Any) -> Primitive:
    """The primitive with another rule."""
    return replace(primitive, name="ruled", local_derivatives=[rule], **changes)


def at(primitive: Primitive, *numbers: float) -> Value:
    return Value.__apply_primitive__(primitive, tuple(map(Value, numbers)))


def always(d: float) -> Callable[..., float]:
    return lambda z, *xs: d


POWER = Primitive(
    *("power", "power", 2, lambda x, n: x**n, (lambda z, x, n: n * z / x, lambda z, x, n: None), ("x", "n"), "x ** n"),
    (Interval(), Interval(0, 9, integers=True)),
)

SHIFTED = replace(
    engine.relu,
    forward=lambda x: max(x - 1.0, 0.0),
    local_derivatives=[lambda z, x: float(x > 1)],
    kink=lambda z, x: x - 1.0,
    formula="",
)

RIGHT = {
    "a number between the slopes of a kink": at(ruled(engine.relu, always(0.3)), 0.0),
    "the same, by differences": at(ruled(engine.relu, always(0.3), formula=""), 0.0),
    "an end of the slopes that is rounded": at(
        ruled(engine.relu, always(1e8 * (1 + 2**-50)), forward=lambda x: 1e8 * max(x, 0.0), formula=""), 0.0
    ),
    "kinks between floats": at(replace(engine.floor, formula=""), 2.0**53),
    "the infinite slope of a root": at(replace(engine.cbrt, formula=""), 0.0),
    "no values beside the point": at(replace(engine.relu, forward=lambda x: math.nan if x else 0.0, formula=""), 0.0),
    "a kink close by": at(SHIFTED, 1 - 1e-9),
    "one that is not declared": at(replace(engine.relu, kink=None), 0.0),
    "an operand that is an index": at(POWER, 2.0, 3.0),
    "a constant": replace(engine.pow, local_derivatives=[engine.pow.rules[0], always(7.0)])(Value(2.0), 3.0),
    "a rule that is rounded": at(ruled(engine.sin, always(3 * (1 + 2**-46)), forward=lambda x: 3 * x, formula=""), 0.0),
    "an infinite operand, as of what is not selected": at(engine.exp, math.inf),
    "what is not real there": at(engine.sqrt, -1.0),
}

WRONG = {
    "by its second operand": (
        at(replace(engine.hypot, local_derivatives=[lambda z, x, y: x / z] * 2, formula=""), 3.0, 4.0),
        "with respect to y at x = 3.0, y = 4.0 is 0.6, and differences of its values give 0.79",
    ),
    "below a kink": (at(ruled(SHIFTED, always(0.5)), 1 - 1e-9), "differences of its values give 0.0"),
    "by a kink": (at(ruled(engine.relu, always(1.1)), 0.0), "1.1 at a kink with slopes 0 and 1"),
    "the same, by differences": (at(ruled(engine.relu, always(-0.1), formula=""), 0.0), "-0.1 at a kink"),
    "nan at a kink": (at(ruled(engine.relu, always(math.nan), formula=""), 0.0), "nan at a kink with slopes 0 and 1"),
    "a finite slope of a root": (at(ruled(engine.cbrt, always(1.0)), 0.0), "1.0 where the slope is inf"),
    "one slope, declared a kink": (
        at(ruled(engine.sin, always(2.0), kink=lambda z, x: x), 0.0),
        "where the slope is 1",
    ),
    "infinite": (at(ruled(engine.sin, always(math.inf)), 1.0), "relative error inf"),
}


@pytest.mark.parametrize("what", RIGHT)
def test_a_right_rule_is_not_named(what: str) -> None:
    assert audit(engine.topological_order(RIGHT[what])) is None


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_one_is(what: str) -> None:
    node, words = WRONG[what]
    fault = audit([node])
    assert fault is not None
    assert words in fault.what


def test_by_a_formula_no_differences_are_asked() -> None:
    """They see stairs as a slope, and a wave that turns between floats as another one."""
    needs("mpmath")
    assert audit([at(engine.floor, 1e15), at(engine.sin, 1e15 + 0.5)]) is None


def test_only_a_kink_that_is_not_declared_is_told_and_by_an_operand_that_moves() -> None:
    ramp, none = replace(engine.relu, kink=None), lambda z, x, y: None
    first, second = (
        replace(engine.hypot, forward=max, kink=None, local_derivatives=rules)
        for rules in ((lambda z, x, y: 1.0, none), (none, lambda z, x, y: 1.0))
    )
    assert [bool(undeclared_kink([at(each, 0.0)])) for each in (ramp, engine.relu)] == [True, False]
    assert [bool(undeclared_kink([at(each, 1.0, 1.0)])) for each in (first, second)] == [True, True]
    assert [bool(undeclared_kink([each(1.0, Value(1.0))])) for each in (first, second)] == [False, True]
    assert undeclared_kink(engine.topological_order(engine.tanh(Value(1.0)))) == ""
    assert undeclared_kink([at(ruled(ramp, always(5.0)), 0.0)]) == "", "its rule is wrong"


def test_without_mpmath_kinks_take_no_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ImportError("no mpmath")

    monkeypatch.setattr("engine.checking.oracle.available", lambda: False)
    monkeypatch.setattr("engine.checking.oracle.context", missing)
    assert audit([at(engine.relu, 0.0), at(engine.floor, 2.0**53), at(engine.sin, 1.0)]) is None
    assert audit([at(ruled(engine.relu, always(1.1)), 0.0)]) is not None


def test_a_relative_error_is_one_of_the_larger() -> None:
    for d, told in ((-1.0, "1.5"), (0.4, "0.26")):
        fault = audit([at(ruled(engine.sin, always(d)), 1.0)])
        assert fault is not None
        assert f": relative error {told}" in fault.what


def test_the_code_of_a_fault_says_between_which_slopes() -> None:
    fault = audit([at(ruled(engine.relu, always(1.1)), 0.0)])
    assert fault is not None
    assert fault.code.endswith("'should lie between', 0.0, 1.0)")


def test_a_rule_by_a_constant_is_not_asked_for_a_graph() -> None:
    """No gradient is of it, so that it may be written for floats alone."""
    rules = (lambda z, x, n: n * z / x, lambda z, x, n: z * math.log(x))
    assert check_gradients(lambda x: replace(POWER, local_derivatives=rules)(x, 3.0), [2.0], order=2).ok
