"""A job: one configuration, split into what `make` takes and what `fit` takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Job(NamedTuple):
    """One configuration: the part for `make`, and the part for `fit`."""

    arguments: dict[str, Any]
    seed: int
    epochs: int
    batch_size: int | None

    def net(self, make: Callable[..., Any]) -> Any:
        """What `make` makes of copies of its lists, to which it may append; it may be called again."""
        return make(**own_lists(self.arguments))


def own_lists(item: Any) -> Any:
    """A copy of nested lists, tuples and dicts, down to what is none of these.

    >>> given = {"sizes": [32, 10]}
    >>> own_lists(given)["sizes"].append(1)
    >>> given
    {'sizes': [32, 10]}
    """
    if type(item) is dict:
        return {name: own_lists(each) for name, each in item.items()}
    return type(item)(map(own_lists, item)) if type(item) in (list, tuple) else item
