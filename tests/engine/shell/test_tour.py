"""The guided minute runs through where nobody presses a key, and shows what it ran."""

from __future__ import annotations

import math
import sys

import pytest

from engine.__main__ import main
from engine.compiler.backends import choice
from engine.shell import tour


def test_it_runs_through_and_is_true(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    for about, lines in tour.scenes():
        assert about in out
        for line in lines:
            assert f">>> {line}\n" in out
    y = math.tanh(0.5 * 2.0 - 0.4)
    assert f"Value(data={y!r}" in out
    assert f"d(y + p)/dw = {2 * (1 - y * y) + 2:.4g}" in out
    assert "3 derivatives, none wrong" in out
    assert tour.CLOSING in out


def test_enter_goes_on_and_the_end_of_input_ends_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = iter(["", "", None])

    def key(prompt: str) -> str:
        pressed = next(keys)
        if pressed is None:
            raise EOFError
        return pressed

    monkeypatch.setattr("builtins.input", key)
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    assert tour.tour() == 0
    out = capsys.readouterr().out
    assert "3. Why" in out
    assert "4. A picture" not in out


def test_without_the_compiler_it_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "is_native", lambda backend: False)
    assert tour.tour() == 0
    out = capsys.readouterr().out
    assert tour.NOT_COMPILED in out
    assert "native code, in" not in out
