"""The places of Values in a long sequence, found at once if asked for in order, as evaluating a network does.

A table of a million Values would take longer to make than all the searches together, and more memory than their
numbers. So the table holds only what is asked for out of order. That other Values, such as unrecorded results, are not
in the sequence is seen by their addresses.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import is_
from typing import Any

from ...value import Constant, Value

_MANY = 10_000
"""From this many Values on, a sorted array of addresses takes a quarter of the memory of a table, and half the time."""


def same_objects(some: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether two sequences hold the same objects, one by one."""
    return some is others or (len(some) == len(others) and all(map(is_, some, others)))


def places_among(values: Sequence[Value], others: Sequence[Value]) -> list[int] | None:
    """The place of each Value among others; None if one of them is not there."""
    place = {value: k for k, value in enumerate(others)}
    found = [place.get(value, -1) for value in values]
    return None if -1 in found else found


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

    def of(self, value: Value) -> int | None:
        """Where it is; None if it is nowhere."""
        place: int | None = self._next
        if place == len(self._values) or self._values[self._next] is not value:
            if value._primitive is not None or value.__class__ is Constant:
                return None
            place = self._table.get(value)
            if place is None:
                place = self._looked_for(value)
        if place is not None:
            self._next = place + 1
        return place

    @cached_property
    def _parts(self) -> list[_Part]:
        """What is not in the table: first the Values that were still to come when one was asked for out of order.

        Those before them are seldom asked for again.
        """
        ahead = self._next
        return [_Part(self._values, ahead, len(self._values)), _Part(self._values, 0, ahead)]

    def _looked_for(self, value: Value) -> int | None:
        """The place of a Value that is not in the table yet; the part that it is in joins the table."""
        for part in [*self._parts]:
            if part.has(value):
                self._parts.remove(part)
                self._table.update(part.table())
                if value in self._table:
                    return self._table[value]
        return None

    def of_row(self, row: Sequence[Any]) -> int | None:
        """The place of the first Value of a row, if the others follow it one by one; otherwise None."""
        start = self.of(row[0])
        if start is not None:
            if not same_objects(row, self._values[start : start + len(row)]):
                return None
            self._next = start + len(row)
        return start


class _Part:
    """The Values from one place to another, which are not in the table yet."""

    def __init__(self, values: Sequence[Value], start: int, stop: int) -> None:
        self._values, self._places = values, range(start, stop)

    def table(self) -> Iterator[tuple[Value, int]]:
        """Each Value with its place."""
        return zip(self._values[self._places.start : self._places.stop], self._places)

    def has(self, value: Value) -> bool:
        """Whether it is one of them; True for a small part, which may as well join the table."""
        addresses, address = self._addresses, id(value)
        if addresses is None:
            return True
        place = bisect_left(addresses, address)
        return place < len(addresses) and addresses[place] == address

    @cached_property
    def _addresses(self) -> memoryview | None:
        """Their addresses in memory, sorted; None if they are few, or NumPy is not installed."""
        if len(self._places) < _MANY:
            return None
        try:
            import numpy as np
        except ImportError:
            return None
        values = self._values[self._places.start : self._places.stop]
        addresses = np.fromiter(map(id, values), np.int64, len(values))
        addresses.sort(kind="stable")  # quickest for what is nearly in order
        return addresses.data
