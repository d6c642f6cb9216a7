"""What a piece of code names: globals, attributes, imports, strings; and whether it has patterns of sequences."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import chain
from operator import attrgetter, methodcaller
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
from typing import Any

from ..bytecode import has_instruction, nested_code
from ..catching import catches_all

COMPUTING = frozenset(
    {"getattr", "vars", "__dict__", "__globals__", "format", "format_map", "dumps", "attrgetter", "__getattribute__"}
    | {"methodcaller", "getattr_static", "getmembers", "__reduce__", "__reduce_ex__", "__getstate__"}
)
"""Code that names one of these may read what it does not name, or only in a string."""
LISTING = COMPUTING | {"dir", "hasattr", "signature", "getfullargspec", "unwrap"}
"""For code that names one of these, it may matter which attributes there are."""
_CALLED = (BuiltinFunctionType, FunctionType, MethodDescriptorType, WrapperDescriptorType)
_CATCHING = (AttributeError, Exception, BaseException, suppress)
ASKING = frozenset({"hasattr", "getattr", *[kind.__name__ for kind in _CATCHING]})
"""Code that names one of these may find out whether there is an attribute."""
DECIDING = frozenset({"decimal", "Decimal"})
"""For code that names one of these, the context of `decimal` may matter."""


@cache
def names_of(code: CodeType) -> tuple[str, ...]:
    """The globals and attributes that code names, and functions inside it, and strings there if it reads by strings."""
    names: list[str] = []
    for part in nested_code(code):
        own = (*part.co_names, *_names_in_patterns(part))
        names += own
        if catches_all(part):
            names.append(AttributeError.__name__)
        if not COMPUTING.isdisjoint(own):
            names += filter(str.isidentifier, texts_of(part))
    return tuple(dict.fromkeys(names))


def _names_in_patterns(code: CodeType) -> Iterator[str]:
    """The attributes that class patterns name; for positional ones, which the class names, "getattr"."""
    if has_instruction(code, "MATCH_CLASS"):
        for constant in code.co_consts:
            yield from [name for name in constant if isinstance(name, str)] if isinstance(constant, tuple) else ()
        if any(step.opname == "MATCH_CLASS" and step.arg for step in dis.get_instructions(code)):
            yield "getattr"


def reading_name(thing: Any) -> str:
    """The name of a function that reads attributes which no code names, or asks whether there are any; "" for others.

    It is the function's own, whatever the code calls it.
    """
    if type(thing) is MemberDescriptorType:  # of a slot
        return thing.__name__
    known = any(thing is kind for kind in (attrgetter, methodcaller, *_CATCHING)) or type(thing) in _CALLED
    return thing.__name__ if known and thing.__name__ in LISTING | ASKING else ""


@cache
def _imports_of(code: CodeType) -> tuple[str, ...]:
    """The modules that some code, or a function inside it, imports, as it names them."""
    importing = [part for part in nested_code(code) if has_instruction(part, "IMPORT_NAME")]
    steps = chain.from_iterable(map(dis.get_instructions, importing))
    return tuple(dict.fromkeys(str(step.argval) for step in steps if step.opname == "IMPORT_NAME"))


def modules_imported_by(function: FunctionType) -> Iterator[str]:
    """The modules that a function itself imports, under all full names that they may have."""
    package = str(function.__globals__.get("__package__") or "").split(".")
    around = [".".join(package[:k]) for k in range(len(package), 0, -1) if package[0]]
    for name in _imports_of(function.__code__):
        yield from (name, *[f"{outer}.{name}".rstrip(".") for outer in around])


@cache
def has_patterns(code: CodeType) -> bool:
    """Whether some code, or a function inside it, has patterns of sequences."""
    return any(has_instruction(part, "MATCH_SEQUENCE") for part in nested_code(code))


_OF_ARRAYS = frozenset(
    {"dtype", "itemsize", "nbytes", "result_type", "fill", "full_like", "put", "place", "putmask", "put_along_axis"}
    | {"fill_diagonal", "insert", "pad", "piecewise", "vectorize", "flat", "casting"}
)
"""Names and keywords of calls that show the type of an array, or convert what is written to it."""


@cache
def minds_arrays(code: CodeType) -> bool:
    """Whether some code, or a function inside it, may write into an array or ask for the type of its numbers."""
    return any(
        has_instruction(part, "STORE_SUBSCR")
        or not _OF_ARRAYS.isdisjoint(part.co_names)
        or any(isinstance(keywords, tuple) and not _OF_ARRAYS.isdisjoint(keywords) for keywords in part.co_consts)
        for part in nested_code(code)
    )


_CLOCKS = frozenset({"datetime64", "Timestamp", "Period", "to_datetime", "date_range"})
"""What of NumPy and pandas may read the clock, in calls that no profiler sees."""
_NOW = frozenset({"now", "today", "utcnow"})


@cache
def reads_clock(code: CodeType) -> bool:
    """Whether some code, or a function inside it, may read the clock through NumPy or pandas."""
    words = {*names_of(code), *texts_of(code)}
    return not (_CLOCKS.isdisjoint(words) or _NOW.isdisjoint(words))


@cache
def texts_of(code: CodeType) -> tuple[str, ...]:
    """The string constants of some code, and of functions inside it."""
    constants = chain.from_iterable(part.co_consts for part in nested_code(code))
    return tuple(dict.fromkeys(constant for constant in constants if isinstance(constant, str)))
