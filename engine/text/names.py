"""What people call the nodes of a graph: labels, names from the caller's code, and the expression a node stands for."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from ..numbers import shortened
from ..value import Constant, Value
from .lost import why_not_there
from .sheet import short, words
from .source import ATOM, NEGATIVE, Text, bracket, write

_BRIEF = 24  # characters of an expression that can still stand for its node
_ENDS = 4  # nodes shown at each end of a long path
_LISTED = 2  # operands shown at each end of a long list
_LONGEST = 80  # characters of a label that are shown


# ---- labels ------------------------------------------------------------------------------------------------------


def label(*_unnamed: NoReturn, **values: Any) -> None:
    """Label Values by keyword; those in a list or tuple get the name with their index.

    Args:
        values: the labels, as keywords, with a Value each, or a list or tuple of Values, nested to any depth.

    Raises:
        TypeError: something is neither a Value nor a list of them, or has no keyword.

    >>> a, ws = Value(2.0), [Value(0.5), Value(-1.0)]
    >>> label(a=a, w=ws)
    >>> a.label, ws[1].label
    ('a', 'w[1]')
    """
    if _unnamed:
        raise TypeError("label() takes names as keywords: write label(y=y), or y.label = 'y' for any text")
    found = [pair for name, thing in values.items() for pair in _named(name, thing)]
    for name, thing in found:
        if not isinstance(thing, Value):
            raise TypeError(f"label({name}=...) names a Value or a list of them, got {thing!r}")
    for name, thing in found:
        thing.label = name


def label_locals() -> list[str]:
    """Label each Value in a variable of the caller, or in a list in one, with the variable's name.

    Existing labels stay; variables that start with an underscore are left alone.

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
        if variable.startswith("_"):
            continue
        for name, thing in _named(variable, content):
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
        given: a mapping from names to Values, pairs of them, or a module: anything with ``named_parameters()``.

    Raises:
        TypeError: `given` is none of these.

    >>> from engine import topological_order
    >>> a = Value(2.0, "a")
    >>> root = (a * 3 + 1).tanh()
    >>> names = Names(topological_order(root))
    >>> [names(node) for node in topological_order(root)]
    ['a', '3', 'a*3', '1', 'a*3 + 1', 'tanh(a*3 + 1)']
    """

    hint = "label_locals() names nodes by their variables"  # beside an error about a name that no node has

    def __init__(self, order: Sequence[Value], given: Any = None) -> None:
        self.order = order
        self._position = {node: k for k, node in enumerate(order, 1)}
        self.given = given_names(given)
        self._owners: dict[str, Value] = {}  # by name, so that no name stands for two nodes
        self.shared: set[str] = set()  # labels, as they are shown, that several nodes had when this was made
        for node in order:
            label = words(self.label(node), _LONGEST)
            if label and self._owners.setdefault(label, node) is not node:
                self.shared.add(label)

    def __call__(self, node: Value) -> str:
        """The name of a node, by its labels at the moment."""
        return self._text(node)[0]

    def bracketed(self, node: Value) -> str:
        """The name of a node, bracketed if it is not one word, as in ``dL/d(a*b)``."""
        name = self(node)
        return name if name.isidentifier() else f"({name})"

    def label(self, node: Value) -> str:
        """The node's given name or label, uncut; empty if that is blank."""
        label = self.given.get(node) or node._label or ""
        return "" if words(label, _LONGEST).isspace() else label

    def _text(self, node: Value) -> Text:
        label = self.label(node)
        if label:
            return _as_operand(words(label, _LONGEST))
        if isinstance(node, Constant):
            number = short(node._z)
            return number, NEGATIVE if number[0] == "-" else ATOM
        brief = None if node.primitive is None else write(node, self._unopened, _BRIEF)
        if brief is not None and brief[0] not in self._owners:
            self._give_brief_names()
        if brief is not None and self._owners[brief[0]] is node:
            return brief
        name = f"{'v' if node.primitive is None else node.primitive.name}{self._position[node]}"
        while self._owners.setdefault(name, node) is not node:
            name += "'"
        return name, ATOM

    def _give_brief_names(self) -> None:
        """Let the first node with a brief expression own it: a name is the same node's whatever is asked first."""
        long: set[Value] = set()
        for node in self.order:
            if node.primitive is not None and not self.label(node):
                brief = write(node, self._unopened, _BRIEF) if long.isdisjoint(node.operands) else None
                if brief is None:
                    long.add(node)
                else:
                    self._owners.setdefault(brief[0], node)

    def _unopened(self, node: Value) -> Text | None:
        """The name of a node that is not written out: a leaf, or one that has a given name or label."""
        return self._text(node) if node.primitive is None or self.label(node) else None

    def labelled(self, name: str) -> list[Value]:
        """The nodes with that label, in full or as it is printed."""
        return [node for node in self.order if name in (label := self.label(node), words(label, _LONGEST)) and label]

    def _called(self, name: str) -> list[Value]:
        """The nodes of that name: none, one, or several with the same label."""
        nodes = self.labelled(name)
        if nodes:
            return nodes
        if name not in self._owners:
            for node in self.order:
                self(node)  # brief expressions and numbered nodes get their names
        return [self._owners[name]] if name in self._owners else []

    def find(self, target: Value | str) -> Value:
        """The node that is meant: a node itself, or its name.

        Raises:
            TypeError: `target` is neither a Value nor text.
            ValueError: it is not in the graph, or no node or several have the name.
        """
        if isinstance(target, Value):
            if target not in self._position:
                raise ValueError(f"{target!r} is not in the graph of {self(self.order[-1])}{why_not_there(target)}")
            return target
        if not isinstance(target, str):
            raise TypeError(f"give a node or its label, got {target!r} of type {type(target).__name__}")
        nodes = self._called(target) or self._called(target.replace("\N{LEFT-TO-RIGHT MARK}", ""))  # of a copied name
        shown = words(target, _LONGEST)
        if len(nodes) > 1:
            raise ValueError(f"{len(nodes)} nodes are labelled {shown!r}: pass the node itself, or label them apart")
        if not nodes:
            nodes = [node for node in self.order if not isinstance(node, Constant) or self.label(node)]
            known = list(map(self, sorted(nodes, key=lambda node: not self.label(node))))
            more = f", ... ({len(known)} in all)" if len(known) > 12 else ""
            raise ValueError(f"no node is called {shown!r}; there are {', '.join(known[:12])}{more} ({self.hint})")
        return nodes[0]

    def route(self, nodes: Sequence[Value]) -> str:
        """The names along a path; the middle of a long one is left out, with a count."""
        left_out = max(len(nodes) - 2 * _ENDS, 0)
        shown = nodes if left_out < 2 else (*nodes[:_ENDS], *nodes[-_ENDS:])
        texts = [bracket(text, binds, ATOM if " " in text else 0) for text, binds in map(self._text, shown)]
        if left_out > 1:
            texts.insert(_ENDS, f"... {left_out:,} more ...")
        return " -> ".join(texts)

    def formula(self, node: Value) -> str:
        """One operation, in the names of its operands (the ends of a long list of them); a leaf's name."""
        written = None if node.primitive is None else write(node, self._text, ends=_LISTED)
        return self(node) if written is None else written[0]

    def expression(self, node: Value, most: int = 160) -> str:
        """What the node stands for, down to labelled nodes; the `formula` alone where that takes more than `most`."""
        written = None if node.primitive is None else write(node, self._unopened, most)
        return self.formula(node) if written is None else written[0]

    def __reduce__(self) -> Any:
        """Refuse pickles and deep copies, also of steppers and steps, which have names.

        Raises:
            TypeError: always: of a node that several things refer to, pickle makes several, and names know just one.
        """
        raise TypeError(
            "a stepper, its steps and their names belong to the nodes of one graph, and cannot be pickled or copied: "
            "copy the root, and step through that; str(step) keeps what a step shows"
        )


def _as_operand(name: str) -> Text:
    """A name in a formula: one with operators or spaces outside of brackets is bracketed there, as in (a + b)*c.

    >>> _as_operand("w.0[1]"), _as_operand("a + b"), _as_operand("f(a + b)")
    (('w.0[1]', 5), ('a + b', 0), ('f(a + b)', 5))
    """
    outside = re.sub(r"\([^()]*\)|\[[^][]*\]", "", name)
    return name, 0 if re.search(r"[\s+\-*/%@<>=]", outside) else ATOM


def given_names(given: Any) -> dict[Value, str]:
    """The name of each Value, from what users pass as ``names=``.

    Args:
        given: a mapping from names to Values, pairs of them, a module (anything with ``named_parameters()``), or None.

    Raises:
        TypeError: it is none of these.

    >>> w = Value(0.5)
    >>> given_names({"w": w}) == given_names([("w", w)]) == {w: "w"}
    True
    """
    if given is None:
        return {}
    is_module = hasattr(given, "named_parameters") and not isinstance(given, type)
    found = given.named_parameters() if is_module else given
    try:
        pairs = [(name, value) for name, value in (found.items() if isinstance(found, Mapping) else found)]
    except (TypeError, ValueError):
        pairs = [(None, None)]
    for name, value in pairs:
        if not isinstance(name, str) or not isinstance(value, Value):
            raise TypeError(
                "names= takes a module (anything with named_parameters()), or a mapping from names to Values; got "
                f"{shortened(given)} of type {type(given).__name__}"
            )
    return {value: name for name, value in pairs}
