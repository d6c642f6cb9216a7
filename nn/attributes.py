"""Attribute errors that help: unknown names are refused when set, other libraries' names explained when read."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar


class Explained:
    """Base of classes that other libraries have too: the error for an attribute of theirs says what to write here.

    Python takes longer for every attribute of such an object, so trainers do without.
    """

    if not TYPE_CHECKING:  # so that type checkers still report missing attributes

        def __getattr__(self, name: str) -> Any:
            from .elsewhere import no_attribute

            return no_attribute(self, name)


class Known:
    """Base of classes with settings: only attributes that the class names, and private ones, can be set.

    A user's subclass with methods of its own may set what these need, but not another word for a known setting.
    """

    _known: ClassVar[frozenset[str]]
    _is_open: ClassVar[bool]
    _words: ClassVar[Mapping[str, str]] = {}
    """By another library's name, the attribute that is meant."""
    _instead: ClassVar[Mapping[str, str]] = {}
    """By a name that does not exist here, what to do instead."""
    _hooks: ClassVar[frozenset[str]] = frozenset()
    """Methods that a subclass may have without setting attributes."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._known = frozenset({name for base in cls.__mro__ for name in (*vars(base), *inspect.get_annotations(base))})
        cls._is_open = any(_has_methods(base, cls._hooks) for base in cls.__mro__)

    def __setattr__(self, name: str, value: Any) -> None:
        """As for any object.

        Raises:
            AttributeError: nothing would read it.
        """
        kind = type(self)
        if name not in kind._known and not name.startswith("_"):
            if name in kind._words:
                raise AttributeError(f"{kind.__name__} has no attribute {name!r}: here it is {kind._words[name]}")
            if not kind._is_open:
                near = difflib.get_close_matches(name, [known for known in kind._known if known[0] != "_"], n=1)
                guess = f"did you mean {near[0]}?" if near else "nothing would read it"
                raise AttributeError(f"{kind.__name__} has no attribute {name!r}: {kind._instead.get(name, guess)}")
        super().__setattr__(name, value)


def _has_methods(kind: type, hooks: frozenset[str]) -> bool:
    """Whether a class from elsewhere has code that may set attributes."""
    if kind.__module__.partition(".")[0] == "nn":
        return False
    return any(isinstance(part, (FunctionType, property)) and name not in hooks for name, part in vars(kind).items())
