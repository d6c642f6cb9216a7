"""DOT text of a picture: made without Graphviz."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from ...text.sheet import visible
from ..lettering import FONT, SMALL, width_of
from ..looks import Line, Look, Looks, Sample, Span, check_rankdir
from ..picture import Edge, Picture
from ..theme import Theme


def dot_source(picture: Picture, theme: str = "light", rankdir: str = "LR", title: str = "") -> str:
    """A picture as DOT text.

    Raises:
        ValueError: there is no such theme or direction.

    >>> from engine.drawing.picture import Box
    >>> print(dot_source(Picture([Box("constant", "", "", ("2",), None)], [])).splitlines()[-2])
    n0 [shape=plaintext label=<2> fontcolor="#68717d" height=0.3 width=0.2]
    """
    return "\n".join(["digraph {", *statements(picture, theme, rankdir, title), "}", ""])


def statements(picture: Picture, theme: str = "light", rankdir: str = "LR", title: str = "") -> Iterator[str]:
    """The lines between the braces."""
    looks = Looks.of(picture, theme)
    check_rankdir(rankdir)
    colours = looks.colours
    ranksep, edge_colour = (1.2, colours.line + "70") if looks.crowded else (0.36, colours.line)
    yield (
        f"graph [{haste([(edge.tail, edge.head) for edge in picture.edges], len(picture.boxes))}"
        f'rankdir={rankdir} bgcolor="{colours.page}" pad=0.15 nodesep=0.16 ranksep={ranksep} fontsize=9 '
        f'fontname="{FONT}" fontcolor="{colours.muted}" labelloc={"t" if title else "b"} labeljust=l]'
    )
    yield (
        f'node [shape=box style="rounded,filled" margin="0.11,0.06" height=0.3 width=0.5 penwidth=0.8 fontsize=10 '
        f'fontname="{FONT}" fontcolor="{colours.text}" color="{colours.line}" fillcolor="{colours.box}"]'
    )
    yield (
        f'edge [arrowsize=0.55 penwidth=0.8 color="{edge_colour}" fontsize=9 fontname="{FONT}" '
        f'fontcolor="{colours.muted}"]'
    )
    around = _around(looks.legend, picture.notes, title, colours)
    if around:
        yield f"label=<{around}>"
    coming = Counter(edge.head for edge in picture.edges)
    for index, (box, look) in enumerate(zip(picture.boxes, looks.boxes)):
        ports = coming[index] if box.ordered and coming[index] > 1 else 0
        yield f"n{index} [{_box(look, ports, rankdir)}]"
    taken: Counter[int] = Counter()
    for edge, line in zip(picture.edges, looks.edges):
        port = ""
        if picture.boxes[edge.head].ordered and coming[edge.head] > 1:
            taken[edge.head] += 1
            port = f":i{taken[edge.head]}:{_SIDES[rankdir]}"
        yield _edge(edge, port, line)
    for column in columns(picture):
        chain = " -> ".join(f"n{index}" for index in column)
        yield f"{{rank=same {chain} [style=invis]}}"


def columns(picture: Picture) -> list[list[int]]:
    """Boxes of modules to keep in order side by side, such as the neurons of a layer.

    These have one parent, take from the same boxes and give to the same boxes.
    """
    takes: dict[int, set[int]] = {}
    gives: dict[int, set[int]] = {}
    for edge in picture.edges:
        takes.setdefault(edge.head, set()).add(edge.tail)
        gives.setdefault(edge.tail, set()).add(edge.head)
    found: dict[object, list[int]] = {}
    for index, box in enumerate(picture.boxes):
        parent, dot, place = box.title.rpartition(".")
        if box.kind == "module" and dot and place.isdecimal():
            beside = frozenset(takes.get(index, ())), frozenset(gives.get(index, ()))
            found.setdefault((parent, *beside), []).append(index)
    for column in found.values():
        column.sort(key=lambda index: int(picture.boxes[index].title.rpartition(".")[2]))
    return [column for column in found.values() if len(column) > 1]


def haste(edges: list[tuple[int, int]], boxes: int) -> str:
    """Graph attributes that limit dot's time on large graphs; empty where it is quick.

    Dot cuts an edge into one piece for each rank that it crosses, and its time grows with the square of their number. A
    value that a long chain of operations uses all along (the x of ``x*x*x*...``) makes many, so dot is told to stop
    improving earlier.

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


_SIDES = {"LR": "w", "RL": "e", "TB": "n", "BT": "s"}
"""The side of a box that edges enter, by the direction of the flow."""


def _with_ports(label: str, count: int, rankdir: str) -> str:
    """A label in a table with a cell for each incoming edge, in order, so that a/b looks different from b/a."""
    ports = [f'<td port="i{k}" width="4" height="4"></td>' for k in range(1, count + 1)]
    if rankdir in ("TB", "BT"):
        text = f'<tr><td colspan="{count}" width="36" cellpadding="4">{label}</td></tr>'
        rows = [f"<tr>{''.join(ports)}</tr>", text]
    else:
        text = f'<td rowspan="{count}" width="28" cellpadding="4">{label}</td>'
        beside = f'<td rowspan="{count}" width="4"></td>'
        first = f"{ports[0]}{text}{beside}" if rankdir == "LR" else f"{beside}{text}{ports[0]}"
        rows = [f"<tr>{first}</tr>", *(f"<tr>{port}</tr>" for port in ports[1:])]
    table = "".join(reversed(rows) if rankdir == "BT" else rows)
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="0">{table}</table>'


def _box(look: Look, ports: int, rankdir: str) -> str:
    label = "<br/>".join("".join(map(_span, line)) for line in look.lines)
    if ports:
        label = _with_ports(label, ports, rankdir)
    if look.bare:
        return f'shape=plaintext label=<{label}> fontcolor="{look.colour}" height=0.3 width=0.2'
    attributes = [f"label=<{label}>", *(["margin=0"] if ports else [])]
    if look.fill is not None:
        attributes.append(f'fillcolor="{look.fill}"')
    if look.colour is not None:
        attributes.append(f'fontcolor="{look.colour}"')
    if look.square or look.stroke:
        style = [*([] if look.square else ["rounded"]), "filled", *([look.stroke] if look.stroke else [])]
        attributes.append(f'style="{",".join(style)}"')
    if look.border is not None:
        attributes.append(f'color="{look.border}"')
    if look.width is not None:
        attributes.append(f"penwidth={look.width}")
    return " ".join(attributes)


def _span(span: Span) -> str:
    text = _text(span.text)
    if text.startswith(" ") and not span.bold:  # beside a title: Graphviz drops a space at the start
        text = f"&#160;{text[1:]}"
    text = f"<b>{text}</b>" if span.bold else text
    return text if span.colour is None else f'<font color="{span.colour}">{text}</font>'


def _edge(edge: Edge, port: str, line: Line) -> str:
    attributes = []
    if line.label:
        attributes.append(f'label=" {line.label} "')
    if line.width is not None:
        attributes.append(f"penwidth={line.width:.2f}")
    if line.dotted:
        attributes.append("style=dotted")
    return f"n{edge.tail} -> n{edge.head}{port}" + (f" [{' '.join(attributes)}]" if attributes else "")


def _around(samples: list[Sample], notes: list[str], title: str, colours: Theme) -> str:
    """The title, the legend and the notes, one below the other."""
    rows = []
    if title:
        rows.append(f'<td align="left"><font point-size="13" color="{colours.text}"><b>{_text(title)}</b></font></td>')
    if samples:
        cells = "".join(_sample(sample, colours) for sample in samples)
        beside = max((width_of(note, SMALL) for note in notes), default=0.0) - 40 * len(samples)
        if beside > 0:  # keeps dot from stretching the legend to the width of the notes
            cells += f'<td fixedsize="true" width="{beside:.0f}" height="1"></td>'
        rows.append(
            f'<td align="left"><table border="0" cellborder="0" cellspacing="3" cellpadding="3"><tr>{cells}</tr>'
            "</table></td>"
        )
    rows += [f'<td align="left">{_text(note)}</td>' for note in notes]
    lines = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="2">{lines}</table>' if rows else ""


def _sample(sample: Sample, colours: Theme) -> str:
    if sample.dashed:
        return f'<td border="1" style="dashed" color="{colours.line}">{sample.text}</td>'
    if sample.fill is None:
        return f"<td>{sample.text}</td>"
    return f'<td bgcolor="{sample.fill}"><font color="{sample.colour}">{sample.text}</font></td>'


# Inside HTML-like labels Graphviz still reads \N as the name of the node, and older versions stumble over a lone ].
_SPECIAL = str.maketrans({"\\": "\\\\", "]": "&#93;"})


@lru_cache(maxsize=1000)  # of the symbols of operations, above all
def _text(text: str) -> str:
    """Text inside an HTML-like label."""
    return html.escape(visible(text)).translate(_SPECIAL)
