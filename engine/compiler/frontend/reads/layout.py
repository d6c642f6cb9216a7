"""Where CPython keeps what objects hold, found by examples, since no interface tells.

What is not found is 0 or None; callers do without it.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CellType, FunctionType, MappingProxyType
from typing import Any, NamedTuple

from .objects import OF_FUNCTIONS

if sys.implementation.name != "cpython":
    raise ImportError(
        "engine.compile and nn need CPython, whose objects and instructions tell what a function reads and does, and "
        f"this is {sys.implementation.name}. Stepping, drawing and checking work here, too."
    )
if not getattr(sys, "_is_gil_enabled", lambda: True)():
    raise ImportError(
        "engine.compile and nn need Python's global interpreter lock, under which many numbers change hands at once, "
        "and this Python runs without it: start it with PYTHON_GIL=1. Stepping, drawing and checking work here, too."
    )

HEAD = object.__basicsize__
"""Bytes of an object before its own fields, which for a list are its length and the address of its entries."""


def word(place: int) -> int:
    """The word at an address."""
    return ctypes.c_int64.from_address(place).value


@functools.cache
def offset(kind: type[Any], name: str) -> int:
    """Where an object of this class keeps an attribute, for functions, cells and classes."""
    if kind is FunctionType and name in OF_FUNCTIONS:
        thing: Any = lambda a=1, *, b=2: a + b  # one that has all three
    elif kind is CellType and name == "cell_contents":
        thing = CellType(object())
    elif kind is type and name == "__mro__":
        thing = type("", (), {})
    else:
        return 0
    return _offset_in(thing, name)


@functools.cache
def offset_of_slot(kind: type[Any], name: str) -> int:
    """Where an object of this class keeps a slot: an instance is made and changed to find out."""
    thing = object.__new__(kind)
    setattr(thing, name, object())
    return _offset_in(thing, name)


def _offset_in(thing: Any, name: str) -> int:
    content = id(getattr(thing, name))
    found = [k for k in range(HEAD, type(thing).__basicsize__, 8) if word(id(thing) + k) == content]
    return found[0] if len(found) == 1 else 0


@functools.cache
def lists_are_as_expected() -> bool:
    """Whether a list keeps its length after its head, followed by the address of its entries."""
    entries = [object(), object()]
    place = id(entries) + HEAD
    if list.__basicsize__ < HEAD + 16 or word(place) != len(entries):
        return False
    return all(word(word(place + 8) + 8 * k) == id(entry) for k, entry in enumerate(entries))


@functools.cache
def place_of_holder(kind: type[Any]) -> int:
    """Where a reentrant lock of this class has a word that is 0 as long as nobody holds it."""
    lock = kind()
    places = range(HEAD, kind.__basicsize__, 8)
    seen = [[word(id(lock) + k) for k in places]]
    for change in (lock.acquire, lock.acquire, lock.release, lock.release):
        change()
        seen.append([word(id(lock) + k) for k in places])
    found = [k for k, *words in zip(places, *seen) if [*map(bool, words)] == [False, True, True, True, False]]
    return found[0] if found else 0


# ---- dicts


class DictFields(NamedTuple):
    """Where a dict keeps its fields.

    Attributes:
        used: the number of entries.
        version: a number that every change changes; 0 if there is none, as from Python 3.14 on.
        keys: the address of its table.
        made: in the table, the number of entries that were ever added, whether or not they are still there.
    """

    used: int
    version: int
    keys: int
    made: int


@functools.cache
def dict_fields() -> DictFields | None:
    """The fields of this Python's dicts."""
    places = range(HEAD, dict.__basicsize__ - 8, 8)
    names: dict[str, Any] = {"a": object(), "b": 0}
    seen = []
    for changes in ({}, {"a": object()}, {str(k): 0 for k in range(100)}):
        names.update(changes)
        seen.append([word(id(names) + k) for k in places])
    before, overwritten, grown = seen
    versions = [k for k, *is_at in zip(places, before, overwritten) if is_at[0] != is_at[1]]
    others = [k for k, *is_at in zip(places, overwritten, grown) if is_at[0] != is_at[1] and k not in versions]
    used = [k for k in others if word(id(names) + k) == len(names)]
    keys = [k for k in others if k not in used]
    if len(versions) > 1 or [len(used), len(keys)] != [1, 1]:
        return None
    few = {"a": 1, "b": 2}
    table = word(id(few) + keys[0])
    heads = []
    for key, old in (("c", "a"), ("d", "b"), ("e", "c")):
        heads.append([word(table + 8 * k) for k in range(6)])
        few[key] = 0
        del few[old]
    made = [8 * k for k, *is_at in zip(range(6), *heads) if is_at == [2, 3, 4]]
    return DictFields(used[0], sum(versions), keys[0], made[0]) if len(made) == 1 else None


@functools.cache
def versions_tell_attributes() -> bool:
    """Whether setting an attribute changes a dict's version, even if objects' dicts share a table."""
    fields = dict_fields()
    if fields is None or not fields.version:
        return False

    class Example:
        def __init__(self) -> None:
            self.a = 0

    thing = Example()
    names = vars(thing)

    def tells(change: Callable[[], Any]) -> bool:
        before = word(id(names) + fields.version)
        change()
        return word(id(names) + fields.version) != before

    set_, exchanged = tells(lambda: setattr(thing, "a", 1)), tells(lambda: names.update(a=2))
    return set_ and exchanged and tells(lambda: delattr(thing, "a"))


class PlainDict:
    """A dict, and where it is in memory.

    Attributes:
        names: the dict.
        used, version, keys: the addresses of these fields; 0 if there is no version.
        made: where, from the address of its table, that counts the entries that were ever added.
    """

    def __init__(self, names: dict[Any, Any], fields: DictFields) -> None:
        self.names, self.made = names, fields.made
        self.used, self.version, self.keys = (field and id(names) + field for field in fields[:3])

    @property
    def table(self) -> int:
        """The address of its own table; 0 if it shares a table with other objects' dicts."""
        return word(self.keys) if word(self.keys + 8) == 0 else 0

    def own_table(self) -> int:
        """The address of its own table.

        Raises:
            LookupError: it shares a table, as a dict that was empty may do once its object gets an attribute.
        """
        if not (table := self.table):
            raise LookupError("a table that is shared")
        return table

    def places_in(self, table: int, entries: Iterable[tuple[Any, Any]]) -> Iterator[int]:
        """Where its table has each of these names, in order: there the address of the name, then that of its content.

        Raises:
            LookupError: one was not found, for example since the dict has an equal name that is another object.
        """
        held, at = ctypes.string_at(table, self.names.__sizeof__() - dict.__basicsize__), 0
        for name, content in entries:
            at = held.find(array("q", (id(name), id(content))), at)
            if at % 8:  # or -1
                raise LookupError(name)
            yield table + at


def plain_dict(names: Mapping[Any, Any] | None) -> PlainDict | None:
    """The dict behind a mapping, which is a dict or the attributes of a class; None if that is unknown."""
    if type(names) is MappingProxyType:
        (names,) = gc.get_referents(names)
    fields = dict_fields()
    return PlainDict(names, fields) if type(names) is dict and fields is not None else None


def place_of_dict(owner: Any) -> int:
    """Where an object keeps the address of its attributes' dict, before its head or after it."""
    attributes, before = getattr(owner, "__dict__", None), sys.getsizeof(owner) - owner.__sizeof__()
    places = range(id(owner) - before, id(owner) + type(owner).__basicsize__, 8)
    found = [place for place in places if word(place) == id(attributes)]
    return found[0] if len(found) == 1 and attributes is not None else 0
