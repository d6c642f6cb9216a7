"""What people call the nodes of a graph: labels, names from the caller's code, and the expression a node stands for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..value import Constant, Value
from .sheet import short

# How tightly each operator binds.
_OPERATORS = {
    "add": 1,
    "sub": 1,
    "mul": 2,
    "div": 2,
    "floordiv": 2,
    "mod": 2,
    "neg": 3,
    "pow": 4,
}  # how tightly they bind
_NEGATIVE, _ATOM = 3, 5
_BRIEF = 24  # characters of an expression that can still stand for its node
_ENDS = 4  # nodes shown at each end of a long path

Text = tuple[str, int]  # an expression and how tightly its outermost operator binds


# ---- labels ------------------------------------------------------------------------------------------------------


def label(**values: Any) -> None:
    """Label Values by keyword; those in a list or tuple get the name with their index.

    Raises:
        TypeError: something is neither a Value nor a list of them.

    >>> a, ws = Value(2.0), [Value(0.5), Value(-1.0)]
    >>> label(a=a, w=ws)
    >>> a.label, ws[1].label
    ('a', 'w[1]')
    """
    found = [pair for name, thing in values.items() for pair in _named(name, thing)]
    for name, thing in found:
        if not isinstance(thing, Value):
            raise TypeError(f"label({name}=...) names a Value or a list of them, got {thing!r}")
    for name, thing in found:
        thing.label = name


def label_locals() -> list[str]:
    """Label each Value that the caller has in a variable, or in a list in one, with the variable's name.

    A label that is there already stays; variables that start with an underscore are left alone.

    Returns:
        The labels given.

    >>> def model():
    ...     w, x = Value(0.5), Value(2.0)
    ...     label_locals()
    ...     return w * x
    >>> [leaf.label for leaf in model().operands]
    ['w', 'x']
    """
    given = []
    for variable, content in list(sys._getframe(1).f_locals.items()):
        for name, thing in () if variable.startswith("_") else _named(variable, content):
            if isinstance(thing, Value) and thing.label is None and not isinstance(thing, Constant):
                thing.label = name
                given.append(name)
    return given


def _named(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, (list, tuple)):
        for k, item in enumerate(thing):
            yield from _named(f"{name}[{k}]", item)
    else:
        yield name, thing


# ---- names of the nodes of one graph -----------------------------------------------------------------------------


class Names:
    """What each node of a graph is called where people read it.

    In this order: the name given here, the label, the number of a constant, the expression if it is brief and
    stands for no other node, else the operation (of a leaf ``v``) and the position in topological order.

    Args:
        order: the nodes in topological order.
        given: a mapping from names to Values, or a module: anything with ``named_parameters()``.

    >>> from engine import topological_order
    >>> a = Value(2.0, "a")
    >>> root = (a * 3 + 1).tanh()
    >>> names = Names(topological_order(root))
    >>> [names(node) for node in topological_order(root)]
    ['a', '3', 'a*3', '1', 'a*3 + 1', 'tanh(a*3 + 1)']
    """

    def __init__(self, order: Sequence[Value], given: Any = None) -> None:
        self._order = order
        self._position = {node: k for k, node in enumerate(order, 1)}
        self._given = {node: name for name, node in _pairs(given) if node in self._position}
        self._owners: dict[str, Value] = {}  # of every name so far, so that none stands for two nodes
        for node in order:
            label = self._label(node)
            if label:
                self._owners.setdefault(label, node)

    def __call__(self, node: Value) -> str:
        """The name of a node, by the labels of the moment."""
        return self._text(node)[0]

    def bracketed(self, node: Value) -> str:
        """The name of a node for what stands close to others, as in ``dL/d(a*b)``."""
        name = self(node)
        return name if name.isidentifier() else f"({name})"

    def _label(self, node: Value) -> str | None:
        return self._given.get(node) or node._label

    def _text(self, node: Value) -> Text:
        label = self._label(node)
        if label:
            return label, _ATOM
        if isinstance(node, Constant):
            return short(node._data), _NEGATIVE if node._data < 0 else _ATOM
        brief = None if node.primitive is None else self._write(node, _BRIEF)
        if brief is not None and self._owners.setdefault(brief[0], node) is node:
            return brief
        name = f"{'v' if node.primitive is None else node.primitive.name}{self._position[node]}"
        while self._owners.setdefault(name, node) is not node:
            name += "'"
        return name, _ATOM

    def labelled(self, name: str) -> list[Value]:
        """The nodes with that label."""
        return [node for node in self._order if self._label(node) == name]

    def _called(self, name: str) -> list[Value]:
        """The nodes of that name: none, one, or several with the same label."""
        nodes = self.labelled(name)
        if nodes:
            return nodes
        for node in self._order if name not in self._owners else ():
            self(node)  # brief expressions and numbered nodes get their names
        return [self._owners[name]] if name in self._owners else []

    def find(self, target: Value | str) -> Value:
        """The node that is meant, by itself or by its name.

        Raises:
            TypeError: `target` is neither a Value nor text.
            ValueError: it is not in the graph, or no node or several have the name.
        """
        if isinstance(target, Value):
            if target not in self._position:
                raise ValueError(f"{target!r} is not in the graph of {self(self._order[-1])}")
            return target
        if not isinstance(target, str):
            raise TypeError(
                f"a node is named by itself or by its label, got {target!r} of type {type(target).__name__}"
            )
        nodes = self._called(target)
        if len(nodes) > 1:
            raise ValueError(f"{len(nodes)} nodes are labelled {target!r}: pass the node itself, or label them apart")
        if not nodes:
            known = list(self._owners)
            more = f", ... ({len(known)} in all)" if len(known) > 12 else ""
            raise ValueError(
                f"no node is called {target!r}; there are {', '.join(known[:12])}{more} "
                "(label_locals() names nodes by their variables)"
            )
        return nodes[0]

    def route(self, nodes: Sequence[Value]) -> str:
        """The names along a path; the middle of a long one is left out, with a count."""
        left_out = max(len(nodes) - 2 * _ENDS, 0)
        shown = nodes if left_out < 2 else (*nodes[:_ENDS], *nodes[-_ENDS:])
        texts = [_bracket(text, binds, _ATOM if " " in text else 0) for text, binds in map(self._text, shown)]
        if left_out > 1:
            texts.insert(_ENDS, f"... {left_out:,} more ...")
        return " -> ".join(texts)

    def formula(self, node: Value) -> str:
        """One operation, in the names of its operands; of a leaf its name."""
        if node.primitive is None:
            return self(node)
        return _join(node, [self._text(operand) for operand in node.operands])[0]

    def expression(self, node: Value, most: int = 160) -> str:
        """What the node stands for, down to labelled nodes; the `formula` alone where that takes more than `most`."""
        written = self._write(node, most)
        return self.formula(node) if written is None else written[0]

    def _write(self, node: Value, most: int) -> Text | None:
        """The expression of a node, labelled or not; None if it is longer. Each level takes a character or more."""
        if node.primitive is None:
            return self._text(node)
        parts = []
        left = most
        for operand in node.operands:
            part = self._text(operand) if self._label(operand) else self._write(operand, left - 1) if left > 0 else None
            if part is None:
                return None
            left -= len(part[0])
            parts.append(part)
        written = _join(node, parts)
        return written if len(written[0]) <= most else None


def _pairs(given: Any) -> list[tuple[str, Value]]:
    if given is None:
        return []
    if hasattr(given, "named_parameters"):
        return list(given.named_parameters())
    if isinstance(given, Mapping):
        return list(given.items())
    raise TypeError(f"names takes a mapping from names to Values or a module with named_parameters(), got {given!r}")


def _join(node: Value, parts: list[Text]) -> Text:
    """An operation on operands that are written already, with the brackets it needs."""
    primitive = node.primitive
    assert primitive is not None  # leaves are written by their names
    binds = _OPERATORS.get(primitive.name)
    if binds is None:
        texts = [text for text, _ in parts]
        if primitive.name == "dot":  # two lists and a bias, as it was called
            n = len(texts) // 2
            texts = [f"[{', '.join(texts[:n])}]", f"[{', '.join(texts[n : 2 * n])}]", *texts[2 * n :]]
        return f"{primitive.name}({', '.join(texts)})", _ATOM
    if len(parts) == 1:
        return f"-{_bracket(*parts[0], binds)}", binds
    if primitive.name == "pow":  # binds to the right
        return f"{_bracket(*parts[0], _ATOM)}**{_bracket(*parts[1], 3)}", binds
    x, y = _bracket(*parts[0], binds), _bracket(*parts[1], binds + 1)
    gap = " " if binds == 1 or " " in x + y else ""
    return f"{x}{gap}{primitive.symbol}{gap}{y}", binds


def _bracket(text: str, binds: int, at_least: int) -> str:
    return text if binds >= at_least else f"({text})"
