"""The part of the walk for attributes: those that code names, or may read without naming them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

from ....value import Value
from .code import ASKING, COMPUTING, LISTING
from .found import MetSoFar
from .objects import ABSENT, CONTAINERS, LOADED, PLAIN, attribute_of, class_of, functions_of, goes_on, is_a
from .owners import announces, can_be_set, inherits_from_library, is_of_project, is_of_users, slots_of
from .ranks import Rank

_METHODS = (FunctionType, staticmethod, classmethod, property)
_STORED = (GetSetDescriptorType, MemberDescriptorType)


class Attributes:
    """Examines the attributes of objects, classes and modules, each of them once.

    Args:
        met: what the walk has met so far.

    Attributes:
        private: the ids of containers that objects of this project keep for themselves.
        owners: objects with attributes that code met later may name.
    """

    def __init__(self, met: MetSoFar) -> None:
        self._met, self._found, self._used = met, met.found, met.used
        self.private: set[int] = set()
        self.owners: list[Any] = []

    def named(self, owner: Any, attributes: Mapping[str, Any]) -> Iterator[Any]:
        """The attributes that some code names, or may read without naming them."""
        if is_of_project(type(owner)) and not is_a(owner, Value):
            yield from self._attributes_of_project(owner, attributes)
            return
        self.owners.append(owner)
        if is_a(owner, type):
            self._found.names_of_class(owner, attributes)
        if not self._only_named_count(owner):
            self._met.once(owner, "all", attributes)
        unnamed = self._unnamed_reads(owner)
        for name, content in list(attributes.items()):
            if (name in self._used or unnamed(name, content)) and self._met.is_new(owner, name):
                self._found.directly(content)
                yield from self.one(attributes, name, content)
        self._absent_attributes(owner, attributes)

    def _attributes_of_project(self, owner: Any, attributes: Mapping[str, Any]) -> Iterator[Any]:
        """All attributes of one of this project's objects, such as a layer."""
        if not announces(type(owner)):  # it may change what it keeps for itself
            self.private.update(id(c) for c in attributes.values() if is_a(c, (list, dict, set)))
            yield from attributes.values()
            return
        self._found.announced(vars(owner))
        self._call_of(class_of(owner))
        if is_of_users(class_of(owner)):
            self.owners.append(owner)
        for name, content in list(attributes.items()):
            if (name in self._used or not _only_by_name(content)) and self._met.is_new(owner, name):
                yield from self.one(attributes, name, content)

    def one(self, attributes: Mapping[str, Any], name: str, content: Any) -> list[Any]:
        """Note an attribute; return what to enter: its content, or the functions of a method or property."""
        self._found.name(attributes, name, content)
        self._met.iterator(content, name)
        if not is_a(content, _METHODS):
            return [content]
        is_own = is_of_users(class_of(content))  # a property of their own class
        return [*functions_of(content), content] if is_own else functions_of(content)

    def _unnamed_reads(self, owner: Any) -> Callable[[str, Any], bool]:
        """A function that says, by name and content, whether an attribute matters although no code names it."""
        kind, computing = class_of(owner), not self._used.isdisjoint(COMPUTING)
        is_class = issubclass(kind, type)

        def matters(name: str, content: Any) -> bool:
            return (type(content) not in PLAIN or name == "_value_" or computing) and not _only_by_name(content)

        def is_method(name: str, content: Any) -> bool:
            return (is_class or name == "__getattr__") and (is_a(content, _METHODS) or _is_special(name, content))

        if not issubclass(kind, (type, ModuleType)):
            return matters
        if not self._is_searched(owner):
            return is_method
        return lambda name, content: (is_method if name[:2] == "__" else matters)(name, content)

    def _absent_attributes(self, owner: Any, attributes: Mapping[str, Any]) -> None:
        """Note names that code reads and an object lacks: once added, they would hide those of its class or a base."""
        kind = class_of(owner)
        if issubclass(kind, type):
            for name in self._used.intersection(dir(owner)).difference(attributes):
                if name[:2] != "__" and self._met.is_new(owner, name):
                    self._found.name(attributes, name, ABSENT, Rank.RARE)
        elif not issubclass(kind, ModuleType) and kind is not FunctionType:
            asks = not self._used.isdisjoint(ASKING) or hasattr(kind, "__getattr__")
            for name in self._used if asks else self._used.intersection(dir(kind)):
                if name not in attributes and self._met.is_new(owner, name):
                    self._found.name(attributes, name, ABSENT)

    def _only_named_count(self, owner: Any) -> bool:
        """Whether only those attributes of this owner count that some code names.

        All count if a library's methods read the object, or if some code asks which attributes there are.
        """
        if is_a(owner, (ModuleType, FunctionType)):
            return self._used.isdisjoint(COMPUTING if is_a(owner, ModuleType) else LISTING | ASKING)
        kind = owner if is_a(owner, type) else class_of(owner)
        are_users = kind is owner or is_of_users(kind)
        return are_users and not inherits_from_library(kind) and self._used.isdisjoint(LISTING)

    def _is_searched(self, space: Any) -> bool:
        """Whether some code may read from a class or module what it does not name."""
        return id(space) in self._met.searched if is_a(space, ModuleType) else not self._used.isdisjoint(COMPUTING)

    def _call_of(self, kind: type) -> None:
        """Note the `__call__` of a class of this project's layers: users replace it, to look at all layers."""
        if not self._met.is_new(kind, "every base"):
            return
        for base in kind.__mro__:
            if "__call__" in vars(base) and not is_of_users(base) and self._met.is_new(base, "__call__"):
                self._found.name(vars(base), "__call__", vars(base)["__call__"], Rank.RARE)

    def slots(self, owner: Any, kind: type) -> Iterator[Any]:
        """The content of slots: plain numbers and texts only if code names them, or may read them unnamed."""
        slots = [(name, attribute_of(owner, name)) for name in slots_of(kind)]
        if slots:
            self.owners.append(owner)
        for name, content in slots:
            unnamed = type(content) not in PLAIN or not self._only_named_count(owner)
            counts = name in self._used or (unnamed and not _only_by_name(content))
            if counts and self._met.is_new(owner, name):
                self._met.iterator(content, name)
                self._found.slot(owner, name, name, content)
                self._found.directly(content)
                yield content

    def settings(self, space: ModuleType | type) -> Iterator[Any]:
        """What the user's code names in a module or class that is not searched; containers and classes are entered."""
        if isinstance(space, type) and not can_be_set(space):
            return
        attributes = vars(space)
        self.owners.append(space)
        for name in self._used.intersection(attributes):
            content = attributes[name]
            if content is sys.modules:
                self._met.once(LOADED, "", LOADED)
            elif self._met.is_new(space, name):
                self._found.name(attributes, name, content, None if type(content) in PLAIN else Rank.SETTING)
                if is_a(content, (*CONTAINERS, ModuleType, type)) and not is_of_project(space):
                    yield content


def _only_by_name(content: Any) -> bool:
    """Whether an attribute counts only if code names it: an iterator, a file or `type`, which are refused then."""
    return content is type or goes_on(content)


def _is_special(name: str, content: Any) -> bool:
    """Whether Python may run code for a name in a class that no code names, such as `__call__`."""
    runs = callable(content) or hasattr(class_of(content), "__get__")
    return runs and name[:2] == "__" and not is_a(content, _STORED)
