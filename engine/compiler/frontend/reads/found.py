"""What a walk has met and found: all that a function reads from outside, with what it held at that time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from types import CodeType, FunctionType, MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from ....value import Value
from ..world.variables import WHOLE, environment
from .objects import (
    ABSENT,
    DESCRIBING,
    OF_FUNCTIONS,
    PARTS,
    PLAIN,
    ComputedEntries,
    LeafList,
    all_same,
    attribute_of,
    goes_on,
    held,
    held_now,
    is_a,
    is_array,
    plain_entries,
    refill,
    same,
)
from .ranks import Rank, rank_of

_RARELY_SET = {*OF_FUNCTIONS, *chain(*PARTS.values()), *DESCRIBING, "__class__", "__dict__", "__bases__"}


class Part(NamedTuple):
    """An attribute of an object that is not an entry of a dict, and its content."""

    owner: Any
    attribute: str
    content: Any

    def is_same(self) -> bool:
        """Whether it still has this content."""
        return same(attribute_of(self.owner, self.attribute), self.content)


class Name(NamedTuple):
    """A name in a dict, or among the attributes of a class, and its content."""

    names: Mapping[str, Any]
    name: str
    content: Any

    def is_same(self) -> bool:
        """Whether it still has this content."""
        return same(self.names.get(self.name, ABSENT), self.content)


class Holder(NamedTuple):
    """A list, dict, set, array or context variable, and its content as `held` gives it."""

    holder: Any
    inside: tuple[Any, ...]

    def is_same(self) -> bool:
        """Whether it still has this content."""
        return all_same(held_now(self.holder), self.inside)


Read: TypeAlias = Part | Name | Holder
"""Something that is read, with what it held when it was found."""


class Found:
    """What a walk has found.

    Attributes:
        parts: parts of functions, such as their code, the content of closure cells, and slots.
        names: globals, attributes and environment variables.
        holders: lists, dicts, sets, arrays and context variables.
        generators: sources of random numbers.
        iterators: names of what gives something else at every read, such as files, and the code that names them.
        aliases: other names of `type`, and the code that names them.
        matches: whether some code has patterns of sequences, which tell lists from arrays.
        tests_truth, tests_identity: whether some code may compare by `is`, with True or False, or with other things.
        minds_arrays: whether some code may write into an array, or ask for the type of its numbers.
        leaf_lists: the content of lists of leaves, by id.
        slots: the names of variables in closure cells and of slots, by the owner's id and the attribute.
        kept: everything that was entered, kept alive since it is known by id.
        at_first: all plain numbers and strings that are read, as they were at the end of the walk.
    """

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.names: list[Name] = []
        self.holders: list[Holder] = []
        self.generators: list[Any] = []
        self.iterators: list[tuple[str, CodeType | None]] = []
        self.aliases: list[tuple[str, CodeType | None]] = []
        self.matches = self.tests_truth = self.tests_identity = self.minds_arrays = False
        self.leaf_lists: dict[int, LeafList] = {}
        self.slots: dict[tuple[int, str], str] = {}
        self.kept: list[Any] = []
        self.at_first: list[Any] = []
        self._numbers: list[tuple[str, Callable[[], Any]]] = []  # names with what may be plain numbers
        self._classes: dict[int, tuple[type, Mapping[str, Any]]] = {}  # by the id of the second, a class's names
        self._ranks: dict[tuple[int, str], Rank] = {}  # of names, by the id of their dict, if not that of the content
        self._direct = set[int]()  # the ids of what a function itself names
        # By id, the attributes of objects that announce, and their names; the ids of what was in them.
        self._announced: dict[int, tuple[dict[str, Any], set[str]]] = {}
        self._inside_announced = set[int]()

    # ---- noted by the walk ----

    def part(self, owner: Any, attribute: str, content: Any) -> None:
        """A part of a function, such as its code."""
        self.parts.append(Part(owner, attribute, content))

    def slot(self, owner: Any, attribute: str, name: str, content: Any) -> None:
        """The content of a closure cell, or of a slot of an object."""
        self.part(owner, attribute, content)
        self.slots[id(owner), attribute] = name
        self._numbers.append((name, lambda: attribute_of(owner, attribute)))

    def name(self, names: Mapping[str, Any], name: str, content: Any, rank: Rank | None = None) -> None:
        """A global or an attribute; its rank is that of its content, unless given."""
        self.names.append(Name(names, name, content))
        self._numbers.append((name, lambda: names.get(name, ABSENT)))
        if rank is not None:
            self._ranks[id(names), name] = rank

    def names_of_class(self, kind: type, names: Mapping[str, Any]) -> None:
        """The class whose names these are: they are changed by setting its attributes."""
        self._classes[id(names)] = kind, names

    def variable(self, name: Any) -> None:
        """An environment variable, or the whole environment."""
        if name is WHOLE:
            self.holder(environment)
        else:
            content = environment.get(name, ABSENT)
            self.names.append(Name(environment, name, content))
            self._numbers.append((f"the variable {os.fsdecode(name)}", lambda: environment.get(name, ABSENT)))

    def directly(self, *things: Any) -> None:
        """What a function itself names, or has as a default: if it is small, it is compared at every call."""
        self._direct.update(map(id, things))

    def announced(self, attributes: dict[str, Any]) -> None:
        """The attributes of an object that announces whenever one is set, such as an `nn.Module`."""
        self._announced[id(attributes)] = attributes, {*attributes}
        self._inside_announced.update(map(id, attributes.values()))

    def holder(self, holder: Any, inside: tuple[Any, ...] | None = None) -> None:
        """A list, dict, set, array or context variable, and its content as `held` gives it, if known."""
        self.holders.append(Holder(holder, held(holder) if inside is None else inside))
        if isinstance(holder, (list, dict)):
            self._numbers.append((f"an entry of a {type(holder).__name__}", lambda: plain_entries(holder)))

    def labels(self) -> None:
        """The labels of all Values that were found, if code reads labels."""
        found = [part.content for part in self.parts] + [name.content for name in self.names]
        found += [entry for read in self.holders for entry in read.inside]
        for value in {id(value): value for value in found if is_a(value, Value)}.values():
            self.part(value, "label", value.label)

    # ---- how urgent a look is ----

    def rank_of(self, read: Read) -> Rank:
        """When something is compared."""
        if isinstance(read, Holder):
            return self._rank_of_holder(read.holder)
        if isinstance(read, Part):
            return Rank.SETTING if read.attribute in _RARELY_SET else rank_of(read.content)
        names, name, content = read
        if id(names) in self._announced:
            return Rank.ANNOUNCED
        if (id(names), name) in self._ranks:
            return self._ranks[id(names), name]
        if isinstance(names, MappingProxyType) and isinstance(content, FunctionType):
            return Rank.CLASS  # a method, which may never be called
        return rank_of(content)

    def _rank_of_holder(self, holder: Any) -> Rank:
        is_near = holder.are_near if isinstance(holder, ComputedEntries) else id(holder) not in self._inside_announced
        if not (is_near or is_array(holder)):
            return Rank.FAR
        return Rank.NAMED_CONTAINER if id(holder) in self._direct else Rank.CONTAINER

    def kinds_in(self, holder: Any) -> set[type]:
        """The types of what was in a list of leaves, or is in any other container now."""
        found = self.leaf_lists.get(id(holder))
        return {*map(type, holder)} if found is None else found.kinds

    # ---- whether it is still the same ----

    @property
    def reads(self) -> list[Read]:
        """All that is read."""
        return [*self.parts, *self.names, *self.holders]

    def is_same(self) -> bool:
        """Whether everything still holds what it held then, and each object that announces has as many attributes."""
        none_added = all(len(attributes) == len(before) for attributes, before in self._announced.values())
        return none_added and are_as_they_were(self.reads)

    # ---- what runs of the function do to it ----

    def give_back(self) -> None:
        """Undo what the runs of the function have changed, since it is refused."""
        for owner, attribute, content in self.parts:
            if attribute_of(owner, attribute) is not content is not ABSENT:
                with suppress(Exception):  # from parts of a partial, which cannot be set, or the user's `__setattr__`
                    setattr(owner, attribute, content)
        for names, name, content in self.names:
            if names is not environment and names.get(name, ABSENT) is not content:
                self._put_back(names, name, content)
        for attributes, names_before in self._announced.values():
            for name in attributes.keys() - names_before:
                del attributes[name]
        for holder, before in self.holders:
            if holder is not environment and not all_same(held(holder), before):
                refill(holder, before)

    def _put_back(self, names: Mapping[str, Any], name: str, content: Any) -> None:
        """Give a name in a dict, or an attribute of a class, its content back, or remove it."""
        if isinstance(names, dict):
            if content is ABSENT:
                names.pop(name)
            else:
                names.update({name: content})
        elif id(names) in self._classes:
            kind, _ = self._classes[id(names)]
            if content is ABSENT:
                type.__delattr__(kind, name)
            else:
                type.__setattr__(kind, name, content)

    def numbers(self) -> list[Any]:
        """All plain numbers and strings that are read, as they are now."""
        return [read() for _, read in self._numbers]

    def changed_number(self) -> str:
        """The first of these that has changed since the walk, for a message; "" if none has."""
        for (name, _), was, now in zip(self._numbers, self.at_first, self.numbers()):
            if type(now) is not type(was) or same(now, was):
                continue
            if type(was) in PLAIN:
                return f"{name} from {was!r} to {now!r}"
            if type(was) is tuple and len(now) == len(was):
                return name
        return ""


class MetSoFar:
    """What a walk has met so far.

    Attributes:
        found: what it has found.
        used: the names in the code.
        seen: what was entered, by id.
        searched: the ids of modules of which code may read what it does not name.
    """

    def __init__(self) -> None:
        self.found = Found()
        self.used: set[str] = set()
        self.seen: dict[int, Any] = {}
        self.searched: set[int] = set()
        self._known: set[tuple[int, Any]] = set()  # parts of objects, by the object's id

    def is_new(self, owner: Any, what: Any) -> bool:
        """Whether this part of an object is met for the first time; this call counts as the meeting."""
        part = id(owner), what
        new = part not in self._known
        self._known.add(part)
        return new

    def once(self, owner: Any, what: str, holder: Any) -> None:
        """Note a holder, which is this part of an object, unless that was noted before."""
        if self.is_new(owner, what):
            self.found.holder(holder)

    def part(self, owner: Any, attribute: str, content: Any) -> None:
        """Note a part of an object, unless that was noted before."""
        if self.is_new(owner, attribute):
            self.found.part(owner, attribute, content)

    def iterator(self, content: Any, name: str, code: CodeType | None = None) -> None:
        """Note an iterator, which gives another entry at every read, or a file; and another name for `type`."""
        if content is type:
            self.found.aliases.append((name, code))
        if goes_on(content):
            self.found.iterators.append((name, code))


def are_as_they_were(reads: Iterable[Read]) -> bool:
    """Whether these still hold what they held when they were found."""
    try:
        return all(read.is_same() for read in reads)
    except Exception:  # of a file in memory that was closed, or of the user's code, such as an `__iter__`
        return False
