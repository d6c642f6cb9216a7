"""What a model is made of, and whether that is still so: its attributes, and what its lists and dicts hold."""

from __future__ import annotations

from collections.abc import Iterator
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

    def holds_at_a_glance(self) -> bool:
        """Whether no attribute was set, and no list of layers or other modules has changed."""
        try:
            return changes[0] == self._changes and self._outer == self._outer_before
        except ValueError:  # an array where another one was
            return False

    def holds(self) -> bool:
        """Whether, besides, all parameters are the same ones."""
        return self.holds_at_a_glance() and all(
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
        yield from _containers(child, seen)
