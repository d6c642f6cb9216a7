"""The places of Values in a long sequence, found at once if asked for in order, as evaluating a network does.

A table of a million Values would take longer to make than all questions, and more memory than their numbers. So the
table holds only what is asked for out of order. Other Values, such as unrecorded results, are seen by their addresses
not to be in the sequence.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from operator import is_
from typing import Any

from ..value import Constant, Value

_MANY = 10_000
"""From this many Values on, a sorted array of addresses takes a quarter of the memory of a table, and half the time."""


class Places:
    """The places of distinct Values, by identity.

    Args:
        values: leaves, in a sequence that stays as it is.

    >>> a, b, c, d = map(Value, range(4))
    >>> places = Places([a, b, c, d])
    >>> places.of(a), places.of_row([b, c]), places.of(d), places.of_row([b, d]), places.of(a + b)
    (0, 1, 3, None, None)
    """

    def __init__(self, values: Sequence[Value]) -> None:
        self._values, self._next = values, 0
        self._table: dict[Value, int] = {}
        self._tabled = len(values)  # from here on the values are in the table

    def of(self, value: Value) -> int | None:
        """The place of a Value; None if it is not in the sequence."""
        place: int | None = self._next
        if place == len(self._values) or self._values[self._next] is not value:
            if value._primitive is not None or value.__class__ is Constant:
                return None
            place = self._table.get(value)
            while place is None and self._tabled and self._has(value):
                self._extend_table()
                place = self._table.get(value)
            if place is None:
                return None
        assert place is not None
        self._next = place + 1
        return place

    def _has(self, value: Value) -> bool:
        """Whether a Value is in the sequence; True also if only the table can tell, as for few Values."""
        addresses, address = self._addresses, id(value)
        if addresses is None:
            return True
        place = bisect_left(addresses, address)
        return place < len(addresses) and addresses[place] == address

    @cached_property
    def _addresses(self) -> memoryview | None:
        """The sorted memory addresses; None for few Values, or without NumPy."""
        if len(self._values) < _MANY:
            return None
        try:
            import numpy as np
        except ImportError:
            return None
        addresses = np.fromiter(map(id, self._values), np.int64, len(self._values))
        addresses.sort(kind="stable")  # quickest for what is nearly in order
        return addresses.data

    def _extend_table(self) -> None:
        """Enter Values that nobody has asked for yet first, since the others are seldom asked for again."""
        start = self._next if self._next < self._tabled else 0
        self._table.update(zip(self._values[start : self._tabled], range(start, self._tabled)))
        self._tabled = start

    def of_row(self, row: Sequence[Any]) -> int | None:
        """The place of the first Value of a row, if the others follow it one by one; otherwise None."""
        start = self.of(row[0])
        if start is not None:
            here = self._values[start : start + len(row)]
            if len(here) < len(row) or not all(map(is_, row, here)):
                return None
            self._next = start + len(row)
        return start
