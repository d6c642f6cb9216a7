"""A graph of a micrograd-like engine, read by the attributes that such engines have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..numbers import is_number
from ..value import Value

OPERANDS = ("_prev", "prev", "_children", "children", "parents", "_parents")
OPERATIONS = ("_op", "op")


class Node:
    """One node of theirs.

    Attributes:
        theirs: the object.
        operands: the nodes it was computed from, as they are listed.
        ordered: whether the list tells their order, and one that comes twice; a set does not.
        operation: what they call it; "" for a leaf, or where they do not say.
        number: its data.
    """

    __slots__ = ("number", "operands", "operation", "ordered", "position", "theirs")

    def __init__(self, theirs: Any, position: int) -> None:
        self.theirs, self.position = theirs, position
        self.operands: list[Node] = []
        self.ordered = True
        self.operation = str(next((getattr(theirs, name) for name in OPERATIONS if hasattr(theirs, name)), "") or "")
        self.number = float(theirs.data)

    @property
    def line(self) -> str:
        """Where its `_backward` is written, as ``file:line``; "" if there is no telling."""
        function = getattr(self.theirs, "_backward", None)
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code else ""


class TheirGraph:
    """All nodes under a root, operands first.

    Args:
        root: their result.
        names: what to call some of their objects: a mapping from names to them.

    Raises:
        TypeError: an object lacks an attribute that such engines have; the message names it. Or it is a Value.
    """

    def __init__(self, root: Any, names: Mapping[str, Any] | None = None) -> None:
        if names is not None and not isinstance(names, Mapping):
            raise TypeError(f"names takes a mapping from names to nodes, got {names!r}")
        if isinstance(root, Value):
            raise TypeError(f"{root!r} is a Value of this engine already: its stepper() steps through the graph")
        if not callable(getattr(root, "backward", None)):
            raise TypeError(f"{_what(root)} cannot be adopted: it has no method `backward`")
        self._names = {id(node): name for name, node in (names or {}).items()}
        self.nodes = _ordered(root)
        self.root = self.nodes[-1]

    def name(self, node: Node) -> str:
        """The name given, their label, or the operation and its place in the order."""
        known = self._names.get(id(node.theirs)) or getattr(node.theirs, "label", None)
        if isinstance(known, str) and known:
            return known
        return f"{node.operation or 'leaf'} (node {node.position}, data {node.number:.4g})"

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Afterwards their numbers and gradients are what they were, whatever happens inside."""
        before = [(node.theirs, node.theirs.data, node.theirs.grad) for node in self.nodes]
        try:
            yield
        finally:
            try:
                _give_back(before)
            except BaseException:  # Ctrl-C in the middle
                _give_back(before)
                raise


def _give_back(numbers: list[tuple[Any, Any, Any]]) -> None:
    for theirs, data, grad in numbers:
        if theirs.data is not data:
            theirs.data = data
        if theirs.grad is not grad:
            theirs.grad = grad


def _ordered(root: Any) -> list[Node]:
    """Depth first, without recursion; each node comes once."""
    attribute = next((name for name in OPERANDS if hasattr(root, name)), None)
    if attribute is None:
        raise TypeError(f"{_what(root)} cannot be adopted: it has none of the attributes {', '.join(OPERANDS)}")
    order: list[Node] = []
    made: dict[int, Node] = {}
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        theirs, operands_done = stack.pop()
        if operands_done:
            node = made[id(theirs)]
            listed = _listed(theirs, attribute)
            node.operands = [made[id(operand)] for operand in listed]
            node.ordered = not isinstance(getattr(theirs, attribute), (set, frozenset))
            node.position = len(order) + 1
            order.append(node)
        elif id(theirs) not in made:
            _check(theirs, attribute)
            made[id(theirs)] = Node(theirs, 0)
            stack.append((theirs, True))
            stack += [(operand, False) for operand in reversed(_listed(theirs, attribute)) if id(operand) not in made]
    return order


def _listed(theirs: Any, attribute: str) -> Sequence[Any]:
    return list(getattr(theirs, attribute) or ())


def _check(theirs: Any, attribute: str) -> None:
    for name in (attribute, "data", "grad", "_backward"):
        if not hasattr(theirs, name):
            raise TypeError(f"{_what(theirs)} cannot be adopted: it has no attribute `{name}`")
    if not is_number(theirs.data):
        raise TypeError(f"{_what(theirs)} cannot be adopted: its `data` is no real number but {theirs.data!r}")
    if theirs.grad is not None and not is_number(theirs.grad):
        raise TypeError(f"{_what(theirs)} cannot be adopted: its `grad` is no real number but {theirs.grad!r}")
    if not callable(theirs._backward):
        raise TypeError(f"{_what(theirs)} cannot be adopted: its `_backward` cannot be called")


def _what(theirs: Any) -> str:
    return f"an object of type {type(theirs).__name__}"
