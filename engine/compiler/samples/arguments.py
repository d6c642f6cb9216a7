"""From the arguments of a call to a batch, with checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...numbers import as_float, is_number, shortened
from ...value import Value
from .arrays import as_it_is_now, counts_entries, plain_array, refuse_what_shows_others
from .batch import Batch, Shape


def as_batch(arguments: Sequence[Any], dtype: str | None) -> Batch:
    """Check the arguments of a call.

    Args:
        arguments: the samples of each argument: N numbers, N x k, ... as an array or nested lists.
        dtype: the dtype of arrays; None for lists of floats, which need no NumPy.

    Raises:
        TypeError: an argument holds something that is not a real number.
        ValueError: rows of different lengths, or arguments with different numbers of samples.
    """
    sizes, shapes, arrays, given = [], [], [], []
    for position, argument in enumerate(map(as_it_is_now, arguments), start=1):
        found = _as_array(argument, dtype, position) if dtype else _as_lists(argument, position)
        sizes.append(found[0])
        shapes.append(found[1])
        arrays.append(found[2])
        given.append(found[3])
    if len(set(sizes)) > 1:
        raise ValueError(f"the arguments hold {' and '.join(map(str, sizes))} samples: give the same number in each")
    return Batch(sizes[0] if sizes else 1, tuple(shapes), tuple(arrays), given)


_PLAIN = "; with Values, as in engine.hessian, or inside another compiled function, call f.function, the plain one"
"""The remedy where Values are given in place of numbers."""


def _as_array(argument: Any, dtype: str, position: int) -> tuple[int, Shape, Any, Any]:
    import numpy as np

    given = argument
    if type(argument) is not np.ndarray:
        argument = plain_array(argument, position)
    if argument.dtype.kind not in "fbiu":
        _as_lists(given, position)  # says what is wrong with it, and where
        raise _not_of_numpy(argument, position)
    if argument.ndim == 0:
        raise _of_one(argument.item(), position)
    size, shape = argument.shape[0], argument.shape[1:]
    rows = np.ascontiguousarray(argument.reshape(size, math.prod(shape)), dtype)
    return size, shape, rows, given if isinstance(given, (list, tuple)) else argument


def _as_lists(argument: Any, position: int) -> tuple[int, Shape, list[list[float]], Any]:
    refuse_what_shows_others(argument, position)
    samples = _listed(argument) if hasattr(argument, "tolist") else argument
    if is_number(samples) and not isinstance(samples, Value):
        raise _of_one(samples, position)
    if not isinstance(samples, (list, tuple)):
        raise TypeError(
            f"argument {position} is {shortened(samples)}: give a list or array with one entry for each sample"
            f"{_PLAIN if isinstance(samples, Value) else ''}"
        )
    rows: list[list[float]] = []
    shapes = set()
    for number, sample in enumerate(samples):
        row: list[float] = []
        shapes.add(_flatten(sample, row, position, number))
        rows.append(row)
    if len(shapes) > 1:
        raise ValueError(f"argument {position} is ragged: its samples have the shapes {sorted(shapes)}")
    if _kind(argument) in ("O", "V"):
        raise _not_of_numpy(argument, position)
    of_none = tuple(argument.shape[1:]) if _is_array(argument) else ()
    return len(rows), shapes.pop() if shapes else of_none, rows, argument if _is_array(argument) else samples


def _is_array(thing: Any) -> bool:
    """Whether this is an array of NumPy's with a length, and not one of another library's."""
    return counts_entries(thing) and getattr(thing, "ndim", 0) > 0


def _listed(array: Any) -> list[Any]:
    """An array as nested lists; one of dates as a list of these, since NumPy would make ints of nanoseconds."""
    found: list[Any] = [*array] if _kind(array) in ("m", "M") else array.tolist()
    return found


def _kind(thing: Any) -> str:
    """NumPy's letter for the kind of numbers in an array; "" for anything else."""
    return getattr(getattr(thing, "dtype", None), "kind", "")


def _not_of_numpy(array: Any, position: int) -> TypeError:
    columns = getattr(array.dtype, "names", None)
    remedy = ", as numpy.lib.recfunctions.structured_to_unstructured does" if columns else ""
    return TypeError(
        f"argument {position} holds {array.dtype}: a compiled function takes numbers of NumPy's own types, so make "
        f"floats of these{remedy}"
    )


def _of_one(number: Any, position: int) -> TypeError:
    """The error for a single number in place of samples, often one that all samples share."""
    return TypeError(
        f"argument {position} is the single number {number!r}: give one number or row for each sample, [{number!r}] "
        f"for a single one; a number that all share belongs in the function, as in compile(lambda x: f(x, {number!r}))"
    )


def _flatten(sample: Any, row: list[float], position: int, number: int) -> Shape:
    """Append all numbers of a sample to its row; return its shape."""
    if _is_array(sample):  # a row in a list of arrays
        shape = _flatten(_listed(sample), row, position, number)
        if _kind(sample) == "O":
            raise _not_of_numpy(sample, position)
        return shape
    if isinstance(sample, (list, tuple)):
        shapes = {_flatten(part, row, position, number) for part in sample}
        if len(shapes) > 1:
            raise ValueError(f"argument {position} is ragged: a sample has parts of the shapes {sorted(shapes)}")
        return (len(sample), *(shapes.pop() if shapes else ()))
    if isinstance(sample, Value) or not is_number(sample):
        fix = f"a compiled function takes numbers{_PLAIN if isinstance(sample, Value) else ''}"
        kind = type(sample).__name__
        raise TypeError(f"argument {position} holds {sample!r} of type {kind} in sample {number}: {fix}")
    row.append(as_float(sample, f"argument {position}, sample {number}"))
    return ()
