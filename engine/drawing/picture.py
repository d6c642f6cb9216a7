"""What a picture shows: boxes and edges, with their words and numbers, before anything is placed or drawn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, Literal

from .. import ops
from ..graph import topological_order
from ..numbers import true_or_false
from ..pullbacks import derivatives_as_numbers
from ..text.names import Names
from ..text.remarks import about_gradients, about_numbers, has_gradients
from ..text.sheet import counted, short, words
from ..value import Constant, Value
from . import collapse as modules
from . import views

Kind = Literal["operation", "leaf", "parameter", "constant", "module", "alike"]

BUDGET = 150  # boxes; above it, nodes are collapsed where possible
NOT_SELECTED = "not selected"  # in place of a local derivative
LIMIT = 1500  # boxes; Graphviz needs about two seconds to place them, and a reader longer
_SYMMETRIC = {ops.sum, ops.mean, ops.maximum, ops.minimum, ops.logsumexp}  # of many operands, in any order


@dataclass(frozen=True, slots=True)
class Box:
    """One box: a Value, or a group of them.

    Attributes:
        kind: how it looks.
        title: a label or a path, in bold.
        symbol: the operation, or how often a group repeats.
        rows: its numbers, one line each.
        grad: the gradient, or the norm of several; None if there is none.
        root: whether it is, or holds, the root.
        cut: whether nodes next to it are left out.
        ordered: whether edges enter it in the order of its operands, so that a/b looks different from b/a.
    """

    kind: Kind
    title: str
    symbol: str
    rows: tuple[str, ...]
    grad: float | None
    root: bool = False
    cut: bool = False
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """From an operand's box to a result's; indices into the boxes."""

    tail: int
    head: int
    label: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes in topological order of their first node, the edges between them, and notes."""

    boxes: list[Box]
    edges: list[Edge]
    notes: list[str] = field(default_factory=list)


def take(
    root: Value,
    *,
    names: Any = None,
    collapse: Any = "auto",
    expand: Iterable[str] = (),
    path_to: Value | str | None = None,
    around: Value | str | None = None,
    radius: int | None = None,
    limit: int | None = LIMIT,
    local_derivatives: bool = False,
) -> Picture:
    """The picture of a graph; for the arguments see `engine.draw`."""
    true_or_false("local_derivatives=", local_derivatives)
    check_limit(limit)
    order = topological_order(root)
    called = Names(order, names)
    paths = called.given
    shown = _view(called, path_to, around, radius)
    groups, how = _grouped(shown, paths, collapse, expand)
    if root in groups and groups[root].module is None:  # the last + of a long sum: the result has a box of its own
        del groups[root]
    where, members = _place(shown, groups)
    if limit is not None and len(members) > limit:
        raise ValueError(_too_large(len(members), limit, shown, paths, collapse, expand))
    notes = [] if not how else [f"{len(shown):,} nodes in {len(members):,} boxes, {how}; collapse=None draws them all"]
    notes += [*about_numbers(called), *about_gradients(called)]
    with_gradients = has_gradients(root)
    cut = _cut_off(order, where) if around is not None else set()
    edges = _edges(shown, where, groups, local_derivatives)
    boxes = []
    for nodes in members:
        group = groups.get(nodes[0])
        if group is None:
            boxes.append(_value_box(nodes[0], called, with_gradients, nodes[0] is root, nodes[0] in cut))
        elif group.module is None:
            boxes.append(_alike_box(nodes, with_gradients))
        else:
            boxes.append(_module_box(group.module, nodes, called, with_gradients))
    return Picture(boxes, edges, notes)


def check_limit(limit: float | None) -> None:
    """Refuse a limit that is not a number.

    Raises:
        TypeError: it is not.
    """
    if limit is not None and not isinstance(limit, Real):
        raise TypeError(f"limit= is the most boxes to draw, or None for any number, got {limit!r}")


def _view(names: Names, path_to: Value | str | None, around: Value | str | None, radius: int | None) -> list[Value]:
    """The nodes to show, in topological order."""
    if path_to is not None and around is not None:
        raise ValueError("path_to and around are two views of a graph: give one of them")
    if radius is not None and around is None:
        raise ValueError("radius is how far the neighbourhood of a Value reaches: give around too")
    order = list(names.order)
    if path_to is not None:
        return views.paths_to(names.find(path_to), order)
    if around is None:
        return order
    return views.neighbourhood(names.find(around), 2 if radius is None else radius, order)


def _grouped(
    shown: list[Value], paths: dict[Value, str], collapse: Any, expand: Iterable[str]
) -> tuple[dict[Value, modules.Group], str]:
    """The groups of nodes that share a box, and in words how they are made if nobody asked for them."""
    parameters = _parameters(paths)
    if collapse not in (None, "auto"):
        return modules.group(shown, parameters, collapse, expand), ""
    if expand:
        raise ValueError("expand opens a box that collapse made: give collapse too")
    return _smallest(shown, parameters) if collapse == "auto" and len(shown) > BUDGET else ({}, "")


def _parameters(paths: dict[Value, str]) -> dict[Value, str]:
    """The leaves among the named nodes."""
    return {node: path for node, path in paths.items() if node._primitive is None}


def _smallest(shown: list[Value], parameters: dict[Value, str]) -> tuple[dict[Value, modules.Group], str]:
    """Groups that leave few boxes, and in words how they are made: layers if known and enough, else alike nodes.

    There are none if more than half of the boxes would be left, as in a loop whose steps have little in common: with an
    edge to every step, the few groups make a picture slow to place, and no clearer.
    """
    if parameters.keys() & set(shown):
        groups = modules.group(shown, parameters, "layer", ())
        if len(_place(shown, groups)[1]) <= BUDGET:
            return groups, "one for each layer"
    groups = modules.group(shown, parameters, "alike", ())
    return (groups, "alike ones in one") if 2 * len(_place(shown, groups)[1]) <= len(shown) else ({}, "")


def _place(shown: list[Value], groups: dict[Value, modules.Group]) -> tuple[dict[Value, int], list[list[Value]]]:
    """The index of the box of each node, and the nodes of each box."""
    where: dict[Value, int] = {}
    members: list[list[Value]] = []
    known: dict[modules.Group | Value, int] = {}  # the box of each group, and of a node that is in none
    for node in shown:
        box = where[node] = known.setdefault(groups.get(node, node), len(members))
        if box == len(members):
            members.append([])
        members[box].append(node)
    return where, members


def _too_large(
    count: int, limit: int, shown: list[Value], paths: dict[Value, str], collapse: Any, expand: Iterable[str]
) -> str:
    """The message: of the ways to collapse nodes it names those that leave few enough boxes."""
    ways = "path_to=w (only the paths to w), around=node, radius=2 (only its neighbours), or say limit=None"
    if collapse in (None, "auto"):
        parameters = _parameters(paths)
        tried = ["layer", "neuron", "alike"] if parameters.keys() & set(shown) else ["alike"]
        boxes = {each: len(_place(shown, modules.group(shown, parameters, each, ()))[1]) for each in tried}
        enough = [f'"{each}"' for each in tried if boxes[each] <= limit]
        collapses = [] if paths else ['names=model and collapse="layer"']
        collapses += [f"collapse={' or '.join(enough)}"] if enough else []
        ways = ", ".join([*collapses, ways])
    less = f"open less with expand=, draw less with {ways}" if expand else f"draw less with {ways}"
    return f"the picture would have {count:,} boxes, over the limit of {limit:,}, too many to read: {less}"


def _cut_off(order: list[Value], where: dict[Value, int]) -> set[Value]:
    """The nodes that are shown and have a neighbour that is not."""
    cut = set()
    for node in order:
        for operand in node.operands:
            if (node in where) != (operand in where):
                cut.add(node if node in where else operand)
    return cut


def _edges(
    shown: list[Value], where: dict[Value, int], groups: dict[Value, modules.Group], with_derivatives: bool
) -> list[Edge]:
    """One edge for each operand of a single Value; one for all between the same two boxes if one is a group.

    Those that enter a box are in the order of its operands.
    """
    edges: list[Edge] = []
    bundles = Counter[tuple[int, int]]()  # how many edges one stands for
    for node in shown:
        head, grouped = where[node], node in groups
        labels = _derivatives(node) if with_derivatives and not grouped else [""] * len(node.operands)
        for operand, label in zip(node.operands, labels):
            tail = where.get(operand)
            if tail is None or tail == head:
                continue
            if not grouped and operand not in groups:
                edges.append(Edge(tail, head, label))
                continue
            bundles[tail, head] += 1
            if bundles[tail, head] == 1:
                edges.append(Edge(tail, head))
    counts = [bundles[edge.tail, edge.head] for edge in edges]
    return [
        replace(edge, label=f"×{count:,}", count=count) if count > 1 else edge for edge, count in zip(edges, counts)
    ]


def _derivatives(node: Value) -> list[str]:
    """The labels of the edges that enter a Value: its local derivatives, but none for constants."""
    return [
        "" if operand.__class__ is Constant else NOT_SELECTED if d is None else short(d)
        for operand, d in zip(node.operands, derivatives_as_numbers(node))
    ]


def _value_box(node: Value, names: Names, with_gradients: bool, root: bool, cut: bool) -> Box:
    primitive, title, rows = node._primitive, names.label(node), (short(node._z),)
    grad = node._grad if with_gradients else None
    if primitive is not None:
        return Box("operation", title, primitive.symbol, rows, grad, root, cut, has_order(node))
    if node.__class__ is Constant:
        return Box("constant", title, "", rows, None, root, cut)
    return Box("parameter" if node in names.given else "leaf", title, "", rows, grad, root, cut)


def has_order(node: Value) -> bool:
    """Whether a reader must be able to tell its operands apart, as those of a quotient.

    >>> has_order(Value(1.0) / Value(2.0)), has_order(Value(1.0).exp())
    (True, False)
    >>> has_order(ops.take(1, [Value(1.0), Value(2.0)])), has_order(ops.maximum(Value(1.0), Value(2.0)))
    (True, False)
    """
    primitive = node._primitive
    return primitive is not None and primitive.arity != 1 and primitive not in _SYMMETRIC


def _module_box(module: str, nodes: list[Value], names: Names, with_gradients: bool) -> Box:
    """The box of a module; if it holds the root, a row says so.

    A view may show nodes of a module without its parameters: the gradient is theirs then, and not 0.
    """
    paths, root = names.given, names.order[-1]
    held = [node for node in nodes if node in paths]
    inner = len(nodes) - len(held)
    rows = [counted(len(held), "parameter")] if held else []
    if inner:
        rows.append(counted(inner, "node"))
    holds_root = any(node is root for node in nodes)
    if holds_root:
        rows.append(f"{words(names.label(root)) or 'result'} = {short(root._z)}")
    grad = _norm(held or nodes) if with_gradients else None
    return Box("module", module, _repeats(nodes, paths), tuple(rows), grad, holds_root)


def _alike_box(nodes: list[Value], with_gradients: bool) -> Box:
    first = nodes[0]
    title = modules.plain(first._label) if first._primitive is None else ""
    symbol = first._primitive.symbol if first._primitive is not None else ""
    times = f"×{len(nodes):,}"
    number = _range([node._z for node in nodes])
    constant = first.__class__ is Constant
    grad = _norm(nodes) if with_gradients and not constant else None
    return Box("alike", title or symbol or number, times, (number,) if title or symbol else (), grad)


def _norm(nodes: list[Value]) -> float:
    """The norm of their gradients; nan if any is nan, which hypot() would hide beside an infinite one."""
    gradients = [node._grad for node in nodes]
    return math.nan if any(map(math.isnan, gradients)) else math.hypot(*gradients)


def _range(numbers: list[float]) -> str:
    """The smallest and the largest number, with nan before them if there is one."""
    known = sorted((x for x in numbers if not math.isnan(x)), key=lambda x: (x, math.copysign(1.0, x)))
    ends = " … ".join(dict.fromkeys(map(short, (known[0], known[-1])))) if known else ""
    return ", ".join(filter(None, ("nan" if len(known) < len(numbers) else "", ends)))


def _repeats(nodes: list[Value], paths: dict[Value, str]) -> str:
    """How often the module was called: the least number of uses among its parameters."""
    uses = {node: 0 for node in nodes if node in paths}
    for node in nodes:
        for operand in set(node.operands):
            if operand in uses:
                uses[operand] += 1
    calls = min(uses.values(), default=0)
    return f"×{calls:,}" if calls > 1 else ""
