"""Checks of what `declare` is given: a column that would go wrong later is refused by its name."""

from __future__ import annotations

import ast
import dis
import inspect
import keyword
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import FunctionType
from typing import Any

from .interval import Interval
from .numbers import is_number

_OPERATORS = {
    1: {"neg": ("-", 3), **dict.fromkeys(("abs", "invert", "floor", "ceil", "trunc"), ("", 0))},
    2: {
        **{"add": ("+", 1), "sub": ("-", 1), "mul": ("*", 2), "truediv": ("/", 2), "floordiv": ("//", 2)},
        **{"mod": ("%", 2), "matmul": ("@", 2), "pow": ("**", 4)},
        **dict.fromkeys(("lshift", "rshift", "and", "or", "xor"), ("", 0)),  # bind looser than sums
    },
}
"""Python's operators of one and of two operands: how each is written, and how tightly it binds where text has it."""


def check_names(name: Any, aliases: Any, operands: Any, taken: set[str]) -> None:
    """Names are identifiers that Python leaves free, and each one is new.

    Raises:
        TypeError: `aliases` or `operands` are not a tuple of names.
        ValueError: a name cannot be one, or is taken.
    """
    _check_name("a primitive's name", name)
    for what, names in ((f"{name}: aliases", aliases), (f"{name}: operands", operands or ())):
        if isinstance(names, str) or not isinstance(names, Sequence):
            raise TypeError(f"{what} are a tuple of names, such as ('x',), got {names!r}")
        for one in names:
            _check_name(what, one)
        if len(set(names)) != len(names):
            raise ValueError(f"{what} must differ, got {names!r}")
    if name in aliases:
        raise ValueError(f"{name}: aliases are other names, got {aliases!r}")
    for one in (name, *aliases):
        if one in taken:
            raise ValueError(f"the table already has a primitive named {one!r}; choose another name")


def check_count(name: str, operands: Sequence[str] | None, arity: int | None) -> None:
    """As many operands are named as there are rules.

    Raises:
        ValueError: there are more or fewer; or no rule at all.
    """
    if arity == 0:
        raise ValueError(f"{name}: give one local derivative per operand")
    if arity is not None and operands and len(operands) != arity:
        raise ValueError(f"{name}: {len(operands)} operands are named, and there are {arity} local derivatives")


def _check_name(what: str, name: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"{what} must be a Python identifier, got {name!r}")
    if unicodedata.normalize("NFKC", name) != name:
        raise ValueError(
            f"{what} cannot be {name!r}: in a program Python reads {unicodedata.normalize('NFKC', name)!r}"
        )
    if keyword.iskeyword(name) or (name.startswith("__") and name.endswith("__")):
        raise ValueError(f"{what} cannot be {name!r}, which means something to Python: choose another name")


def check_operator(name: str, arity: int | None, symbol: Any, dunder: Any, precedence: Any, taken: set[str]) -> None:
    """An operator is one of Python's that no other primitive has, and is written as Python reads it.

    Raises:
        TypeError: a column is of the wrong kind.
        ValueError: Python has no such operator of that many operands, gives it another precedence, or it is taken.
    """
    for what, text in (("symbol", symbol or ""), ("dunder", dunder)):
        if not isinstance(text, str):
            raise TypeError(f"{name}: the {what} is text, got {text!r}")
    if type(precedence) is not int:
        raise TypeError(f"{name}: precedence is a whole number, got {precedence!r}")
    if not dunder:
        if precedence:
            raise ValueError(f"{name}: without a dunder it is written as a call, whose precedence is 0")
        return
    known = _OPERATORS.get(arity or 0, {})
    if dunder not in known:
        raise ValueError(f"{name}: Python's operators of {arity} operands are {', '.join(known)}; got {dunder!r}")
    if dunder in taken:
        raise ValueError(f"another primitive is the operator {dunder!r}: choose another one, or none")
    written, binds = known[dunder]
    if precedence not in (0, binds) or (precedence and arity == 2 and symbol != written):
        raise ValueError(
            f"{name}: Python would read it otherwise: give precedence=0, to have it written as a call"
            + (f", or symbol={written!r} and precedence={binds}" if binds else "")
        )


def check_columns(
    name: str,
    operands: Sequence[str],
    arity: int | None,
    *,
    formula: Any,
    domain: Any,
    kink: Any,
    convention: Any,
    defaults: Any,
    arrange: Any,
    arguments: Any,
    method: Any,
    native: Any,
) -> None:
    """The columns that people read, and that checks and tests compute with.

    Raises:
        TypeError: one is of the wrong kind.
        ValueError: one has the wrong length, or is not an expression.
    """
    _check_domain(name, domain, arity)
    if kink is not None:
        check_rule(f"{name}: kink", kink, ("z", *operands) if arity is not None else ("z", "x", "y"))
    for what, text in (("formula", formula), ("convention", convention)):
        if not isinstance(text, str):
            raise TypeError(f"{name}: the {what} is text, got {text!r}")
    if formula:
        _check_expression(name, formula)
    _check_defaults(name, defaults, arity)
    for what, function in (("arrange", arrange), ("arguments", arguments)):
        if function is not None and (arity is not None or not callable(function)):
            raise TypeError(
                f"{name}: {what} is a function, for primitives of any number of operands only, got {function!r}"
            )
    if not isinstance(method, bool):
        raise TypeError(f"{name}: method is True or False, got {method!r}")
    if native is not None and not isinstance(native, str) and not callable(native):
        raise TypeError(f"{name}: native is a template or a function, got {native!r}")


def _check_domain(name: str, domain: Any, arity: int | None) -> None:
    intervals = (domain,) if isinstance(domain, Interval) else domain
    if not isinstance(intervals, tuple) or not all(isinstance(one, Interval) for one in intervals):
        raise TypeError(
            f"{name}: the domain is an Interval, such as Interval(0, inf), or a tuple of them, got {domain!r}"
        )
    if not intervals or (arity is not None and len(intervals) > arity):
        raise ValueError(f"{name}: {len(intervals)} intervals as the domain of {arity} operands")


def _check_expression(name: str, formula: str) -> None:
    try:
        ast.parse(formula, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{name}: the formula is not an expression: {formula!r} ({error})") from None


def _check_defaults(name: str, defaults: Any, arity: int | None) -> None:
    if not isinstance(defaults, tuple) or not all(is_number(one) and one == one for one in defaults):
        raise TypeError(f"{name}: defaults are a tuple of numbers, none of them nan, got {defaults!r}")
    if len(defaults) > (0 if arity is None else arity - 1):
        raise ValueError(f"{name}: {len(defaults)} defaults leave no operand to give")


def check_rule(what: str, rule: Callable[..., Any], expected: tuple[str, ...], call: str = "rule") -> None:
    """A function can be called with the expected arguments, and a rule returns something.

    Raises:
        TypeError: it cannot, or does not: None would stand for an operand that was not selected.
    """
    written = f"{call}({', '.join(expected)})"
    if not callable(rule):
        raise TypeError(f"{what} must be callable as {written}, got {rule!r}")
    if expected[0] == "z" and isinstance(rule, FunctionType) and _returns_nothing(rule):
        raise TypeError(f"{what}: {rule.__name__} has no `return` with a value")
    if isinstance(rule, FunctionType) and (rule.__code__.co_argcount, rule.__code__.co_kwonlyargcount) == (
        len(expected),
        0,
    ):
        return  # as nearly all are: the signature takes fifty times as long, and the table has more than a hundred
    try:
        inspect.signature(rule).bind(*expected)
    except TypeError:
        first = ", the output z first" if expected[0] == "z" else ""
        raise TypeError(f"{what} is called as {written}{first}; this one takes {inspect.signature(rule)}") from None
    except ValueError:
        return  # a C function without a signature


def _returns_nothing(function: FunctionType) -> bool:
    """Whether all that it returns is None, as where the `return` was forgotten, which no lambda can.

    >>> def slope(z, x):
    ...     2 * x
    >>> _returns_nothing(slope), _returns_nothing(lambda z, x: None)
    (True, False)
    """
    if function.__name__ == "<lambda>":
        return False
    nothing = []
    for before, step in pairwise(dis.get_instructions(function)):
        if step.opname == "RETURN_CONST":
            nothing.append(step.argval is None)
        elif step.opname == "RETURN_VALUE":  # a jump to it, as in `x or None`, brings other values
            nothing.append((before.opname, before.argval, step.is_jump_target) == ("LOAD_CONST", None, False))
    return bool(nothing) and all(nothing)
