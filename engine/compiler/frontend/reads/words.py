"""What is watched, as words of memory that native code compares: a tenth of the time that Python takes to look.

A function holds its code and its defaults, a cell its content and a list its entries as addresses of objects, each in
a word at a known place. While these words are what they were, so is what is held. Where CPython has them is found out
with examples; what is not found there is left to Python.
"""

from __future__ import annotations

import ctypes
import functools
from array import array
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any, NamedTuple

_HEAD = object.__basicsize__
"""Bytes of an object ahead of what is its own: of a list, its length and the address of its entries."""


class Words:
    """Places in memory, and what they hold as long as nothing is changed.

    Attributes:
        head: where the words are, and how many; -1 as long as they differ, as at first. Of each there is the address,
            and what it holds; in order, since the place of an entry is only right while a list has its memory.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[int, Callable[[], Any]]] = []
        self._lists: list[list[Any]] = []
        self._held: list[Any] = []  # so that no other object gets the address of one that was there
        self.head = array("q", [0, -1])

    def add_part(self, owner: Any, name: str) -> bool:
        """Watch an attribute of a function, or the content of a cell; False if it cannot be."""
        kind: Any = type(owner)
        offset = _offset(kind, name)
        if offset:
            self._parts.append((id(owner) + offset, functools.partial(getattr, owner, name)))
        return bool(offset)

    def add_list(self, entries: Any) -> bool:
        """Watch what a list holds; False if it cannot be."""
        known = type(entries) is list and _lists_are_as_expected()
        if known:
            self._lists.append(entries)
        return known

    def forget(self) -> None:
        """Differ from now on."""
        self.head[1] = -1

    def renew(self) -> None:
        """Expect what there is now; if a cell is empty by now, they differ."""
        self.forget()
        try:
            contents = [content() for _, content in self._parts]
        except ValueError:
            return
        lists = [entries.copy() for entries in self._lists]
        pairs = array("q")
        for (place, _), content in zip(self._parts, contents):
            pairs.extend((place, 0 if content is None else id(content)))
        for entries, before in zip(self._lists, lists):
            place = id(entries) + _HEAD
            start = _word(place + 8)
            pairs.extend((place, len(before), place + 8, start))
            for k, entry in enumerate(before):
                pairs.extend((start + 8 * k, id(entry)))
        self._held = [contents, lists, pairs]
        self.head[0], self.head[1] = pairs.buffer_info()[0], len(pairs) // 2


class Watching(NamedTuple):
    """What tells whether something that is watched is another by now.

    Attributes:
        words: while they are what they were, so is most of it.
        differs: whether the rest is another.
        differs_at_all: whether any of it is; if not, the words are renewed, else they differ from now on.
    """

    words: Words
    differs: Callable[[], bool]
    differs_at_all: Callable[[], bool]


def _word(place: int) -> int:
    return ctypes.c_int64.from_address(place).value


@functools.cache
def _offset(kind: type[Any], name: str) -> int:
    """Where an object of this class has an attribute; 0 if that is not known."""
    if kind is FunctionType and name in ("__code__", "__defaults__", "__kwdefaults__"):
        thing: Any = lambda a=1, *, b=2: a + b  # one that has all three
    elif kind is CellType and name == "cell_contents":
        thing = CellType(object())
    else:
        return 0
    content = id(getattr(thing, name))
    found = [k for k in range(_HEAD, kind.__basicsize__, 8) if _word(id(thing) + k) == content]
    return found[0] if len(found) == 1 else 0


@functools.cache
def _lists_are_as_expected() -> bool:
    entries = [object(), object()]
    place = id(entries) + _HEAD
    if list.__basicsize__ < _HEAD + 16 or _word(place) != len(entries):
        return False
    return all(_word(_word(place + 8) + 8 * k) == id(entry) for k, entry in enumerate(entries))
