"""Many inputs: right ones take few values; of wrong ones some are looked at closely, others are counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value, check_gradients
from engine.checking import whitebox
from engine.checking.claim import MANY_WRONG
from tests.needs import needs

numpy = needs("numpy")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_wrong_input_among_many_takes_few_values(dtype: str) -> None:
    """It took 350 of them in float64 and 550 in float32: 1,000 wrong inputs took minutes."""
    count, calls = 200, 0

    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return numpy.sum(x * x)

    report = check_gradients(f, numpy.linspace(0.1, 2, count).astype(dtype), grad=lambda x: 2.2 * x)
    assert not report
    assert len(report.wrong) == MANY_WRONG
    assert not any(d.status == "agrees" for d in report.derivatives)
    assert calls < 1100 * MANY_WRONG + 160 * (count - MANY_WRONG)


def test_a_right_input_among_many_takes_few_values_where_the_sum_cancels() -> None:
    """Values near 0 were taken to be as exact as that; so each of 2,000 inputs took 180 of them, 38 s in all."""
    count, calls = 200, 0

    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return numpy.sum(x**3)

    assert check_gradients(f, numpy.linspace(-1, 1, count), grad=lambda x: 3 * x**2)
    assert calls < 20 * count


def test_the_report_counts_them_and_lists_a_few() -> None:
    report = check_gradients(lambda x: sum(t * t for t in x), [1.0] * 100, grad=lambda x: [3 * t for t in x])
    left = 100 - MANY_WRONG
    assert report.headline.endswith(
        f": {MANY_WRONG} of 100 derivatives WRONG, {left} unresolved, which were not looked at closely, as so many "
        "others fail"
    )
    assert sum(line.startswith("  unresolved by x[") for line in report.text.splitlines()) == 40
    assert f"  unresolved by {left - 40} more" in report.text.splitlines()
    assert report.text.count("differs") == MANY_WRONG
    assert "3, differences give 2" in report.text


@settings(max_examples=15, deadline=None)
@given(st.lists(st.booleans(), min_size=25, max_size=40), st.sampled_from(["float32", "float64"]))
def test_right_ones_among_them_are_never_wrong_and_wrong_ones_never_right(right: list[bool], dtype: str) -> None:
    """The relu is at its kink for half of the inputs, where only slopes between 0 and 1 are right."""
    point = numpy.array([0.0 if k % 2 else 0.5 + k / 40 for k in range(len(right))], dtype)
    factor = numpy.where(right, 1.0, -0.5)

    def gradient(x: Any) -> Any:
        return factor * numpy.where(x == 0, 0.5, x > 0)

    report = check_gradients(lambda x: numpy.maximum(x, 0).sum(), point, grad=gradient)
    assert bool(report) == all(right)
    for d, is_right in zip(report.derivatives, right, strict=False):
        assert d.status != ("differs" if is_right else "agrees"), d
    assert len(report.wrong) == min(MANY_WRONG, right.count(False))


def test_those_that_are_excluded_at_kinks_count_as_well() -> None:
    """A look at each took 0.3 s for 40 inputs."""

    def gradient(x: Any) -> Any:
        return numpy.where(numpy.arange(40) < 30, 2.0, 0.3) if not x.any() else numpy.where(x > 0, 1.0, 0.0)

    report = check_gradients(lambda x: numpy.maximum(x, 0).sum(), numpy.zeros(40), grad=gradient)
    assert not report
    assert not any(d.status == "agrees" or not d.excluded for d in report.derivatives[:MANY_WRONG])
    assert not any(d.status == "agrees" for d in report.derivatives[:30])
    assert not any(d.status == "differs" or d.excluded for d in report.derivatives[30:40])
    assert sum(not d.closely for d in report.derivatives) == 40 - MANY_WRONG


def test_functions_of_values_too() -> None:
    """They have one rule at fault, which is named; each wrong input took 640 values of the whole function, and more."""
    rule = dataclasses.replace(engine.tanh, local_derivatives=[lambda z, x: 1.1 * (1 - z * z)])
    calls = 0

    def f(*xs: Value) -> Value:
        nonlocal calls
        calls += 1
        return engine.sum(rule(x) for x in xs)

    report = check_gradients(f, [0.1 + k / 60 for k in range(60)])
    assert len(report.wrong) == MANY_WRONG
    assert "tanh" in report.faults[0].what
    assert sum(not d.closely for d in report.derivatives) == 60 - MANY_WRONG
    assert calls < 1800 * MANY_WRONG + 200 * (60 - MANY_WRONG)


def test_claims_that_are_proven_keep_no_other_from_a_close_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a wrong one after as many that only differences contradict would stay open, and the report be true."""
    rule = dataclasses.replace(engine.tanh, local_derivatives=[lambda z, x: 1.1 * (1 - z * z)])
    first = [f"x{k}" for k in range(MANY_WRONG)]
    monkeypatch.setattr(whitebox, "proven", lambda subject, found: found.name in first)

    def f(xs: Sequence[Value]) -> Value:
        return engine.sum(map(rule, xs))

    report = check_gradients(lambda **xs: f([*xs.values()]), dict.fromkeys([*first, "last"], 0.5))
    assert [d.name for d in report.wrong] == ["last"]
    assert not report
    assert all(d.closely for d in report.derivatives)
