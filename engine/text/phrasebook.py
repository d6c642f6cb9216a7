"""Errors for arguments and attributes that are not there, by tables of what other libraries call them."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Container, Mapping
from typing import Any, NoReturn, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)
Rows = Mapping[str, Mapping[tuple[str, ...], str]]

__tracebackhide__ = True  # pytest then shows the user's own lines


class Missing:
    """An attribute that is not there, with what to write instead; a `__getattr__` would slow down those that are.

    Args:
        name: the attribute.
        remedy: what to write.
    """

    def __init__(self, name: str, remedy: str) -> None:
        self.name, self.remedy = name, remedy
        self.__doc__ = f"Not there: {remedy}."  # what help() shows beside the name

    def __get__(self, thing: object, kind: type) -> NoReturn:
        raise AttributeError(f"{kind.__name__!r} object has no attribute {self.name!r}: {self.remedy}")


class Phrasebook:
    """What other libraries call arguments and attributes, and what to write here.

    Args:
        by_name: by the name here of an argument or setting, the others' words for it, and what to write; "" for just
            the name. By the name of a function, with brackets, what it does not take; the first text is also for
            arguments by position.
        by_class: by the name of a class, the attributes that others have there, and what to write.

    >>> book = Phrasebook({"lr": {("learning_rate", "eta"): ""}}, {"Model": {("fit",): "write train(model)"}})
    >>> book.instead_of("eta", ["params", "lr"]), book.instead_of("eta", [])
    ('here it is lr', '')
    """

    def __init__(self, by_name: Rows, by_class: Rows) -> None:
        self._by_name, self._by_class = by_name, by_class
        self._names, self._classes = _by_word(by_name), _by_word(by_class)

    def instead_of(self, word: str, known: Container[str], kind: type = object) -> str:
        """What to write for another library's word; empty if nothing is known of it.

        Args:
            word: the name of an argument or an attribute.
            known: the names that a function takes, or an object has.
            kind: the class of the object.
        """
        if texts := self._classes.get(word):
            for base in kind.__mro__:
                if base.__name__ in texts:
                    return texts[base.__name__]
        return next((text for name, text in self._names.get(word, {}).items() if name in known), "")

    def no_attribute(self, thing: object, name: str, known: Container[str] = ()) -> Any:
        """Raise the error for a missing attribute, with what to write instead if another library has it.

        Args:
            thing: the object.
            name: the attribute.
            known: the names of its settings.

        Raises:
            AttributeError: Python's own if nothing is known of the name, or if a property has raised it.
        """
        kind = type(thing)
        instead = self.instead_of(name, known, kind)
        if not instead or hasattr(kind, name):
            return object.__getattribute__(thing, name)
        raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}: {instead}")

    def missing(self, kind: Class, made: type[Missing] = Missing) -> Class:
        """A class whose errors for other libraries' attributes say what to write here; objects may still set them.

        Args:
            kind: the class.
            made: what stands for such an attribute.

        >>> @Phrasebook({}, {"Circle": {("area_of",): "write area"}}).missing
        ... class Circle: ...
        >>> Circle().area_of
        Traceback (most recent call last):
        AttributeError: 'Circle' object has no attribute 'area_of': write area
        """
        for words, remedy in self._by_class[kind.__name__].items():
            for word in words:
                setattr(kind, word, made(word, remedy))
        return kind

    def no_argument(self, what: str, word: str, known: list[str]) -> TypeError:
        """The error for an argument that a function does not take.

        Args:
            what: the function, with brackets.
            word: the argument.
            known: those that it takes.
        """
        remedy = self.instead_of(word, [*known, what]) or _near(word, known)
        return TypeError(f"{what} has no argument {word!r}: {remedy}")

    def explained(self, function: Function) -> Function:
        """A function whose error for an unknown argument, for one too many or one too few, says what to write here.

        Args:
            function: one that other libraries have too, or a class's `__init__`.

        >>> book = Phrasebook({"progress": {("verbose",): "write progress=True"}}, {})
        >>> @book.explained
        ... def train(model, epochs=10, progress=False):
        ...     return epochs
        >>> train(None, verbose=1)
        Traceback (most recent call last):
        TypeError: train() has no argument 'verbose': write progress=True
        >>> train(None, epoch=3)
        Traceback (most recent call last):
        TypeError: train() has no argument 'epoch': did you mean epochs?
        >>> train(None, 3, True, "adam")
        Traceback (most recent call last):
        TypeError: train() takes 3 by position (model, epochs, progress), not 4
        >>> train(epochs=3)
        Traceback (most recent call last):
        TypeError: train() needs model: write train(model)
        """
        parameters = inspect.signature(function).parameters
        kinds = {each.kind for each in parameters.values()}
        most = math.inf if inspect.Parameter.VAR_POSITIONAL in kinds else len(_placed(parameters))
        known = None if inspect.Parameter.VAR_KEYWORD in kinds else frozenset(parameters)
        needed = _needed(parameters)
        least = len(needed)

        @functools.wraps(function)
        def checked(*arguments: Any, **named: Any) -> Any:
            if (
                len(arguments) > most
                or (named and known is not None and not named.keys() <= known)
                or (len(arguments) < least and not named.keys() >= {*needed[len(arguments) :]})
            ):
                raise self._refusal(function, arguments, named)
            return function(*arguments, **named)

        # What help() and notebooks show: the docstring says types in words, and quoted annotations hide the names.
        bare = [each.replace(annotation=inspect.Parameter.empty) for each in parameters.values()]
        checked.__signature__ = inspect.Signature(bare)  # type: ignore[attr-defined]  # functions may have one
        return checked  # type: ignore[return-value]  # it takes and gives the same

    @staticmethod
    def with_remedy(remedy: str) -> Callable[[Function], Function]:
        """A decorator for functions that are called too often to be `explained`: it costs a call nothing.

        Python's own errors for wrong arguments begin with a function's `__qualname__`, and so with what to write.

        Args:
            remedy: what to write.

        >>> @Phrasebook.with_remedy("write area(radius)")
        ... def area(radius):
        ...     return 3.14 * radius**2
        >>> area(diameter=2.0)
        Traceback (most recent call last):
        TypeError: write area(radius): area() got an unexpected keyword argument 'diameter'...
        """

        def renamed(function: Function) -> Function:
            function.__qualname__ = f"{remedy}: {function.__qualname__}"
            return function

        return renamed

    def _refusal(self, function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> TypeError:
        """The error for an unknown argument, for one too many by position, or for those that are missing."""
        name, parameters = function.__name__, dict(inspect.signature(function).parameters)
        what = f"{type(arguments[0]).__name__ if name == '__init__' else name}()"
        own = 1 if parameters.pop("self", None) else 0
        for word in named:
            if word not in parameters and not (own and word == "self"):
                return self.no_argument(what, word, [*parameters])
        placed, needed = _placed(parameters), _needed(parameters)
        if len(arguments) - own <= len(placed):
            absent = [name for name in needed[len(arguments) - own :] if name not in named]
            return TypeError(f"{what} needs {' and '.join(absent)}: write {what[:-1]}{', '.join(needed)})")
        others = [name for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY]
        takes = f"{len(placed)} by position ({', '.join(placed)})" if placed else "no arguments"
        takes += " by position" if others and not placed else ""
        remedy = (
            f"by name it takes {', '.join(others)}" if others else next(iter(self._by_name.get(what, {}).values()), "")
        )
        return TypeError(f"{what} takes {takes}, not {len(arguments) - own}{remedy and f': {remedy}'}")


def _by_word(table: Rows) -> dict[str, dict[str, str]]:
    """A table by the other libraries' words."""
    found: dict[str, dict[str, str]] = {}
    for name, rows in table.items():
        for words, text in rows.items():
            for word in words:
                found.setdefault(word, {})[name] = text or f"here it is {name}"
    return found


def _placed(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    """The names of those that may be given by position."""
    return [name for name, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]


def _needed(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    """The names of those without a default."""
    return [name for name in _placed(parameters) if parameters[name].default is inspect.Parameter.empty]


def _near(word: str, known: list[str]) -> str:
    import difflib

    found = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {found[0]}?" if found else f"it takes {', '.join(known) or 'no arguments'}"
