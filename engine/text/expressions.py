"""Expressions as text, such as ``tanh(w*x + b)``, built into a graph from the table: parsed, never executed."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from ..primitive import PRIMITIVES, Primitive
from ..value import Value

_CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class ExpressionError(ValueError):
    """A mistake in an expression; the message shows the place by a caret.

    Attributes:
        problem: what is wrong.
        expression: the text.
        column: where in it, from 0.
    """

    def __init__(self, problem: str, expression: str, column: int) -> None:
        super().__init__(f"{problem}\n  {expression}\n  {' ' * column}^")
        self.problem, self.expression, self.column = problem, expression, column


def parse(expression: str, values: Mapping[str, Value]) -> Any:
    """What an expression comes to: a Value, or a float if it has no names.

    Args:
        expression: Python's operators, numbers, names, pi, e, inf, nan, lists, and calls of primitives.
        values: the Value of each name.

    Raises:
        ExpressionError: it cannot be read, or has what the table does not.

    >>> parse("2*w + relu(x)", {"w": Value(3.0), "x": Value(-1.0)}).data
    6.0
    >>> parse("-pi", {})
    -3.141592653589793
    """
    line = " ".join(expression.split())
    try:
        return _Reader(line, values).scalar(ast.parse(line, mode="eval").body)
    except SyntaxError as error:
        column = min(max((error.offset or 1) - 1, 0), len(line))
        raise ExpressionError(f"this is no expression: {error.msg}", line, column) from None
    except (RecursionError, MemoryError):
        raise ExpressionError("this is nested too deeply: build it in Python", f"{line[:60]} ...", 0) from None


def names_in(expression: str) -> list[str]:
    """The names that an expression needs Values for, in order of appearance; none if it cannot be read.

    >>> names_in("tanh(w*x + b) + w + pi")
    ['w', 'x', 'b']
    """
    try:
        tree = ast.parse(" ".join(expression.split()), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    names.sort(key=lambda node: (node.lineno, node.col_offset))
    return [name for name in dict.fromkeys(node.id for node in names) if name not in _CONSTANTS]


class _Reader:
    """Walks the syntax tree; every kind of node that is not here is refused where it stands."""

    def __init__(self, expression: str, values: Mapping[str, Value]) -> None:
        self.expression, self.values = expression, values

    def scalar(self, node: ast.expr) -> Any:
        """What is a Value or a float here."""
        found = self.read(node)
        if isinstance(found, list):
            raise self.error("a list stands only inside a call, such as sum([a, b])", node)
        return found

    def read(self, node: ast.expr) -> Any:
        """What is a Value, a float, or a list of them."""
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return self.number(node)
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            x, y = self.scalar(node.left), self.scalar(node.right)
            if isinstance(x, Value) or isinstance(y, Value):
                return _BINARY[type(node.op)](x, y)
            return float(_BINARY[type(node.op)](Value(x), y))  # numbers too go by IEEE 754: 1/0 is inf
        if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
            return _UNARY[type(node.op)](self.scalar(node.operand))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
            return float(_COMPARE[type(node.ops[0])](self.scalar(node.left), self.scalar(node.comparators[0])))
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.read(item) for item in node.elts]
        raise self.error("an expression has numbers, names, + - * / // % **, comparisons and calls; not this", node)

    def number(self, node: ast.Constant) -> float:
        try:
            return float(node.value)  # type: ignore[arg-type]  # an int or a float
        except OverflowError:
            raise self.error("this integer is beyond the range of a float (about 1.8e308)", node) from None

    def name(self, node: ast.Name) -> Any:
        if node.id in self.values:
            return self.values[node.id]
        if node.id in _CONSTANTS:
            return _CONSTANTS[node.id]
        if _find(node.id) is not None:
            raise self.error(f"{node.id} is a function: call it, {node.id}(...)", node)
        raise self.error(f"{node.id} has no value: give {node.id}=...", node)

    def call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name):
            raise self.error("only functions of the table can be called, by their names", node.func)
        primitive = _find(node.func.id)
        if primitive is None:
            near = _near(node.func.id)
            raise self.error(f"there is no function {node.func.id}" + (f": did you mean {near}?" if near else ""), node)
        named = {keyword.arg: self.read(keyword.value) for keyword in node.keywords if keyword.arg is not None}
        if len(named) != len(node.keywords):
            raise self.error("** is not for calls of primitives", node)
        operands = [self.read(argument) for argument in node.args]
        try:
            return primitive(*operands, **named)
        except (TypeError, ValueError, IndexError) as error:
            raise self.error(str(error), node) from None

    def error(self, problem: str, node: ast.expr) -> ExpressionError:
        before = self.expression.encode()[: node.col_offset]  # Python counts in bytes
        return ExpressionError(problem, self.expression, len(before.decode()))


def _find(name: str) -> Primitive | None:
    if name in PRIMITIVES:
        return PRIMITIVES[name]
    return next((primitive for primitive in PRIMITIVES.values() if name in primitive.aliases), None)


def _near(name: str) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, PRIMITIVES, n=1)), None)
