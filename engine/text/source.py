"""A graph as text: for people, in their names, and as Python to paste.

`expressions` reads what this writes: operators are infix, with no more brackets than needed, by the table's columns;
everything else is a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from ..graph import topological_order
from ..primitive import Primitive
from ..value import Value

SIGN = "-"  # the operator of one operand; in pictures its symbol tells it from a difference
_LONG = 12  # operands that are still written one by one where a list may be shortened
SUM, PRODUCT, NEGATIVE, POWER, ATOM = 1, 2, 3, 4, 5  # how tightly text binds: `Primitive.precedence`, and above

Text = tuple[str, int]
"""An expression, and how tightly its outermost operator binds."""


class _Operator(str):
    """An operator that is set apart by spaces where its operands have some."""

    __slots__ = ()


_OPEN, _CLOSE = _Operator("open"), _Operator("close")  # the two ends of its operation


def write(
    root: Value,
    atom: Callable[[Value], Text | None],
    most: int | None = None,
    bind: Callable[[Value], str | None] = lambda node: None,
    ends: int | None = None,
) -> Text | None:
    """The operation of a node on its operands, these written out in turn.

    Args:
        root: a result.
        atom: the text of a node that is not opened: a leaf, or what has a name; None for one that is.
        most: how many characters it may take.
        bind: a name for a node that is opened (``:=``); None for none.
        ends: how many operands are written at each end of a long list, which is then not valid code; None for all.

    Returns:
        The text; None if it would be longer than `most`.

    >>> import engine
    >>> x, y = Value(2.0, "x"), Value(3.0, "y")
    >>> write(-(x * (x + y)) / y, lambda node: (node.label, ATOM) if node.label else None)
    ('-(x * (x + y)) / y', 2)
    """
    assert root.primitive is not None  # a leaf is written by its name

    def opened(node: Value) -> Text | tuple[Primitive, Sequence[Value], str | None]:
        return atom(node) or (node.primitive, node.operands, bind(node))  # type: ignore[return-value]  # leaves are atoms

    text = _written(root.primitive, root.operands, opened, most, ends)
    return None if text is None else (text, root.primitive.precedence or ATOM)


def call(primitive: Primitive, operands: Sequence[str]) -> str:
    """A primitive applied to operands, as text.

    >>> import engine
    >>> call(engine.mul, ["x", "-2.0"]), call(engine.tanh, ["x"]), call(engine.dot, ["w", "x", "b"])
    ('x*-2.0', 'tanh(x)', 'dot([w], [x], b)')
    """
    text = _written(primitive, operands, lambda written: (written, NEGATIVE if written[0] == SIGN else ATOM))
    assert text is not None  # there is no limit
    return text


def expression(root: Value, names: Mapping[Value, str]) -> str:
    """A graph as one expression in the names of its leaves; other leaves appear as their numbers.

    Shared nodes get a name where they first occur, so that reading it back gives the same graph.

    >>> x, y = Value(2.0), Value(3.0)
    >>> a = x.tanh()
    >>> expression(a * y + a, {x: "x", y: "y"})
    '(n1 := tanh(x)) * y + n1'
    """
    uses = Counter(operand for node in topological_order(root) for operand in node.operands)
    named = dict(names)
    taken = set(named.values())
    fresh = (name for name in map("n{}".format, count(1)) if name not in taken)

    def atom(node: Value) -> Text | None:
        if node in named:
            return named[node], ATOM
        return number(node._z) if node.primitive is None else None

    def bind(node: Value) -> str | None:
        return named.setdefault(node, next(fresh)) if uses[node] > 1 else None

    text = atom(root) or write(root, atom, None, bind)
    assert text is not None  # there is no limit
    return text[0]


def number(x: float) -> Text:
    """A number as code that gives it back to the last bit.

    >>> number(-0.1), number(float("inf"))
    (('-0.1', 3), ('float("inf")', 5))
    """
    text = repr(x)
    if text.lstrip(SIGN) in ("inf", "nan"):
        return f'float("{text}")', ATOM
    return text, NEGATIVE if text[0] == SIGN else ATOM


def bracket(text: str, binds: int, at_least: int) -> str:
    """Text in brackets, unless it binds tightly enough."""
    return text if binds >= at_least else f"({text})"


def _written(
    primitive: Primitive,
    operands: Sequence[Any],
    opened: Callable[[Any], Any],
    most: int | None = None,
    ends: int | None = None,
) -> str | None:
    """Text from left to right, from a stack of what is still to be written: graphs may be too deep for recursion."""
    tokens: list[str] = []
    stack = _parts(primitive, operands, ends)[::-1]
    length = _length(stack)  # of the tokens and the text on the stack: a deep graph is given up before its first leaf
    while stack:
        item = stack.pop()
        if item.__class__ is not tuple:
            tokens.append(item)
            continue
        operand, at_least = item
        found: Any = opened(operand)
        if len(found) == 2:
            text, binds = found
            parts = [bracket(text, binds, at_least)]
        else:
            inner, below, name = found
            parts = _parts(inner, below, ends)
            if name is not None:
                parts = [f"({name} := ", *parts, ")"]
            elif (inner.precedence or ATOM) < at_least:
                parts = ["(", *parts, ")"]
        length += _length(parts)
        if most is not None and length > most:
            return None
        stack += reversed(parts)
    joined = _joined(tokens)
    return joined if most is None or len(joined) <= most else None


def _length(parts: Sequence[Any]) -> int:
    """How many characters of text there are, beside operands that are still to be written."""
    texts = [part for part in parts if part.__class__ is not tuple and part is not _OPEN and part is not _CLOSE]
    return sum(map(len, texts))


def _parts(primitive: Primitive, operands: Sequence[Any], ends: int | None) -> list[Any]:
    """An operation as it is written: text, and pairs of an operand and how tightly it must bind."""
    binds = primitive.precedence
    if binds and primitive.arity == 1:
        return [SIGN, (operands[0], binds)]
    if binds == POWER:  # binds to the right, and looser than a sign there
        return [(operands[0], ATOM), primitive.symbol, (operands[1], NEGATIVE)]
    if binds == SUM:
        return [(operands[0], binds), f" {primitive.symbol} ", (operands[1], binds + 1)]
    if binds:
        return [_OPEN, (operands[0], binds), _Operator(primitive.symbol), (operands[1], binds + 1), _CLOSE]
    arguments = operands if primitive.arguments is None else primitive.arguments(operands)
    return [f"{primitive.name}(", *_listed(arguments, ends), ")"]


def _listed(arguments: Sequence[Any], ends: int | None) -> list[Any]:
    written: list[list[Any]] = [
        [", ", "[", *_listed(argument, ends), "]"] if isinstance(argument, list) else [", ", (argument, 0)]
        for argument in arguments
    ]
    if ends is not None and len(written) > _LONG:
        written[ends:-ends] = [[f", ... {len(written) - 2 * ends:,} more ..."]]
    return [part for parts in written for part in parts][1:]


def _joined(tokens: list[str]) -> str:
    """The text; an operator stands apart where there is a space in its operation."""
    text: list[str] = []
    wide = [False]  # whether there is one, for each operation that is open
    places = [0]  # of their operators
    for token in tokens:
        if token is _OPEN:
            wide.append(False)
            places.append(0)
        elif token is _CLOSE:
            place = places.pop()
            if wide.pop():
                text[place] = f" {text[place]} "
                wide[-1] = True
        else:
            if token.__class__ is _Operator:
                places[-1] = len(text)
            elif " " in token:
                wide[-1] = True
            text.append(token)
    return "".join(text)
