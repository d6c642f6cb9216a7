"""The walk over what a function reads: all that it reaches through attributes, classes, modules and containers."""

from __future__ import annotations

import gc
import threading
import weakref
from abc import ABCMeta
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time
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
from ..symbol import Symbol
from .attributes import Attributes
from .code import reading_name
from .found import Found, MetSoFar
from .functions import Functions
from .methods import METHODS, OF_TABLE, is_of_engine
from .objects import (
    ABSENT,
    CONTAINERS,
    DECIMALS,
    PARTS,
    REGISTRATIONS,
    ComputedEntries,
    LeafList,
    attribute_of,
    attributes_of,
    class_of,
    decimals,
    goes_on,
    held,
    is_a,
    is_array,
    is_generator,
    is_memory,
    names_in,
    reads_as_array,
    shows_to_collector,
    subclasses_of,
)
from .owners import is_leaf, is_of_compiler, is_of_users, wraps_own

_MOST = 100_000  # objects that a walk enters, at most
_CODE = frozenset({FunctionType, MethodType, BuiltinMethodType, Primitive, attrgetter, methodcaller})
_FIX_REPLACED = (
    "Compiled code computes what the engine's own table says: give your method another name, or declare a primitive."
)


class Walk:
    """Enters each object once, near ones first.

    Args:
        leaf_lists: the lists of leaves that an earlier walk has found, which are not examined again.
    """

    def __init__(self, leaf_lists: Mapping[int, LeafList]) -> None:
        self._met = met = MetSoFar()
        self._found, self._used = met.found, met.used
        self._functions, self._attributes = Functions(met), Attributes(met)
        self._leaf_lists = leaf_lists
        self._weak: list[weakref.ReferenceType[Any]] = []

    def of(self, function: Any) -> Found:
        """Walk; return what was found.

        Raises:
            TraceError: there is too much to watch, or something that cannot be watched.
        """
        seen, queue = self._met.seen, [function, *self._declared(), *self._added_to_values()]
        before = -1
        while len(self._used) != before:  # as attributes count if some code names them, even code met later
            before = len(self._used)
            for thing in queue:  # which grows meanwhile
                if id(thing) in seen:
                    continue
                seen[id(thing)] = thing
                if len(seen) > _MOST:
                    raise refusal(
                        f"over {_MOST:,} objects are read, such as a {type(thing).__name__}: too many to watch",
                        "Make an array of a large list of lists, or pass what the function needs of it as an argument.",
                    )
                queue += self._inside(thing)
            queue = [*self._attributes.owners, *self._declared()]
            self._attributes.owners = []
            for owner in queue:
                seen.pop(id(owner), None)
        self._refuse_mortals({*seen, *map(id, queue)})
        if "label" in self._used:
            self._found.labels()
        self._refuse_replaced()
        self._found.kept, self._found.at_first = [*seen.values(), *queue], self._found.numbers()
        return self._found

    def _refuse_mortals(self, met: set[int]) -> None:
        """Refuse weak references to what nothing else that is read keeps alive, since it may die at any time."""
        for reference in self._weak:
            found = reference()
            if found is not None and id(found) not in met:
                raise refusal(
                    f"the function reads a weak reference to a {type(found).__name__}, which may be gone later",
                    "Let the function also have the object itself, by a name, in an attribute or in a list.",
                )

    def _declared(self) -> Iterator[Primitive]:
        """The user's primitives that code may apply without naming them, as a method or an operator."""
        for primitive in PRIMITIVES.values():
            if primitive not in OWN and (primitive.dunder or not self._used.isdisjoint(primitive.methods)):
                yield primitive

    def _added_to_values(self) -> Iterator[Any]:
        """What the user's code has added to the class `Value`, and may call without a name, by an operator."""
        for name in vars(Value).keys() - vars(Symbol).keys():
            content = vars(Value)[name]
            if not is_of_engine(content):
                yield from self._attributes.one(vars(Value), name, content)

    def _refuse_replaced(self) -> None:
        """Refuse operators and methods of Values that the user has replaced, since symbols have those of the table."""
        for name in OF_TABLE:
            if not is_of_engine(vars(Value)[name]):
                raise refusal(f"Value.{name} has been replaced", _FIX_REPLACED)
        self._found.holder(METHODS)

    def _inside(self, thing: Any) -> list[Any]:
        """What to enter next.

        Raises:
            TraceError: code of the user's class that is called for this, such as its `__iter__`, raises an error.
        """
        try:
            return [one for one in self._enter(thing, class_of(thing)) if not is_leaf(type(one))]
        except Exception as error:
            raise refusal(
                f"the function reads a {type(thing).__name__}, which cannot be searched for what may change: it raises "
                f"{type(error).__name__}: {error}",
                "Compiled code looks at all that a function reads, to see when it changes: pass the numbers that you "
                "take from it as arguments, or keep them in plain lists, dicts and attributes.",
                source=raised_at(error),
            ) from error

    def _enter(self, thing: Any, kind: Any) -> Iterator[Any]:
        """What a thing of this class holds or refers to."""
        users = is_of_users(kind)
        if goes_on(thing):
            self._found.iterators.append((f"a {kind.__name__}", None))
        for base, names in PARTS.items():
            if issubclass(kind, base):
                yield from self._library_parts(thing, names)
        self._used.update(filter(None, [reading_name(thing)]))
        if kind in _CODE:
            yield from self._code(thing, kind)
        elif issubclass(kind, weakref.ReferenceType):
            yield from self._weakly_held(thing)
        elif issubclass(kind, CONTAINERS):
            yield from self._container(thing)
        elif kind is ComputedEntries:
            self._found.holder(thing)
        elif is_of_compiler(kind):
            yield getattr(thing, "function", None)
        elif issubclass(kind, (ModuleType, type)):
            yield from self._space(thing, kind)
        else:
            yield from self._other(thing, kind, users)
        if users:  # even of lists and arrays
            own = own_class(kind)
            if not issubclass(own, Value):
                self._met.part(thing, "__class__", attribute_of(thing, "__class__"))
                if isinstance(attributes := attribute_of(thing, "__dict__"), dict):  # it may be replaced as a whole
                    self._met.part(thing, "__dict__", attributes)
            yield own
            yield from self._object(thing, own)
        elif kind.__dictoffset__ and (issubclass(kind, (*CONTAINERS, StringIO, BytesIO)) or is_array(thing)):
            yield from self._object(thing, kind)  # such as an OrderedDict, or a masked array

    def _code(self, thing: Any, kind: Any) -> Iterator[Any]:
        """What something callable runs, or reads by name."""
        if kind is FunctionType and wraps_own(thing):
            yield thing.__wrapped__
        elif kind is FunctionType:
            yield from self._attributes.named(thing, vars(thing))
            yield from self._functions.of(thing)
        elif kind is MethodType:
            yield from (thing.__func__, thing.__self__)
        elif kind is BuiltinMethodType:
            yield thing.__self__
            if thing.__module__ in ("decimal", "_decimal"):  # the second from Python 3.13 on
                yield DECIMALS
        elif kind is Primitive:
            if thing not in OWN:  # it is compiled as what its functions are composed of
                if self._met.is_new(PRIMITIVES, thing.name):  # its name may be given to another primitive
                    self._found.name(PRIMITIVES, thing.name, PRIMITIVES.get(thing.name, ABSENT))
                yield from (thing.forward, *thing.rules, thing.kink, thing.native)
        else:  # a getter of attributes, or a caller of methods
            make, given = thing.__reduce__()  # of a caller with keywords, by a partial, which has the name
            texts = [text for text in (*getattr(make, "args", ()), *given) if isinstance(text, str)]
            self._used.update(name for path in texts for name in path.split("."))
            yield from held(thing)

    def _weakly_held(self, reference: weakref.ReferenceType[Any]) -> Iterator[Any]:
        found = reference()
        if is_a(found, type):
            yield found
        else:
            self._weak.append(reference)

    def _space(self, space: Any, kind: Any) -> Iterator[Any]:
        """What code may read from a module or class: anything from the user's, from others only what it names."""
        if isinstance(space, ABCMeta):
            self._met.once(REGISTRATIONS, "", REGISTRATIONS)
        if is_of_users(space):
            self._met.part(space, "__class__", attribute_of(space, "__class__"))
            if isinstance(space, type):
                for name in ("__bases__", *({"__name__", "__qualname__"} & self._used)):
                    self._met.part(space, name, getattr(space, name))
                yield from self._subclasses(space)
            self._met.once(space, "", names_in(space))
            if isinstance(space, EnumMeta):  # code may go through its members without naming them
                yield from space.__members__.values()
            if vars(space).get("_is_protocol"):  # `isinstance` asks for the names in it
                self._used.add("hasattr")
            if "metadata" in self._used:  # `dataclasses.fields` gives it
                yield vars(space).get("__dataclass_fields__")
            yield from (*(space.__bases__ if issubclass(kind, type) else ()), type(space))
            yield from self._attributes.named(space, vars(space))
        else:
            if isinstance(space, type):
                yield from space.__bases__
                if space.__module__ == "decimal":
                    yield DECIMALS
            yield from self._attributes.settings(space)

    def _other(self, thing: Any, kind: Any, users: bool) -> Iterator[Any]:
        """What any other object holds, of Python's, a library's or a user's class."""
        if kind.__name__ == "ufunc":  # it may be the user's function
            yield from gc.get_referents(thing)
        elif is_array(thing) or reads_as_array(thing) or issubclass(kind, (StringIO, BytesIO)) or is_memory(kind):
            self._found.holder(thing)
            if reads_as_array(thing) or (is_array(thing) and thing.dtype.hasobject):
                yield from held(thing)
            yield getattr(thing, "_objects", None)  # what a pointer of ctypes points to
        elif kind.__module__ == "decimal":
            yield decimals(thing) if kind.__name__ == "Context" else DECIMALS
        elif issubclass(kind, (datetime, time)):
            yield thing.tzinfo
        elif shows_to_collector(kind) or issubclass(kind, threading.local):
            self._found.holder(thing)
            yield from held(thing)
        elif not users:
            yield from self._object(thing, kind)
        if is_generator(thing):
            self._found.generators.append(thing)

    def _library_parts(self, thing: Any, names: Sequence[str]) -> Iterator[Any]:
        for name in names:
            content = getattr(thing, name)
            self._met.part(thing, name, content)
            self._met.iterator(content, name)
            self._found.directly(content, *(content if type(content) is tuple else ()))
            yield content

    def _object(self, thing: Any, kind: Any) -> Iterator[Any]:
        """The attributes of an object."""
        if issubclass(kind, BaseException):
            self._met.part(thing, "args", thing.args)
            yield thing.args
        yield from self._attributes.slots(thing, kind)  # first: what it reads may fill the dict
        attributes = attributes_of(thing)
        if isinstance(attributes, Mapping):
            yield kind
            yield from self._attributes.named(thing, attributes)

    def _subclasses(self, of: type) -> Iterator[Any]:
        """The classes derived from one, if code asks for them."""
        if "__subclasses__" in self._used:
            self._met.once(of, "__subclasses__", subclasses_of(of))
            yield from type.__subclasses__(of)

    def _container(self, container: Any) -> Iterator[Any]:
        known = self._leaf_lists.get(id(container))
        if known is not None and not same_objects(known.inside, container):
            known = None  # it holds others now
        inside = held(container) if known is None else known.inside
        if not isinstance(container, (tuple, frozenset)) and id(container) not in self._attributes.private:
            self._found.holder(container, inside)
        if known is None:
            known = LeafList(inside, {*map(type, inside)})
            if type in known.kinds:
                for entry in inside:
                    self._met.iterator(entry, "an entry")
            if not all(map(is_leaf, known.kinds)):
                yield from inside
                return
        if type(container) is list:
            self._found.leaf_lists[id(container)] = known
