"""The page to step through backprop in a browser: one file of inline SVG, data and plain JavaScript.

A layout only places the boxes; their text and colours belong to the page, which follows the light or dark theme of
the reader. A content security policy lets nothing run but the page's own script, so that no label can ever run as code.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import html
import json
import math
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

from ..graph import topological_order
from ..stepping.backward_pass import backward_steps
from ..stepping.steps import Step, forward_steps
from ..text.names import Names, given_names
from ..text.remarks import about_numbers
from ..text.sheet import counted, left_to_right, short, visible, words
from ..value import Constant, Value
from .layout import Edge, Placement, Point
from .lettering import width_of
from .picture import check_limit, has_order
from .svg import path_of

Json = Any
Place = Callable[[list[Point], list[Edge], set[int]], Placement]
_LINE = 17  # pixels from one line of text to the next


def page_of(root: Value, *, names: Any, limit: int | None, place: Place, at: int = 0) -> str:
    """The HTML of the page.

    Args:
        root: the result to differentiate.
        names: a module, or anything with `named_parameters()`, or None.
        limit: the most boxes; None for any number.
        place: a function that places the boxes: of their sizes, the edges, and the boxes that these enter in order.
        at: where it begins: 0 is before the forward pass; then come one place for each operation, one for the start
            of the backward pass, and one for each step of it.

    Raises:
        ValueError: there are more than `limit` boxes.
    """
    check_limit(limit)
    order = topological_order(root)
    count = len(order)
    if limit is not None and count > limit:
        raise ValueError(
            f"the page would have {count:,} boxes, over the limit of {limit:,}: step through a smaller graph, such as "
            "the loss of one sample, or say limit=None"
        )
    return _fill(*_twin(root, names), about_numbers(Names(order, names)), place, at)


def _twin(root: Value, names: Any) -> tuple[Value, dict[Value, str]]:
    """A copy of the graph to run the pass on, and the names of its parameters.

    Its leaves hold the numbers that the results were computed from (a note says which have changed); gradients are 0.
    """
    memo: dict[int, Any] = {}
    twin = copy.deepcopy(root, memo)
    twin.zero_grad()
    for node in topological_order(twin):
        for operand, x in zip(node.operands, node.inputs):
            operand._z = x
    paths = given_names(names)
    return twin, {memo[id(value)]: path for value, path in paths.items() if id(value) in memo}


def _fill(root: Value, paths: dict[Value, str], notes: list[str], place: Place, at: int) -> str:
    order = topological_order(root)
    index = {node: i for i, node in enumerate(order)}
    given = {path: value for value, path in paths.items()}
    name = Names(order, given)
    kinds = [_kind(node, paths) for node in order]
    boxes = [_lines(node, paths.get(node) or name(node), kind == "parameter") for node, kind in zip(order, kinds)]
    operations = [index[step.node] for step in forward_steps(root, given)]
    uses = [_step(step, index) for step in backward_steps(root, given)]
    nodes = [_record(node, kind, name, index) for node, kind in zip(order, kinds)]
    data = {"root": index[root], "at": at, "nodes": nodes, "forward": operations, "backward": uses}
    tally = [counted(len(order), "node"), counted(len(operations), "operation"), f"{counted(len(uses), 'step')} back"]
    sizes = [_size(box, node) for box, node in zip(boxes, order)]
    edges = [(index[operand], i) for i, node in enumerate(order) for operand in node.operands]
    ordered = {i for i, node in enumerate(order) if has_order(node)}
    svg = _svg(order, kinds, boxes, sizes, place(sizes, edges, ordered))
    folder = Path(__file__).parent
    style, script = ((folder / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    page = Template((folder / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(f"Step through {words(name(root), 60)}"),
        tally=", ".join(tally),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        svg=svg,
        notes="".join(f"<li>{html.escape(visible(note))}</li>" for note in notes),
        no_notes="" if notes else " hidden",
        data=_inline_json(data),
    )
    return left_to_right(page)


def _kind(node: Value, paths: dict[Value, str]) -> str:
    if node._primitive is not None:
        return "result"
    return "constant" if isinstance(node, Constant) else "parameter" if node in paths else "leaf"


def _lines(node: Value, name: str, is_parameter: bool) -> tuple[str, str]:
    """The first line of a box: a name in bold, and beside it the operation, unless the name contains it."""
    if isinstance(node, Constant) and not node._label:
        return "", ""
    if is_parameter:
        return words(name, 26), ""
    operation = "" if node._op in name else words(node._op, 10)
    return words(name, 22 if node._label else 18), operation


def _size(box: tuple[str, str], node: Value) -> Point:
    """Width and height of a box in pixels, for text of 12 pixels at its widest."""
    if isinstance(node, Constant) and not box[0]:
        return max(40.0, width_of(short(node._z), 12) + 16), 26.0
    return max(92.0, width_of(box[0], 12, True) + width_of(f" {box[1]}", 12) + 22), 3.0 * _LINE + 9


def _record(node: Value, kind: str, name: Names, index: dict[Value, int]) -> Json:
    """A node as the page reads it."""
    texts = words(name(node), 60), kind, words(node._op, 20), words(name.formula(node), 100)
    return [*texts, _number(node._z), [index[operand] for operand in node.operands]]


def _step(step: Step, index: dict[Value, int]) -> Json:
    """A record as the page reads it: node, upstream, and a row for each operand.

    A row holds the operand, its local derivative, contribution, gradient before and after, and path k of n.
    """
    columns = zip(step.locals, step.contributions, step.before, step.after)
    rows = [
        [index[operand], *map(_number, numbers), *path]
        for operand, numbers, path in zip(step.operands, columns, step.paths)
    ]
    return [index[step.node], _number(step.upstream), rows]


def _number(number: float | None) -> float | str | None:
    """A number for JSON: nan and the infinities as text, whole numbers short."""
    if number is None or not math.isfinite(number):
        return None if number is None else f"{number:g}"
    return int(number) if number.is_integer() and abs(number) < 1e9 and number else number


# ---- the graph as SVG --------------------------------------------------------------------------------------------


def _svg(
    order: list[Value], kinds: list[str], boxes: list[tuple[str, str]], sizes: list[Point], placed: Placement
) -> str:
    """The graph as it looks before the first step."""
    pad = 12
    wide, high = placed.width + 2 * pad, placed.height + 2 * pad
    lines = [
        f'<svg id="graph" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" '
        f'width="{wide:.0f}" height="{high:.0f}">',
        "<defs>",
        *(
            f'<marker id="{tip}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            'markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0,0.5 L8,4 L0,7.5 z"/></marker>'
            for tip in ("tip", "tip-forward", "tip-hot")
        ),
        "</defs>",
    ]
    ids = [f"e{i}_{j}" for i, node in enumerate(order) for j in range(len(node.operands))]
    lines += [
        f'<path id="{id_}" class="edge" d="{path_of(curve, pad, pad)}"/>' for id_, curve in zip(ids, placed.curves)
    ]
    for i, (x, y) in enumerate(placed.centres):
        lines.append(_node(i, order[i], kinds[i], boxes[i], sizes[i], (x + pad, y + pad)))
    return "\n".join([*lines, "</svg>"])


def _node(i: int, node: Value, kind: str, box: tuple[str, str], size: Point, centre: Point) -> str:
    (width, height), (x, y) = size, centre
    left, top = x - width / 2, y - height / 2
    head, operation = (html.escape(text) for text in box)
    state = " todo" if node._primitive is not None else ""
    corner = 9 if node._primitive is not None else 2
    parts = [
        f'<g id="n{i}" class="node {kind}{state}" '
        f'transform="translate({left:.1f},{top:.1f})"><rect width="{width:.0f}" height="{height:.0f}" rx="{corner}"/>'
    ]
    value = short(node._z) if node._primitive is None else "·"
    if kind == "constant" and not box[0]:
        parts.append(f'<text class="value" x="{width / 2:g}" y="17">{value}</text></g>')
        return "".join(parts)
    middle = f"{width / 2:g}"
    beside = f' <tspan class="op">{operation}</tspan>' if operation else ""
    parts.append(f'<text class="head" x="{middle}" y="{_LINE}">{head}{beside}</text>')
    parts.append(f'<text class="value" x="{middle}" y="{2 * _LINE}">{value}</text>')
    if kind != "constant":
        parts.append(f'<text class="grad" x="{middle}" y="{3 * _LINE}">∇ ·</text>')
    parts.append(f'<circle class="mark" cx="{width:.0f}" cy="0" r="5.5"/></g>')
    return "".join(parts)


# ---- what goes into HTML -----------------------------------------------------------------------------------------


def _inline_json(data: Json) -> str:
    """JSON inside a script element: no ``<`` that could end it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _hash(text: str) -> str:
    """The hash by which a content security policy allows an inline script or style."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
