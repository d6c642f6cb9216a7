"""Pure functions, which only compute with their arguments: a schedule that is pure may be evaluated ahead."""

from __future__ import annotations

import dis
from collections.abc import Callable
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from .schedules import FIXED

_PLAIN = frozenset({int, float, bool, str, type(None)})
_COMPUTING = frozenset({"math", "numpy"})
"""Modules whose functions only compute."""
_BUILTINS = {each.__name__: each for each in (abs, bool, divmod, float, int, len, max, min, pow, range, round, sum)}
_READING = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_REACHING = frozenset({"STORE_GLOBAL", "STORE_DEREF", "STORE_ATTR", "DELETE_GLOBAL", "DELETE_DEREF", "IMPORT_NAME"})
"""Instructions that change what is not local to the function, or bring in what was not inspected."""


def is_pure(function: Callable[..., Any]) -> bool:
    """Whether a function is known neither to read what may change nor to change what others read.

    That is known of `nn.schedules`, and of functions that name only numbers, strings, `math`, NumPy, builtins that
    compute, and other such functions.

    >>> is_pure(lambda k: 0.1 / (1 + k))
    True
    >>> rates = [0.1, 0.01]
    >>> is_pure(lambda k: rates[0])
    False
    """
    return type(function) in FIXED or (type(function) is FunctionType and _is_pure(function, set()))


def _is_pure(thing: Any, seen: set[int]) -> bool:
    kind = type(thing)
    if kind is FunctionType:
        if id(thing) in seen:
            return True
        seen.add(id(thing))
        return _computes(thing, seen)
    if kind is ModuleType or kind is BuiltinFunctionType:
        name = thing.__name__ if kind is ModuleType else thing.__module__
        return name in _COMPUTING or _BUILTINS.get(thing.__name__) is thing
    return kind in _PLAIN or any(thing is each for each in _BUILTINS.values())


def _computes(function: FunctionType, seen: set[int]) -> bool:
    code, names = function.__code__, {**_BUILTINS, **function.__globals__}
    steps = [*dis.get_instructions(code)]
    if any(isinstance(part, CodeType) for part in code.co_consts) or any(step.opname in _REACHING for step in steps):
        return False
    named = {step.argval for step in steps if step.opname in _READING}
    read = [names.get(name, ...) for name in named]
    read += [cell.cell_contents for cell in function.__closure__ or ()]
    read += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    inside = {name for thing in read if type(thing) is ModuleType for name in vars(thing)}
    attributes = {step.argval for step in steps if step.opname in _ATTRIBUTES}
    return attributes <= inside and all(_is_pure(thing, seen) for thing in read)
