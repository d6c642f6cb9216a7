"""Attribute errors that help: unknown names are refused when set, other libraries' names explained when read."""

from __future__ import annotations

import difflib
import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar

from .elsewhere import instead_of, no_attribute

_RATES = frozenset({"lr", "learning_rate"})  # always meant to be the learning rate


class Explained:
    """Base of classes that other libraries have too: the error for one of their attributes says what to write here.

    It makes every attribute of such an object slower to read, so trainers do without.
    """

    _known: ClassVar[frozenset[str]] = frozenset()
    """The names of settings."""

    if not TYPE_CHECKING:  # so that type checkers still report missing attributes

        def __getattr__(self, name: str) -> Any:
            return no_attribute(self, name, type(self)._known)


class Known:
    """Base of classes with settings: only attributes that the class names, and private ones, can be set.

    A user's subclass with methods of its own may set what these need, but not another word for the learning rate.
    """

    _known: ClassVar[frozenset[str]]
    _is_open: ClassVar[bool]
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
        if name not in kind._known and not name.startswith("_") and (name in _RATES or not kind._is_open):
            remedy = instead_of(name, kind._known, kind) or _near(name, kind._known)
            raise AttributeError(f"{kind.__name__} has no attribute {name!r}: {remedy}")
        super().__setattr__(name, value)


def _near(name: str, known: frozenset[str]) -> str:
    near = difflib.get_close_matches(name, [one for one in known if one[0] != "_"], n=1)
    return f"did you mean {near[0]}?" if near else "nothing would read it"


def _has_methods(kind: type, hooks: frozenset[str]) -> bool:
    """Whether a class from elsewhere has code that may set attributes."""
    if kind.__module__.partition(".")[0] == "nn":
        return False
    return any(isinstance(part, (FunctionType, property)) and name not in hooks for name, part in vars(kind).items())
