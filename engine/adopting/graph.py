"""A graph of a micrograd-like engine, read by the attributes that such engines have."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

from ..numbers import is_number
from ..value import Value

OPERANDS = ("_prev", "prev", "_children", "children", "parents", "_parents")
OPERATIONS = ("_op", "op")


class Node:
    """One node of theirs.

    Attributes:
        theirs: the object.
        operands: the nodes it was computed from, in the order listed, and then those of the graph below it that its
            `_backward`, a closure, holds: a sigmoid that is composed of other nodes may pass its gradient past them.
        ordered: whether the list can have a node twice; sets and the keys of dicts cannot.
        operation: what they call it; "" for a leaf, or where they do not say.
        number: its data.
        position: its place in the order, from 1; 0 until what it is computed from has been read.
        constants: numbers that the closure holds besides its own.
        unlisted: nodes that the closure holds and that are not in the graph below it.
    """

    __slots__ = ("constants", "number", "operands", "operation", "ordered", "position", "theirs", "unlisted")

    def __init__(self, theirs: Any) -> None:
        self.theirs, self.position = theirs, 0
        self.constants: tuple[float, ...] = ()
        self.unlisted: list[Any] = []
        self.operands: list[Node] = []
        self.ordered = True
        self.operation = str(next((getattr(theirs, name) for name in OPERATIONS if hasattr(theirs, name)), "") or "")
        self.number = float(theirs.data)

    def again(self, theirs: Any) -> Node:
        """The same operation on the same operands, evaluated once more."""
        node = copy.copy(self)
        node.theirs, node.number = theirs, float(theirs.data)
        return node

    @property
    def line(self) -> str:
        """Where its `_backward` is written, as ``file:line``; "" if it cannot be told."""
        function = getattr(self.theirs, "_backward", None)
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code else ""

    @property
    def closed(self) -> bool:
        """Whether its `_backward` is a closure, which holds the operands, not a method, which reads the list."""
        return bool(getattr(self.theirs._backward, "__closure__", None))

    @property
    def gradient(self) -> float:
        """Its `grad` as it is now: 0 for None.

        Raises:
            TypeError: it is not a real number.
        """
        grad = self.theirs.grad
        if grad is not None and not is_number(grad):
            raise TypeError(f"a gradient became {grad!r}, which is not a real number")
        return float(grad or 0.0)

    @gradient.setter
    def gradient(self, number: float) -> None:
        give_gradient(self.theirs, number)

    @property
    def constant(self) -> bool:
        """Whether it declares, by `requires_grad`, that it gets no gradient."""
        return not getattr(self.theirs, "requires_grad", True)


def give_gradient(theirs: Any, number: float) -> None:
    """Set the gradient of an object of theirs, as an array or a Decimal if its data is one."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(theirs.data, numpy.ndarray):
        theirs.grad = numpy.array(number)
    else:
        theirs.grad = Decimal(number) if isinstance(theirs.data, Decimal) else number


class TheirGraph:
    """All nodes under a root, operands first.

    Attributes:
        nodes: the nodes.
        root: the last of them.
        absent: the names of leaves that are not among them.

    Args:
        root: their result.
        names: what to call some of their objects: a mapping from names to them.

    Raises:
        TypeError: an object lacks an attribute that such engines have, which the message names; or it is a Value.
        ValueError: an object is among what it is computed from.
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
        here = {id(node.theirs) for node in self.nodes}
        self.absent = [
            name
            for name, thing in (names or {}).items()
            if id(thing) not in here and not any(getattr(thing, each, ()) for each in OPERANDS)
        ]

    def label(self, node: Node) -> str:
        """The name given, or their label; empty if there is neither."""
        known = self._names.get(id(node.theirs)) or getattr(node.theirs, "label", None)
        return known if isinstance(known, str) else ""

    def name(self, node: Node) -> str:
        """The label, or the operation and its place in the order."""
        what = node.operation or ("result" if node.operands else "leaf")
        return self.label(node) or f"{what} (node {node.position}, data {node.number:.4g})"

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Afterwards their objects have the attributes that they had, whatever happens inside."""
        objects = {id(each): each for node in self.nodes for each in (node.theirs, *node.unlisted)}
        before = [(each, _attributes(each)) for each in objects.values()]
        try:
            for node in self.nodes:
                for each in node.unlisted:  # these may get gradients all the same, and arrays get them in place
                    give_gradient(each, 0.0)
            yield
        finally:
            try:
                _give_back(before)
            except BaseException:  # Ctrl-C in the middle
                _give_back(before)
                raise


def _attributes(theirs: Any) -> dict[str, Any]:
    """The attributes of an object, in its dict and slots; `data` and `grad` by name, as they may be properties."""
    slots = [name for cls in type(theirs).__mro__ for name in getattr(cls, "__slots__", ())]
    names = ["data", "grad", *(name for name in slots if hasattr(theirs, name) and not name.startswith("__"))]
    return {**getattr(theirs, "__dict__", {}), **{name: getattr(theirs, name) for name in names}}


def _give_back(objects: list[tuple[Any, dict[str, Any]]]) -> None:
    for theirs, attributes in objects:
        for name in getattr(theirs, "__dict__", {}).keys() - attributes.keys():
            delattr(theirs, name)
        for name, was in attributes.items():
            if getattr(theirs, name, ...) is not was:
                setattr(theirs, name, was)


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
            _read(node, attribute, made)
            node.position = len(order) + 1
            order.append(node)
        elif id(theirs) not in made:
            _check(theirs, attribute)
            made[id(theirs)] = Node(theirs)
            stack.append((theirs, True))
            stack += [(operand, False) for operand in reversed(_listed(theirs, attribute)) if id(operand) not in made]
    return order


def _read(node: Node, attribute: str, made: Mapping[int, Node]) -> None:
    """Fill in what a node is computed from, given the nodes made so far by the identity of their objects.

    Raises:
        ValueError: one of its operands has no position yet, so that the node is among what it is computed from.
    """
    theirs = node.theirs
    listed = _listed(theirs, attribute)
    if not all(made[id(operand)].position for operand in listed):
        raise ValueError(
            f"{_what(theirs)} cannot be adopted: that with data {node.number!r} is among what it is computed "
            f"from, by its `{attribute}`: let each operation make a new object, also in += and the like"
        )
    node.operands = [made[id(operand)] for operand in listed]
    node.ordered = not isinstance(getattr(theirs, attribute), (Set, Mapping))
    held = _held(theirs._backward)
    node.constants = tuple([float(x) for x in held if is_number(x) and float(x) != node.number])
    others = [x for x in held if is_node(x) and all(x is not one for one in (theirs, *listed))]
    below = _below(node) if others and listed else {}
    node.operands += [below[id(x)] for x in others if id(x) in below]
    node.unlisted = [x for x in others if id(x) not in below]


def _below(root: Node) -> dict[int, Node]:
    """All nodes that a node is computed from, by the identity of their objects."""
    found: dict[int, Node] = {}
    stack = [*root.operands]
    while stack:
        node = stack.pop()
        if id(node.theirs) not in found:
            found[id(node.theirs)] = node
            stack += node.operands
    return found


def _listed(theirs: Any, attribute: str) -> Sequence[Any]:
    return list(getattr(theirs, attribute) or ())


def _check(theirs: Any, attribute: str) -> None:
    for name in (attribute, "data", "grad", "_backward"):
        if not hasattr(theirs, name):
            raise TypeError(f"{_what(theirs)} cannot be adopted: it has no attribute `{name}`")
    if not is_number(theirs.data):
        raise TypeError(f"{_what(theirs)} cannot be adopted: its `data` is not a real number but {theirs.data!r}")
    if theirs.grad is not None and not is_number(theirs.grad):
        raise TypeError(f"{_what(theirs)} cannot be adopted: its `grad` is not a real number but {theirs.grad!r}")
    if theirs._backward is None and not _listed(theirs, attribute):
        return  # a leaf
    if not callable(theirs._backward):
        raise TypeError(
            f"{_what(theirs)} cannot be adopted: its `_backward` cannot be called, it is {theirs._backward!r} "
            "(store the function, without calling it: out._backward = _backward)"
        )
    needed = _needed(theirs._backward)
    if needed:
        raise TypeError(
            f"{_what(theirs)} cannot be adopted: its `_backward` takes {', '.join(needed)}, and is called without "
            "arguments here: let it read the gradient of its own node"
        )


def _needed(function: Any) -> list[str]:
    """The names of the arguments without a default."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin has no signature
        return []
    free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in parameters if each.default is each.empty and each.kind not in free]


def _held(function: Any) -> list[Any]:
    """What the variables of a closure hold, each once."""
    held: dict[int, Any] = {}
    for cell in getattr(function, "__closure__", None) or ():
        with suppress(ValueError):  # the cell is empty
            held[id(cell.cell_contents)] = cell.cell_contents
    return list(held.values())


def is_node(thing: Any) -> bool:
    """Whether an object has the attributes that all nodes of such engines have."""
    return all(hasattr(thing, name) for name in ("data", "grad", "_backward"))


def _what(theirs: Any) -> str:
    return f"an object of type {type(theirs).__name__}"
