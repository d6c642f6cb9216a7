"""Where an inf or a nan came from: the first one of a forward or a backward pass, with its operands and its line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from ..graph import topological_order
from ..modes import OpenedWith, observer, observing
from ..primitive import Primitive
from ..pullbacks import UNREACHED, flowing_derivatives
from ..text.callers import Source, is_users, users_line, written
from ..text.elsewhere import explained
from ..text.names import Names, given_names
from ..text.sheet import Sheet, Shown, short
from ..value import Constant, Value

_SHOWN = 8  # operands of which the numbers are shown


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Anomaly(Shown):
    """The first number of a pass that is not finite.

    Attributes:
        phase: whether it is the value of `node` ("forward") or the gradient of `operand` ("backward").
        number: inf, -inf or nan.
        node: whose operation gave it.
        primitive: that operation.
        operand: in the backward pass the operand whose gradient it is.
        upstream: in the backward pass the gradient of `node`.
        local: in the backward pass the local derivative.
        path: from the root to the node, and to the operand if there is one.
        source: file and line that made the node, if `detect_anomaly` was active.
    """

    phase: Literal["forward", "backward"]
    number: float
    node: Value
    primitive: Primitive
    operand: Value | None
    upstream: float
    local: float
    path: tuple[Value, ...]
    source: Source | None
    names: Names

    def _sheet(self) -> Sheet:
        """What is shown of it."""
        names, node = self.names, self.node
        notes = [f"{names.formula(node)} = {short(node._z)}" + self._with()]
        if self.operand is None:
            title = f"{self.primitive.name} gave {short(self.number)} in the forward pass"
        else:
            title = (
                f"{self.primitive.name} gave {names(self.operand)} the gradient {short(self.number)} "
                "in the backward pass"
            )
            notes.append(f"upstream {short(self.upstream)} * local derivative {short(self.local)}")
        if self.source is not None:
            notes.append(f"made at {written(self.source)}")
        if len(self.path) > 1:
            notes.append(f"path from the root: {names.route(self.path)}")
        return Sheet(title, notes=notes)

    def _with(self) -> str:
        """The numbers of the operands, non-finite ones first; of constants, which the formula shows, only these."""
        listed: dict[Value, tuple[str, float]] = {}  # by operand, as several may have the same label
        for place, (operand, x) in enumerate(zip(self.node.operands, self.node.inputs), 1):
            if not isinstance(operand, Constant):
                listed[operand] = self.names(operand), x
            elif not math.isfinite(x):
                listed[operand] = f"operand {place}", x
        ordered = sorted(listed.values(), key=lambda pair: math.isfinite(pair[1]))
        texts = [f"{name} = {short(x)}" for name, x in ordered[:_SHOWN]]
        if len(ordered) > _SHOWN:
            texts.append(f"... {len(ordered) - _SHOWN} more")
        return f"   with {', '.join(texts)}" if texts else ""


class AnomalyError(FloatingPointError):
    """An inf or a nan turned up inside `detect_anomaly`.

    Attributes:
        anomaly: what is known about it.
    """

    def __init__(self, anomaly: Anomaly) -> None:
        super().__init__(anomaly.text)
        self.anomaly = anomaly


@explained
def find_anomaly(root: Value, names: Any = None) -> Anomaly | None:
    """The first inf or nan in the forward pass of a graph, else in its backward pass; None if all is finite.

    No gradient changes. The line is known only inside `detect_anomaly`.

    Args:
        root: the last node of the graph.
        names: what the report calls its nodes: a mapping from names to Values, pairs of them, or a module.

    Raises:
        TypeError: `root` is not a Value, or `names` none of these.

    >>> p = Value(0.0, label="p")
    >>> find_anomaly(1 - p.log() * p)
    log gave -inf in the forward pass
      log(p) = -inf   with p = 0
      path from the root: (1 - log(p)*p) -> log(p)*p -> log(p)
    """
    order = topological_order(root)
    for node in order:
        if node._primitive is not None and not math.isfinite(node._z):
            return _in_forward(node, order, names)
    return _in_backward(order, names)


def _in_forward(node: Value, order: list[Value], names: Any) -> Anomaly:
    assert node._primitive is not None  # leaves are given, not computed
    above = {order[-1]: order[-1]}  # the node through which one is reached first
    for parent in reversed(order):
        for operand in parent.operands if parent in above else ():
            above.setdefault(operand, parent)
    path, called = _path(node, above), Names(order, names)
    return Anomaly("forward", node._z, node, node._primitive, None, math.nan, math.nan, path, _source(node), called)


def _in_backward(order: list[Value], names: Any) -> Anomaly | None:
    root = order[-1]
    adjoint = {root: 1.0}
    above = {root: root}
    for node in reversed(order):
        if node._primitive is None or node not in adjoint:
            continue
        upstream = adjoint[node]
        for operand, d in zip(node.operands, flowing_derivatives(node)):
            if d is None:
                continue
            above.setdefault(operand, node)
            adjoint[operand] = adjoint.get(operand, UNREACHED) + upstream * d
            number = adjoint[operand]
            if not math.isfinite(number):
                path = (*_path(node, above), operand)
                source, called = _source(node), Names(order, names)
                return Anomaly("backward", number, node, node._primitive, operand, upstream, d, path, source, called)
    return None


def _path(node: Value, above: dict[Value, Value]) -> tuple[Value, ...]:
    path = [node]
    while above[node] is not node:
        node = above[node]
        path.append(node)
    return tuple(reversed(path))


# ---- inside the context ------------------------------------------------------------------------------------------


class _Detector:
    """Looks at everything that is computed, and remembers which line computed it.

    Lines are kept by `id`, so that graphs can be freed; a new node at the same address brings its own line.
    """

    def __init__(self, names: Any) -> None:
        self.names = names
        self.sources: dict[int, Source] = {}

    def made(self, node: Value) -> None:
        self.sources[id(node)] = users_line()
        if not math.isfinite(node._z):
            raise AnomalyError(_in_forward(node, topological_order(node), self.names))

    def swept(self, root: Value, adjoints: dict[Value, float]) -> None:
        if not all(map(math.isfinite, adjoints.values())):
            anomaly = _in_backward(topological_order(root), self.names)
            if anomaly is not None:  # not just the adjoint of a constant, which is never shown
                raise AnomalyError(anomaly)


def _source(node: Value) -> Source | None:
    watching = observer()
    found = watching.sources.get(id(node)) if isinstance(watching, _Detector) else None
    return found if found is not None and is_users(found[0]) else None  # in a thread there may be none of the user's


class detect_anomaly(OpenedWith):  # noqa: N801  # used as a function, as in PyTorch
    """Raise an error at the first inf or nan, in this thread: when a node gets it, or a gradient in a sweep.

    Inside, each operation also remembers the line of the caller's code that made it, so it runs slower.

    Args:
        names: what the report calls Values: a mapping from names to Values, pairs of them, or a module.

    Raises:
        AnomalyError: a `FloatingPointError`; it names the operation, its operands, the line and the path from the
            root. Gradients are not touched.

    >>> x = Value(0.0, label="x")
    >>> with detect_anomaly():
    ...     (x.sqrt() * 2).backward()
    Traceback (most recent call last):
    ...
    engine.stepping.anomaly.AnomalyError: sqrt gave x the gradient inf in the ...
      sqrt(x) = 0   with x = 0
      upstream 2 * local derivative inf
      made at ...:2: (x.sqrt() * 2).backward()
      path from the root: sqrt(x)*2 -> sqrt(x) -> x
    """

    @explained
    def __init__(self, names: Any = None) -> None:
        if not hasattr(names, "__next__"):  # pairs that can be read once are read for the report
            given_names(names)
        super().__init__(observing, lambda: _Detector(names))
