"""The walk over what a function reads: closures, globals that its code names, defaults, attributes, containers."""

from __future__ import annotations

import builtins
import random
import sys
import weakref
from array import array
from collections import deque
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache, partial
from types import BuiltinMethodType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from ...primitive import Primitive
from ...text.callers import is_users
from ...value import Value

if TYPE_CHECKING:
    from .surroundings import Surroundings

_MOST = 100_000  # objects that a walk enters
ABSENT = object()
"""In place of what is not there."""
_COMPILER = __name__.partition(".frontend")[0]
CONTAINERS = (list, tuple, dict, set, frozenset, deque, array, bytearray, memoryview, MappingProxyType)
PLAIN = frozenset({int, float, bool, str, bytes, complex, type(None)})
LEAVES = PLAIN | {Value, Primitive, CodeType, type(Ellipsis)}


class Walk:
    """Enters each object once, what is near first.

    Args:
        found: is told.
    """

    def __init__(self, found: Surroundings) -> None:
        self._found = found
        self._used: set[str] = set()  # names in the code
        self._seen: dict[int, Any] = {}
        self._attributes: set[tuple[int, str]] = set()
        self._private: set[int] = set()  # containers that objects of this project keep for themselves
        self._owners: list[Any] = []  # of attributes that may not have been named yet

    def of(self, function: Any) -> list[Any]:
        """Walk; give all that was entered, to be kept alive."""
        seen, queue = self._seen, [function]
        before = -1
        while len(self._used) != before:  # attributes count when some code names them, be it code that is met later
            before = len(self._used)
            for thing in queue:  # grows meanwhile
                if id(thing) in seen:
                    continue
                seen[id(thing)] = thing
                if len(seen) > _MOST:
                    break
                queue += [one for one in self._enter(thing, type(thing)) if type(one) not in LEAVES]
            queue = self._owners
            self._owners = []
            for owner in queue:
                seen.pop(id(owner), None)
        return list(seen.values())

    def _enter(self, thing: Any, kind: type) -> Iterator[Any]:
        if kind is FunctionType:
            yield from self._function(thing)
        elif kind is MethodType:
            yield from (thing.__func__, thing.__self__)
        elif kind is BuiltinMethodType:
            yield thing.__self__
        elif kind is weakref.ReferenceType:
            yield thing()
        elif kind is partial:
            inside = (thing.func, *thing.args, thing.keywords)
            self._found.found_directly(*inside)
            yield from inside
        elif isinstance(thing, CONTAINERS):
            yield from self._container(thing)
        elif str(kind.__module__).startswith(_COMPILER):  # of a program counts the function, not what it was made into
            yield getattr(thing, "function", None)
        elif isinstance(thing, (ModuleType, type)):
            if _is_of_users(thing):
                yield from (*getattr(thing, "__bases__", ()), type(thing))
                yield from self._named_attributes(thing, vars(thing))
        elif is_generator(thing):
            if not any(thing is known for known in self._found.generators):
                self._found.generators.append(thing)
        elif is_array(thing):
            self._once(thing)
        elif kind is ContextVar:
            self._once(thing)
            yield from held(thing)
        elif not isinstance(thing, (Value, type)) and isinstance(getattr(thing, "__dict__", None), Mapping):
            yield type(thing)
            yield from self._named_attributes(thing, vars(thing))

    def _once(self, holder: Any) -> None:
        if (id(holder), "") not in self._attributes:
            self._attributes.add((id(holder), ""))
            self._found.found_holder(holder)

    def _function(self, function: FunctionType) -> Iterator[Any]:
        yield from self._named_attributes(function, vars(function))
        if (id(function), "") in self._attributes:
            return
        self._attributes.add((id(function), ""))
        for attribute in ("__code__", "__defaults__"):
            self._found.found_part(function, attribute, getattr(function, attribute))
        if function.__kwdefaults__:
            self._once(function.__kwdefaults__)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            try:
                content = cell.cell_contents
            except ValueError:  # not yet filled
                continue
            self._found.found_cell(cell, name, content)
            self._found.found_directly(content)
            yield content
        defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        self._found.found_directly(*defaults)
        yield from defaults
        if not is_users(function.__code__.co_filename):
            return
        names = _names_of(function.__code__)
        self._used.update(names)
        for name in names:
            content = function.__globals__.get(name, ABSENT)
            if content is not ABSENT or hasattr(builtins, name):
                self._found.found_name(function.__globals__, name, content)
                self._found.found_directly(content)
                yield content

    def _container(self, container: Any) -> Iterator[Any]:
        if not isinstance(container, (tuple, frozenset)) and id(container) not in self._private:
            self._once(container)
        inside = held(container)
        if not LEAVES.issuperset(map(type, inside)):
            yield from inside

    def _named_attributes(self, owner: Any, attributes: Mapping[str, Any]) -> Iterator[Any]:
        everything = _is_of_project(type(owner))
        if everything and not _announces(type(owner)):  # what it keeps for itself may change
            self._private.update(id(c) for c in attributes.values() if isinstance(c, (list, dict, set)))
            yield from attributes.values()
            return
        if everything:
            self._found.found_announced(attributes)
        else:
            self._owners.append(owner)
        for name, content in list(attributes.items()):
            if (id(owner), name) in self._attributes:
                continue
            code = isinstance(content, (FunctionType, staticmethod, classmethod, property))
            matters = (
                code if isinstance(owner, type) else not isinstance(owner, ModuleType) and type(content) not in PLAIN
            )
            if matters or name in self._used or everything:
                self._attributes.add((id(owner), name))
                self._found.found_name(attributes, name, content)
                if not everything:
                    self._found.found_directly(content)
                yield getattr(content, "__func__", getattr(content, "fget", content)) if code else content
        if not everything and not isinstance(owner, (type, ModuleType, FunctionType)):
            for name in self._used.intersection(dir(type(owner))):  # what the class has, the instance may get
                if name not in attributes and (id(owner), name) not in self._attributes:
                    self._attributes.add((id(owner), name))
                    self._found.found_name(attributes, name, ABSENT)


@cache
def _names_of(code: CodeType) -> tuple[str, ...]:
    """The globals and attributes that some code names, in functions inside of it too."""
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(dict.fromkeys(_names_of(constant)))
    return tuple(names)


def _is_of_users(thing: Any) -> bool:
    """Whether a module or class is the user's, and no part of an installed package or of Python."""
    module = thing if isinstance(thing, ModuleType) else sys.modules.get(thing.__module__)
    file = getattr(module, "__file__", None)
    if file is None:  # typed in, or built in
        return getattr(module, "__name__", "") == "__main__" or not hasattr(module, "__spec__")
    return is_users(file) and "site-packages" not in file


def _is_of_project(kind: type) -> bool:
    """Whether some of the code of this class is the project's, which is not searched for names of attributes."""
    return any(str(base.__module__).partition(".")[0] in ("engine", "nn") for base in kind.__mro__)


def _announces(kind: Any) -> bool:
    """Whether instances announce what is set on them, as modules do."""
    return kind.__setattr__ is not object.__setattr__


def is_generator(thing: Any) -> bool:
    """Whether this draws random numbers, and shows its state."""
    if isinstance(thing, random.Random):
        return not isinstance(thing, random.SystemRandom)
    numpy = sys.modules.get("numpy.random")
    return numpy is not None and isinstance(thing, (numpy.Generator, numpy.RandomState, numpy.BitGenerator))


def is_array(thing: Any) -> bool:
    """Whether its class says so: an object with a `__getattr__` may have any attribute."""
    return hasattr(type(thing), "dtype") and hasattr(type(thing), "tobytes")


def held(holder: Any) -> tuple[Any, ...]:
    """What is in a container or context variable; of an array a digest of its bytes."""
    if isinstance(holder, ContextVar):
        return (holder.get(ABSENT),)
    if isinstance(holder, Mapping):
        return (*holder, *holder.values())
    if is_array(holder):
        if holder.dtype == object:
            return tuple(holder.ravel().tolist())
        return (holder.shape, holder.dtype.str, hash(holder.tobytes()))
    return tuple(holder)
