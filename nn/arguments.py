"""Checks of arguments that several modules share, with messages that name the remedy."""

from __future__ import annotations

import functools
import inspect
import math
import operator
import random
import reprlib
import sys
from collections.abc import Iterable, Sequence
from numbers import Real
from types import FunctionType
from typing import Any, TypeAlias

from engine import counted as counted
from engine import warn_user as warn_user

BACKENDS = ("auto", "llvm", "numpy", "python", "eager")

Seed: TypeAlias = "int | random.Random | None"


def show(item: object) -> str:
    """An offending value for a message: its type, and a repr that stays short."""
    return f"{type(item).__name__} {reprlib.repr(item)}"


def name_of(function: Any) -> str:
    """What a function is called: its name, or that of its class.

    >>> name_of(max), name_of(1.5)
    ('max', 'float')
    """
    return str(getattr(function, "__name__", type(function).__name__))


def text_of(function: Any) -> str:
    """A function in words: its name, and what a `functools.partial` without one adds.

    >>> text_of(max), text_of(functools.partial(max, default=0))
    ('max', 'max(default=0)')
    """
    if isinstance(function, functools.partial) and not hasattr(function, "__name__"):
        given = function.keywords.items()
        added = [f"{name}={value!r}" if isinstance(value, (str, Real)) else name for name, value in given]
        return f"{text_of(function.func)}({', '.join(added)})"
    return name_of(function)


def listed(names: Iterable[str]) -> str:
    """The first three of some names in brackets, for a message; nothing of none.

    >>> listed(["head", "body", "head"]), listed("abcd"), listed([])
    (' (head, body)', ' (a, b, c, ...)', '')
    """
    all_names = [*dict.fromkeys(names)]
    shown = ", ".join(all_names[:3] + ["..."] * (len(all_names) > 3))
    return f" ({shown})" if shown else ""


def is_found_by_name(function: FunctionType) -> bool:
    """Whether a function can be found in its module by its name, so that it can be pickled.

    >>> is_found_by_name(is_found_by_name), is_found_by_name(lambda: 0)
    (True, False)
    """
    found: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is function


def first_parameters(function: Any) -> list[str]:
    """The names of the first two arguments that a call gives by their places; [] if unknown.

    >>> from functools import partial
    >>> [first_parameters(each) for each in (show, partial(whole_number, "seed"), partial(whole_number, value=1), max)]
    [['item'], ['value', 'least'], ['name'], []]
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some builtins have no signature, and some objects hide it
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:2]


def check_takes(what: str, function: Any, *given: str) -> None:
    """Check that a user's function can be called with that many arguments, and that a call runs it.

    Args:
        what: what it is, for the message.
        function: a callable.
        given: its arguments, in words.

    Raises:
        TypeError: it takes more or fewer, or is a class, yields or is async: a call only makes an object.
    """
    name = name_of(function)
    if isinstance(function, type):
        raise TypeError(f"{what} is called with {_and(given)}, and {name} is a class: give a function")
    for code in (function, getattr(function, "__call__", None)):  # noqa: B004  # the method is wanted
        if inspect.isgeneratorfunction(code) or inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code):
            raise TypeError(
                f"{what} is called, and calling {name} runs nothing: write a function without yield or async"
            )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have no signature, and some objects hide it
        return
    try:
        signature.bind(*given)
    except TypeError:
        names = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
        takes = signature.replace(parameters=names, return_annotation=signature.empty)
        raise TypeError(f"{what} is called with {_and(given)}, which {name}{takes} does not take") from None


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


MODEL_FIRST = "a model goes before X and y, where one is taken"
"""The remedy where model and data are swapped."""

RENAME_FORWARD = "rename its forward to __call__, which model(x) calls"
"""The remedy for a model written as in PyTorch."""


def plain(item: Any) -> Any:
    """A NumPy scalar, or a 0-d array that is not masked, as a number or date of Python's; anything else as it is."""
    if getattr(item, "ndim", None) != 0 or getattr(item, "mask", False):
        return item
    kind = getattr(getattr(item, "dtype", None), "kind", None)
    return item.astype(f"{kind}8[us]").item() if kind in ("m", "M") else item.item()  # NumPy makes ints of nanoseconds


def whole_number(name: str, value: Any, least: int) -> int:
    """`value` as an int of at least `least`.

    Raises:
        TypeError: if it is not an integer (2.5, "3", True).
        ValueError: if it is too small.
    """
    value = plain(value)
    if isinstance(value, bool) or not hasattr(value, "__index__") or getattr(value, "ndim", False):
        raise TypeError(f"{name} must be a whole number, not {show(value)}: give an int of at least {least}")
    number = operator.index(value)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return number


def true_or_false(name: str, value: Any) -> bool:
    """`value`, which must be a bool: "no" and 0 are not.

    Raises:
        TypeError: if it is something else.
    """
    value = plain(value)
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {show(value)}")
    return value


def real_number(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> float:
    """`value` as a finite float from `least` to `most`.

    Raises:
        TypeError: if it is not a number.
        ValueError: if it is nan, infinite or out of range.
    """
    if type(value) is float and least <= value <= most and value - value == 0.0:
        return value  # as most are
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        remedy = f": write {int(value)}, or .astype(int) of an array" if isinstance(value, bool) else ""
        raise TypeError(f"{name} must be a number, not {show(value)}{remedy}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and least <= number <= most):
        upper = "" if most == math.inf else f" and at most {most:g}"
        allowed = "" if least == -math.inf else f" of at least {least:g}{upper}"
        raise ValueError(f"{name} must be a finite number{allowed}, not {number}")
    return number


def class_index(label: Any, classes: int) -> int:
    """A label as the index of one of `classes` classes: an int, a NumPy integer or a whole float such as 2.0.

    Raises:
        TypeError: if it is a bool or not a number.
        ValueError: if it is fractional, nan or infinite.
        IndexError: if it is negative or not below `classes`.
    """
    label = plain(label)
    if isinstance(label, bool):
        raise TypeError(
            f"a class index must be an int, not the bool {label}: write int(label), or y.astype(int) of an array"
        )
    index = real_number(f"a class index from 0 to {classes - 1}", label)
    if not index.is_integer():
        raise ValueError(f"a class index must be whole, from 0 to {classes - 1}, not {label}")
    if not 0.0 <= index < classes:
        raise IndexError(
            f"class {index:g} is out of range: with {classes} classes labels go from 0 to {classes - 1}; give "
            "the model an output for each, or number them by np.unique(y, return_inverse=True)[1]"
        )
    return int(index)


def known_backend(backend: Any) -> str:
    """A checked back end: one of the compiler's, "eager", or "auto" for the best installed.

    Raises:
        ValueError: if it is none of these.
    """
    if not isinstance(backend, str) or backend not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, not {show(backend)}")
    return backend


def random_source(seed: Seed) -> random.Random:
    """A source of random numbers for a seed; a `random.Random` is used as it is.

    None takes its seed from the module `random`, so that `random.seed(...)` makes that reproducible too.

    Raises:
        TypeError: if `seed` is not a whole number.
        ValueError: if it is negative.
    """
    if isinstance(seed, random.Random):
        return seed
    if seed is None:
        return random.Random(random.getrandbits(64))
    return random.Random(whole_number("seed", seed, least=0))
