"""Whether code is still what was imported: nothing in it has been replaced since.

A digest of source files, and what is known of the functions in them, holds only as long as these functions are what
runs: code that relies on it asks here first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from operator import attrgetter, is_
from pathlib import Path
from types import CellType, FunctionType, ModuleType
from typing import Any

from . import operators as operators  # so that they are there to be looked at
from . import ops as ops
from .primitive import Primitive


def digest_of(folder: Path, files: Iterable[Path]) -> str:
    """A digest of source files, by their places in a folder; empty if there are none, or one cannot be read."""
    import hashlib  # only compiled code asks

    digest, files = hashlib.sha256(), sorted(files)
    try:
        for file in files:
            digest.update(f"{file.relative_to(folder)}\n".encode())
            digest.update(file.read_bytes())
    except OSError:  # such as an archive, from which they were imported
        return ""
    return digest.hexdigest() if files else ""


class Imported:
    """Modules with their functions, classes and primitives, as they are at present.

    Args:
        names: of modules that are imported, and of packages, which stand for all their modules.

    Raises:
        KeyError: one is not imported.

    >>> code = Imported("engine.ieee")
    >>> code.is_unchanged()
    True
    >>> from engine import ieee
    >>> before, ieee.mean = ieee.mean, max
    >>> code.is_unchanged()
    False
    >>> ieee.mean = before
    >>> code.is_unchanged(), code.defines(before), code.defines(max)
    (True, True, False)
    """

    def __init__(self, *names: str) -> None:
        self._spaces: list[tuple[Mapping[str, Any], list[str], list[Any]]] = []  # names, and what they stand for
        self._functions: list[FunctionType] = []
        self._parts: list[Any] = []  # of each function in turn
        self._cells: list[CellType] = []  # of their closures
        self._in_cells: list[Any] = []
        self._by_name: list[tuple[dict[str, Any], dict[str, Any]]] = []  # defaults that go by name, and a copy of them
        self._defined: dict[int, Any] = {}
        modules = [sys.modules[name] for name in names]
        inside = tuple([f"{name}." for name in names])
        modules += [module for name, module in [*sys.modules.items()] if name.startswith(inside)]
        self._mine = {module.__name__ for module in modules}
        for module in modules:
            self._add(module)

    def is_unchanged(self) -> bool:
        """Whether every name stands for what it did, and every function has the code and defaults that it had."""
        seen = _seen.get()
        if seen is not None and self in seen:
            return True
        same = self._is_same()
        if same and seen is not None:
            seen.add(self)
        return same

    def _is_same(self) -> bool:
        return (
            all(map(is_, chain.from_iterable(map(_parts, self._functions)), self._parts))
            and all(map(is_, map(_content, self._cells), self._in_cells))
            and all(now == before for now, before in self._by_name)
            and all(_same(*each) for each in self._spaces)
        )

    def defines(self, thing: Any) -> bool:
        """Whether one of the modules defines this function or class."""
        return id(thing) in self._defined

    def _add(self, owner: ModuleType | type | Primitive) -> None:
        space = vars(owner)
        self._spaces.append((space, [*space], [*space.values()]))
        for content in space.values():
            for inner in _inside(content):
                mine = isinstance(inner, Primitive) or inner.__module__ in self._mine
                if not mine or id(inner) in self._defined:
                    continue
                self._defined[id(inner)] = inner
                if isinstance(inner, FunctionType):
                    self._add_function(inner)
                else:
                    self._add(inner)

    def _add_function(self, function: FunctionType) -> None:
        """What a function does depends on these, and on the names that it uses."""
        self._functions.append(function)
        self._parts += _parts(function)
        cells = function.__closure__ or ()
        self._cells += cells
        self._in_cells += map(_content, cells)
        if function.__kwdefaults__:
            self._by_name.append((function.__kwdefaults__, {**function.__kwdefaults__}))


_seen: ContextVar[set[Imported] | None] = ContextVar("seen", default=None)


@contextmanager
def looking_once() -> Iterator[None]:
    """A context in which the same code is looked at only once, as a look takes as long as describing a network.

    It is for the start of a program, at whose end this is compared with the eager engine: there a change made meanwhile
    shows.
    """
    token = _seen.set(_seen.get() or set())
    try:
        yield
    finally:
        _seen.reset(token)


_parts = attrgetter("__code__", "__defaults__", "__kwdefaults__")
_content = attrgetter("cell_contents")


_BOOKKEEPING = frozenset(
    {"__slotnames__", "__warningregistry__", "__annotations__", "__annotations_cache__", "__annotate_func__"}
)
"""What Python itself adds to classes that are copied, to modules that warn, and to either when annotations are read."""


def _same(space: Mapping[str, Any], names: list[str], things: list[Any]) -> bool:
    """Whether the names stand for these things, and there are no more: a new one may hide a builtin or a base's."""
    now = [*space]
    known = now == names or (now[: len(names)] == names and _BOOKKEEPING.issuperset(now[len(names) :]))
    return known and all(map(is_, space.values(), things))


def _inside(content: Any) -> Iterator[Any]:
    """The functions, classes and primitives that a name stands for, and what they are wrapped around."""
    if isinstance(content, (FunctionType, type, Primitive)):
        yield content
        if hasattr(content, "__wrapped__"):
            yield from _inside(content.__wrapped__)
    elif isinstance(content, (staticmethod, classmethod)):
        yield from _inside(content.__func__)
    elif isinstance(content, property):
        yield from _inside(content.fget)
    elif isinstance(content, tuple):  # the rules of a primitive
        for part in content:
            yield from _inside(part)


TABLE = Imported("engine.ops", "engine.ieee", "engine.primitive", "engine.operators", "engine.numbers")
"""The table of operations, the functions on floats that its lines name, and what stands around it."""
