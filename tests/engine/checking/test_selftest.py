"""The commands `check` and `selftest` of the command line."""

from __future__ import annotations

from dataclasses import replace

import pytest

import engine
import engine.checking.selftest
from engine.__main__ import main
from engine.checking.selftest import examine

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
        (["log(x)", "x=-1"], "outside the domain: log(-1.0) is nan"),
        (["x*y", "x=1"], "error: "),
        (["x", "x=1", "y=2"], "y: given, but not in the expression"),
        (["x", "x"], "'x' gives no value: write name=number"),
        (["x", "x=1", "x=2"], "x is given twice"),
        (["x +", "x=1"], "this is no expression"),
        (["x", "x=1", "--order", "0"], "order is 1 for the gradient"),
        (["2 + 3"], "depends on no value"),
    ],
)
def test_bad_input_is_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_selftest_covers_the_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mpmath")
    monkeypatch.setattr(engine.checking.selftest, "PRIMITIVES", TABLE)
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


def test_a_bad_number_of_points(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["selftest", "--points", "0"])
    assert "--points must be positive" in capsys.readouterr().err
