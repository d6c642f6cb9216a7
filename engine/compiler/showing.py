"""Other numbers than their own, shown to whoever reads Values in this thread: what if parameters were different."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..value import Value
from .forking import new_lock

_slot = vars(Value)["_data"]
_shown: ContextVar[Mapping[Value, float] | None] = ContextVar("shown", default=None)

ALONE = new_lock()
"""Held by who puts accessors in place of the slots and methods of Value, until they are back."""


@contextmanager
def showing(numbers: Mapping[Value, float]) -> Iterator[None]:
    """Show these numbers; the Values themselves are not written to, and other threads see their own.

    >>> w = Value(2.0)
    >>> with showing({w: -3.0}):
    ...     print((w * w).data)
    9.0
    >>> w.data
    2.0
    """
    with ALONE:
        before = _shown.get()
        try:
            _shown.set(numbers)
            setattr(Value, "_data", property(_read, _slot.__set__))  # noqa: B010  # an assignment is an error to mypy
            yield
        finally:
            try:
                _shown.set(before)
            finally:  # Ctrl-C may come in between
                setattr(Value, "_data", _slot)  # noqa: B010  # as above


def are_shown() -> bool:
    """Whether numbers that are read in this thread may be others than the Values' own."""
    return _shown.get() is not None


def shown_number(value: Value) -> float | None:
    """The number that this thread is shown in place of a Value's own; None for none."""
    numbers = _shown.get()
    return None if numbers is None else numbers.get(value)


def _read(value: Value, shown: Any = _shown.get, own: Any = _slot.__get__) -> float:
    """The number of a Value. What it needs are defaults, since it is called for each weight."""
    numbers = shown()
    number: float | None = None if numbers is None else numbers.get(value)
    return own(value) if number is None else number
