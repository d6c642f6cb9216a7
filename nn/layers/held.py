"""The Values that a module holds, with their paths: in whole parts of it, or where no parameters are looked for.

Also the modules that a loss consists of.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

from engine import Value

from ..arguments import first_parameters
from .contents import parameters_in
from .dense import Neuron
from .module import Module

_DEPTH = 4  # of objects in objects, when a name is looked for


def whole_parts(model: object, missed: Collection[Value]) -> dict[str, list[Value]]:
    """The largest parts of a module, by path, of which every parameter is among those missed.

    A part is a module, or an attribute of a user's class. A single neuron or entry of a list does not count, since
    other samples may use it.
    """
    return dict(_parts_in(model, {*missed})) if missed and isinstance(model, Module) else {}


def _parts_in(
    module: Module, missed: set[Value], path: str = "", inside: frozenset[int] = frozenset()
) -> Iterator[tuple[str, list[Value]]]:
    are_users, named = not type(module).__module__.startswith("nn."), set[str]()
    for name, item in vars(module).items():
        if are_users and missed.issuperset(own := parameters_in(item)) and own:
            named.add(name)
            yield f"{path}{name}", own
    for name, child in module.children():
        own = child.parameters()
        if name.split(".")[0] in named or id(child) in inside or isinstance(child, Neuron) or missed.isdisjoint(own):
            continue
        if missed.issuperset(own):
            yield f"{path}{name}", own
        else:
            yield from _parts_in(child, missed, f"{path}{name}.", inside | {id(module)})


def values_in(module: Module, methods: bool) -> Iterator[tuple[str, Value]]:
    """The Values in a module and its parts, also in plain objects, sets and functions.

    With `methods` those that its methods read, too.
    """
    seen = set[int]()

    def walk(item: Any, path: str, depth: int) -> Iterator[tuple[str, Value]]:
        kind = type(item)  # the __class__ of a proxy is another one's, and may raise anything
        if issubclass(kind, Value):
            yield path, item
        elif id(item) not in seen and depth and not _is_skipped(kind):
            seen.add(id(item))
            try:
                parts = _held_by(item)
            except Exception:
                return
            for name, part in parts:
                yield from walk(part, f"{path}.{name}" if path and name else path or name, depth - 1)

    for part in module.modules():
        for name, item in vars(part).items():
            yield from walk(item, name, _DEPTH)
        for method in vars(type(part)).values() if methods else ():
            yield from walk(method, "", _DEPTH)


def losses_in(function: Any) -> list[Module]:
    """The modules that a loss consists of: itself, or those that its functions read.

    A module of one argument is left out: it is a network, such as the opponent or teacher of the one being trained.
    """
    found, seen = list[Module](), set[int]()

    def walk(item: Any, depth: int) -> None:
        if id(item) in seen or not depth:
            return
        seen.add(id(item))
        if issubclass(type(item), Module) and len(first_parameters(item)) != 1:
            found.append(item)
        elif isinstance(item, (FunctionType, MethodType, partial)):
            for _, part in _held_by(item):
                walk(part, depth - 1)

    walk(function, _DEPTH)
    return found


def _is_skipped(kind: type) -> bool:
    """Whether objects of this class are classes, Python modules, or this package's, but no parts of a model."""
    package = str(kind.__module__).partition(".")[0]
    return issubclass(kind, (type, ModuleType)) or (package in ("nn", "engine") and not issubclass(kind, Module))


def _held_by(item: Any) -> list[tuple[str, Any]]:
    """What an object holds or a function reads, by name; the name of an item of a container is empty."""
    if isinstance(item, MethodType):
        return [("", item.__self__), ("", item.__func__)]
    if isinstance(item, partial):
        return [("", part) for part in (item.func, *item.args, *item.keywords.values())]
    if isinstance(item, FunctionType):
        with suppress(ValueError):  # a variable of a closure that is not set yet
            read = inspect.getclosurevars(item)
            return [*read.nonlocals.items(), *read.globals.items()]
        return []
    if isinstance(item, dict):
        return [("", part) for part in item.values()]
    if isinstance(item, (list, tuple, set, frozenset)):
        return [("", part) for part in item] if not {*map(type, item)} <= {float, int} else []  # as of data
    return [*getattr(item, "__dict__", {}).items()]
