"""What a function reads from outside: closure cells, globals and what hangs on them, to see when something changes.

The walk starts at the function and follows closures, the globals that its code names, defaults, attributes, lists,
dicts and modules of the user's. Code of installed packages is not entered. What it finds is compared by identity.
"""

from __future__ import annotations

import builtins
import math
import random
import sys
import time
import weakref
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from operator import is_
from types import BuiltinMethodType, CellType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from ... import modes
from ...primitive import Primitive
from ...text.callers import is_users
from ...value import Value

BUDGET = 400
"""About how many nanoseconds a look at every call may take; the rest is looked at when `PATIENCE` allows."""
PATIENCE = 50
"""A look at all takes place when so many times its own duration has passed since the last one: 2 % of the time."""
_MOST = 100_000  # objects that a walk enters
_FEW = 6  # entries of a list or dict that are looked at one by one, in half the time of a loop

_ABSENT = object()
_COMPILER = __name__.partition(".frontend")[0]
_LOOK = """
def {name}():
    try:
        return ({condition}) and me.changed_at_all()
    except ValueError:  # an array where something else was
        return True
"""
_CONTAINERS = (list, tuple, dict, set, frozenset, deque, array, bytearray, memoryview, MappingProxyType)
_PLAIN = frozenset({int, float, bool, str, bytes, complex, type(None)})
_NEAR: tuple[Any, ...] = (*_PLAIN, Value, Primitive, FunctionType, list, dict, set)
_LEAVES = _PLAIN | {Value, Primitive, CodeType, type(Ellipsis)}


class Surroundings:
    """What a function reads from outside, as it is now.

    Args:
        function: one, or a tuple of several.

    Attributes:
        generators: sources of random numbers among them.
        changed: tells whether something is another than it was; at what is far away it looks from time to time only.
        differs: the same of what is near, and of nothing else.
    """

    changed: Callable[[], bool]
    differs: Callable[[], bool]

    def __init__(self, function: Callable[..., Any] | tuple[Callable[..., Any], ...]) -> None:
        self._function = function
        self.renew()

    def renew(self) -> None:
        """Look anew: what there is now is what is expected from now on."""
        started = time.perf_counter()
        self._count = modes.changes[0]
        self.generators: list[Any] = []
        self._parts: list[tuple[Any, str, Any]] = []  # of functions: the content of a closure cell, code, defaults
        self._names: list[tuple[Mapping[str, Any], str, Any]] = []
        self._numbers: list[tuple[str, Callable[[], Any]]] = []  # names of what may be plain numbers
        self._holders: list[tuple[Any, tuple[Any, ...]]] = []
        self._direct: set[int] = set()
        self._modules: set[int] = set()
        self._announced: set[int] = set()
        self._keep = _Walk(self).of(self._function)
        self._look()
        self._due = started  # so that the first call finds out how long a look at all takes

    def settle(self) -> None:
        """Expect what there is now: what the function itself has changed in a run is no reason to trace it again."""
        if self.changed_at_all():
            self.renew()

    def found_part(self, owner: Any, attribute: str, content: Any) -> None:
        """A part of a function, such as its code."""
        self._parts.append((owner, attribute, content))

    def found_cell(self, cell: CellType, name: str, content: Any) -> None:
        """A closure cell."""
        self.found_part(cell, "cell_contents", content)
        self._numbers.append((name, lambda: cell.cell_contents))

    def found_name(self, names: Mapping[str, Any], name: str, content: Any) -> None:
        """A global or an attribute."""
        self._names.append((names, name, content))
        self._numbers.append((name, lambda: names.get(name, _ABSENT)))

    def found_directly(self, *things: Any) -> None:
        """What a function itself names, or gets as a default: it is looked at every time if it is small."""
        self._direct.update(map(id, things))

    def found_announced(self, attributes: Mapping[str, Any]) -> None:
        """Attributes of an object that announces what is set; what it holds is large, as a rule."""
        self._announced.add(id(attributes))
        self._modules.update(map(id, attributes.values()))

    def found_holder(self, holder: Any) -> None:
        """A list, dict, set or array."""
        self._holders.append((holder, _held(holder)))
        if isinstance(holder, (list, dict)):
            self._numbers.append((f"an entry of a {type(holder).__name__}", lambda: _plain_entries(holder)))

    def numbers(self) -> list[Any]:
        """All plain numbers and texts that are read, as they are now."""
        return [read() for _, read in self._numbers]

    def written(self, before: list[Any]) -> str:
        """What has become of the first one that is another than it was; "" if none is."""
        for (name, _), was, now in zip(self._numbers, before, self.numbers()):
            if type(now) is not type(was) or _same(now, was):
                continue
            if type(was) in _PLAIN:
                return f"{name} from {was!r} to {now!r}"
            if type(was) is tuple and len(now) == len(was):
                return name
        return ""

    def _look(self) -> None:
        """Make `changed` and `differs`: one expression of comparisons, in half the time of loops over what there is."""
        terms = ["modes.changes[0] != me._count"]
        known: dict[str, Any] = {"modes": modes, "absent": _ABSENT, "is_": is_}
        known |= {"me": self, "clock": time.perf_counter}
        left = BUDGET - 100.0

        def add(term: str, nanoseconds: float, was: Any, **names: Any) -> None:
            nonlocal left
            if nanoseconds <= left:
                left -= nanoseconds
                for name, thing in {**names, "was": was}.items():
                    term = term.replace(f"{name}$", f"{name}{len(terms)}")
                    known[f"{name}{len(terms)}"] = thing
                terms.append(term)

        def add_holder(holder: Any, held: tuple[Any, ...]) -> None:
            if _is_array(holder) and holder.dtype != object:
                if holder.nbytes <= 512:
                    add("holder$.tobytes() != was$", 120, holder.tobytes(), holder=holder)
                return
            if id(holder) in self._modules:
                return
            count = len(held) // 2 if isinstance(holder, Mapping) else len(held)
            if isinstance(holder, Mapping) and count <= _FEW:
                each = [f"holder$.get(was$[{k}], absent) is not was$[{k + count}]" for k in range(count)]
                term = " or ".join([*each, "[*holder$] != keys$"])  # the order too
                add(term, 35 + 35 * count, held, holder=holder, keys=list(held[:count]))
            elif isinstance(holder, list) and count <= _FEW:
                each = [f"holder$[{k}] is not was$[{k}]" for k in range(count)]
                add(" or ".join([f"len(holder$) != {count}", *each]), 30 + 20 * count, held, holder=holder)
            else:
                inside = "(*holder$, *holder$.values())" if isinstance(holder, Mapping) else "holder$"
                inside = "holder$.ravel().tolist()" if _is_array(holder) else inside
                same = f"all(map(is_, {inside}, was$))"
                add(f"len({inside}) != {len(held)} or not {same}", 130 + 12 * len(held), held, holder=holder)

        def add_parts(*ranks: int) -> None:
            for part, attribute, content in self._parts:
                if (_rank(content) if attribute == "cell_contents" else 2) in ranks:
                    add(f"part$.{attribute} is not was$", 25, content, part=part)
            for names, name, content in self._names:
                of_python = content is _ABSENT and hasattr(builtins, name)
                if _rank(content) in ranks and id(names) not in self._announced and not of_python:
                    add(f"names$.get({name!r}, absent) is not was$", 30, content, names=names)

        add_parts(0)
        for direct in (True, False):
            for holder, held in self._holders:
                if (id(holder) in self._direct) is direct:
                    add_holder(holder, held)
            add_parts(1) if direct else add_parts(2)
        near = " or ".join(terms)
        for name, condition in (("differs", near), ("changed", f"{near} or clock() > me._due")):
            exec(_LOOK.format(name=name, condition=condition), known)
            setattr(self, name, known[name])

    def changed_at_all(self) -> bool:
        """Whether anything is another than it was, near or far."""
        started, computed = time.perf_counter(), time.thread_time()
        if self._count != modes.changes[0]:  # there may be something new too
            now = Surroundings(self._function)
            if not self._equals(now):
                return True
            self.__dict__.update(now.__dict__)
            self._look()
        elif not self._is_as_it_was():
            return True
        ended, computed = time.perf_counter(), time.thread_time() - computed
        # By the processor's time where its clock is fine enough: another process may have had its turn meanwhile.
        self._due = ended + PATIENCE * min(computed or math.inf, ended - started)
        return False

    def holds_but_for_announcements(self) -> bool:
        """Whether everything found is the same, near or far; what was announced is taken as set on something else."""
        same = self._is_as_it_was()
        if same:
            self._count = modes.changes[0]
        return same

    def _is_as_it_was(self) -> bool:
        try:
            return (
                all(_same(getattr(part, attribute), content) for part, attribute, content in self._parts)
                and all(_same(names.get(name, _ABSENT), content) for names, name, content in self._names)
                and all(_all_same(_held(holder), held) for holder, held in self._holders)
            )
        except ValueError:  # an empty cell
            return False

    def _equals(self, other: Surroundings) -> bool:
        return (
            _all_same([c for *_, c in self._parts], [c for *_, c in other._parts])
            and _all_same([c for *_, c in self._names], [c for *_, c in other._names])
            and [name for _, name, _ in self._names] == [name for _, name, _ in other._names]
            and len(self._holders) == len(other._holders)
            and all(_all_same(a, b) for (_, a), (_, b) in zip(self._holders, other._holders))
        )


class _Walk:
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
                queue += [one for one in self._enter(thing, type(thing)) if type(one) not in _LEAVES]
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
        elif isinstance(thing, _CONTAINERS):
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
        elif _is_array(thing):
            self._once(thing)
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
            content = function.__globals__.get(name, _ABSENT)
            if content is not _ABSENT or hasattr(builtins, name):
                self._found.found_name(function.__globals__, name, content)
                self._found.found_directly(content)
                yield content

    def _container(self, container: Any) -> Iterator[Any]:
        if not isinstance(container, (tuple, frozenset)) and id(container) not in self._private:
            self._once(container)
        inside = _held(container)
        if not _LEAVES.issuperset(map(type, inside)):
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
                code if isinstance(owner, type) else not isinstance(owner, ModuleType) and type(content) not in _PLAIN
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
                    self._found.found_name(attributes, name, _ABSENT)


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
    return any(base.__module__.partition(".")[0] in ("engine", "nn") for base in kind.__mro__)


def _announces(kind: Any) -> bool:
    """Whether instances announce what is set on them, as modules do."""
    return kind.__setattr__ is not object.__setattr__


def is_generator(thing: Any) -> bool:
    """Whether this draws random numbers, and shows its state."""
    if isinstance(thing, random.Random):
        return not isinstance(thing, random.SystemRandom)
    numpy = sys.modules.get("numpy.random")
    return numpy is not None and isinstance(thing, (numpy.Generator, numpy.RandomState, numpy.BitGenerator))


def _rank(content: Any) -> int:
    """How soon a name is looked at that has this content: numbers and functions first, modules and classes last."""
    if isinstance(content, _NEAR) or _is_array(content):
        return 0
    return 2 if isinstance(content, (ModuleType, type)) else 1


def _is_array(thing: Any) -> bool:
    """Whether its class says so: an object with a `__getattr__` may have any attribute."""
    return hasattr(type(thing), "dtype") and hasattr(type(thing), "tobytes")


def _held(holder: Any) -> tuple[Any, ...]:
    """What is in a container; of an array a digest of its bytes."""
    if isinstance(holder, Mapping):
        return (*holder, *holder.values())
    if _is_array(holder):
        if holder.dtype == object:
            return tuple(holder.ravel().tolist())
        return (holder.shape, holder.dtype.str, hash(holder.tobytes()))
    return tuple(holder)


def _plain_entries(holder: Any) -> Any:
    """The entries of a list or dict, if all are plain numbers or texts; else None."""
    entries = tuple(holder.values()) if isinstance(holder, dict) else tuple(holder)
    return entries if _PLAIN.issuperset(map(type, entries)) else None


def _same(now: Any, before: Any) -> bool:
    """Whether it is the very thing, or a plain number or text that nobody can tell from it."""
    if now is before:
        return True
    if type(now) is not type(before) or type(now) not in _PLAIN:
        return type(now) is tuple and type(before) is tuple and _all_same(now, before)
    if type(now) is float:
        return (now == before and math.copysign(1.0, now) == math.copysign(1.0, before)) or (
            now != now and before != before
        )
    return bool(now == before)


def _all_same(now: Any, before: Any) -> bool:
    return len(now) == len(before) and (all(map(is_, now, before)) or all(map(_same, now, before)))
