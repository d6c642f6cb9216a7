"""The walk over what a function reads: everything reached through attributes, classes, modules and containers."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from enum import EnumMeta
from io import BytesIO, StringIO
from operator import attrgetter, methodcaller
from types import BuiltinMethodType, FunctionType, MethodType, ModuleType
from typing import Any

from ....primitive import PRIMITIVES, Primitive
from ....text.callers import raised_at
from ....value import Value
from ...errors import refusal
from ...values.lending import own_class
from ...values.places import same_objects
from ..conditions import OWN
from .code import ASKING, COMPUTING, LISTING, reading_name
from .found import Found
from .functions import Functions
from .objects import (
    ABSENT,
    CACHE,
    CONTAINERS,
    DECIMALS,
    PARTS,
    PLAIN,
    REGISTRATIONS,
    SPACES,
    VIEWS,
    Facts,
    LeafList,
    attribute_of,
    attributes_of,
    class_of,
    decimals,
    held,
    is_a,
    is_array,
    is_generator,
    is_memory,
    names_in,
    reads_as_array,
    subclasses_of,
)
from .owners import announces, is_leaf, is_of_project, is_of_users, slots_of

_MOST = 100_000  # objects that a walk enters, at most
_COMPILER = __name__.partition(".frontend")[0]
_CODE = frozenset({FunctionType, MethodType, BuiltinMethodType, Primitive, attrgetter, methodcaller})
_METHODS = (FunctionType, staticmethod, classmethod, property)


class Walk(Functions):
    """Enters each object once, near ones first.

    Args:
        leaf_lists: the lists of leaves that an earlier walk has found, which need not be examined again.
    """

    def __init__(self, leaf_lists: Mapping[int, LeafList]) -> None:
        super().__init__()
        self._leaf_lists = leaf_lists
        self._private: set[int] = set()  # containers that objects of this project keep for themselves
        self._owners: list[Any] = []  # of attributes that may not have been named yet
        self._weak: list[weakref.ReferenceType[Any]] = []

    def of(self, function: Any) -> Found:
        """Walk; return what was found.

        Raises:
            TraceError: there is more than can be examined.
        """
        seen, queue = self._seen, [function, *self._declared()]
        before = -1
        while len(self.used) != before:  # attributes count if some code names them, even code that is met later
            before = len(self.used)
            for thing in queue:  # the queue grows meanwhile
                if id(thing) in seen:
                    continue
                seen[id(thing)] = thing
                if len(seen) > _MOST:
                    raise refusal(
                        f"over {_MOST:,} objects are read, such as a {type(thing).__name__}: too many to watch",
                        "Give a large list of lists as an array, or pass what the function needs of it as an argument.",
                    )
                queue += self._inside(thing)
            queue = [*self._owners, *self._declared()]
            self._owners = []
            for owner in queue:
                seen.pop(id(owner), None)
        self._refuse_mortals({*seen, *map(id, queue)})
        if "label" in self.used:
            self.found.labels()
        self.found.kept = list(seen.values())
        return self.found

    def _refuse_mortals(self, met: set[int]) -> None:
        """Refuse weak references to anything not met in another way: it may die at any time."""
        for reference in self._weak:
            found = reference()
            if found is not None and id(found) not in met and not is_leaf(type(found)):
                raise refusal(
                    f"the function reads a weak reference to a {type(found).__name__}, which may be gone later",
                    "Let the function have the object itself, by a name, an attribute or a list, beside the reference.",
                )

    def _declared(self) -> Iterator[Primitive]:
        """The user's primitives that code may apply without naming them: as a method or by an operator."""
        for primitive in PRIMITIVES.values():
            methods = (primitive.name, *primitive.aliases) if primitive.method else ()
            if primitive not in OWN and (primitive.dunder or not self.used.isdisjoint(methods)):
                yield primitive

    def _inside(self, thing: Any) -> list[Any]:
        """What to enter next.

        Raises:
            TraceError: code of the user's class that is asked for it, such as its `__iter__`, raises an error.
        """
        try:
            return [one for one in self._enter(thing, class_of(thing)) if not is_leaf(type(one))]
        except Exception as error:
            raise refusal(
                f"the function reads a {type(thing).__name__}, which cannot be searched for what may change: it raises "
                f"{type(error).__name__}: {error}",
                "Compiled code looks at all that a function reads, to see when it changes: pass the numbers that you "
                "take from there as arguments, or keep them in plain lists, dicts and attributes.",
                source=raised_at(error),
            ) from error

    def _enter(self, thing: Any, kind: Any) -> Iterator[Any]:
        """What a thing of this class holds or refers to."""
        users, is_space = is_of_users(kind), issubclass(kind, (ModuleType, type))
        for base, names in PARTS.items():
            if issubclass(kind, base):
                yield from self._library_parts(thing, names)
        self.used.update(filter(None, [reading_name(thing)]))
        if kind in _CODE:
            yield from self._code(thing, kind)
        elif issubclass(kind, weakref.ReferenceType):
            yield from self._weakly_held(thing)
        elif issubclass(kind, CONTAINERS):
            yield from self._container(thing)
        elif kind is Facts:
            self.found.holder(thing)
        elif str(kind.__module__).startswith(_COMPILER):  # the function counts, not its program
            yield getattr(thing, "function", None)
        elif is_space:
            yield from self._space(thing, kind)
        else:
            yield from self._other(thing, kind, users)
        if users and not is_space:  # even of lists and arrays
            own = own_class(kind)
            if not issubclass(own, Value):
                self._part(thing, "__class__", attribute_of(thing, "__class__"))
                if isinstance(attributes := attribute_of(thing, "__dict__"), dict):  # it may be replaced as a whole
                    self._part(thing, "__dict__", attributes)
            yield own
            yield from self._object(thing, own)

    def _code(self, thing: Any, kind: Any) -> Iterator[Any]:
        """What something callable runs, or reads by name."""
        if kind is FunctionType:
            yield from self._named_attributes(thing, vars(thing))
            yield from self._function(thing)
        elif kind is MethodType:
            yield from (thing.__func__, thing.__self__)
        elif kind is BuiltinMethodType:
            yield thing.__self__
            if thing.__module__ in ("decimal", "_decimal"):  # the second from Python 3.13 on
                yield DECIMALS
        elif kind is not Primitive:
            texts = [text for text in thing.__reduce__()[1] if isinstance(text, str)]
            self.used.update(name for path in texts for name in path.split("."))
        elif thing not in OWN:  # it is compiled as what its functions compose of other primitives
            if self._is_new(PRIMITIVES, thing.name):  # its name may be given to another primitive
                self.found.name(PRIMITIVES, thing.name, PRIMITIVES.get(thing.name, ABSENT))
            yield from (thing.forward, *thing.rules, thing.kink, thing.native)

    def _weakly_held(self, reference: weakref.ReferenceType[Any]) -> Iterator[Any]:
        found = reference()
        if is_a(found, type):
            yield found
        else:
            self._weak.append(reference)

    def _space(self, space: Any, kind: Any) -> Iterator[Any]:
        """What code may read from a module or class: of the user's anything, of others what it names."""
        if is_of_users(space):
            if isinstance(space, type):
                for name in ("__bases__", *({"__name__", "__qualname__"} & self.used)):
                    self._part(space, name, getattr(space, name))
                yield from self._subclasses(space)
            self._once(space, "", names_in(space))
            if isinstance(space, EnumMeta):  # code may go through its members, naming none
                yield from space.__members__.values()
            if isinstance(space, ABCMeta):
                self._once(REGISTRATIONS, "", REGISTRATIONS)
            if vars(space).get("_is_protocol"):  # `isinstance` asks for the names in it
                self.used.update((*vars(space), "hasattr"))
            yield from (*(space.__bases__ if issubclass(kind, type) else ()), type(space))
            yield from self._named_attributes(space, vars(space))
        elif issubclass(kind, ModuleType):
            yield from self._settings(space)
        elif space.__module__ == "decimal":
            yield DECIMALS

    def _other(self, thing: Any, kind: Any, users: bool) -> Iterator[Any]:
        """What any other object holds, as Python, a library or its own class has it."""
        if kind.__name__ == "ufunc":  # it may be the user's function
            yield from gc.get_referents(thing)
        elif is_generator(thing):
            self.found.generators.append(thing)
        elif is_array(thing) or reads_as_array(thing) or issubclass(kind, (StringIO, BytesIO)) or is_memory(kind):
            self.found.holder(thing)
            if is_array(thing) and thing.dtype.hasobject:
                yield from held(thing)
        elif issubclass(kind, threading.local):
            self.found.holder(thing)
            yield from (kind, *held(thing))
        elif kind is ContextVar:
            self.found.holder(thing)
            yield from held(thing)
        elif kind.__module__ == "decimal":
            yield decimals(thing) if kind.__name__ == "Context" else DECIMALS
        elif issubclass(kind, VIEWS):
            yield thing.mapping
        elif kind is CACHE:
            self.found.holder(thing)
            yield from (*held(thing), *vars(thing).values())
        elif not (issubclass(kind, Value) or users):
            yield from self._object(thing, kind)

    def _library_parts(self, thing: Any, names: Sequence[str]) -> Iterator[Any]:
        for name in names:
            content = getattr(thing, name)
            self._part(thing, name, content)
            self._iterator(content, name)
            self.found.directly(content, *(content if type(content) is tuple else ()))
            yield content

    def _object(self, thing: Any, kind: Any) -> Iterator[Any]:
        """The attributes of an object."""
        if issubclass(kind, BaseException):
            self._part(thing, "args", thing.args)
            yield thing.args
        yield from self._slots(thing, kind)  # first: whatever else the class names may get into the dict
        attributes = attributes_of(thing)
        if isinstance(attributes, Mapping):
            yield kind
            yield from self._named_attributes(thing, attributes)

    def _subclasses(self, of: type) -> Iterator[Any]:
        """The classes derived from one, if code asks for them."""
        if "__subclasses__" in self.used:
            self._once(of, "__subclasses__", subclasses_of(of))
            yield from type.__subclasses__(of)

    def _container(self, container: Any) -> Iterator[Any]:
        known = self._leaf_lists.get(id(container)) if type(container) is list else None
        if known is not None and not same_objects(known.inside, container):
            known = None  # it holds others now
        inside, kinds = (held(container), set[type]()) if known is None else known
        if not isinstance(container, (tuple, frozenset)) and id(container) not in self._private:
            self.found.holder(container, inside)
        if known is None:
            kinds = {*map(type, inside)}
            if type in kinds or any(hasattr(kind, "__next__") for kind in kinds):
                for entry in inside:
                    self._iterator(entry, "an entry")
            if not all(map(is_leaf, kinds)):
                yield from inside
                return
        if type(container) is list:
            self.found.leaf_lists[id(container)] = LeafList(inside, kinds)

    def _named_attributes(self, owner: Any, attributes: Mapping[str, Any]) -> Iterator[Any]:
        """The attributes that some code names, or may read without naming them."""
        if is_of_project(type(owner)) and not is_a(owner, Value):
            yield from self._attributes_of_project(owner, attributes)
            return
        self._owners.append(owner)
        if not self._unlisted(owner):
            self._once(owner, "all", attributes)
        unnamed = self._unnamed_reads(owner)
        for name, content in list(attributes.items()):
            named = name in self.used
            if (named or unnamed(name, content)) and self._is_new(owner, name):
                if named:
                    self._iterator(content, name)
                self.found.directly(content)
                yield from self._attribute(attributes, name, content)
        self._absent_attributes(owner, attributes)

    def _attributes_of_project(self, owner: Any, attributes: Mapping[str, Any]) -> Iterator[Any]:
        """All attributes of one of this project's objects, such as a layer."""
        if not announces(type(owner)):  # what it keeps for itself may change
            self._private.update(id(c) for c in attributes.values() if is_a(c, (list, dict, set)))
            yield from attributes.values()
            return
        self.found.announced(attributes)
        self._call_of(class_of(owner))
        for name, content in list(attributes.items()):
            if self._is_new(owner, name):
                yield from self._attribute(attributes, name, content)

    def _attribute(self, attributes: Mapping[str, Any], name: str, content: Any) -> tuple[Any, ...]:
        """What to enter for an attribute: its content, or the function of a method."""
        self.found.name(attributes, name, content)
        if not is_a(content, _METHODS):
            return (content,)
        function = getattr(content, "__func__", getattr(content, "fget", content))
        return (function, content) if is_of_users(class_of(content)) else (function,)  # a property of their own class

    def _unnamed_reads(self, owner: Any) -> Callable[[str, Any], bool]:
        """Whether an attribute, by its name and content, matters although no code names it."""
        kind, computing = class_of(owner), not self.used.isdisjoint(COMPUTING)
        is_class = issubclass(kind, type)

        def matters(name: str, content: Any) -> bool:
            return type(content) not in PLAIN or name == "_value_" or computing

        def is_method(name: str, content: Any) -> bool:
            return is_a(content, _METHODS) and (is_class or name == "__getattr__")

        if not issubclass(kind, (type, ModuleType)):
            return matters
        if not self._is_searched(owner):
            return is_method
        return lambda name, content: (is_method if name[:2] == "__" else matters)(name, content)

    def _absent_attributes(self, owner: Any, attributes: Mapping[str, Any]) -> None:
        """The names that code reads and an object lacks: should they be added, they hide those of its class or base."""
        kind = class_of(owner)
        if issubclass(kind, type):
            for name in self.used.intersection(dir(owner)).difference(attributes):
                if name[:2] != "__" and self._is_new(owner, name):
                    self.found.rare_name(attributes, name, ABSENT)
        elif not issubclass(kind, ModuleType) and kind is not FunctionType:
            asks = not self.used.isdisjoint(ASKING) or hasattr(kind, "__getattr__")
            for name in self.used if asks else self.used.intersection(dir(type(owner))):
                if name not in attributes and self._is_new(owner, name):
                    self.found.name(attributes, name, ABSENT)

    def _unlisted(self, owner: Any) -> bool:
        """Whether only attributes that some code names count: all do for objects that a library's own methods read."""
        if is_a(owner, SPACES):
            return not is_a(owner, ModuleType) or self.used.isdisjoint(COMPUTING)
        return (is_a(owner, type) or is_of_users(class_of(owner))) and self.used.isdisjoint(LISTING)

    def _is_searched(self, space: Any) -> bool:
        """Whether some code may read what it does not name from a class, or a module."""
        return id(space) in self._searched if is_a(space, ModuleType) else not self.used.isdisjoint(COMPUTING)

    def _call_of(self, kind: type) -> None:
        """The call method of this project's layers: users replace it in the class, to look at all layers."""
        for base in kind.__mro__ if self._is_new(kind, "every base") else ():
            if "__call__" in vars(base) and not is_of_users(base) and self._is_new(base, "__call__"):
                self.found.rare_name(vars(base), "__call__", vars(base)["__call__"])

    def _slots(self, owner: Any, kind: type) -> Iterator[Any]:
        """The content of the ``__slots__`` of the user's classes."""
        for name in slots_of(kind):
            if (id(owner), name) not in self._attributes:
                content = attribute_of(owner, name)
                if type(content) not in PLAIN or name in self.used or not self.used.isdisjoint(COMPUTING):
                    self._attributes.add((id(owner), name))
                    self.found.slot(owner, name, name, content)
                    self.found.directly(content)
                    yield content
                elif not self._owners or self._owners[-1] is not owner:
                    self._owners.append(owner)

    def _settings(self, module: ModuleType) -> Iterator[Any]:
        """What the user's code names in a module that is not searched, including the content of containers there."""
        attributes = vars(module)
        self._owners.append(module)
        for name in self.used.intersection(attributes):
            content = attributes[name]
            if content is not sys.modules and self._is_new(module, name):
                self.found.setting(attributes, name, content)
                if is_a(content, (*CONTAINERS, ModuleType)) and not is_of_project(module):
                    yield content
