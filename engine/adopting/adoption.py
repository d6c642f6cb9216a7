"""adopt(): a graph of a micrograd-like engine, judged, and turned into Values."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..interval import REALS
from ..modes import always_recorded
from ..primitive import Primitive
from ..text.elsewhere import explained
from ..text.sheet import counted
from ..value import Value
from .graph import Node, TheirGraph
from .meaning import Meaning, certain, close, fits, is_operation, meanings
from .probes import Probed
from .replay import Replay
from .report import Adoption, Finding


@explained
@always_recorded()
def adopt(root: Any, names: Mapping[str, Any] | None = None) -> Adoption:
    """Take over the graph of a micrograd-like engine, and name the bug in its backward pass if it has one.

    Each node's `_backward` is called alone, and then `root.backward()` as a whole, twice, with every call recorded;
    afterwards all attributes of the objects are what they were. An operation on numbers that were changed since, as by
    a step of training, is called once more, and judged by that. What an operation is follows from its name (``"+"``,
    ``"tanh"``, ``"**2"``), or from its number where it has none and only one operation is likely to give it.

    Args:
        root: a result of the engine: an object with `data`, `grad`, `_backward` (a closure or a method that takes no
            arguments; of leaves it may be None), `backward()`, its operands in `_prev`, `prev`, `_children`, `children`
            or `parents` (a tuple, list or set), and the operation's name in `_op` or `op`.
        names: a mapping from names to objects, for the report; otherwise their `label` is used, if they have one.

    Returns:
        A report, true if nothing was found. It has `findings`, the first cause first, each with `kind`, `node`, `line`
        and `sentence`; and `root`, the same graph as Values, to step through and to draw. A kind is ``"forward"``,
        ``"mutates"``, ``"raises"``, ``"missing"``, ``"overwrites"``, ``"upstream"``, ``"derivative"``, ``"seed"``,
        ``"twice"``, ``"order"`` or ``"stale"``, in the order of causes.

    Raises:
        TypeError: an object lacks one of these attributes, which the message names; or `root` is a Value already.
        ValueError: an object is among what it is computed from.

    >>> class Theirs:
    ...     def __init__(self, data, prev=(), op=""):
    ...         self.data, self.grad, self._prev, self._op = data, 0.0, prev, op
    ...         self._backward = lambda: None
    ...     def __mul__(self, other):
    ...         out = Theirs(self.data * other.data, (self, other), "*")
    ...         def _backward():
    ...             self.grad += other.data * out.grad
    ...             other.grad = self.data * out.grad
    ...         out._backward = _backward
    ...         return out
    ...     def backward(self):
    ...         self.grad = 1.0
    ...         self._backward()
    >>> a, b = Theirs(2.0), Theirs(-3.0)
    >>> report = adopt(a * b, {"a": a, "b": b})
    >>> print(report.findings[0].sentence)
    * (node 3, data -6) gives b its gradient by =, which loses what was there: write +=
    >>> report.root.explain().expression
    'a*b'
    """
    graph = TheirGraph(root, names)
    with graph.restored():
        given = {id(node): node.theirs.grad for node in graph.nodes}
        probed = list(_probed(graph))
        findings = [*_without_operands(graph), *_once_for_each_operation(probed)]
        values = _as_values(graph, {id(p.node): p for p in probed})
        old = sorted({p.node.operation for p in probed if p.old})
        unknown = sorted({p.node.operation for p in probed if p.meaning is None}.difference(old))
        with graph.restored():
            replay = Replay(graph, given)
        findings += replay.findings
        if not findings:
            may_be_old = old or not all(p.node.operation or p.candidates for p in probed)
            before = {} if may_be_old else given  # gradients of the numbers that were are no stale ones
            findings += _whole(graph, replay, values, before)
        again = replay
        if replay.calls and not findings:
            again = Replay(graph, given)
            findings += [replace(each, sentence=f"the second time {each.sentence}") for each in again.findings]
    notes = ["?: an operation without a name, which its numbers do not tell, so taken as it is"] * ("" in unknown)
    if any(unknown):
        notes.append(f"{', '.join(filter(None, unknown))}: not what the table has, so taken as it is")
    if old:
        notes.append(
            f"{', '.join(old)}: computed before a number was changed, as by a step of training: evaluate again, to "
            "have the gradients that are there compared"
        )
    if graph.absent:
        notes.append(f"{', '.join(graph.absent)}: no part of this graph, so no gradient comes there: was it copied?")
    if not replay.calls:
        notes.append("backward() called no node's _backward: only its result was compared")
    elif not again.calls:
        notes.append(
            "backward() does nothing the second time: does a default argument or the class keep what was seen?"
        )
    title = f"{type(root).__name__} graph of {counted(len(graph.nodes), 'node')}"
    return Adoption(title, findings, values[id(graph.root)], notes)


def _probed(graph: TheirGraph) -> Iterator[Probed]:
    """All nodes with operands; a nameless operation is judged by all nodes that share the text of its closure."""
    nodes = [node for node in graph.nodes if node.operands]
    possible = {id(node): meanings(node) for node in nodes}
    places: dict[Hashable, list[Node]] = {}
    for node in nodes:
        if not node.operation:
            place = (node.line, node.constants) if node.closed else id(node)  # a method serves many operations
            places.setdefault(place, []).append(node)
    sure = {id(node) for alike in places.values() for node in certain(alike, possible)}
    for node in nodes:
        yield Probed(graph, node, possible[id(node)], bool(node.operation) or id(node) in sure)


def _without_operands(graph: TheirGraph) -> list[Finding]:
    """Results of operations that list no operands, so that they are leaves to backward()."""
    return [
        Finding(
            "missing", node.theirs, node.line, f"{graph.name(node)} lists no operands: nothing comes back through it"
        )
        for node in graph.nodes
        if not node.operands and (is_operation(node.operation) or node.unlisted)
    ]


def _once_for_each_operation(probed: list[Probed]) -> list[Finding]:
    """The findings of all nodes, nearest to the leaves first; one for each kind and place where it is written.

    A wrong derivative may come out as 0 at some nodes, where an operand seems to get nothing: that is not a second bug.
    """
    known: dict[tuple[str, str, str], Finding] = {}
    wrong = {(one.node.operation, one.node.line) for one in probed if one.only_wrong}
    for one in probed:
        for finding in one.findings:
            if finding.kind != "missing" or (one.node.operation, finding.line) not in wrong:
                known.setdefault((finding.kind, one.node.operation, finding.line), finding)
    return list(known.values())


def _as_values(graph: TheirGraph, probed: dict[int, Probed]) -> dict[int, Value]:
    """The same graph as Values, by the identity of the nodes."""
    values: dict[int, Value] = {}
    for node in graph.nodes:
        one = probed.get(id(node))
        if one is None:
            made = Value(node.number)
        else:
            meaning = one.meaning
            if meaning is None or not fits(meaning, node) or _by_another_convention(meaning, one):
                meaning = Meaning(_opaque(node, one), tuple(node.operands))
            operands = [values[id(o)] if isinstance(o, Node) else o for o in meaning.operands]
            made = Value.__apply_primitive__(meaning.primitive, tuple(operands))
        made.label = graph.label(node) or None
        values[id(node)] = made
    return values


def _by_another_convention(meaning: Meaning, probed: Probed) -> bool:
    """Whether its derivative at a kink differs from the table's, as where a maximum is tied."""
    return meaning.at_a_kink() and not meaning.gives(probed.slopes)


def _opaque(node: Node, probed: Probed) -> Primitive:
    """A stand-in for an operation that the table does not have, with the number and the slopes it showed."""
    slopes = [probed.slopes.get(id(operand), 0.0) / node.operands.count(operand) for operand in node.operands]
    return Primitive(
        name=node.operation or "unknown",
        symbol=node.operation or "?",
        arity=len(node.operands),
        forward=lambda *_: node.number,
        local_derivatives=[lambda *_, slope=slope: slope for slope in slopes],
        operands=tuple(f"x{k}" for k in range(len(node.operands))),
        formula="",
        domain=(REALS,),
    )


def _whole(graph: TheirGraph, replay: Replay, values: dict[int, Value], given: dict[int, Any]) -> list[Finding]:
    """Bugs that no single node or call shows: wrong gradients at the end, or stale ones among those given, if any."""
    root = values[id(graph.root)]
    root.backward()
    own = {key: value.grad for key, value in values.items()}
    root.zero_grad()
    leaves = [node for node in graph.nodes if not node.operands and not node.constant]
    for node in leaves:
        got, right = replay.gradients[id(node)], own[id(node)]
        if not close(got, right):
            sentence = f"backward() leaves {got:.6g} in the gradient of {graph.name(node)}, where it is {right:.6g}"
            return [Finding("overwrites" if got else "missing", node.theirs, "", sentence)]
    if not given.get(id(graph.root)):
        return []  # their backward() has not run yet
    for node in leaves:
        there, right = float(given[id(node)] or 0.0), own[id(node)]
        if not close(there, right):
            sentence = (
                f"the gradient of {graph.name(node)} was {there:.6g} where this graph's is {right:.6g}: that of an "
                "earlier backward() was still there; set gradients to 0 before"
            )
            return [Finding("stale", node.theirs, "", sentence)]
    return []
