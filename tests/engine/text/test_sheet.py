from __future__ import annotations

import io
import math
import re
import sys

import pytest

import engine
import nn
from engine import Value
from engine.text.sheet import Sheet, Shown, display_width, left_to_right, short, visible
from tests.needs import needs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (-8.0, "-8"), (0.196611, "0.1966"), (0.0, "0"), (-0.0, "-0"), (1e-12, "1e-12"), (123456.0, "123456"),
        (2.5e300, "2.5e+300"), (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"), (1 / 3, "0.3333"),
        (1 - 1e-9, "1.000"), (-99.99999, "-100.0"), (123.0001, "123.0"), (999.96, "1000.0"), (-1234.04, "-1234.0"),
        (9999.4, "9999.4"), (9999.5, "1.000e+04"), (1e9 + 0.5, "1.000e+09"),
        (1e22, "1e+22"), (-123456.5, "-1.235e+05"), (67303.8, "6.730e+04"), (1e9, "1e+09"),
    ],
)  # fmt: skip  # pairs
def test_short(number: float, text: str) -> None:
    assert short(number) == text


def test_text_is_aligned() -> None:
    sheet = Sheet("title", ("a", "b"), [("1", "22"), ("333", "")], ["note"], heads=True)
    assert str(sheet) == repr(sheet) == "title\n  a    b\n  1    22\n  333\n  note"
    assert str(Sheet("only a title")) == "only a title"


def test_wide_letters_take_two_columns() -> None:
    sheet = Sheet("title", ("name", "value"), [("重み", "1"), ("😀", "2"), ("e\u0301", "3"), ("bias", "4")])
    assert sheet.text.splitlines()[1:] == ["  重み  1", "  😀    2", "  e\u0301     3", "  bias  4"]


def test_wide_letters_fit_the_terminal() -> None:
    sheet = Sheet(
        "題" * 30, ("a", "b"), [("重" * 30, "み" * 30), ("層.重み" + "重" * 30, "1")], ["注" * 30, "注 " * 30]
    )
    for width in range(12, 60, 2):  # at odd ones a word that is cut may stick out by half a letter
        assert all(display_width(line) <= width for line in sheet.fitted(width).splitlines()), width
    assert sheet.fitted(36).splitlines()[2:4] == ["  重重重重重重重…   みみみみみみみ…", "  …重重重重重重重   1"]


def test_a_step_on_40_columns_has_all_its_numbers() -> None:
    """They were cut to `0.07065 * 2 …  grad 0 -> 0.…`."""
    sheet = Sheet("step", ("", "", "", ""), [("w", "0.07065 * 2 = 0.1413", "grad 0 -> 0.1413", "final, path 2 of 2")])
    line = " ".join(sheet.fitted(40).split())
    assert line == "step w 0.07065 * 2 = 0.1413; grad 0 -> 0.1413; final, path 2 of 2"


def test_html_is_escaped() -> None:
    html = Sheet("a < b", ("<x>",), [("&",)], ["<note>"])._repr_html_()
    assert "a &lt; b" in html
    assert "&lt;x&gt;" in html
    assert "<td style='text-align:left'>&amp;</td>" in html
    assert "&lt;note&gt;" in html


def test_colour_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    needs("rich")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    step = next((Value(2.0, "a") * 3.0).backward_steps())
    plain = str(step)
    assert "\x1b" not in plain
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Terminal())
        coloured = str(step)
        patch.setenv("NO_COLOR", "1")
        assert str(step) == plain
    assert "\x1b[32mfinal" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert step.text == plain


def test_without_rich_a_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setitem(sys.modules, "rich", None)
    assert "\x1b" not in str(Sheet("title"))


@pytest.mark.parametrize("columns", [120, 80, 40, 25])
def test_a_table_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setenv("COLUMNS", str(columns))
    model = nn.MLP(2, [4, 1], seed=1)
    loss = nn.mse(model([0.5, -0.25]), [1.0])
    for shown in (loss.explain(names=model), loss.why(next(iter(model.parameters())), names=model), loss.stepper()):
        text = str(shown)
        assert max(map(len, text.splitlines())) <= columns
        assert "\x1b" not in text
    told = str(loss.explain(names=model))
    assert "neurons.0.w.0" in told or ".w.0" in told
    assert shown.text == shown._sheet().fitted(None)


@pytest.mark.parametrize("width", [80, 60])
def test_rows_are_told_apart_in_a_narrow_terminal(width: int) -> None:
    """Of layers.0.neurons.0.w.0 and layers.1.neurons.0.w.0 both lines began with …rons.0.w.0."""
    model = nn.MLP(2, [3, 1], seed=1)
    table = nn.mse(model([0.5, -1.0]), [1.0]).explain(names=model)._sheet().fitted(width)
    for name, _ in model.named_parameters():
        assert f"\n  {name}" in table


def test_a_single_column_has_all_of_the_room() -> None:
    assert Sheet("t", ("a",), [("x" * 50,)]).fitted(40).splitlines() == ["t", f"  {'x' * 37}…"]


def test_what_does_not_go_to_a_terminal_is_whole() -> None:
    wide = Sheet("t", ("a", "b"), [("x" * 200, "y" * 200)])
    assert len(str(wide).splitlines()[1]) == 404
    assert [len(line) for line in wide.fitted(80).splitlines()] == [1, 80]


def test_nothing_is_sent_to_the_terminal_that_acts_on_it() -> None:
    sheet = Sheet("two\nlines\x1b[2J", ("a\x07",), [("\x1b[31mred\0",)], ["\x1b]0;title\x07"], heads=True)
    for width in (None, 80, 12):
        text = sheet.fitted(width)
        assert not {"\x1b", "\x07", "\0"} & set(text)
        assert text.startswith("two\nlines␛[2J")


@pytest.mark.parametrize("label", ["w\u200b", "\ufeffw", "w\xad", "\u200ew", "w\u2060"])
def test_labels_that_differ_do_not_look_the_same(label: str) -> None:
    product = Value(2.0, "w") * Value(3.0, label)
    assert visible(label) in ("w\ufffd", "\ufffdw")
    assert visible(label) in str(product.explain())
    assert visible(label) in engine.to_dot(product)


@pytest.mark.parametrize("text", ["\U0001f468\u200d\U0001f469", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"])
def test_joiners_stay(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("name", ["\u05d0\u05d1 \u05d2", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"])
def test_formulas_are_read_from_left_to_right(name: str) -> None:
    """Else `x - 3` is shown as `3 - x`, where x is Hebrew or Arabic."""
    x = Value(2.0, name)
    difference = x - 3.0
    for text in (difference.explain().text, difference.explain()._repr_html_()):
        assert name in text
        assert re.findall(rf"{name}(?!\N{{LEFT-TO-RIGHT MARK}})", text) == []
    for copied in (name, left_to_right(name)):
        assert difference.stepper().names.find(copied) is x


@pytest.mark.parametrize("text", ["\U0001f468\u200d\U0001f469", "weight - 3", "\u91cd\u307f - 3"])
def test_other_names_stay_as_they_are(text: str) -> None:
    assert left_to_right(text) == text


def test_what_shows_itself_says_what() -> None:
    class Empty(Shown):
        pass

    with pytest.raises(NotImplementedError, match="Empty must say what it shows"):
        repr(Empty())
