"""Which layout places the boxes: our own if they are few or there is no Graphviz, else Graphviz."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence

from .graphviz import renderers
from .graphviz.dot_text import haste
from .graphviz.renderers import Renderer, has_graphviz
from .layout import Edge, Placement, Point, place
from .picture import LIMIT

SMALL = 60  # boxes, up to which our own layout is as good and quicker

ByDot = Callable[[str], bytes]
"""From DOT text to Graphviz's json0."""


def suits(boxes: int) -> bool:
    """Whether to use our own layout for that many boxes.

    >>> suits(10)
    True
    """
    return boxes <= SMALL or not has_graphviz()


def layout_by(renderer: Renderer | None, timeout: float) -> Callable[[list[Point], list[Edge], set[int]], Placement]:
    """The function that places the boxes of a page: with `renderer`, from DOT text to json0, if it is given.

    Where Graphviz fails, or is too slow, our own layout places them, if they are not very many.
    """

    def by_dot(dot: str) -> bytes:
        if renderer is None:
            return renderers.render(dot, "json0", timeout=timeout)
        return renderers.custom(renderer, dot, "json0")

    def layout(sizes: list[Point], edges: list[Edge], ordered: set[int]) -> Placement:
        if renderer is not None or not suits(len(sizes)):
            try:
                return placed(sizes, edges, ordered, by_dot)
            except renderers.FAILED:
                if renderer is not None or len(sizes) > LIMIT:
                    raise
        return place(sizes, edges, ordered=ordered)

    return layout


def placed(sizes: Sequence[Point], edges: Sequence[Edge], ordered: Collection[int], by_dot: ByDot) -> Placement:
    """Boxes of these sizes from left to right, by Graphviz.

    Args:
        sizes: width and height of each, in points.
        edges: (tail, head), as indices of boxes.
        ordered: boxes that edges enter in the order of `edges`, from top to bottom.
        by_dot: runs Graphviz.
    """
    coming: dict[int, list[int]] = {}
    for k, (_, head) in enumerate(edges):
        coming.setdefault(head, []).append(k)
    ports = {k: f":e{k}:w" for head in ordered for k in coming[head]}
    lines = [
        "digraph {",
        f"graph [{haste(list(edges), len(sizes))}rankdir=LR nodesep=0.17 ranksep=0.45]",
        'node [shape=box label="" fixedsize=true margin=0]',
        *(f"n{i} [{_box(size, coming[i] if i in ordered else [])}]" for i, size in enumerate(sizes)),
        *(f'n{tail} -> n{head}{ports.get(k, "")} [id="e{k}"]' for k, (tail, head) in enumerate(edges)),
    ]
    return _read(by_dot("\n".join([*lines, "}"])), len(sizes), len(edges))


def _box(size: Point, ports: Sequence[int]) -> str:
    """A box with a row as wide as itself for each edge that has its place there."""
    width, height = size
    box = f"width={width / 72:.3f} height={height / 72:.3f}"
    rows = "".join(f'<tr><td port="e{k}"></td></tr>' for k in ports)
    table = f'border="0" cellborder="0" cellspacing="0" fixedsize="true" width="{width:.0f}" height="{height:.0f}"'
    return f"{box} label=<<table {table}>{rows}</table>>" if ports else box


def _read(json0: bytes, boxes: int, edges: int) -> Placement:
    found = json.loads(json0)
    _, _, width, height = map(float, found["bb"].split(","))

    def at(point: str) -> Point:
        x, y = map(float, point.split(",")[-2:])
        return x, height - y

    centres = [(0.0, 0.0)] * boxes
    for thing in found["objects"]:
        centres[int(thing["name"][1:])] = at(thing["pos"])
    curves: list[list[Point]] = [[]] * edges
    for edge in found.get("edges", []):
        tip, *spline = map(at, edge["pos"].split())  # e,x,y p0 p1 p2 p3 ...: to the tip of the arrow
        curves[int(edge["id"][1:])] = [*spline, spline[-1], tip, tip]
    return Placement(width, height, centres, curves)
