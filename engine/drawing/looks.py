"""How a picture looks, in SVG and DOT alike: the lines of text in a box, its colours and border, and the legend."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

from ..text.sheet import short, words
from .picture import NOT_SELECTED, Box, Edge, Picture
from .theme import THEMES, GradientScale, Theme

RANKDIRS = ("LR", "TB", "RL", "BT")
_NOT_FINITE = re.compile(r"\b(nan|inf)\b")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line of text; without a colour it has that of the box."""

    text: str
    bold: bool = False
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The looks of a box: its lines, and what differs from the defaults.

    Attributes:
        lines: the lines of text, each in pieces.
        fill: the colour inside.
        colour: the colour of the text.
        border: the colour of the border.
        width: the width of the border, in points.
        square: whether its corners are square.
        stroke: "dashed" or "dotted" for such a border; empty for a plain one.
        bare: whether there is only text, without a border.
    """

    lines: list[list[Span]]
    fill: str | None = None
    colour: str | None = None
    border: str | None = None
    width: float | None = None
    square: bool = False
    stroke: str = ""
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """The looks of an edge.

    Attributes:
        label: what is written on it.
        width: its width, in points; None for the default.
        dotted: whether no gradient flows along it.
    """

    label: str
    width: float | None
    dotted: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """One field of the legend."""

    text: str
    fill: str | None = None
    colour: str | None = None
    dashed: bool = False


class Looks(NamedTuple):
    """How all of a picture looks.

    Attributes:
        colours: the theme.
        boxes: how each box looks.
        edges: how each edge looks.
        legend: the colours that occur, each with the size of gradient it stands for; empty without gradients.
        crowded: whether there are so many edges that they must be faint, and labels would push the boxes far apart.
    """

    colours: Theme
    boxes: list[Look]
    edges: list[Line]
    legend: list[Sample]
    crowded: bool

    @classmethod
    def of(cls, picture: Picture, theme: str) -> Looks:
        """How a picture looks in the theme of that name.

        Raises:
            ValueError: there is none.
        """
        if theme not in THEMES:
            raise ValueError(f"there is no theme {theme!r}: choose from {', '.join(THEMES)}")
        colours = THEMES[theme]
        scale = GradientScale((box.grad for box in picture.boxes if box.grad is not None), colours)
        crowded = len(picture.edges) > max(60, 2.5 * len(picture.boxes))
        return cls(
            colours,
            [_look(box, scale, colours) for box in picture.boxes],
            [_line(edge, crowded) for edge in picture.edges],
            _legend(picture, scale, colours),
            crowded,
        )


def check_rankdir(rankdir: str) -> None:
    """Check a direction.

    Raises:
        ValueError: there is none of that name.
    """
    if rankdir not in RANKDIRS:
        raise ValueError(f"there is no rankdir {rankdir!r}: choose from {', '.join(RANKDIRS)}")


def _look(box: Box, scale: GradientScale, colours: Theme) -> Look:
    """How a box looks: square corners for leaves, blue for parameters, heavy for modules, heaviest for the root."""
    grad = box.grad
    finite = grad is None or math.isfinite(grad)
    lines = [_head(box, colours.muted if finite else colours.nan_text)] if box.title or box.symbol else []
    bad = colours.nan if finite else colours.nan_text
    lines += [[Span(row, True, bad) if _NOT_FINITE.search(row) else Span(row)] for row in box.rows]
    if grad is not None:
        number = f"{'‖∇‖' if box.kind in ('module', 'alike') else '∇'} {short(grad)}"
        lines.append([Span(number, False, None if grad else colours.muted)])
    if box.kind == "constant" and not box.root:
        return Look(lines, colour=colours.muted, bare=True)
    border, width = {
        "leaf": (colours.leaf, None),
        "parameter": (colours.parameter, 1.4),
        "module": (colours.parameter, 1.8),
        "alike": (None, 1.8),
    }.get(box.kind, (None, None))
    return Look(
        lines,
        fill=None if grad is None else scale.colour(grad),
        colour=None if finite else colours.nan_text,
        border=colours.root if box.root else border,
        width=2.2 if box.root else width,
        square=box.kind in ("leaf", "parameter", "module"),
        stroke="dotted" if box.cut else "dashed" if grad == 0.0 else "",  # 0 is written in the box, too
    )


def _head(box: Box, muted: str) -> list[Span]:
    title = [Span(words(box.title), True)] if box.title else []
    if not box.symbol:
        return title
    return [*title, Span(f" {words(box.symbol)}", False, muted)] if title else [Span(words(box.symbol), True)]


def _line(edge: Edge, crowded: bool) -> Line:
    """How an edge looks: heavy where it stands for many, whose number is left out of a crowded picture."""
    if edge.count == 1:
        return Line(edge.label, None, edge.label == NOT_SELECTED)
    return Line("" if crowded else edge.label, 0.8 + 0.5 * math.log10(edge.count), False)


def _legend(picture: Picture, scale: GradientScale, colours: Theme) -> list[Sample]:
    gradients = [box.grad for box in picture.boxes if box.grad is not None]
    if not gradients:
        return []
    found = [Sample("|∇|")]
    if any(g != 0.0 and math.isfinite(g) for g in gradients):
        found += [Sample(size, colour, colours.text) for size, colour in scale.samples().items()]
    if 0.0 in gradients:
        found.append(Sample("0", dashed=True))
    if not all(map(math.isfinite, gradients)):
        found.append(Sample("nan, inf", colours.nan, colours.nan_text))
    return found
