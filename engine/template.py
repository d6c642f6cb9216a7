"""Native templates: what a primitive computes, as text that every compiler back end can translate.

A template is a Python expression in the operands' names: ``+ - * /``, unary ``-``, comparisons, ``and``, ``or``,
``not``, ``a if c else b``, numbers, ``inf``, ``nan``, and calls of the functions in `INTRINSICS`, which mean what they
mean in C's <math.h>, on IEEE 754 floats (``floordiv`` and ``mod`` are Python's). An n-ary primitive is
written as a fold over `z`, the result so far, and `x`, the next operand; it starts with the first operand.

>>> tree = parse("x if x > 0 else slope * x", ("x", "slope"))
>>> walk(tree, {"x": "%x", "slope": "%s"}, lambda op, *parts: f"({op} {' '.join(map(str, parts))})")
'(select (> %x (number 0.0)) %x (* %s %x))'
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

_UNARY = """fabs floor ceil rint sqrt cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan
            sinh cosh tanh asinh acosh atanh erf erfc"""
_BINARY = "pow hypot atan2 copysign floordiv mod"
INTRINSICS: dict[str, int] = {**dict.fromkeys(_UNARY.split(), 1), **dict.fromkeys(_BINARY.split(), 2)}
"""The functions that a template may call, with the number of their operands."""

_CONSTANTS = {"inf": math.inf, "nan": math.nan}
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


@lru_cache(maxsize=1024)
def parse(text: str, names: tuple[str, ...]) -> ast.expr:
    """The syntax tree of a template that may use these names of operands.

    Raises:
        ValueError: it is not an expression of the template language.

    >>> parse("gamma(x)", ("x",))
    Traceback (most recent call last):
        ...
    ValueError: the native template 'gamma(x)' calls gamma(): only the intrinsics can be called (engine.template)
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"the native template {text!r} is not an expression: {error}") from None
    try:
        walk(tree, dict.fromkeys(names, None), lambda *parts: None)
    except ValueError as error:
        raise ValueError(f"the native template {text!r} {error}") from None
    return tree


def walk(tree: ast.expr, values: Mapping[str, Any], apply: Callable[..., Any]) -> Any:
    """Translate a template, innermost expressions first.

    Args:
        tree: from `parse`.
        values: what stands for each operand.
        apply: called as ``apply(op, *parts)`` with what it has returned for the parts. `op` is one of
            ``+ - * /``, ``neg``, ``< <= > >= == !=``, ``and or not``, ``select`` (condition, then, else), the name of
            an intrinsic, or ``number`` with one float.
    """

    def visit(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int() | float() as number):
                return apply("number", float(number))
            case ast.Name(id=name):
                if name in values:
                    return values[name]
                if name in _CONSTANTS:
                    return apply("number", _CONSTANTS[name])
                raise ValueError(f"has the name {name!r}: the operands are {', '.join(values)}")
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return apply("number", -float(number))
            case ast.UnaryOp(op=ast.USub(), operand=x):
                return apply("neg", visit(x))
            case ast.UnaryOp(op=ast.Not(), operand=x):
                return apply("not", visit(x))
            case ast.BinOp(left=x, op=op, right=y) if type(op) in _ARITHMETIC:
                return apply(_ARITHMETIC[type(op)], visit(x), visit(y))
            case ast.Compare(left=x, ops=[op], comparators=[y]) if type(op) in _COMPARISONS:
                return apply(_COMPARISONS[type(op)], visit(x), visit(y))
            case ast.BoolOp(op=op, values=[first, *others]):
                result = visit(first)
                for other in others:
                    result = apply("and" if isinstance(op, ast.And) else "or", result, visit(other))
                return result
            case ast.IfExp(test=test, body=x, orelse=y):
                return apply("select", visit(test), visit(x), visit(y))
            case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]):
                if name not in INTRINSICS:
                    raise ValueError(f"calls {name}(): only the intrinsics can be called (engine.template)")
                if len(parts) != INTRINSICS[name]:
                    raise ValueError(f"calls {name}() with {len(parts)} operands: it takes {INTRINSICS[name]}")
                return apply(name, *map(visit, parts))
        raise ValueError(f"contains {ast.unparse(node)!r}, which is not part of the template language")

    return visit(tree)
