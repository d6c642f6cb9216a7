"""Loops that end inside, and cells of memory: for functions that watch something until it changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .builder import Code


class Cell:
    """A number in memory that lives as long as its function runs.

    Args:
        code: the function.
        initial: what it holds at first.
        kind: its type in LLVM.

    Attributes:
        place: its address.
    """

    def __init__(self, code: Code, initial: str | int, kind: str = "i64"):
        self._code, self._kind, self.place = code, kind, code.fresh()
        code.slots.append(f"{self.place} = alloca {kind}")
        self.write(initial)

    def read(self) -> str:
        """The number that it holds, by its name."""
        return self._code.value(f"load {self._kind}, ptr {self.place}")

    def write(self, number: str | int) -> None:
        """Let it hold another number."""
        self._code.lines.append(f"store {self._kind} {number}, ptr {self.place}")


@contextmanager
def repeat(code: Code) -> Iterator[str]:
    """Do the block again and again; gives the label to leave for, which comes after it."""
    name = code.fresh()[1:]
    code.label(f"again.{name}")
    yield f"left.{name}"
    code.lines += [f"br label %again.{name}", f"left.{name}:"]


def leave(code: Code, condition: str, label: str) -> None:
    """Go to a label if the i1 of that name holds."""
    stay = f"stay.{code.fresh()[1:]}"
    code.lines += [f"br i1 {condition}, label %{label}, label %{stay}", f"{stay}:"]


@contextmanager
def unless(code: Code, condition: str) -> Iterator[None]:
    """Do the block if the i1 of that name does not hold."""
    with code.when(code.value(f"xor i1 {condition}, true")):
        yield
