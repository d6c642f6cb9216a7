"""Expressions as text, such as ``tanh(w*x + b)``, built into a graph from the table: parsed, never executed."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast
from unicodedata import normalize

from ..primitive import PRIMITIVES, Primitive
from ..value import Value
from .sheet import display_width
from .source import SIGN

CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}

# Names from elsewhere, and what to write here.
_ELSEWHERE = {
    "ln": "log",
    "lg": "log10",
    "ld": "log2",
    "max": "maximum",
    "min": "minimum",
    "power": "pow",
    "sgn": "sign",
    "logistic": "sigmoid",
    "expit": "sigmoid",
    "swish": "silu",
    "norm": "hypot",
    "avg": "mean",
}
_OTHERWISE: dict[type[ast.AST], str] = {
    ast.IfExp: "x if condition else y is written where(condition, x, y)",
    ast.BoolOp: "conditions cannot be joined here: write where(condition, x, y), one inside another",
    ast.BitXor: "a power is written with **, such as x**2",
    ast.MatMult: "a product of lists is written dot([...], [...])",
}
_SIGNS = {"|": "abs(x)", "²": "x**2", "³": "x**3", "√": "sqrt(x)", "·": "x*y", "×": "x*y", "÷": "x/y", "−": "x - y"}
_NO_STAR = re.compile(r"(?<![\w.])(\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?|\.\d+|\))\s*([^\W\d]\w*|\()")


@cache
def _syntax(written: str) -> type[ast.AST]:
    """What Python's parser makes of an operator."""
    expression = ast.parse(written, mode="eval").body
    return type(cast("ast.BinOp | ast.UnaryOp", expression).op)


def _operators() -> dict[type[ast.AST], Primitive]:
    """The infix operators and the sign, by Python's syntax, from the columns of the table."""
    infix = [p for p in PRIMITIVES.values() if p.precedence]
    return {_syntax(f"{SIGN}x" if p.arity == 1 else f"x {p.symbol} y"): p for p in infix}


class ExpressionError(ValueError):
    """A mistake in an expression; the message shows the place by a caret.

    Attributes:
        problem: what is wrong.
        expression: the text.
        column: where in it, from 0.
    """

    def __init__(self, problem: str, expression: str, column: int) -> None:
        super().__init__(f"{problem}\n  {expression}\n  {' ' * display_width(expression[:column])}^")
        self.problem, self.expression, self.column = problem, expression, column


def parse(expression: str, values: Mapping[str, Value]) -> Any:
    """The result of an expression: a Value, or a float if it has no names.

    Args:
        expression: Python's operators, numbers, names, pi, e, inf, nan, lists, calls of primitives, and
            ``(n := ...)`` to name what is used again later.
        values: the Value of each name; a name may have an index, such as ``w[0]``.

    Raises:
        ExpressionError: it cannot be read, or uses what the table does not have.

    >>> parse("2*w + relu(x)", {"w": Value(3.0), "x": Value(-1.0)}).data
    6.0
    >>> parse("-pi", {})
    -3.141592653589793
    """
    line = " ".join(expression.split())
    try:
        line.encode()
    except UnicodeEncodeError as error:
        raise ExpressionError("this is not a character", line, error.start) from None
    try:
        return _Reader(line, values).scalar(ast.parse(line, mode="eval").body)
    except SyntaxError as error:
        column = min(max((error.offset or 1) - 1, 0), len(line))
        missing = _NO_STAR.search(line)
        if missing is not None and missing.start() <= column <= missing.end() + 1:
            factors = " * ".join(missing.groups())
            raise ExpressionError(f"a product is written with *: {factors}", line, missing.start()) from None
        sign = next((sign for sign in line if sign in _SIGNS), None)
        remedy = f"for {sign} write {_SIGNS[sign]}" if sign is not None else error.msg
        raise ExpressionError(f"this is not an expression: {remedy}", line, column) from None
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
    return [name for name in dict.fromkeys(node.id for node in names) if name not in CONSTANTS]


class _Reader:
    """Walks the syntax tree; any kind of node that is not handled here is refused, with its place."""

    def __init__(self, expression: str, values: Mapping[str, Value]) -> None:
        self.expression = expression
        self.values: dict[str, Any] = {normalize("NFKC", name): value for name, value in values.items()}
        self.operators = _operators()

    def scalar(self, node: ast.expr) -> Any:
        """A node that must be a Value or a float."""
        found = self.read(node)
        if isinstance(found, list):
            raise self.error("a list can only stand inside a call, such as sum([a, b])", node)
        return found

    def read(self, node: ast.expr) -> Any:
        """A node as a Value, a float, or a list of these."""
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return self.number(node)
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.BinOp) and type(node.op) in self.operators:
            return self.operators[type(node.op)](self.scalar(node.left), self.scalar(node.right))
        if isinstance(node, ast.UnaryOp) and type(node.op) in self.operators:
            return self.operators[type(node.op)](self.scalar(node.operand))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
            return self.scalar(node.operand)
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
            return float(_COMPARE[type(node.ops[0])](self.scalar(node.left), self.scalar(node.comparators[0])))
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.read(item) for item in node.elts]
        if isinstance(node, ast.NamedExpr):
            return self.bind(node)
        if isinstance(node, (ast.Subscript, ast.Attribute)) and ast.unparse(node) in self.values:
            return self.values[ast.unparse(node)]  # w[0], as label() names what is in lists
        kind = type(node.op) if isinstance(node, ast.BinOp) else type(node)
        allowed = "an expression has numbers, names, + - * / // % **, comparisons and calls; not this"
        raise self.error(_OTHERWISE.get(kind, allowed), node, self.operator(node))

    def number(self, node: ast.Constant) -> float:
        try:
            return float(node.value)  # type: ignore[arg-type]  # an int or a float
        except OverflowError:
            raise self.error("this integer is beyond the range of a float (about 1.8e308)", node) from None

    def name(self, node: ast.Name) -> Any:
        if node.id in self.values:
            return self.values[node.id]
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        if _find(node.id) is not None:
            raise self.error(f"{node.id} is a function: call it, {node.id}(...)", node)
        raise self.error(f"{node.id} has no value: give {node.id}=...", node)

    def bind(self, node: ast.NamedExpr) -> Any:
        name = node.target.id
        if name in self.values or name in CONSTANTS:
            raise self.error(f"{name} has a value already: choose another name", node)
        self.values[name] = found = self.scalar(node.value)
        return found

    def call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Constant) or (isinstance(node.func, ast.Name) and node.func.id in self.values):
            raise self.error("only functions of the table can be called: a product is written with *", node.func)
        if isinstance(node.func, ast.Attribute) and _find(node.func.attr) is not None:
            raise self.error(f"only functions of the table can be called: write {node.func.attr}(...)", node.func)
        if not isinstance(node.func, ast.Name):
            raise self.error("only functions of the table can be called, by their names", node.func)
        if node.func.id == "float":
            return self.written_number(node)
        primitive = _find(node.func.id)
        if primitive is None:
            near = _near(node.func.id)
            raise self.error(f"there is no function {node.func.id}" + (f": did you mean {near}?" if near else ""), node)
        named = {keyword.arg: self.read(keyword.value) for keyword in node.keywords if keyword.arg is not None}
        if len(named) != len(node.keywords):
            raise self.error("** cannot be used in calls of primitives", node)
        operands = [self.read(argument) for argument in node.args]
        try:
            return primitive(*operands, **named)
        except (TypeError, ValueError, IndexError) as error:
            raise self.error(str(error), node) from None

    def written_number(self, node: ast.Call) -> float:
        """``float("nan")``, as Python has it."""
        text = node.args[0].value if len(node.args) == 1 and isinstance(node.args[0], ast.Constant) else None
        if not isinstance(text, str) or text.lstrip(SIGN) not in ("inf", "nan"):
            raise self.error(
                'float() can only be float("inf") or float("nan") here: of anything else it would drop the graph', node
            )
        return float(text)

    def operator(self, node: ast.expr) -> int | None:
        """Where the operator of two operands stands; None for other nodes."""
        if not isinstance(node, ast.BinOp):
            return None
        end = node.left.end_col_offset or 0
        between = self.expression.encode()[end : node.right.col_offset]
        return end + len(between) - len(between.lstrip(b" )"))

    def error(self, problem: str, node: ast.expr, at: int | None = None) -> ExpressionError:
        before = self.expression.encode()[: node.col_offset if at is None else at]  # Python counts in bytes
        return ExpressionError(problem, self.expression, len(before.decode()))


def _find(name: str) -> Primitive | None:
    return next((primitive for primitive in PRIMITIVES.values() if name in primitive.names), None)


def _near(name: str) -> str | None:
    from difflib import get_close_matches

    return _ELSEWHERE.get(name) or next(iter(get_close_matches(name, PRIMITIVES, n=1)), None)
