"""What a module holds: the Values and modules in its attributes, and in containers nested to any depth."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from numbers import Real
from operator import attrgetter
from typing import Any

from engine import Constant, Primitive, Value

from ..arguments import warn_user

PLAIN = frozenset({int, float, bool, str, type(None), Primitive})
"""Classes of what modules often hold, and what holds no Values itself."""

_primitive = attrgetter("_primitive")
_is_detached = attrgetter("_x")  # of leaves


class Holder:
    """An object whose attributes are searched for Values: every `Module` is one. Other objects are not searched."""


def is_parameter(value: Value) -> bool:
    """Whether it is a leaf that is meant to change: neither a Constant nor what `detach` or `no_grad` returned."""
    kind = type(value)
    return value.primitive is None and not (issubclass(kind, Constant) or is_symbolic(kind) or value.is_detached)


def is_symbolic(kind: type) -> bool:
    """Whether the Values of a class stand for numbers in a trace, as a model may have kept them from one."""
    return hasattr(kind, "__symbolic__")


def are_parameters(items: Collection[Any]) -> bool:
    """Whether all items, which may be anything, are parameters; quicker than asking each."""
    return are_leaves(items) and not any(map(_is_detached, items))


def are_leaves(items: Collection[Any]) -> bool:
    """Whether all items are Values that can change, as an optimiser takes them."""
    kinds = {*map(type, items)}
    can_change = _are_values(kinds) and not any(issubclass(kind, Constant) for kind in kinds)
    return can_change and not any(map(_primitive, items))


def _are_values(kinds: Collection[type]) -> bool:
    """Whether all instances of these classes are Values, and none stands for a number in a trace."""
    return all(issubclass(kind, Value) and not is_symbolic(kind) for kind in kinds)


def parameters_in(item: Any) -> list[Value]:
    """The parameters in a module or in nested containers, each once."""
    values: list[Value] = []
    _collect([item], values, set())
    return list(filter(is_parameter, dict.fromkeys(values)))


def values_of(holder: Holder) -> list[Value]:
    """All Values that a module holds, in the order of its attributes, repeated ones included.

    Quicker than `named_values`, as it makes no names.
    """
    values: list[Value] = []
    _collect([*vars(holder).values()], values, {id(holder)}, holder)
    return values


def _collect(children: Collection[Any], values: list[Value], seen: set[int], owner: Holder | None = None) -> None:
    """Add the Values in nested containers and modules.

    Here and below attributes are copied before they are read, since another thread may add the programs of a module's
    first prediction. The id of a container is in `seen` only while that is read, in case it holds itself: afterwards
    another container may get the same id, such as a list made from an array.

    Args:
        children: where to look.
        values: gets the Values.
        seen: ids of what is being read.
        owner: the module whose attributes these are.
    """
    for child in children:
        kind = type(child)
        if kind in PLAIN:
            continue
        kinds: Collection[type] = {*map(type, child)} if kind is list else ()
        if kinds and _are_values(kinds):  # the weights of a neuron
            values += child
        elif isinstance(child, Value):
            if not is_symbolic(kind):
                values.append(child)
        elif id(child) in seen:
            continue
        elif isinstance(child, Holder):
            seen.add(id(child))
            _collect([*vars(child).values()], values, seen, child)
        elif children := children_of(child):
            if Value in kinds and type(owner).__module__.startswith("nn."):
                _warn_of_numbers(children)
            seen.add(id(child))
            _collect(children, values, seen, owner)
            seen.discard(id(child))


def _warn_of_numbers(weights: Collection[Any]) -> None:
    """Warn of a plain number among a layer's weights, as ``neuron.w[0] = 0.5`` puts it there."""
    found = next((item for item in weights if isinstance(item, Real)), None)
    if found is not None:
        warn_user(
            f"the number {found} stands among the weights of a layer, where nothing trains it: set the .data of a "
            "Value instead, as in neuron.w[0].data = 0.5",
            UserWarning,
        )


def named_values(holder: Holder, prefix: str = "", seen: set[int] | None = None) -> list[tuple[str, Value, Holder]]:
    """The Values that a module holds, each once, with their paths after its own, and the modules that hold them.

    Values and modules whose ids have been `seen` are left out; those that are met are added there.
    """
    seen = set() if seen is None else seen
    found: list[tuple[str, Value, Holder]] = []
    for path, item in contents(vars(holder), prefix):
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Holder):
            found += named_values(item, path, seen)
        else:
            found.append((path, item, holder))
    return found


def contents(item: Any, path: str = "", inside: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """The Values and modules in nested containers, with their paths; modules are not entered.

    Args:
        item: a container, a Value or a module.
        path: its own path.
        inside: ids of the containers around it: one that holds itself is not entered again.
    """
    if isinstance(item, (Value, Holder)):
        yield path, item
        return
    if _is_array_of_values(item):
        item = item.tolist()
    if isinstance(item, dict):
        children = iter([*item.items()])
    elif isinstance(item, (list, tuple)):
        children = iter(enumerate(item))
    else:
        return
    inside = set() if inside is None else inside
    if id(item) not in inside:
        inside.add(id(item))
        for name, child in children:
            place = f"{path}.{name}" if path else str(name)
            if isinstance(child, (Value, Holder)):
                yield place, child
            else:
                yield from contents(child, place, inside)
        inside.discard(id(item))


def modules_in(item: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """The modules in a module, itself included, or in nested containers, each once.

    Args:
        item: a module or a container.
        seen: ids of modules to leave out, and of the containers around the item; modules that are met are added.
    """
    seen = set() if seen is None else seen
    if id(item) in seen:
        return
    seen.add(id(item))
    is_module = isinstance(item, Holder)
    if is_module:
        yield item
    for child in children_of(vars(item) if is_module else item):
        if not isinstance(child, Value) and type(child) not in PLAIN:
            yield from modules_in(child, seen)
    if not is_module:
        seen.discard(id(item))


def children_of(item: Any) -> Collection[Any]:
    """What a list, tuple, dict or array holds; nothing for anything else."""
    if type(item) is list or type(item) is tuple:
        return item
    if _is_array_of_values(item):
        item = item.tolist()
    if isinstance(item, dict):
        return [*item.values()]
    return item if isinstance(item, (list, tuple)) else ()


def _is_array_of_values(item: Any) -> bool:
    """Whether it is a NumPy array of objects. The class is asked first, as a user's object may fail on `dtype`."""
    return hasattr(type(item), "dtype") and str(item.dtype) == "object"
