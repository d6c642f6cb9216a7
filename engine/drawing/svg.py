"""SVG of a picture by our own layout, without Graphviz: for notebooks, browsers and bare installs."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator

from ..text.sheet import visible
from .layout import OPEN, Placement, Point, apart, place, positions
from .lettering import FONT, LONG, SIZE, SMALL, width_of
from .looks import Look, Looks, Sample, Span, check_rankdir
from .picture import Picture
from .theme import Theme

_LINE = 12.5  # from one line of a box to the next
_PAD = 11.0  # around the whole
_TIP = 6.0  # the length of an arrow's tip
_DASHES = {"dashed": "5 2", "dotted": "1.5 2.5"}  # of a border


def svg_source(picture: Picture, theme: str = "light", rankdir: str = "LR", title: str = "", scale: float = 1.0) -> str:
    """A picture as SVG.

    Raises:
        ValueError: there is no such theme or direction.
    """
    looks = Looks.of(picture, theme)
    check_rankdir(rankdir)
    colours, upright = looks.colours, rankdir in ("TB", "BT")
    rooms = [_room(line.label, upright) for line in looks.edges]
    edges = [(edge.tail, edge.head) for edge in picture.edges]
    position = positions(len(looks.boxes), edges)
    coming: list[list[float]] = [[] for _ in looks.boxes]  # across the flow, the room of the labels side by side
    for edge, (_, across) in zip(edges, rooms):
        coming[max(edge, key=position.__getitem__)].append(across)  # the head; where an edge runs back, the tail
    sizes = [_size(look, max(each, default=0.0) * len(each), upright) for look, each in zip(looks.boxes, coming)]
    ordered = {index for index, box in enumerate(picture.boxes) if box.ordered}
    placed = place(sizes, edges, rankdir, rooms, ordered)
    body = [*_edges(looks, placed, rankdir)]
    body += [_box(look, size, centre, colours) for look, size, centre in zip(looks.boxes, sizes, placed.centres)]
    above, high_above, wide_above = _lines(looks.legend, picture.notes, title, colours)
    head = high_above if title else 0.0  # with a title, legend and notes stand above as well, as in DOT text
    width = max(placed.width, wide_above) + 2 * _PAD
    height = placed.height + high_above + 2 * _PAD
    top_of_lines = _PAD if title else _PAD + placed.height + 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * scale:.0f}pt" height="{height * scale:.0f}pt" '
            f'viewBox="0 0 {width:.1f} {height:.1f}" font-family="{FONT}" font-size="{SIZE:g}" fill="{colours.text}">',
            *([f"<title>{_text(title)}</title>"] if title else []),
            f'<rect width="100%" height="100%" fill="{colours.page}"/>',
            f'<g transform="translate({_PAD:g},{_PAD + head:g})">',
            *body,
            "</g>",
            f'<g transform="translate({_PAD:g},{top_of_lines:g})">',
            *above,
            "</g>",
            "</svg>",
            "",
        ]
    )


# ---- boxes -------------------------------------------------------------------------------------------------------


def _size(look: Look, coming: float, upright: bool) -> Point:
    text = max((math.fsum(width_of(s.text, SIZE, s.bold) for s in line) for line in look.lines), default=0.0)
    width = max(text + (4 if look.bare else 15), 15 if look.bare else 36)
    height = max(_LINE * len(look.lines) + (4 if look.bare else 8), 22)
    return (max(width, coming / OPEN), height) if upright else (width, max(height, coming / OPEN))


def _box(look: Look, size: Point, centre: Point, colours: Theme) -> str:
    (width, height), (x, y) = size, centre
    parts = []
    if not look.bare:
        dashes = f' stroke-dasharray="{_DASHES[look.stroke]}"' if look.stroke else ""
        parts.append(
            f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'rx="{0 if look.square else 7}" fill="{look.fill or colours.box}" stroke="{look.border or colours.line}" '
            f'stroke-width="{look.width or 0.8}"{dashes}/>'
        )
    first = y - _LINE * (len(look.lines) - 1) / 2 + 0.36 * SIZE
    colour = f' fill="{look.colour}"' if look.colour is not None else ""
    lines = "".join(
        f'<text x="{x:.1f}" y="{first + k * _LINE:.1f}">{"".join(map(_span, line))}</text>'
        for k, line in enumerate(look.lines)
    )
    return "".join([*parts, f'<g text-anchor="middle"{colour}>{lines}</g>'])


def _span(span: Span) -> str:
    bold = ' font-weight="bold"' if span.bold else ""
    colour = f' fill="{span.colour}"' if span.colour is not None else ""
    return f"<tspan{bold}{colour}>{_text(span.text)}</tspan>" if bold or colour else _text(span.text)


def _room(label: str, upright: bool) -> Point:
    """The room that the label of an edge takes, along the flow and across it."""
    if not label:
        return 0.0, 0.0
    width = width_of(label, SMALL)
    return (SMALL + 6, width + 6) if upright else (width + 8, SMALL + 3)


# ---- edges -------------------------------------------------------------------------------------------------------


def path_of(curve: list[Point], dx: float = 0.0, dy: float = 0.0) -> str:
    """The start and the Bézier curves of an edge as SVG writes them."""
    points = [f"{x + dx:.1f},{y + dy:.1f}" for x, y in curve]
    return f"M{points[0]} C{' '.join(points[1:])}" if len(points) > 1 else f"M{points[0]}"


def _edges(looks: Looks, placed: Placement, rankdir: str) -> Iterator[str]:
    lines, colours = looks.edges, looks.colours
    faint = ' stroke-opacity="0.45"' if looks.crowded else ""
    yield f'<g fill="none" stroke="{colours.line}" stroke-width="0.8"{faint}>'
    for line, curve in zip(lines, placed.curves):
        heavy = "" if line.width is None else f' stroke-width="{line.width:.2f}"'
        dotted = ' stroke-dasharray="1 3"' if line.dotted else ""
        yield f'<path d="{path_of(curve)}"{heavy}{dotted}/>'
    yield "</g>"
    yield f'<g fill="{colours.line}"{faint.replace("stroke", "fill")}>'
    for curve in placed.curves:
        yield f'<path d="{_tip(curve)}"/>'
    yield "</g>"
    halo = f'stroke="{colours.page}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'  # lines end at it
    yield f'<g font-size="{SMALL:g}" fill="{colours.muted}" {halo}>'
    axis, sign, dx, dy, anchor = {
        "LR": (0, 1, -8, -2.5, "end"),
        "RL": (0, -1, 8, -2.5, "start"),
        "TB": (1, 1, 3, -8, "start"),
        "BT": (1, -1, 3, 14, "start"),
    }[rankdir]
    for line, curve in zip(lines, placed.curves):
        if line.label:  # at the end that is further along the flow: beyond the other one its own box would hide it
            x, y = max(curve[-1], curve[0], key=lambda point: sign * point[axis])
            yield f'<text x="{x + dx:.1f}" y="{y + dy:.1f}" text-anchor="{anchor}">{_text(line.label)}</text>'
    yield "</g>"


def _tip(curve: list[Point]) -> str:
    """The triangle at the end of an edge."""
    x, y = curve[-1]
    fx, fy = next((p for p in reversed(curve) if apart(p, curve[-1])), (x - 1, y))
    away = math.hypot(x - fx, y - fy)
    ux, uy = (x - fx) / away, (y - fy) / away
    bx, by, half = x - _TIP * ux, y - _TIP * uy, 2.2
    return f"M{x:.1f},{y:.1f} L{bx - half * uy:.1f},{by + half * ux:.1f} L{bx + half * uy:.1f},{by - half * ux:.1f} z"


# ---- title, legend and notes -------------------------------------------------------------------------------------


def _lines(samples: list[Sample], notes: list[str], title: str, colours: Theme) -> tuple[list[str], float, float]:
    """Title, legend and notes, one below the other; their height and width."""
    found, y, wide = [], 0.0, 0.0
    if title:
        y += 15
        found.append(f'<text x="0" y="{y - 3:g}" font-size="13" font-weight="bold">{_text(title)}</text>')
        wide = LONG * width_of(title, 13, True)
        y += 4
    if samples:
        legend, width = _legend(samples, y, colours)
        found += legend
        wide = max(wide, width)
        y += 21
    for note in notes:
        y += 13
        found.append(f'<text x="0" y="{y - 3:.1f}" font-size="{SMALL:g}" fill="{colours.muted}">{_text(note)}</text>')
        wide = max(wide, LONG * width_of(note, SMALL))
    return found, y + (6 if title and found else 0), wide


def _legend(samples: list[Sample], y: float, colours: Theme) -> tuple[list[str], float]:
    """The samples of the legend, side by side below `y`; and their width."""
    found, x = list[str](), 0.0
    for sample in samples:
        width = width_of(sample.text, SMALL) + 8
        if sample.fill is not None or sample.dashed:
            look = f'fill="{sample.fill}"' if sample.fill else f'fill="none" stroke="{colours.line}" '
            dashes = 'stroke-dasharray="3 2"' if sample.dashed else ""
            found.append(f'<rect x="{x:.1f}" y="{y + 3:.1f}" width="{width:.1f}" height="15" {look}{dashes}/>')
        found.append(
            f'<text x="{x + width / 2:.1f}" y="{y + 13.5:.1f}" font-size="{SMALL:g}" text-anchor="middle" '
            f'fill="{sample.colour or colours.muted}">{sample.text}</text>'
        )
        x += width + 3
    return found, x


def _text(text: str) -> str:
    return html.escape(visible(text), quote=False)
