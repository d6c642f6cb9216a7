from __future__ import annotations

import math

import pytest

from demos import adopt


def test_the_lectures_bug_is_named_and_the_right_gradient_shown(capsys: pytest.CaptureFixture[str]) -> None:
    report = adopt.main([])
    text = capsys.readouterr().out
    (finding,) = report.findings
    assert finding.kind == "overwrites"
    assert finding.node._op == "exp"
    assert str(report) in text
    wrong = float(text.split("x.grad = ")[1].split(",")[0])
    assert wrong != pytest.approx(math.exp(0.5) - 2.0, abs=1e-3)
    assert f"d(exp(x) + x*w)/dx = {math.exp(0.5) - 2.0:.4g}" in text
