from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import engine
from engine.__main__ import main
from engine.shell.streams import in_a_shell
from engine.stepping.console import _HELP
from tests.needs import needs


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main(argv)
    out, err = capsys.readouterr()
    return status, out, err


def test_value_gradients_and_their_check(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "tanh(w*x + b)", "w=0.5", "x=2", "b=1")
    assert (status, err) == (0, "")
    assert out == (
        "tanh(w*x + b) = 0.964\n"
        "  name  value  gradient  finite difference\n"
        "  w     0.5    0.1413    0.1413             agrees\n"
        "  x     2      0.03533   0.03533            agrees\n"
        "  b     1      0.07065   0.07065            agrees\n"
    )


def test_a_kink_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "relu(x)", "x=0")
    assert status == 0
    assert "x: kink at the point" in out
    assert "derivative 0 below and 1 above" in out
    assert "0 to 1" in out, "differences give two slopes, and not the 0 that is claimed"


def test_what_cannot_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "1/x", "x=0")
    assert status == 0
    assert out.startswith("1/x = inf\n  name  value  gradient\n  x     0      -inf\n  not checked: ")


def test_a_wrong_gradient_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    engine.declare("test_main_wrong", lambda x: x * x, [lambda z, x: 2.01 * x], method=False)
    try:
        status, out, _ = run(capsys, "test_main_wrong(x)", "x=3")
    finally:
        del engine.PRIMITIVES["test_main_wrong"]
    assert status == 1
    assert "  x     3      6.03      6                  differs\n" in out


def test_drawing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, _ = run(capsys, "w*x", "w=0.5", "x=2", "--draw", str(tmp_path / "graph.dot"))
    assert (status, out.splitlines()[-1]) == (0, f"drawn to {tmp_path / 'graph.dot'}")
    assert "digraph" in (tmp_path / "graph.dot").read_text()
    with pytest.raises(SystemExit):  # it walked, and drew nothing
        run(capsys, "w*x", "w=0.5", "x=2", "--step", "--draw", str(tmp_path / "graph.svg"))
    assert "--draw: not allowed with argument --step" in capsys.readouterr().err
    status, _, err = run(capsys, "w*x", "w=0.5", "x=2", "--draw", str(tmp_path / "graph.xyz"))
    assert status == 2
    assert err.startswith("error: ")


def test_a_picture_without_a_name_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """As of `--draw "$FILE"` where there is no FILE: nothing was drawn, without a word."""
    status, _, err = run(capsys, "w*2", "w=1", "--draw", "")
    assert (status, "a path is empty" in err) == (2, True)


def test_as_a_command() -> None:
    command = [sys.executable, "-m", "engine", "x**2", "x=3"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("x**2 = 9\n")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["tanh(w*q)", "w=1"], "error: q has no value: give q=...\n  tanh(w*q)\n         ^"),
        (["w*2", "w"], "'w' gives no value: write name=number"),
        (["w*2", "w=1", "w=2"], "w is given twice"),
        (["w*2", "w=1", "x=2"], "x: given, but not in the expression 'w*2'"),
        (["w*2", "w=one"], "'w=one' gives no number: write one, such as w=1.3"),
        (["w*2", "w=[1]"], "a list can only stand inside a call"),
        (["w*2", "w="], "'w=' gives no number: write one, such as w=1.3"),
        (["selftst"], "selftst has no value: give selftst=...\n  selftst\n  ^\nor did you mean the command selftest?"),
        (["chck", "f.py"], "or did you mean the command check?"),
        (["w*2", "2w=1"], "'2w=1' gives no value"),
        (["w*2", "w=1", "-o"], "'-o' gives no value: --help lists the options"),
        (["w*2", "lambda=1"], "'lambda=1' gives no value"),
        (["w*pi", "w=1", "pi=3"], "pi is 3.141592653589793 here: choose another name"),
        (["w*\x1b[31m", "w=1"], "w*␛[31m"),
        (["w*\udcff", "w=1"], "this is not a character"),
        (["w*2", "\udcff=1"], "gives no value"),
        (["w^2", "w=1"], "a power is written with **"),
        (["-w*", "w=1"], "this is not an expression"),
        (["2*3"], "'2*3' gives a plain number: there is nothing to differentiate"),
        (["check", "w*2", "w=1", "--order", "0"], "order is 1 for the gradient"),
        (["w > 1", "w=2"], "'w > 1' gives a plain number: there is nothing"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], argv: list[str], message: str) -> None:
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "")
    assert message in err


def test_an_expression_that_begins_with_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "-x**2", "x=3")
    assert (status, out.splitlines()[0]) == (0, "-x**2 = -9")
    status, out, _ = run(capsys, "check", "-x", "x=-3", "--order", "2")
    assert (status, out.splitlines()[0]) == (0, "-x at x = -3.0: 2 derivatives, none wrong")


def test_names_are_written_as_python_reads_them(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "\u00b5*2", "\u00b5=3")  # the micro sign
    assert (status, out.splitlines()[0]) == (0, "\u00b5*2 = 6")


def walk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *keys: str) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(keys) + "\n"))
    status, out, _ = run(capsys, "tanh(w*x + b)", "w=0.5", "x=2", "b=1", "--step")
    assert status == 0
    return re.split(r"q, quit +the end\n", out, maxsplit=1)[1]


def test_a_walk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert walk(monkeypatch, capsys, "n", "", "j w", "w x", "q") == (
        "(step) n\n"
        "forward 1 of 3: w*x = 1\n"
        "  w  = 0.5\n"
        "  x  = 2\n"
        "(step) \n"
        "forward 2 of 3: w*x + b = 2\n"
        "  w*x  = 1\n"
        "  b    = 1\n"
        "(step) j w\n"
        "step 3 of 3: w*x = 1, upstream 0.07065\n"
        "  w  0.07065 * 2 = 0.1413     grad 0 -> 0.1413   final\n"
        "  x  0.07065 * 0.5 = 0.03533  grad 0 -> 0.03533  final\n"
        "(step) w x\n"
        "d(tanh(w*x + b))/dx = 0.03533 = 0.03533 [x -> w*x -> (w*x + b) -> tanh(w*x + b)]\n"
        "  0.03533  = 0.5 * 1 * 0.07065  x -> w*x -> (w*x + b) -> tanh(w*x + b)\n"
        "(step) q\n"
    )


@pytest.mark.parametrize(
    ("keys", "shown", "end"),
    [
        (
            ["r", "n", "b", "s", "h", "b 3", "n 3", "n x", "z", "j", "j q", "w q", "break q"],
            [
                "(step) n\n  the pass is complete: back() goes back\n",
                "(step) b\nbackward pass of tanh(w*x + b): 2 of 3 steps done",
                "(step) s\nbackward pass of tanh(w*x + b): 2 of 3 steps done",
                "  n, next [3]   next step",
                "(step) b 3\nforward pass of tanh(w*x + b): 2 of 3 steps done",
                "(step) n 3\nstep 2 of 3",
                "  'x' is not a number of steps",
                "  'z' is not a command; h shows them",
                "  j needs the name of a node, such as: j w*x + b",
                *[
                    f"(step) {word} q\n  no node is called 'q'; there are w, x, b, w*x, w*x + b, tanh(w*x + b) "
                    "(s shows the nodes)\n"  # label_locals() would be of no help here
                    for word in ("j", "w", "break")
                ],
            ],
            "(step) \n",
        ),
        (
            ["jump w", "why x", "reset", "break tanh", "run", "clear", "run", "state x", "to b", "exit", "n"],
            [
                "(step) jump w\nstep 3 of 3: w*x = 1",
                "(step) why x\nd(tanh(w*x + b))/dx = 0.03533",
                "(step) reset\nforward pass of tanh(w*x + b): 0 of 3 steps done",
                "(step) break tanh\n<breakpoint: a step of tanh>\n(step) run\nforward 3 of 3",
                "(step) clear\n  no breakpoints\n(step) run\nstep 3 of 3",
                "'state x' is not a command",
                "(step) to b\nstep 2 of 3",
            ],
            "(step) exit\n",
        ),
        (
            ["next()", "back()", "next() 3", "quit()", "n"],
            [
                "(step) next()\nforward 1 of 3",
                "(step) back()\nforward pass of tanh(w*x + b): 0 of 3 steps done",
                "'next() 3' is not a command",
            ],
            "(step) quit()\n",
        ),
    ],
    ids=["other keys", "the stepper's names", "as in Python"],
)
def test_other_walks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], keys: list[str], shown: list[str], end: str
) -> None:
    out = walk(monkeypatch, capsys, *keys)
    for piece in shown:
        assert piece in out
    assert out.endswith(end)


def test_the_up_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, input() gets its history from readline."""
    pty = needs("pty")
    needs("readline")
    code = "import sys; from engine.__main__ import main; sys.exit(main(['w*x', 'w=2', 'x=3', '--step']))"
    parent, child = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stdin=child, stdout=child, stderr=child, close_fds=True)
    os.close(child)
    os.write(parent, b"n\n\x1b[A\nq\n")  # the second line is the first one again
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is gone
        while chunk := os.read(parent, 1000):
            shown += chunk
    os.close(parent)
    assert process.wait() == 0
    assert b"step 1 of 1: w*x = 6" in shown


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk of Linux")
@pytest.mark.parametrize(
    ("redirection", "status", "out", "error"),
    [
        ("", 0, "\\xb5*2 = 6", ""),
        ("> /dev/full", 1, "", "error: [Errno 28] No space left on device"),
        (">&-", 0, "", ""),
        ("--step <&-", 0, "(step)", ""),
    ],
)
def test_streams_that_are_narrow_closed_or_full(redirection: str, status: int, out: str, error: str) -> None:
    command = f"{sys.executable} -m engine µ*2 µ=3 {redirection}"
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    found = subprocess.run(["sh", "-c", command], env=ascii_only, capture_output=True, text=True)
    assert found.returncode == status, found.stderr
    assert out in found.stdout
    assert found.stderr.strip() == error


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_has_gone_is_no_error() -> None:
    """As `head` once it has its lines."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "engine", "x*2", "x=3"]
        found = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    finally:
        os.close(writer)
    assert (found.returncode, found.stderr) == (1, "")


def test_an_output_that_is_no_file_and_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in IDLE; and what a shell expects of a command that was interrupted."""
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "argv", ["engine", "µ*2", "µ=3"])
    assert in_a_shell(main) == 0
    assert "µ*2 = 6" in shown.getvalue()

    def pressed() -> int:
        raise KeyboardInterrupt

    assert in_a_shell(pressed) == 130


def test_the_help_of_a_walk_fits_40_columns() -> None:
    assert "…" not in _HELP.fitted(40)


def test_a_walk_through_nothing_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["x", "x=1", "--step"]) == 2
    assert "there is nothing to step through" in capsys.readouterr().err
