"""Ways to show progress: silence, a callable, plain lines, a bar."""

import io
import sys

import pytest

from nn import Progress
from nn.training.progress import reporting


class Terminal(io.StringIO):
    def isatty(self):
        return True


def states(epochs, batches=2):
    for epoch in range(1, epochs + 1):
        for batch in range(1, batches + 1):
            yield Progress(epoch, epochs, batch, batches, loss=1.0 / epoch)


def test_the_share_that_is_done():
    shares = [state.done for state in states(2)]
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_silence(capsys):
    with reporting(False) as report:
        assert report is None
    assert capsys.readouterr().out == ""


def test_a_callable_is_called_with_every_state():
    seen = []
    with reporting(seen.append) as report:
        for state in states(3):
            report(state)
    assert seen == list(states(3))


def test_plain_lines_where_there_is_no_terminal(capsys):
    with reporting(True) as report:
        for state in states(2):
            report(state)
    assert capsys.readouterr().out == "epoch 1/2  loss 1\nepoch 2/2  loss 0.5\n"


def test_a_long_training_prints_about_ten_lines(capsys):
    with reporting(True) as report:
        for state in states(1005):
            report(state)
    lines = capsys.readouterr().out.splitlines()
    assert 10 <= len(lines) <= 12
    assert lines[-1].startswith("epoch 1005/1005")


def test_a_bar_on_a_terminal(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "stdout", Terminal())
    with reporting(True) as report:
        for state in states(4):
            report(state)
    shown = sys.stdout.getvalue()
    assert "epoch 4/4" in shown
    assert "loss 0.25" in shown
    assert "100%" in shown


def test_plain_lines_on_a_terminal_without_rich(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setattr(sys, "stdout", Terminal())
    with reporting(True) as report:
        for state in states(1):
            report(state)
    assert sys.stdout.getvalue() == "epoch 1/1  loss 1\n"


def test_refusal():
    with pytest.raises(TypeError, match="progress is True, False or a callable that takes a Progress, not str 'bar'"):
        reporting("bar")
