"""A report prints as its text, shows as a table, works in a bare assert, and errors show the user's own lines."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from pathlib import Path

import pytest

from engine import check_gradients
from tests.test_architecture import ROOT

SESSION = """
from engine import check_gradients

def boom(x):
    return {}["missing"]

def test_bare():
    assert check_gradients(lambda x: x * x, 3.0, grad=lambda x: 6.6)

def test_user_error():
    check_gradients(boom, [1.0])

def test_user_error_in_grad():
    check_gradients(lambda x: x * 2, 1.0, grad=boom)

def test_library_error():
    check_gradients(lambda x: x * 2, "no", grad=boom)
"""


def test_names_of_wide_letters_are_in_line() -> None:
    lines = check_gradients(lambda **x: x["重み"] * x["bias"], {"重み": 2.0, "bias": 3.0}).text.splitlines()
    assert [line.partition(":")[0] for line in lines[1:3]] == ["  agrees     by 重み", "  agrees     by bias"]


def test_it_prints_as_its_text() -> None:
    report = check_gradients(math.sin, 1.0, grad=lambda x: 1.0)
    assert repr(report) == str(report) == report.text
    assert "1 of 1 derivative WRONG" in report.text.splitlines()[0]
    assert report.text.splitlines()[-1].strip() == "point: 1.0"


def test_a_point_of_thousands_of_numbers_does_not_bury_the_verdict() -> None:
    report = check_gradients(lambda x: sum(t * t for t in x), [0.5] * 2000, grad=lambda x: list(x), directions=1)
    last = report.text.splitlines()[-1]
    assert last.startswith("  point: [0.5, 0.5, ")
    assert last.endswith(", 0.5, ... (10,000 characters, all of them in report.point)")
    assert len(last) < 800
    assert report.point.count("0.5") == 2000


def test_values_that_are_rounded_are_no_sign_of_a_wrong_gradient() -> None:
    """The remainder of rounded values stays the same however small the step."""
    report = check_gradients(
        lambda x: round(math.sin(x), 7) + round(math.exp(x), 6), 1.0, grad=lambda x: math.cos(x) + math.exp(x)
    )
    assert "does not shrink" in str(report)
    assert "as for a wrong gradient" not in str(report)


def test_it_shows_as_a_table() -> None:
    html = check_gradients(lambda x: abs(x[0]) + x[1], [0.0, 1.0], grad=lambda x: [5.0, 1.0])._repr_html_()
    for words in ("<table>", "1 of 2 derivatives WRONG", "x[0]", "differs", "kink at the point", "<td"):
        assert words in html, html


def test_under_pytest(tmp_path: Path) -> None:
    """As a user runs it: only the user's own frames are shown."""
    (tmp_path / "test_session.py").write_text(SESSION, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", str(tmp_path)]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert "4 failed" in shown, shown
    assert "assert f at 3.0: 1 of 1 derivative WRONG" in shown, shown
    assert "engine/checking" not in shown, shown
    assert "functools.py" not in shown, shown
    assert shown.count("KeyError: 'missing'") >= 2, shown


def test_under_hypothesis_the_first_check_imports_nothing_more() -> None:
    """An import would break the deadline of the first example."""
    code = (
        "import sys, hypothesis, engine; from engine import check_gradients; before = set(sys.modules); "
        "check_gradients(lambda x: engine.tanh(x) + 1, [20.0]); "
        "check_gradients(lambda x: x * x, 3.0, grad=lambda x: 6.6); "
        "print([name for name in set(sys.modules) - before if name.split('.')[0] in ('engine', 'mpmath')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("seed", range(40))
def test_a_random_function_of_few_values_is_refused(seed: int) -> None:
    """Two evaluations of it are often the same, and what differs in the differences seems a kink."""
    dice = random.Random(seed)
    with pytest.raises(ValueError, match="not deterministic"):
        check_gradients(lambda x: x * dice.choice([1.0, 2.0]), [1.0])
    with pytest.raises(ValueError, match="not deterministic"):
        check_gradients(lambda x: x * dice.choice([1.0, 2.0]), 1.0, grad=lambda x: 1.0)
