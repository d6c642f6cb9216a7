"""A graph as one Python expression, to paste: shared nodes get a name where they first occur."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..graph import topological_order
from ..primitive import Primitive
from ..value import Value

_INFIX = {"add", "sub", "mul", "div", "pow", "floordiv", "mod"}


def call(primitive: Primitive, operands: Sequence[str]) -> str:
    """How applying a primitive to operands is written.

    >>> import engine
    >>> call(engine.mul, ["x", "-2.0"]), call(engine.tanh, ["x"]), call(engine.dot, ["w", "x", "b"])
    ('(x * (-2.0))', 'tanh(x)', 'dot([w], [x], b)')
    """
    return "".join(map(str, _parts(primitive, list(operands))))


def expression(root: Value, names: Mapping[Value, str]) -> str:
    """A graph as one expression in the names of its leaves; other leaves appear as their numbers.

    >>> x, y = Value(2.0), Value(3.0)
    >>> a = x.tanh()
    >>> expression(a * y + a, {x: "x", y: "y"})
    '(((n1 := tanh(x)) * y) + n1)'
    """
    uses = Counter(operand for node in topological_order(root) for operand in node.operands)
    named = dict(names)
    text: list[str] = []
    stack: list[Any] = [root]
    fresh = 0
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            text.append(item)
        elif item in named:
            text.append(named[item])
        elif item.primitive is None:
            text.append(_number(item.data))
        else:
            parts = _parts(item.primitive, list(item.operands))
            if uses[item] > 1:
                fresh += 1
                named[item] = f"n{fresh}"
                parts = [f"({named[item]} := ", *parts, ")"]
            stack.extend(reversed(parts))
    return "".join(text)


def _number(number: float) -> str:
    """A number as code that gives it."""
    text = repr(number)
    if text.lstrip("-") in ("inf", "nan"):
        return f'float("{text}")'
    return f"({text})" if text.startswith("-") else text


def _parts(primitive: Primitive, operands: list[Any]) -> list[Any]:
    """Text and operands in the order in which they are written."""
    operands = [f"({o})" if isinstance(o, str) and o.startswith("-") else o for o in operands]
    name = primitive.name
    if name in _INFIX:
        return ["(", operands[0], f" {primitive.symbol} ", operands[1], ")"]
    if name == "neg":
        return ["(-", operands[0], ")"]
    if name == "dot":
        half = len(operands) // 2
        lists = ["[", *_listed(operands[:half]), "], [", *_listed(operands[half : 2 * half]), "]"]
        bias = [", ", operands[-1]] if len(operands) % 2 else []
        return ["dot(", *lists, *bias, ")"]
    if name == "take":
        return ["take(", operands[0], ", [", *_listed(operands[1:]), "])"]
    if primitive.arity is None:
        return [f"{name}([", *_listed(operands), "])"]
    return [f"{name}(", *_listed(operands), ")"]


def _listed(operands: Sequence[Any]) -> list[Any]:
    return [part for operand in operands for part in (", ", operand)][1:]
