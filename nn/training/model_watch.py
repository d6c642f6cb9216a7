"""What a model is made of, and whether that is still so: its attributes, and what its lists and dicts hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import is_
from typing import Any

from engine import Value, changes

from ..layers.module import Module


class ModelWatch:
    """A model as it was.

    Args:
        model: a module; of any other function nothing is watched here.
    """

    def __init__(self, model: Any) -> None:
        self._changes = changes[0]
        found = list(_containers(model, set())) if isinstance(model, Module) else []
        self._outer = [c for c in found if not all(isinstance(item, Value) for item in _items(c))]
        self._inner = [c for c in found if all(isinstance(item, Value) for item in _items(c))]
        self._outer_before = [c.copy() for c in self._outer]
        self._inner_before = [_items(c) for c in self._inner]

    def glance(self) -> Callable[[], bool]:
        """What tells in a tenth of a microsecond whether no attribute was set, and no list of modules has changed."""
        count, now, before = self._changes, self._outer, self._outer_before

        def holds() -> bool:
            try:
                return changes[0] == count and now == before
            except ValueError:  # an array where another one was
                return False

        return holds

    def holds(self) -> bool:
        """Whether, besides, all parameters are the same ones."""
        return self.glance()() and all(
            len(container) == len(before) and all(map(is_, _items(container), before))
            for container, before in zip(self._inner, self._inner_before)
        )


def _items(container: Any) -> list[Any]:
    return list(container.values()) if isinstance(container, dict) else list(container)


def _containers(item: Any, seen: set[int]) -> Iterator[Any]:
    """The lists and dicts in a module, in what it holds, and in one another."""
    if id(item) in seen:
        return
    seen.add(id(item))
    if isinstance(item, Module):
        children = list(vars(item).values())
    elif isinstance(item, (list, dict)):
        yield item
        children = _items(item)
    elif isinstance(item, tuple):
        children = list(item)
    else:
        return
    for child in children:
        if not isinstance(child, Value):
            yield from _containers(child, seen)
