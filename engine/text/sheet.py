"""Numbers and tables for people: plain text, colour where a terminal and `rich` are there, HTML in notebooks."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeVar
from unicodedata import category, east_asian_width

Item = TypeVar("Item")

_LEAST = 16  # characters that are left of a cell when it is cut
_BESIDE = "\0"  # stands for the second column of a wide letter; `visible` text has none of its own
_COLOURS = {r"\bfinal\b": "green", r"\bpartial\b": "yellow", r"(?<![\w.])-?(inf|nan)\b": "bold red"}


def short(number: float) -> str:
    """A number, briefly: whole ones in full, others in four digits, which never look like a whole one.

    >>> short(-8.0), short(0.19661193), short(1e-12), short(-0.0), short(0.99999), short(1234.5678), short(99999.9)
    ('-8', '0.1966', '1e-12', '-0', '1.000', '1234.6', '1.000e+05')
    """
    if abs(number) < 1e9 and number == int(number):
        return f"{number:.0f}"  # with the sign of a zero, by which 1 / x is inf or -inf
    text = f"{number:.4g}"
    if "e+" in text and float(text) != number:
        return f"{number:.3e}"
    if not text.lstrip("-").isdecimal():
        return text
    return f"{number:.1f}" if len(text.lstrip("-")) > 3 else f"{number:#.4g}"


def counted(number: int, thing: str, things: str = "") -> str:
    """A number of things, in words.

    >>> counted(1, "sample"), counted(1797, "sample"), counted(2, "class", "classes")
    ('1 sample', '1,797 samples', '2 classes')
    """
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def ends(items: Sequence[Item], most: int, row: Callable[[Item], Sequence[str]], things: str) -> list[Sequence[str]]:
    """A row for each item; of more than `most` for the first and the last, and between these how many are left out.

    >>> ends("abcdefg", 4, lambda letter: (letter, "1"), "letters")
    [('a', '1'), ('b', '1'), ('... 3 more letters ...', ''), ('f', '1'), ('g', '1')]
    """
    left_out = len(items) - most
    if left_out <= 1:
        return [*map(row, items)]
    head = (most + 1) // 2
    shown = [*map(row, items[:head]), *map(row, items[left_out + head :])]
    gap = (f"... {left_out:,} more {things} ...", *[""] * (len(shown[0]) - 1))
    return [*shown[:head], gap, *shown[head:]]


# What would act on a terminal, has no place in XML, would turn the text around it, or cannot be seen, so that two
# labels would look the same: control characters, halves of surrogate pairs, non-characters, marks and overrides of
# writing direction, spaces of no width. The two joiners stay: some scripts and emoji need them.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
_VISIBLE = {"\n": "↵", "\r": "↵", "\u2028": "↵", "\u2029": "↵", "\t": "⇥", "\x7f": "␡"}


def visible(text: str) -> str:
    r"""Text on one line, of printable characters only: a terminal's escape sequence is shown, not obeyed.

    >>> visible("two\nlines"), visible("\x1b[31mred\0")
    ('two↵lines', '␛[31mred␀')
    """
    return _UNPRINTABLE.sub(_show, text)


def _show(found: re.Match[str]) -> str:
    character = found.group()
    return _VISIBLE.get(character) or (chr(0x2400 + ord(character)) if character < " " else "\ufffd")


_LETTERS = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+"  # Hebrew, Arabic and their like
_RIGHT_TO_LEFT = re.compile(f"{_LETTERS}(?:[ \u200c\u200d]+{_LETTERS})*")  # words, with spaces and joiners between


def left_to_right(text: str) -> str:
    """Text in which a mark ends each Hebrew or Arabic name: without it, `x - 3` with such an x is shown as `3 - x`.

    >>> left_to_right("\u05d0 - 3") == "\u05d0\N{LEFT-TO-RIGHT MARK} - 3"
    True
    """
    return _RIGHT_TO_LEFT.sub("\\g<0>\N{LEFT-TO-RIGHT MARK}", text)


_PATH = re.compile(r"[\w.]+\.\w+")  # of a parameter: what tells it from others is at its end


def words(text: str, most: int = 32) -> str:
    """`visible` text of at most `most` characters: the start of a longer one, but the end of a path.

    >>> words("x" * 100_000, most=8), words("layers.10.neurons.3.w.2", most=12)
    ('xxxxxxx…', '…urons.3.w.2')
    """
    if len(text) <= most:
        return visible(text)
    return visible("…" + text[len(text) - most + 1 :] if _PATH.fullmatch(text) else text[: most - 1] + "…")


def display_width(text: str) -> int:
    """The columns of a terminal that text takes: two for each CJK letter or emoji, none for an accent of its own.

    >>> display_width("weight"), display_width("重み"), display_width("e\N{COMBINING ACUTE ACCENT}")
    (6, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if category(letter) in ("Mn", "Me", "Cf") else 2 if east_asian_width(letter) in "WF" else 1 for letter in text
    )


def _on_colour_terminal() -> bool:
    """Whether output goes to a terminal that shows colours, and `rich` is installed to make them."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    from importlib.util import find_spec

    return find_spec("rich") is not None


def _terminal_width() -> int | None:
    """The columns of the terminal that output goes to, if it goes to one."""
    return max(shutil.get_terminal_size().columns, 20) if sys.stdout.isatty() else None


class Shown:
    """A result that is shown as a sheet: as text at a prompt and in ``print``, as a table in a notebook."""

    __slots__ = ()

    def _sheet(self) -> Sheet:
        """What is shown."""
        raise NotImplementedError(f"{type(self).__name__} must say what it shows")  # each class does

    @property
    def text(self) -> str:
        """Plain text, without colours even on a terminal."""
        return self._sheet().text

    def __repr__(self) -> str:
        sheet = self._sheet()
        return sheet._coloured() if _on_colour_terminal() else sheet.fitted(_terminal_width())

    def _repr_html_(self) -> str:
        return self._sheet().html()


class Verbatim(str):
    """Text that a prompt and a notebook show as it is: line by line, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, repr=False)
class Sheet(Shown):
    """A title, a table and notes below it: how an object is shown, whatever the medium.

    Attributes:
        title: one line, or several.
        columns: the heads of the table.
        rows: its cells.
        notes: lines below the table.
        heads: whether plain text has the heads too.
    """

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    notes: Sequence[str] = ()
    heads: bool = field(default=False, kw_only=True)

    def _sheet(self) -> Sheet:
        """Itself."""
        return self

    @property
    def text(self) -> str:
        """Plain text, in aligned columns.

        >>> rows = [("a", "1"), ("bias", "2")]
        >>> print(Sheet("sum", ("name", "value"), rows, heads=True).text)
        sum
          name  value
          a     1
          bias  2
        """
        return self.fitted(None)

    def fitted(self, width: int | None) -> str:
        """Plain text in lines of at most `width` columns: long cells are cut; if few fit, each row is a paragraph.

        >>> rows = [("layers.0.w.2", "a*b + c*d + e*f + g*h")]
        >>> sheet = Sheet("sum", ("name", "formula"), rows)
        >>> print(sheet.fitted(35))
        sum
          layers.0.w.2  a*b + c*d + e*f + …
        >>> print(sheet.fitted(18))
        sum
          layers.0.w.2
            a*b + c*d +
            e*f + g*h
        """
        return left_to_right("\n".join(map("\n".join, filter(None, self._lines(width)))))

    def _lines(self, width: int | None) -> tuple[list[str], list[str]]:
        """The lines of the title, and those below it."""
        table = [list(map(visible, row)) for row in ([self.columns] if self.heads else []) + list(self.rows)]
        widths = [max(map(display_width, column)) for column in zip(*table)]
        title = list(map(visible, self.title.split("\n")))
        notes = list(map(visible, self.notes))
        if width is None:
            return title, [*_aligned(table, widths), *(f"  {note}" for note in notes)]
        title = [line for part in title for line in _wrapped(part, width, "")]
        notes = [line for note in notes for line in _wrapped(note, width, "  ")]
        fitting = _fitting(widths, width - 2 * len(widths))
        if any(given < min(_LEAST, wanted) for given, wanted in zip(fitting, widths)):
            return title, self._paragraphs(width) + notes
        return title, _aligned([list(map(_cut, row, fitting)) for row in table], fitting) + notes

    def _paragraphs(self, width: int) -> list[str]:
        lines = []
        for row in self.rows:
            first, *others = map(visible, row)
            heads = self.columns[1:] if self.heads else [""] * len(others)
            named = [f"{head} {cell}".strip() for head, cell in zip(heads, others) if cell]
            lines += [f"  {_cut(first, width - 2)}", *_wrapped("; ".join(named), width, "    ")]
        return lines

    def html(self) -> str:
        """HTML, for notebooks."""
        from html import escape  # a table of two thousand entities

        head = "".join(f"<th style='text-align:left'>{escape(column)}</th>" for column in self.columns)
        rows = ["".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in row) for row in self.rows]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
        notes = "".join(f"<div>{escape(note)}</div>" for note in self.notes)
        return left_to_right(f"<div><pre><b>{escape(self.title)}</b></pre>{table}{notes}</div>")

    def _coloured(self) -> str:
        """The plain text with a terminal's colours.

        Raises:
            ImportError: `rich` is not installed.
        """
        from io import StringIO

        from rich.console import Console
        from rich.text import Text

        title, below = self._lines(_terminal_width())
        text = Text(left_to_right("\n".join([*title, *below])))
        text.stylize("bold", 0, len("\n".join(title)))
        for pattern, colour in _COLOURS.items():
            text.highlight_regex(re.compile(pattern), colour)
        drawn = StringIO()
        Console(file=drawn, force_terminal=True, legacy_windows=False).print(text, end="", soft_wrap=True)
        return drawn.getvalue()


def _aligned(table: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    return ["  " + "  ".join(map(padded, row, widths)).rstrip() for row in table]


def padded(cell: str, width: int) -> str:
    """Text with spaces up to a width.

    >>> padded("重み", 6)
    '重み  '
    """
    return cell + " " * (width - display_width(cell))


def _fitting(widths: Sequence[int], room: int) -> list[int]:
    """Widths whose sum fits: the first column, which tells rows apart, may take half of the room; the rest share."""
    if len(widths) < 2:
        return [min(width, room) for width in widths]
    first = min(widths[0], room // 2)
    return [first, *_shared(widths[1:], room - first)]


def _shared(widths: Sequence[int], room: int) -> list[int]:
    """Widths whose sum fits: the narrow ones in full, what is left shared among the wide ones."""
    found = list(widths)
    left, columns = room, len(widths)
    for width in sorted(widths):
        share = max(left // columns, 1)
        if width > share:
            found = [min(w, share) for w in found]
            break
        left -= width
        columns -= 1
    return found


def _cut(cell: str, width: int) -> str:
    """A cell cut to a width; a path keeps its end."""
    if display_width(cell) <= width:
        return cell
    if _PATH.fullmatch(cell):
        return f"…{_start(cell[::-1], width - 1)[::-1]}"
    return f"{_start(cell, width - 1)}…"


def _start(text: str, width: int) -> str:
    """As much of the start of a text as fits into a width."""
    return text[: sum(end <= width for end in accumulate(map(display_width, text)))]


def _wrapped(text: str, width: int, first: str) -> list[str]:
    spread = "".join(letter.ljust(display_width(letter), _BESIDE) for letter in text)  # as textwrap counts letters
    lines = textwrap.wrap(spread, width, initial_indent=first, subsequent_indent="    ")
    return [line.replace(_BESIDE, "") for line in lines] or ([] if not text else [text])
