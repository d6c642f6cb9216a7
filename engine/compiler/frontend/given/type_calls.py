"""`type(x)` of a symbol: there is no hook for it, so `type` is replaced in globals while the user's code runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from .rows import Row


class _OfAsking(type):
    """The class of what replaces `type`: it does the same, but refuses the types of symbols in one thread."""

    refuse: Callable[[], NoReturn]
    thread = 0

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        if len(arguments) == 1 and threading.get_ident() == cls.thread and has_symbols(*arguments):
            cls.refuse()
        return type(*arguments, **named)

    def __instancecheck__(cls, thing: Any) -> bool:
        return isinstance(thing, type)

    def __subclasscheck__(cls, kind: Any) -> bool:
        return issubclass(kind, type)


@contextmanager
def types_refused(refuse: Callable[[], NoReturn]) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A context that yields a function to replace `type` in some globals, whose code is then refused types of symbols.

    Other threads that run this code find the replacement too; for them it does the same as `type`.

    Args:
        refuse: raises an error.
    """
    asking = _OfAsking("type", (type,), {"refuse": staticmethod(refuse), "thread": threading.get_ident()})
    changed: list[dict[str, Any]] = []

    def change(names: dict[str, Any]) -> None:
        if "type" not in names:
            changed.append(names)
            names["type"] = asking

    try:
        yield change
    finally:
        for names in changed:
            if names.get("type") is asking:
                del names["type"]


def has_symbols(thing: Any) -> bool:
    """Whether it is a symbol, or a row that holds some."""
    if isinstance(thing, (list, tuple, Row)):
        return any(map(has_symbols, thing))
    return hasattr(type(thing), "__symbolic__")
