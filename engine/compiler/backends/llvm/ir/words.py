"""Records and tables of 64-bit words, by which Python tells native code where things are, and how many."""

from __future__ import annotations

from collections.abc import Sequence

from ....samples.arrays import address, aligned
from .builder import Code


class Record:
    """A record as Python writes and reads it; at first all of its fields are 0.

    Args:
        names: of its fields, in order.

    Attributes:
        address: where it is.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._words, self._places = aligned(len(names), "int64"), {name: k for k, name in enumerate(names)}
        self.address = address(self._words)

    def __getitem__(self, name: str) -> int:
        return int(self._words[self._places[name]])

    def set(self, **fields: int) -> None:
        """Write fields."""
        for name, number in fields.items():
            self._words[self._places[name]] = number


def field_place(code: Code, record: str, names: Sequence[str], name: str) -> str:
    """The address of a field of a record, given the names of all its fields in order."""
    return code.pointer(record, str(names.index(name)), "i64")


def field(code: Code, record: str, names: Sequence[str], name: str, kind: str = "i64") -> str:
    """A field of a record."""
    return code.value(f"load {kind}, ptr {field_place(code, record, names, name)}")


def entry(code: Code, table: str, index: str, kind: str = "i64") -> str:
    """An entry of a table, or several as a vector."""
    return code.value(f"load {kind}, ptr {code.pointer(table, index, 'i64')}, align 8")
