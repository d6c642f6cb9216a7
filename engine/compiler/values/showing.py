"""Shows this thread other numbers in place of those of Values, as if parameters were different."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ...modes import row_reader
from ...process.forking import new_lock
from ...value import Value
from .places import Places

_slot = vars(Value)["_z"]
_shown: ContextVar[Shown | None] = ContextVar("shown", default=None)

ALONE = new_lock()
"""Held as long as accessors replace slots and methods of Value."""


class Shown:
    """Numbers shown in place of those of Values.

    Args:
        values: leaves, in a sequence that stays as it is.
        numbers: as many, in a list or a memoryview.
    """

    def __init__(self, values: Sequence[Value], numbers: Sequence[float]) -> None:
        self._places, self._numbers = Places(values), numbers

    def get(self, value: Value) -> float | None:
        """The number shown for a Value; None if it shows its own."""
        place = self._places.of(value)
        return None if place is None else self._numbers[place]

    def of_row(self, row: Sequence[Any]) -> list[float] | None:
        """The numbers shown for a row of leaves; None if the row is not one of consecutive values."""
        start = self._places.of_row(row)
        return None if start is None else [*self._numbers[start : start + len(row)]]


@contextmanager
def showing(values: Sequence[Value], numbers: Sequence[float]) -> Iterator[None]:
    """Show these numbers; the Values themselves are not written to, and other threads see their own.

    Args:
        values: leaves, in a sequence that stays as it is.
        numbers: as many, in a list or a memoryview.

    >>> w = Value(2.0)
    >>> with showing([w], [-3.0]):
    ...     print((w * w).data)
    9.0
    >>> w.data
    2.0
    """
    with ALONE:
        before = _shown.get()
        try:
            _shown.set(Shown(values, numbers))
            row_reader[0] = _read_row
            setattr(Value, "_z", property(_read, _slot.__set__))  # noqa: B010  # an assignment is an error to mypy
            yield
        finally:
            try:
                _shown.set(before)
                row_reader[0] = None
            finally:  # even if Ctrl-C comes in between
                setattr(Value, "_z", _slot)  # noqa: B010  # as above


def are_shown() -> bool:
    """Whether this thread may be shown other numbers than the Values' own."""
    return _shown.get() is not None


def shown_number(value: Value) -> float | None:
    """The number that this thread is shown in place of a Value's own; None if there is none."""
    numbers = _shown.get()
    return None if numbers is None else numbers.get(value)


def _read(value: Value, shown: Any = _shown.get, own: Any = _slot.__get__) -> float:
    """The number of a Value. What it needs is in defaults, as it is called for each number that is read by itself."""
    numbers = shown()
    number: float | None = None if numbers is None else numbers.get(value)
    return own(value) if number is None else number


def _read_row(row: Sequence[Any]) -> list[float]:
    """The numbers of a row of Values; an AttributeError where a number is among them."""
    numbers = _shown.get()
    found = None if numbers is None else numbers.of_row(row)
    return [value._z for value in row] if found is None else found
