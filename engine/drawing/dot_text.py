"""DOT text of a picture: pure text, needing no Graphviz."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from functools import lru_cache

from ..text.sheet import short, words
from .picture import Box, Edge, Picture
from .theme import THEMES, GradientScale, Theme

FONT = "Helvetica,Arial,sans-serif"
RANKDIRS = ("LR", "TB", "RL", "BT")


def dot_source(picture: Picture, theme: str = "light", rankdir: str = "LR") -> str:
    """A picture as DOT text.

    Raises:
        ValueError: there is no such theme or direction.

    >>> print(dot_source(Picture([Box("constant", "", "", ("2",), None)], [])).splitlines()[-2])
    n0 [shape=plaintext label=<2> fontcolor="#68717d" height=0.3 width=0.2]
    """
    return "\n".join(["digraph {", *statements(picture, theme, rankdir), "}", ""])


def statements(picture: Picture, theme: str = "light", rankdir: str = "LR") -> Iterator[str]:
    """What stands between the braces, line by line."""
    if theme not in THEMES:
        raise ValueError(f"there is no theme {theme!r}: choose from {', '.join(THEMES)}")
    if rankdir not in RANKDIRS:
        raise ValueError(f"there is no rankdir {rankdir!r}: choose from {', '.join(RANKDIRS)}")
    colours = THEMES[theme]
    gradients = [box.grad for box in picture.boxes if box.grad is not None]
    scale = GradientScale(gradients, colours)
    crowded = len(picture.edges) > max(60, 2.5 * len(picture.boxes))  # counts would push the boxes far apart
    ranksep, edge_colour = (1.2, colours.line + "70") if crowded else (0.36, colours.line)
    yield (
        f"graph [{haste([(edge.tail, edge.head) for edge in picture.edges], len(picture.boxes))}"
        f'rankdir={rankdir} bgcolor="{colours.page}" pad=0.15 nodesep=0.16 ranksep={ranksep} fontsize=9 '
        f'fontname="{FONT}" fontcolor="{colours.muted}" labelloc=b labeljust=l]'
    )
    yield (
        f'node [shape=box style="rounded,filled" margin="0.11,0.06" height=0.3 width=0.5 penwidth=0.8 fontsize=10 '
        f'fontname="{FONT}" fontcolor="{colours.text}" color="{colours.line}" fillcolor="{colours.box}"]'
    )
    yield (
        f'edge [arrowsize=0.55 penwidth=0.8 color="{edge_colour}" fontsize=9 fontname="{FONT}" '
        f'fontcolor="{colours.muted}"]'
    )
    if gradients:
        yield f"label=<{_legend(gradients, scale, colours)}>"
    for index, box in enumerate(picture.boxes):
        yield f"n{index} [{_box(box, scale, colours)}]"
    for edge in picture.edges:
        yield _edge(edge, with_count=not crowded)


def haste(edges: list[tuple[int, int]], boxes: int) -> str:
    """Graph attributes that keep dot from thinking long: it cuts an edge into one piece for each rank that it crosses.

    A value that a long chain of operations uses all along (the x of ``x*x*x*...``) gives a piece for each pair of them,
    and dot's time grows with their square: then it is told to stop improving earlier.

    Args:
        edges: (tail, head), as indices of boxes.
        boxes: how many there are.
    """
    forward = sorted((head, tail) for tail, head in edges if tail < head)
    rank = [0] * boxes
    nearest: dict[int, int] = {}
    for head, tail in forward:
        rank[head] = max(rank[head], rank[tail] + 1)
    for head, tail in forward:
        nearest[tail] = min(nearest.get(tail, rank[head]), rank[head])
    heads = {head for head, _ in forward}
    pieces = sum(rank[head] - (rank[tail] if tail in heads else nearest[tail] - 1) for head, tail in forward)
    if pieces < 1500 or pieces < 4 * len(forward):
        return ""
    return f"nslimit={400 / pieces:.3f} nslimit1={400 / pieces:.3f} mclimit={max(0.05, 1500 / pieces):.3f} "


def _box(box: Box, scale: GradientScale, colours: Theme) -> str:
    grad = box.grad
    finite = grad is None or math.isfinite(grad)
    lines = []
    head = _head(box, colours.muted if finite else colours.nan_text)
    if head:
        lines.append(head)
    bad = colours.nan if finite else colours.nan_text
    lines += [f'<font color="{bad}"><b>{row}</b></font>' if row in ("nan", "inf", "-inf") else row for row in box.rows]
    if grad is not None:
        number = f"{'‖∇‖' if box.kind in ('module', 'alike') else '∇'} {short(grad)}"
        lines.append(number if grad else f'<font color="{colours.muted}">{number}</font>')
    label = "<br/>".join(lines)
    if box.kind == "constant" and not box.root:
        return f'shape=plaintext label=<{label}> fontcolor="{colours.muted}" height=0.3 width=0.2'
    attributes = [f"label=<{label}>"]
    if grad is not None:
        attributes.append(f'fillcolor="{scale.colour(grad)}"')
    if not finite:
        attributes.append(f'fontcolor="{colours.nan_text}"')
    attributes += _border(box, colours)
    return " ".join(attributes)


def _head(box: Box, muted: str) -> str:
    title = f"<b>{_text(box.title)}</b>" if box.title else ""
    if not box.symbol:
        return title
    symbol = _text(box.symbol)
    return f'{title}<font color="{muted}">&#160;{symbol}</font>' if title else f"<b>{symbol}</b>"


def _border(box: Box, colours: Theme) -> list[str]:
    """Corners and lines: square for leaves, blue for parameters, heavy for modules, heaviest for the root."""
    dashed = ",dashed" if box.cut or box.grad == 0.0 else ""
    found = []
    if box.kind == "leaf":
        found = [f'style="filled{dashed}"', f'color="{colours.leaf}"']
    elif box.kind == "parameter":
        found = [f'style="filled{dashed}"', f'color="{colours.parameter}"', "penwidth=1.4"]
    elif box.kind == "module":
        found = [f'style="filled{dashed}"', f'color="{colours.parameter}"', "penwidth=1.8"]
    elif box.kind == "alike":
        found = [f'style="rounded,filled{dashed}"', "penwidth=1.8"]
    elif dashed:
        found = [f'style="rounded,filled{dashed}"']
    if box.root:
        found += [f'color="{colours.root}"', "penwidth=2.2"]
    return found


def _edge(edge: Edge, with_count: bool) -> str:
    attributes = []
    if edge.label and (with_count or edge.count == 1):
        attributes.append(f'label=" {edge.label} "')
    if edge.count > 1:
        attributes.append(f"penwidth={0.8 + 0.5 * math.log10(edge.count):.2f}")
    if edge.label == "not selected":
        attributes.append("style=dotted")
    return f"n{edge.tail} -> n{edge.head}" + (f" [{' '.join(attributes)}]" if attributes else "")


def _legend(gradients: list[float], scale: GradientScale, colours: Theme) -> str:
    """A row of the colours that occur, each with the size of gradient that it stands for."""
    cells = ["<td>|∇|</td>"]
    if any(g != 0.0 and math.isfinite(g) for g in gradients):
        for size, colour in scale.samples().items():
            cells.append(f'<td bgcolor="{colour}"><font color="{colours.text}">{size}</font></td>')
    if 0.0 in gradients:
        cells.append(f'<td border="1" style="dashed" color="{colours.line}">0</td>')
    if not all(map(math.isfinite, gradients)):
        cells.append(f'<td bgcolor="{colours.nan}"><font color="{colours.nan_text}">nan, inf</font></td>')
    return f'<table border="0" cellborder="0" cellspacing="3" cellpadding="3"><tr>{"".join(cells)}</tr></table>'


# Inside HTML-like labels Graphviz still reads \N as the name of the node, and older versions stumble over a lone ].
_SPECIAL = str.maketrans({"\\": "\\\\", "]": "&#93;"})


@lru_cache(maxsize=1000)  # of the symbols of operations, above all
def _text(text: str) -> str:
    """Text inside an HTML-like label."""
    return html.escape(words(text)).translate(_SPECIAL)
