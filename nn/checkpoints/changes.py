"""Changes of attributes of many objects: all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Change = tuple[Any, str, Any]
"""An object, the name of an attribute, and its new value."""

_NOTHING = object()


def make_all(changes: Sequence[Change]) -> None:
    """Make all the changes; an error or Ctrl-C in between takes back those that were made.

    >>> from types import SimpleNamespace
    >>> a = SimpleNamespace(x=1)
    >>> make_all([(a, "x", 2), (a, "y", 2), (None, "x", 3)])
    Traceback (most recent call last):
    AttributeError: 'NoneType' object has no attribute 'x'...
    >>> a
    namespace(x=1)
    """
    before = [getattr(thing, name, _NOTHING) for thing, name, _ in changes]
    try:
        for thing, name, new in changes:
            setattr(thing, name, new)
    except BaseException:
        for (thing, name, _), old in zip(changes, before):
            if old is not _NOTHING:
                setattr(thing, name, old)
            elif hasattr(thing, name):
                delattr(thing, name)
        raise
