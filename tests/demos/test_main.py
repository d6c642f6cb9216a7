"""The main job as a whole, and what the demos have in common."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from demos import __main__ as main_job
from tests.needs import needs

ROOT = Path(__file__).parents[2]


def test_the_main_job_runs_every_demo_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs("sklearn")
    needs("matplotlib")
    main_job.main(["--quick", "--output", str(tmp_path / "pictures")])
    text = capsys.readouterr().out
    places = [
        text.index(f"== {number}/{len(main_job.MAIN_JOB)}  {name}\n")
        for number, name in enumerate(main_job.MAIN_JOB, start=1)
    ]
    assert places == sorted(places)
    assert text.count("test accuracy") == 3
    assert "largest difference" in text
    assert "standard error" in text
    assert "R²" in text
    assert "right answers" in text
    assert "new words: " in text
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        "moons_boundary.png",
        "moons_loss.png",
        "spirals_regions.png",
        "spirals_learning.png",
    }


def test_one_demo_as_a_user_runs_it_in_a_pipe() -> None:
    for command in (["demos", "xor", "--quick"], ["demos.xor", "--quick"]):
        ran = subprocess.run(
            [sys.executable, "-m", *command], capture_output=True, encoding="utf-8", cwd=ROOT, check=True
        )
        assert "right answers: 100%" in ran.stdout
        assert ran.stdout.isascii()
        assert ran.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_has_gone_is_no_error() -> None:
    """As `head` once it has its lines: there was a traceback."""
    for command in (["demos", "xor", "--quick"], ["demos.xor", "--quick"], ["demos.stepping"]):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            found = subprocess.run(
                [sys.executable, "-m", *command], stdout=writer, stderr=subprocess.PIPE, text=True, cwd=ROOT
            )
        finally:
            os.close(writer)
        assert (found.returncode, found.stderr) == (1, ""), command


def test_every_demo_ends_as_a_program_in_a_shell() -> None:
    for name in (*main_job.DEMOS, "__main__"):
        assert "    sys.exit(in_a_shell(main))\n" in (ROOT / "demos" / f"{name}.py").read_text("utf-8"), name


def test_options_reach_the_demos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for name in main_job.DEMOS:
        demo = importlib.import_module(f"demos.{name}")
        monkeypatch.setattr(demo, "main", lambda argv, demo=demo: seen.append(demo.options().parse_args(argv)))
    main_job.main(["--quick", "--seed", "7", "--output", str(tmp_path)])
    main_job.main(["xor", "moons", "stepping", "gallery"])
    assert [chosen.seed for chosen in seen if "seed" in chosen] == [7] * len(main_job.MAIN_JOB) + [0, 0, 0]
    assert [chosen.output for chosen in seen if "output" in chosen] == [
        tmp_path,
        tmp_path,
        Path("output"),
        Path("output"),
    ]
    assert seen[0].epochs < importlib.import_module("demos.digits").options().get_default("epochs")
    assert seen[len(main_job.MAIN_JOB)].epochs == importlib.import_module("demos.xor").options().get_default("epochs")


@pytest.mark.parametrize("name", main_job.MAIN_JOB)
def test_help_names_the_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        importlib.import_module(f"demos.{name}").main(["--help"])
    text = capsys.readouterr().out
    assert f"python -m demos.{name}" in text
    others = {
        "gpt": ("--epochs", "--lr"),
        "physics": ("--epochs", "--lr", "--hidden"),
        "sensitivities": ("--paths",),
        "spirals": ("--epochs", "--lr", "--hidden"),
        "sweep": ("--epochs", "--nets"),
    }
    mine = others.get(name, ("--epochs", "--lr", "--momentum", "--hidden"))
    for option in ("--quick", "--seed", *mine):
        assert option in text
    assert ("--momentum" in text) == ("--momentum" in mine)  # Adam would take no notice of it
    assert "default: None" not in text
    assert "default: False" not in text
    with pytest.raises(SystemExit, match=r"^0$"):
        main_job.main(["--help"])
    assert main_job.summary(name) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--epochs", "0"], "--epochs: '0' is not a whole number of 1 or more"),
        (["--epochs", "2.5"], "--epochs: '2.5' is not a whole number of 1 or more"),
        (["--hidden", "4", "x"], "--hidden: 'x' is not a whole number of 1 or more"),
        (["--seed", "-1"], "--seed: '-1' is not a whole number of 0 or more"),
        (["--lr", "nan"], "--lr: 'nan' is not a finite number of 0 or more"),
        (["--momentum", "-0.5"], "--momentum: '-0.5' is not a finite number of 0 or more"),
        (["--lr", "fast"], "--lr: 'fast' is not a finite number of 0 or more"),
    ],
)
def test_options_out_of_range(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        importlib.import_module("demos.xor").main(argv)
    assert message in capsys.readouterr().err


def test_an_unknown_demo(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main_job.main(["xor", "suns"])
    assert (
        "no demo is named suns: choose from digits, diabetes, moons, xor, gpt, spirals, physics, sensitivities, sweep, "
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["digits", "diabetes", "moons"])
def test_a_missing_package_is_named_with_the_remedy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.datasets", raising=False)
    with pytest.raises(SystemExit, match=r'this demo needs sklearn.*: pip install "\.\[demos\]"'):
        importlib.import_module(f"demos.{name}").main(["--quick"])
