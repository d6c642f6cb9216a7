"""What is watched, as words of memory, which native code compares ten times as fast as Python.

A function holds its code and its defaults, a cell its content, and lists and dicts their entries as addresses of
objects, each in a word at a known place; see `layout`. As long as these words are unchanged, so is what is held. What
has no known place is left to Python.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum, auto
from itertools import islice
from types import FunctionType
from typing import Any, NamedTuple, TypeAlias

from .layout import (
    HEAD,
    PlainDict,
    lists_are_as_expected,
    offset,
    offset_of_slot,
    place_of_dict,
    place_of_holder,
    plain_dict,
    versions_tell_attributes,
    word,
)
from .objects import ABSENT

_LAST_ENTRIES = 8
"""How many of the last entries are watched in a dict that lacks a name: they stay in place until one is added."""

_Words: TypeAlias = Iterator[tuple[int, Sequence[int]]]
"""Places, and the words expected from there on."""


class WordGuard:
    """Places in memory, and what they hold as long as nothing has changed.

    Each method that adds something to watch returns whether its place is known.

    Attributes:
        head: the address of a table, and the number of its blocks, or -1 if words count as changed, as at first. The
            table has the address and length of each block of adjacent words, in order, since the place of an entry is
            only right while a list keeps its memory; then the words expected.
        count: how many words were noted.
    """

    def __init__(self) -> None:
        self._looks: list[Callable[[list[Any]], _Words]] = []
        self._held: list[Any] = []  # kept, so that no other object gets the address of one
        self.head = array("q", [0, -1])
        self._noted = -1  # how many blocks were noted; -1 if they could not be
        self.count = 0

    def add_part(self, owner: Any, name: str) -> bool:
        """Watch an attribute of a function, or the content of a cell."""
        kind: Any = type(owner)
        return self._add_attribute(owner, name, offset(kind, name))

    def add_slot(self, owner: Any, name: str) -> bool:
        """Watch a slot of an object of the engine's own."""
        kind: Any = type(owner)
        return self._add_attribute(owner, name, offset_of_slot(kind, name))

    def _add_attribute(self, owner: Any, name: str, place: int) -> bool:
        def look(held: list[Any]) -> _Words:
            content = getattr(owner, name)
            held.append(content)
            yield id(owner) + place, [0 if content is None and type(owner) is FunctionType else id(content)]

        return place > 0 and self._added(look)

    def add_list(self, entries: Any) -> bool:
        """Watch the entries of a list."""

        def look(held: list[Any]) -> _Words:
            before, place = entries.copy(), id(entries) + HEAD
            held.append(before)
            start = word(place + 8)
            yield place, [len(before), start]
            yield start, [*map(id, before)]

        return type(entries) is list and lists_are_as_expected() and self._added(look)

    def add_dict(self, entries: Any) -> bool:
        """Watch the entries of a dict, and their order."""
        known = plain_dict(entries)
        if known is None or known.names is not entries:
            return False

        return self._added(lambda held: _entries(known, held))

    def add_entry(self, names: Mapping[Any, Any], name: Any, content: Any) -> bool:
        """Watch what a dict has under a name, or that it has nothing there."""
        return self.add_absence(names, name) if content is ABSENT else self.add_name(names, name)

    def add_name(self, names: Mapping[Any, Any], name: Any) -> bool:
        """Watch what a dict, or a class, has under a name."""
        known = plain_dict(names)
        if known is None:
            return False

        def look(held: list[Any]) -> _Words:
            content, table = known.names[name], known.own_table()
            held.append(content)
            yield known.keys, [table]
            (place,) = known.places_in(table, [(name, content)])
            yield place, [id(name), id(content)]

        return self._added(look)

    def add_absence(self, names: Mapping[Any, Any], name: Any) -> bool:
        """Watch that a dict, or a class, has nothing under a name."""
        known = plain_dict(names)
        if known is None:
            return False

        def look(held: list[Any]) -> _Words:
            table = known.own_table()
            made = table + known.made
            yield known.keys, [table]
            yield made, [word(made)]
            if name in known.names:
                raise LookupError(name)
            # A later table may be at this address, and count as many entries: but what was added comes last.
            last = [*islice(reversed(known.names.items()), _LAST_ENTRIES)][::-1]
            held.append(last)
            for place, (key, _) in zip(known.places_in(table, last), last):
                yield place, [id(key)]

        return self._added(look)

    def add_object(self, owner: Any) -> bool:
        """Watch all attributes of an object and its classes: whether each dict is unchanged."""
        place, order = place_of_dict(owner), offset(type, "__mro__")

        def look(held: list[Any]) -> _Words:
            kind = type(owner)
            dicts = [plain_dict(names) for names in (owner.__dict__, *[vars(base) for base in kind.__mro__[:-1]])]
            held += [kind, kind.__mro__, dicts]
            yield id(owner) + HEAD - 8, [id(kind)]
            yield id(kind) + order, [id(kind.__mro__)]
            yield place, [id(owner.__dict__)]
            for known in dicts:
                if known is None or not known.table:
                    raise LookupError
                yield from _all_of_it(known, held)

        return place > 0 and order > 0 and self._added(look)

    def add_lock(self, lock: Any) -> bool:
        """Watch that a reentrant lock is free."""
        kind: Any = type(lock)
        place = place_of_holder(kind)
        return place > 0 and self._added(lambda held: iter([(id(lock) + place, [0])]))

    def add_version(self, entries: Any) -> bool:
        """Watch whether anything is set in a dict, such as that of an object's attributes."""
        known = plain_dict(entries)
        if known is None or known.names is not entries or not (known.table or versions_tell_attributes()):
            return False

        def look(held: list[Any]) -> _Words:
            held.append(entries)
            yield from _all_of_it(known, held)

        return self._added(look)

    def _added(self, look: Callable[[list[Any]], _Words]) -> bool:
        """Keep a look if it finds its places now; say whether it does."""
        try:
            found = len([*look([])]) > 0
        except (ValueError, LookupError):
            found = False
        if found:
            self._looks.append(look)
        return found

    def note(self) -> None:
        """Note what there is now; words count as changed until `expect` is called."""
        self.head[1] = self._noted = -1
        held, blocks, contents = list[Any](), array("q"), array("q")
        behind = -1  # the last word
        try:
            for look in self._looks:
                for place, found in look(held):
                    if place == behind:
                        blocks[-1] += len(found)
                    else:
                        blocks.extend((place, len(found)))
                    contents.extend(found)
                    behind = place + 8 * len(found)
        except (ValueError, LookupError):  # a cell has become empty, or a name has come or gone
            return
        table = blocks + contents
        self._held = [held, table]
        self.head[0], self._noted, self.count = table.buffer_info()[0], len(blocks) // 2, len(contents)

    @property
    def expected(self) -> bool:
        """Whether words are expected."""
        return self.head[1] >= 0

    def expect(self) -> bool:
        """Expect what was noted last; say whether it could be noted."""
        self.head[1] = self._noted
        return self._noted >= 0


def _all_of_it(known: PlainDict, held: list[Any]) -> _Words:
    """Words that show whether anything has been set in a dict."""
    if known.version and (known.table or versions_tell_attributes()):
        yield known.version, [word(known.version)]
    else:
        yield from _entries(known, held)


def _entries(known: PlainDict, held: list[Any]) -> _Words:
    """The words of all entries of a dict, in order."""
    before = known.names.copy()
    held.append(before)
    yield known.used, [len(before)]
    if before:
        table = known.own_table()
        yield known.keys, [table]
        for place, (name, content) in zip(known.places_in(table, before.items()), before.items()):
            yield place, [id(name), id(content)]


class Due(IntEnum):
    """The entries of an array of times of `time.perf_counter`, which native code reads and writes."""

    LOOK = 0
    """When Python compares everything again; native code sets it to -inf once words of far things have changed."""
    SLOW = auto()
    """When native code leaves a step to Python: at LOOK, or much later if it compares words of far things itself."""
    FAR = auto()
    """When it compares these words next."""
    PAUSE = auto()
    """The interval between these comparisons."""


class Guards(NamedTuple):
    """The guards of a step: whether anything that model and loss read has changed.

    Attributes:
        words: as long as they are unchanged, so is most of it.
        due: an array with the entries of `Due`; None if `differs` has to check more than the time and the condition
            that it was given.
        differs: says whether the rest has changed.
        differs_at_all: says whether any of it has changed; if not, the words expect what there is now, otherwise they
            count as changed from now on.
        far: as long as these words are unchanged, so is all that a close look compares; None if words cannot tell.
    """

    words: WordGuard
    due: array[float] | None
    differs: Callable[[], bool]
    differs_at_all: Callable[[], bool]
    far: WordGuard | None
