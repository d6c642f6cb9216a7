"""Rows of numbers as users give them: samples, labels, and the inputs of a layer."""

from __future__ import annotations

import sys
from collections.abc import ItemsView, Iterable, Iterator, KeysView, MappingView, ValuesView
from typing import Any, TypeAlias

from engine import Constant, Value, is_narrow, is_traced

from .arguments import MODEL_FIRST, counted, show

Numbers: TypeAlias = "float | Value | Iterable[Numbers]"
"""A number, a Value, or rows of them nested to any depth: lists, tuples and NumPy arrays alike."""


def is_row(item: object) -> bool:
    """Whether `item` is a row of items (list, tuple, array) and not one number, Value, text or mapping."""
    if isinstance(item, (list, tuple)):
        return True
    if isinstance(item, (Value, str, bytes, dict)):
        return False
    return hasattr(item, "__len__") and hasattr(item, "__getitem__") and getattr(item, "ndim", 1) > 0


def as_lists(data: Any) -> Any:
    """An array as nested lists, a NumPy number as a Python number; anything else as it is."""
    return data.tolist() if hasattr(data, "tolist") else data


def only(item: Any) -> Any:
    """The item of a row of one, as Layer and MLP return it for one output; anything else as it is."""
    return item[0] if is_row(item) and len(item) == 1 else item


def has_rows(item: Any) -> bool:
    """Whether `item` is a row of rows, such as a batch or the positions of a sequence.

    Raises:
        TypeError: if it is a row of a table, whose entries have names, or a np.matrix.
    """
    if hasattr(item, "iloc") and [*item.keys()] != [*range(len(item.keys()))]:
        row = "one row, X.iloc[0].to_numpy()" if hasattr(item, "columns") else "row.to_numpy()"
        raise TypeError(f"a sample is a list or array, not {show(item)}: give {row}")
    _refuse_matrix(item)
    return is_row(item) and len(item) > 0 and is_row(item[0])


def as_row(name: str, item: Any) -> list[Any]:
    """`item` as a list that is not empty.

    Raises:
        TypeError: if it is not a row.
        ValueError: if it is empty.
    """
    if not is_row(item):
        remedy = f": {MODEL_FIRST}" if callable(item) else ""
        if isinstance(item, Iterator):
            remedy = f": give list({name})"
        raise TypeError(f"{name} must be a list, tuple or array, not {show(item)}{remedy}")
    row = item.tolist() if isinstance(item, memoryview) else list(item)  # a loop over a memoryview gives no rows
    if not row:
        raise ValueError(f"{name} is empty: give at least one item")
    return row


def has_array(data: Any) -> bool:
    """Whether `data` is an array or a table, so that results about it are arrays too."""
    return hasattr(data, "__array__")


def are_narrow(samples: Any) -> bool:
    """Whether samples hold NumPy numbers of few bits or without a sign, whose sums overflow, judged by the first one.

    >>> are_narrow([[1, 2]]), are_narrow([[1.0, 2.0]])
    (False, False)
    """
    first = samples
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    dtype = getattr(first, "dtype", None)
    return dtype is not None and dtype.kind in "biuf" and is_narrow(dtype.type)


def as_samples(name: str, data: Any) -> Any:
    """Samples or labels as something to index by number: a list, an array as it is, or the rows of a table.

    Tensors of PyTorch and arrays of JAX become NumPy's.

    Raises:
        TypeError: if it is not a row.
        ValueError: if it is empty.
    """
    if hasattr(data, "to_numpy") and not hasattr(data, "to_pylist"):  # PyArrow's copies nothing, and refuses texts
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
    if isinstance(data, list) and data:
        _refuse_matrix(data[0])
    if isinstance(data, list) or hasattr(data, "dtype"):
        if not is_row(data):
            raise TypeError(f"{name} must be a list, tuple or array, not {show(data)}")
        if not len(data):
            raise ValueError(f"{name} is empty: give at least one item")
        refuse_gaps(name, data)
        return data
    if isinstance(data, (KeysView, ValuesView, ItemsView)):  # which are in order, but take no index
        data = list(data)
    return as_row(name, data)


def _refuse_matrix(sample: Any) -> None:
    """Raise a TypeError for a sample that is a np.matrix: its rows are matrices again."""
    if hasattr(sample, "getA1"):
        raise TypeError("a sample is a list or array, not a np.matrix, whose rows are matrices: give row.A1")


def refuse_gaps(name: str, data: Any) -> None:
    """Raise a TypeError for a masked array that hides some of its numbers: other code would read them."""
    if hasattr(data, "filled") and data.mask.any():
        raise TypeError(f"{name} is a masked array with gaps: fill them, or leave those samples out")


def _refuse_dates(name: str, table: Any) -> None:
    """Raise a TypeError for a column of dates, which polars turns into numbers if there are columns of numbers too."""
    kinds = () if hasattr(table, "iloc") else getattr(table, "dtypes", ())  # of pandas' tables NumPy makes objects
    for column, kind in zip(getattr(table, "columns", ()), kinds):
        if hasattr(kind, "is_temporal") and kind.is_temporal():
            raise TypeError(f"column {column!r} of {name} holds {kind}, not numbers: make numbers of them")


def _of_numpy(data: Any) -> Any:
    """A tensor of PyTorch, or an array of JAX, as NumPy's; anything else as it is.

    Raises:
        TypeError: NumPy cannot read it, such as numbers in bfloat16 or on another device.
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
        remedy = "make an array of it, as with X.float().cpu().numpy()"
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
        given = show(x)
        remedy = "give [x]" if count == 1 else "a model is called with one sample at a time"
        if isinstance(x, (Iterator, MappingView)):
            remedy = "give list(x)"
        if is_traced(x):
            given, remedy = "a single number", "samples are rows, one of them is [x]"
        taken = "1 number or Value" if count == 1 else f"{count} numbers or Values"
        raise TypeError(f"{taker} takes a row of {taken}, not {given}: {remedy}")
    if len(x) != count:
        raise ValueError(
            f"{taker} takes {counted(count, 'input')}, got {len(x)}: give samples of that width, or build it for those"
        )
    try:
        return [item if item.__class__ is Value or isinstance(item, Value) else Constant(item) for item in x]
    except TypeError as error:
        raise TypeError(f"{taker} takes {counted(count, 'number')} or Values: {error}") from None
