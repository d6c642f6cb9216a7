from __future__ import annotations

from pathlib import Path

import pytest

from engine.__main__ import main
from tests.engine.drawing.test_renderers import needs_some


def test_drawing_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "graph.dot"
    assert main(["tanh(w*x)", "w=0.5", "x=2", "--draw", str(path)]) == 0
    assert f"drawn to {path}" in capsys.readouterr().out
    assert "<b>w</b><br/>0.5<br/>∇ 0.8399" in path.read_text(encoding="utf-8")


@needs_some
def test_a_page_of_steps_from_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "steps.html"
    assert main(["w*x", "w=0.5", "x=2", "--draw", str(path)]) == 0
    assert "Step through" in path.read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["w*2", "w=0.5", "--draw", str(tmp_path / "missing" / "g.svg")]) != 0
    assert "error:" in capsys.readouterr().err
    assert main(["w*2", "w=0.5", "--draw", str(tmp_path / "g.gif")]) != 0
    assert "ends in .svg, .png, .pdf, .dot" in capsys.readouterr().err
