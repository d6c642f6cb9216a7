"""Checks of arguments that several modules share, with messages that name the remedy."""

from __future__ import annotations

import inspect
import math
import operator
import random
import reprlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from types import FunctionType, MethodType
from typing import Any, TypeAlias

from engine import Constant, Value, is_traced
from engine import counted as counted
from engine import warn_user as warn_user

Numbers: TypeAlias = "float | Value | Iterable[Numbers]"
"""A number, a Value, or rows of them nested to any depth: lists, tuples and NumPy arrays alike."""

BACKENDS = ("auto", "llvm", "numpy", "python", "eager")

Seed: TypeAlias = "int | random.Random | None"


def show(item: object) -> str:
    """An offending value for a message: its type, and a repr that stays short."""
    return f"{type(item).__name__} {reprlib.repr(item)}"


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
    """The names of the first two parameters of a function, a method or an object with `__call__`; [] if unknown.

    >>> first_parameters(is_found_by_name), first_parameters(max)
    (['function'], [])
    """
    function = inspect.unwrap(function)
    if not isinstance(function, (FunctionType, MethodType)):
        function = getattr(function, "__call__", None)  # noqa: B004  # the method is wanted, not whether it is there
    code = getattr(function, "__code__", None)
    own = 1 if isinstance(function, MethodType) else 0
    return [] if code is None else [*code.co_varnames[: code.co_argcount][own : own + 2]]


def check_takes(what: str, function: Any, *given: str) -> None:
    """Check that a user's function can be called with that many arguments, and that a call runs it.

    Args:
        what: what it is, for the message.
        function: a callable.
        given: its arguments, in words.

    Raises:
        TypeError: it takes more or fewer, or is a class, yields or is async: a call only makes an object.
    """
    name = getattr(function, "__name__", type(function).__name__)
    if isinstance(function, type):
        raise TypeError(f"{what} is called with {_and(given)}, and {name} is a class: give a function")
    for code in (function, getattr(function, "__call__", None)):  # noqa: B004  # the method is wanted
        if inspect.isgeneratorfunction(code) or inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code):
            raise TypeError(f"{what} is called, which runs nothing of {name}: write a function without yield or async")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have no signature, and some objects hide it
        return
    try:
        signature.bind(*given)
    except TypeError:
        raise TypeError(f"{what} is called with {_and(given)}, which {name}{signature} does not take") from None


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def is_row(item: object) -> bool:
    """Whether `item` is a row of items (list, tuple, array) and not one number, Value, text or mapping."""
    if isinstance(item, (list, tuple)):
        return True
    if isinstance(item, (Value, str, bytes, dict, set, frozenset)):
        return False
    return hasattr(item, "__len__") and getattr(item, "ndim", 1) > 0


def only(item: Any) -> Any:
    """The item of a row of one, as Layer and MLP return it for one output; anything else as it is."""
    return item[0] if is_row(item) and len(item) == 1 else item


def has_rows(item: Any) -> bool:
    """Whether `item` is a row of rows, such as a batch or the positions of a sequence.

    Raises:
        TypeError: if it is a row of a table, whose entries have names.
    """
    if hasattr(item, "iloc") and [*item.keys()] != [*range(len(item.keys()))]:
        row = "one row, X.iloc[0].to_numpy()" if hasattr(item, "columns") else "row.to_numpy()"
        raise TypeError(f"a sample is a list or array, not {show(item)}: give {row}")
    return is_row(item) and len(item) > 0 and is_row(item[0])


MODEL_FIRST = "a model goes before X and y, where one is taken"
"""For a model in the place of data, or data in that of the model."""


def as_row(name: str, item: Any) -> list[Any]:
    """`item` as a list that is not empty.

    Raises:
        TypeError: if it is not a row.
        ValueError: if it is empty.
    """
    if not is_row(item):
        remedy = f": give list({name})" if isinstance(item, Iterator) else f": {MODEL_FIRST}" if callable(item) else ""
        raise TypeError(f"{name} must be a list, tuple or array, not {show(item)}{remedy}")
    row = list(item)
    if not row:
        raise ValueError(f"{name} is empty: give at least one item")
    return row


def has_array(data: Any) -> bool:
    """Whether `data` is an array or a table, so that results about it are arrays too."""
    return hasattr(data, "__array__")


_BYTES = {"b": math.inf, "u": math.inf, "i": 8, "f": 4}
"""From how many on NumPy's numbers of a kind do not overflow soon."""


def are_narrow(samples: Any) -> bool:
    """Whether samples hold NumPy's numbers of few bits or without a sign, whose sums overflow; the first one tells.

    >>> are_narrow([[1, 2]]), are_narrow([[1.0, 2.0]])
    (False, False)
    """
    first = samples
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    dtype = getattr(first, "dtype", None)
    return dtype is not None and dtype.itemsize < _BYTES.get(dtype.kind, 0)


def as_samples(name: str, data: Any) -> Any:
    """Samples or labels as something to index by number: a list, an array as it is, or the rows of a table.

    Tensors of PyTorch and arrays of JAX become NumPy's.

    Raises:
        TypeError: if it is not a row.
        ValueError: if it is empty.
    """
    if hasattr(data, "to_numpy"):  # a DataFrame or Series: iterating over one gives its columns
        _refuse_dates(name, data)
        data = _as_numbers(data.to_numpy())
    if hasattr(data, "toarray"):
        raise TypeError(f"{name} is a sparse matrix: give {name}.toarray()")
    if hasattr(data, "getA"):  # a np.matrix, whose rows are matrices again
        data = data.getA()
    if not isinstance(data, list):
        data = _of_numpy(data)
    elif data and hasattr(data[0], "__array__") and any(kind.__module__ != "numpy" for kind in {*map(type, data)}):
        data = [_of_numpy(item) for item in data]
    if isinstance(data, list) or hasattr(data, "dtype"):
        if not is_row(data):
            raise TypeError(f"{name} must be a list, tuple or array, not {show(data)}")
        if not len(data):
            raise ValueError(f"{name} is empty: give at least one item")
        refuse_gaps(name, data)
        return data
    return as_row(name, data)


def refuse_gaps(name: str, data: Any) -> None:
    """Refuse a masked array that hides some of its numbers, which everybody else would read.

    Raises:
        TypeError: it does.
    """
    if hasattr(data, "filled") and data.mask.any():
        raise TypeError(f"{name} is a masked array with gaps: fill them, or leave those samples out")


def _refuse_dates(name: str, table: Any) -> None:
    """Refuse a table with a column of dates, of which polars makes numbers where others stand beside them.

    Raises:
        TypeError: it has one.
    """
    kinds = () if hasattr(table, "iloc") else getattr(table, "dtypes", ())  # of pandas' tables NumPy makes objects
    for column, kind in zip(getattr(table, "columns", ()), kinds):
        if hasattr(kind, "is_temporal") and kind.is_temporal():
            raise TypeError(f"column {column!r} of {name} holds {kind}, not numbers: make numbers of them")


def _of_numpy(data: Any) -> Any:
    """A tensor of PyTorch, or an array of JAX, as NumPy's; anything else as it is.

    Raises:
        TypeError: NumPy cannot read it, as where its numbers are bfloat16, or on another device.
    """
    numpy = sys.modules.get("numpy")
    if type(data).__module__ == "numpy" or numpy is None or not hasattr(data, "__array__"):
        return data
    if isinstance(data, numpy.ndarray):  # a class derived from it
        return data
    try:
        return numpy.asarray(data.detach() if hasattr(data, "detach") else data)
    except (TypeError, RuntimeError) as error:
        kind = f"{type(data).__name__} of {getattr(data, 'dtype', 'unknown type')}"
        remedy = "make an array of it, as by X.float().cpu().numpy()"
        raise TypeError(f"NumPy cannot read a {kind}: {error}; {remedy}") from error


def _as_numbers(table: Any) -> Any:
    """A table of mixed column types as floats, if all entries are numbers or bools; else as it is."""
    if table.dtype != object or table.ndim != 2:
        return table
    numbers = {*map(type, table.flat)} <= {int, float, bool}
    return table.astype(float) if numbers else table


def same_length(name: str, items: list[Any], other_name: str, others: list[Any]) -> None:
    """Raise a ValueError unless both have the same length: nothing is broadcast or cut short.

    Args:
        name: what an item of the first is called, such as "sample".
        items: the first.
        other_name: what one of the others is called.
        others: the others.
    """
    if len(items) != len(others):
        raise ValueError(
            f"{counted(len(items), name)} against {counted(len(others), other_name)}: give one for each, nothing is "
            "broadcast"
        )


def as_inputs(taker: object, x: Any, count: int) -> list[Value]:
    """One sample of `count` numbers or Values for `taker`, the numbers made constants.

    Raises:
        TypeError: if `x` is not a row, or an item of it is not a number (a batch, for example).
        ValueError: if its length is not `count`.
    """
    if not is_row(x):
        given = "a single number: samples are rows, one of them is [x]" if is_traced(x) else show(x)
        remedy = ": give [x]" if count == 1 and not is_traced(x) else ""
        raise TypeError(f"{taker} takes a row of {counted(count, 'number')} or Values, not {given}{remedy}")
    if len(x) != count:
        raise ValueError(
            f"{taker} takes {counted(count, 'input')}, got {len(x)}: give samples of that width, or build it for those"
        )
    try:
        return [item if item.__class__ is Value or isinstance(item, Value) else Constant(item) for item in x]
    except TypeError as error:
        raise TypeError(f"{taker} takes {counted(count, 'number')} or Values: {error}") from None


def plain(item: Any) -> Any:
    """`item`, as a Python number if it is a NumPy scalar or a 0-d array that is not masked; dates are no numbers."""
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
    """The random numbers of a seed; a `random.Random` is shared as it is.

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
