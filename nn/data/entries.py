"""Entries of samples and labels that are no numbers, or not finite: the errors they cause name the first ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, MappingView, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any

from engine import Value

from ..arguments import plain, show
from ..rows import as_lists, is_row
from .tables import names_of_columns

_SHOWN = 3  # numbers that are named
_HUGE = 3e38  # about the largest number of float32; its square is beyond all floats


@contextmanager
def naming_data(
    X: Any, y: Any, rows: Sequence[int] | None = None, classes: Sequence[str] | None = None
) -> Iterator[None]:
    """A context whose errors name the entries of samples or labels that caused them.

    Args:
        X: the samples as the user gave them.
        y: the labels.
        rows: their places in the user's data; None if they are all of it.
        classes: the class names, if the user gave those as labels; else None.
    """
    try:
        yield
    except IndexError as error:
        if not classes or not f"{error}".startswith("class "):
            raise
        text = f"the labels name {len(classes)} classes ({', '.join(classes)}): give the model an output for each"
        raise IndexError(text) from error
    except (TypeError, ValueError, FloatingPointError) as error:
        raise with_entries(error, X, y, rows) from error.__cause__


def with_entries(error: Exception, X: Any, y: Any = (), rows: Sequence[int] | None = None) -> Exception:
    """An error that also names the entries that caused it; the error itself if there are none."""
    kind, text, lost = type(error), f"{error}", ""
    if kind is TypeError:
        text = _with_wrong_kinds(text, X, y, rows)
    elif kind is FloatingPointError and not hasattr(error, "history"):  # one of `fit` names them already
        lost = lost_entries(_in_rows(X), _in_rows(y), range(len(X)), names=names_of_columns(X))
    elif kind is ValueError and ("nan" in text or "inf" in text):
        lost = lost_entries([], _in_rows(y), rows or range(len(y)))
    text = "\n".join(filter(None, [text, lost]))
    if text == f"{error}":
        return error
    other: Exception = kind(text).with_traceback(error.__traceback__)
    vars(other).update(vars(error))
    return other


def _with_wrong_kinds(text: str, X: Any, y: Any, rows: Sequence[int] | None) -> str:
    """The text of a TypeError, with the entry that is not a number, or what else X holds that it should not."""
    if found := _no_number("X", X, None) or _no_number("y", y, rows):
        entry, told = found
        return f"{told}\n{text}" if repr(entry) in text else f"{text}\n{told}"
    if getattr(getattr(X, "dtype", None), "names", None):
        return f"{text}\nX holds records: give numpy.lib.recfunctions.structured_to_unstructured(X)"
    if _is_flat(X):
        remedy = f"for a single sample give [x], for a column {_column(X)}"
        swapped = "; if X and y are swapped, X comes first" if _holds_rows(y) else ""
        return f"{text}\nX holds samples, one in each row: {remedy}{swapped}"
    return text


def _in_rows(data: Any) -> Any:
    """The data in rows, where a loop over a table would give its columns."""
    return data.to_numpy() if hasattr(data, "to_numpy") else data


# ---- not numbers ----


def _is_flat(X: Any) -> bool:
    """Whether these are numbers in one row, and not in rows."""
    if hasattr(X, "ndim"):
        return bool(X.ndim == 1)
    return isinstance(X, (list, tuple)) and len(X) > 0 and not is_row(X[0])


def _holds_rows(y: Any) -> bool:
    """Whether these are rows of several numbers."""
    if hasattr(y, "ndim"):
        return bool(y.ndim == 2 and y.shape[1] > 1)
    return isinstance(y, (list, tuple)) and len(y) > 0 and is_row(y[0]) and len(y[0]) > 1


def _column(X: Any) -> str:
    """How to make a column of numbers in one row."""
    if hasattr(X, "to_frame"):
        return "X.to_frame()"
    return "X.reshape(-1, 1)" if hasattr(X, "reshape") else "[[x] for x in X]"


def _no_number(name: str, data: Any, rows: Sequence[int] | None) -> tuple[Any, str] | None:
    """The first entry that is not a number, and what to say of it; None if all are."""
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return _no_number_in_table(name, data)
    data = as_lists(data)
    for row, item in enumerate(data) if isinstance(data, (list, tuple)) else ():
        for where, entry in _entries(item):
            if not isinstance(entry, (Real, Value)):
                place = f"{name}[{row if rows is None else rows[row]}]{where}"
                return entry, f"{place} is not a number but {show(entry)}: {_remedy(name, entry)}"
    return None


def _no_number_in_table(name: str, table: Any) -> tuple[Any, str] | None:
    """The same of a table, column by column."""
    for k, column in enumerate(table.columns):
        for row, entry in enumerate(map(plain, table.iloc[:, k].tolist())):
            if isinstance(entry, (Real, Value)) or is_row(entry):
                continue
            if not isinstance(entry, str):
                remedy = _remedy(name, entry)
            elif _is_numeral(entry):
                remedy = f"pandas.to_numeric({name}[{column!r}]) makes numbers of such texts"
            else:
                remedy = f"pandas.get_dummies({name}, columns=[{column!r}]) makes a column of 0 and 1 for each text"
            return entry, f"row {row} of column {column!r} is not a number but {show(entry)}: {remedy}"
    return None


def _remedy(name: str, entry: Any) -> str:
    if entry is None or type(entry).__name__ in ("NAType", "NaTType"):
        return "fill it in, or leave the row out"
    if isinstance(entry, str) and name == "y":
        return (
            "nn.fit takes texts as names of classes, for a loss such as cross_entropy; elsewhere number them, by "
            "np.unique(y, return_inverse=True)[1]"
        )
    if isinstance(entry, str) and _is_numeral(entry):
        return "float() makes numbers of such texts"
    if isinstance(entry, str):
        return "put numbers in place of texts, such as a column of 0 and 1 for each text"
    if isinstance(entry, (Iterator, MappingView)):
        return "make lists of them"
    if isinstance(entry, complex):
        return "give its real and its imaginary part as two numbers"
    return "make numbers of them"


def _is_numeral(text: str) -> bool:
    """Whether a text is a number, as all are that csv.reader gives."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


# ---- not finite ----


def lost_entries(
    X: Any, y: Any, rows: Sequence[int], weighted: bool = False, names: Sequence[str] | None = None
) -> str:
    """Which numbers of samples and labels are nan or infinite, as text; if none is, which are huge.

    Args:
        X: the samples.
        y: as many labels.
        rows: their places in the user's data.
        weighted: whether each label has its weight with it.
        names: those of the columns of the table that the samples come from, if there is one.

    >>> lost_entries([[0.5], [1e300]], [1, 2], [0, 7])
    'X[7][0] is 1e+300: scale the data'
    >>> lost_entries([[0.5, math.nan]], [1], [7], names=["age", "fare"])
    "X[7][1] is nan (column 'fare')"
    """
    for most, remedy in ((math.inf, ""), (_HUGE, ": scale the data")):
        found = [text for row, x in zip(rows, X) for text in lost_numbers(row, x, None, most, names=names)]
        found += [text for row, label in zip(rows, y) for text in lost_numbers(row, None, label, most, weighted)]
        if found:
            more = f", and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
            return f"{', '.join(found[:_SHOWN])}{more}{remedy}"
    return ""


def lost_numbers(
    row: int, x: Any, label: Any, most: float = math.inf, weighted: bool = False, names: Sequence[str] | None = None
) -> list[str]:
    """Which numbers of a sample and its label are nan or infinite, or at least of some size.

    >>> lost_numbers(3, [0.5, math.nan], 1)
    ['X[3][1] is nan']
    """
    found = [f"X[{row}]{where} is {number:g}{_column_of(where, names)}" for where, number in _beyond(x, most)]
    holds = "or its weight is" if weighted and most < math.inf else "holds"  # weights are finite
    return found + [f"y[{row}] {holds} {number:g}" for _, number in _beyond(label, most)]


def _column_of(where: str, names: Sequence[str] | None) -> str:
    """The name of the column of an entry of a row, such as "[3]", in brackets; empty if there are no names."""
    return f" (column {names[int(where[1:].partition(']')[0])]!r})" if names and where else ""


def _beyond(item: Any, most: float) -> Iterator[tuple[str, float]]:
    """The floats of a sample or label that are nan, or not below a number in size, and their indices."""
    return ((where, x) for where, x in _entries(item) if isinstance(x, float) and not abs(x) < most)


def _entries(item: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """The entries of a sample or label, however nested, and their indices."""
    item = as_lists(item)
    if isinstance(item, (list, tuple)):
        for k, part in enumerate(item):
            yield from _entries(part, f"{where}[{k}]")
    else:
        yield where, item
