"""Records and tables of 64-bit words, by which Python tells native code where things are, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....samples.memory import address, aligned
from .builder import Code

if TYPE_CHECKING:
    from numpy.typing import NDArray

Layout = Mapping[str, str]
"""The fields of a record in order, each with LLVM's type of what it holds, such as "ptr" for an address."""


class Record:
    """A record as Python writes and reads it; at first all of its fields are 0.

    Args:
        layout: its fields.
        words: the memory that it takes, int64; None for memory of its own.

    Attributes:
        words: that memory.
        address: where it is.
    """

    def __init__(self, layout: Layout, words: NDArray[Any] | None = None) -> None:
        self.words: NDArray[Any] = aligned(len(layout), "int64") if words is None else words
        self.address, self._places = address(self.words), {name: k for k, name in enumerate(layout)}

    def __getitem__(self, name: str) -> int:
        return int(self.words[self._places[name]])

    def set(self, **fields: int) -> None:
        """Write fields."""
        for name, number in fields.items():
            self.words[self._places[name]] = number


def field_place(code: Code, record: str, layout: Layout, name: str) -> str:
    """The address of a field of a record."""
    return code.pointer(record, str([*layout].index(name)), "i64")


def field(code: Code, record: str, layout: Layout, name: str, kind: str = "") -> str:
    """A field of a record, as what it holds; or as another type of LLVM's."""
    return code.value(f"load {kind or layout[name]}, ptr {field_place(code, record, layout, name)}")


def entry(code: Code, table: str, index: str, kind: str = "i64") -> str:
    """An entry of a table, or several as a vector."""
    return code.value(f"load {kind}, ptr {code.pointer(table, index, 'i64')}, align 8")
