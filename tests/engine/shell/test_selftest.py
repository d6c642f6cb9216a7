"""The commands `check` and `selftest` of the command line."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

import engine
from engine import Interval
from engine.__main__ import main
from engine.checking import oracle
from engine.shell import selftest
from engine.shell.selftest import examine
from tests.needs import needs

TABLE = dict(engine.PRIMITIVES)  # as it is now: other tests may declare more


def test_check_prints_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "x**y * sin(x)", "x=1.3", "y=2", "--order", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "x**y * sin(x) at x = 1.3, y = 2.0: 4 derivatives, none wrong"
    assert lines[1].startswith("  agrees     by x: 2.957324302460")
    assert lines[3].startswith("  agrees     by x order 2: ")


def test_check_reports_a_kink(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "relu(x) + x", "x=0"]) == 0
    assert "relu(0.0), node 2 of the graph: derivative 1 below and 2 above" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["log(x)", "x=-1"], "no finite value at the point: log(-1.0) is nan"),
        (["x*y", "x=1"], "error: "),
        (["x", "x=1", "y=2"], "y: given, but not in the expression"),
        (["x", "x"], "'x' gives no value: write name=number"),
        (["x", "x=1", "x=2"], "x is given twice"),
        (["x +", "x=1"], "this is not an expression"),
        (["x", "x=1", "--order", "0"], "order is 1 for the gradient"),
        (["2 + 3"], "'2 + 3' gives a plain number"),
    ],
)
def test_bad_input_is_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_selftest_covers_the_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    needs("mpmath")
    monkeypatch.setattr(selftest, "PRIMITIVES", TABLE)
    assert main(["selftest", "--points", "2"]) == 0
    out = capsys.readouterr().out
    for name in TABLE:
        assert f"\n  {name} " in out
    assert "WRONG" not in out


def test_the_selftest_finds_a_wrong_rule() -> None:
    bad = replace(engine.sin, local_derivatives=[lambda z, x: 1.001 * engine.cos(x)])
    row = examine(bad, 5)
    assert row.alarms == 5
    assert row.derivative > 1e12
    assert row.value <= 1.0


@pytest.mark.parametrize("wrong", [lambda x: math.tanh(x) + 1e-13, lambda x: math.tanh(x) * (1 + 1e-12)])
def test_the_selftest_finds_wrong_values(
    wrong: Callable[[float], float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their slope is right, as of a library of C that is a little off: it said "ok" beside thousands of units."""
    needs("mpmath")
    bad = replace(engine.tanh, forward=wrong)
    assert examine(bad, 5).alarms == 5
    monkeypatch.setattr(selftest, "PRIMITIVES", {"tanh": bad})
    assert main(["selftest", "--points", "5"]) == 1
    assert "5 WRONG" in capsys.readouterr().out


def test_a_bad_number_of_points(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["selftest", "--points", "0"])
    assert "--points must be positive" in capsys.readouterr().err


def test_the_selftest_without_mpmath(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "available", lambda: False)
    oracle.warm()  # does nothing
    assert main(["selftest"]) == 2
    assert "the exact results need mpmath: pip install mpmath" in capsys.readouterr().err
    oracle._context_of.cache_clear()
    monkeypatch.setitem(sys.modules, "mpmath", None)
    with pytest.raises(ImportError, match="fifty digits need mpmath: pip install mpmath"):
        oracle.context()


def test_what_was_declared_without_a_formula_has_no_exact_value() -> None:
    with pytest.raises(ValueError, match="sin was declared without a formula"):
        oracle.value(replace(engine.sin, formula=""), [1.0])


def drawn(primitive: engine.Primitive) -> float:
    (x,) = selftest._draw_point(primitive, random.Random(0))
    return x


def test_points_of_a_domain_that_lies_far_out_and_of_overflow() -> None:
    far = replace(engine.square, name="test_far", domain=(Interval(1000.0, 1001.0),))
    assert all(1000.0 < drawn(far) < 1001.0 for _ in range(5))
    steep = replace(engine.exp, name="test_steep", domain=(Interval(600.0, 800.0),))
    assert math.isfinite(math.exp(drawn(steep)))
