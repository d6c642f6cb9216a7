"""What `declare` refuses: columns of a primitive that would go wrong later, each named where it is given."""

from __future__ import annotations

import ast
import inspect
import keyword
from collections.abc import Callable, Sequence
from typing import Any

from .interval import Interval
from .numbers import is_number


def check_names(name: Any, aliases: Any, operands: Any, taken: set[str]) -> None:
    """Names are identifiers that Python leaves free, and each one is new.

    Raises:
        TypeError: `aliases` or `operands` are no tuple of names.
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
    if not taken.isdisjoint({name, *aliases}):
        raise ValueError(f"the table already has a primitive named {name!r} or one of {aliases!r}; choose another name")


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
    if keyword.iskeyword(name) or (name.startswith("__") and name.endswith("__")):
        raise ValueError(f"{what} cannot be {name!r}, which means something to Python: choose another name")


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
) -> None:
    """The columns that people read, and that checks and tests compute with.

    Raises:
        TypeError: one is of the wrong kind.
        ValueError: one has the wrong length, or is no expression.
    """
    intervals = (domain,) if isinstance(domain, Interval) else domain
    if not isinstance(intervals, tuple) or not all(isinstance(one, Interval) for one in intervals):
        raise TypeError(
            f"{name}: the domain is an Interval, such as Interval(0, inf), or a tuple of them, got {domain!r}"
        )
    if not intervals or (arity is not None and len(intervals) > arity):
        raise ValueError(f"{name}: {len(intervals)} intervals as the domain of {arity} operands")
    if kink is not None:
        check_rule(f"{name}: kink", kink, ("z", *operands) if arity is not None else ("z", "x", "y"))
    for what, text in (("formula", formula), ("convention", convention)):
        if not isinstance(text, str):
            raise TypeError(f"{name}: the {what} is text, got {text!r}")
    if formula:
        try:
            ast.parse(formula, mode="eval")
        except (SyntaxError, ValueError) as error:
            raise ValueError(f"{name}: the formula is no expression: {formula!r} ({error})") from None
    if not isinstance(defaults, tuple) or not all(is_number(one) and one == one for one in defaults):
        raise TypeError(f"{name}: defaults are a tuple of numbers, none of them nan, got {defaults!r}")
    if len(defaults) > (0 if arity is None else arity - 1):
        raise ValueError(f"{name}: {len(defaults)} defaults leave no operand to give")


def check_rule(what: str, rule: Callable[..., Any], expected: tuple[str, ...]) -> None:
    """A rule can be called with as many arguments as there are.

    Raises:
        TypeError: it cannot.
    """
    if not callable(rule):
        raise TypeError(f"{what} must be callable as rule({', '.join(expected)}), got {rule!r}")
    try:
        inspect.signature(rule).bind(*expected)
    except TypeError:
        raise TypeError(
            f"{what} is called as rule({', '.join(expected)}), the output z first; "
            f"this one takes {inspect.signature(rule)}"
        ) from None
    except ValueError:
        return  # a function of C that does not tell
