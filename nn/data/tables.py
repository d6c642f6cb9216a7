"""Tables, as pandas has them: which row of one belongs to which of another, and which column is which."""

from __future__ import annotations

from collections import Counter
from numbers import Real
from typing import Any

from engine import Value

from ..arguments import as_samples, is_row, plain, same_length, show
from ..layers.module import Module


def samples_of(model: Any, X: Any) -> Any:
    """Samples for a model, to be indexed by their number.

    Raises:
        TypeError: if X is not a list, array or table.
        ValueError: if it is empty, or a table with other columns than the model was trained with.
    """
    if hasattr(X, "columns"):
        same_columns("X", X, noted_columns(model))
    return as_samples("X", X)


def paired(X: Any, y: Any, name: str = "y", model: Any = None) -> tuple[Any, Any]:
    """Samples for a model and as many labels, to be indexed by their number.

    Args:
        X: the samples.
        y: the labels.
        name: of the labels, for messages.
        model: what the samples are for; None for any.

    Raises:
        TypeError: if one is not a list, array or table.
        ValueError: if one is empty, they differ in length, or they are tables whose rows or columns are others than
            they should be.
    """
    samples, labels = samples_of(model, X), as_samples(name, y)
    same_length("sample", samples, "label", labels)
    same_rows("X", X, name, y)
    return samples, labels


def same_rows(name: str, table: Any, other_name: str, other: Any) -> None:
    """See that two tables whose rows are labelled may be read side by side.

    They may if their labels are the same, or if one has none but the numbers from 0 on and the other has others.

    Raises:
        ValueError: if by its label a row belongs to another one, or to none.
    """
    if not (hasattr(table, "iloc") and hasattr(other, "iloc")) or table.index.equals(other.index):
        return
    rows, others = list(table.index), list(other.index)
    by_label = Counter(rows) == Counter(others)
    if not by_label and list(range(len(rows))) in (rows, others):
        return
    place = next((k for k, (row, of_other) in enumerate(zip(rows, others)) if row != of_other), 0)
    remedy = f"{other_name}.loc[{name}.index] goes by the labels, and " if by_label else ""
    raise ValueError(
        f"which rows belong together? Row {place} has the label {rows[place]!r} in {name} and {others[place]!r} in "
        f"{other_name}: {remedy}{other_name}.to_numpy() goes by position"
    )


def no_number_in(table: Any) -> str:
    """What to say of a table's first entry that is not a number, and what to do with it; empty if there is none."""
    if not (hasattr(table, "iloc") and hasattr(table, "columns")):
        return ""
    for place, column in enumerate(table.columns):
        entries = table.iloc[:, place].tolist()
        for row, entry in enumerate(map(plain, entries)):
            if not isinstance(entry, (Real, Value)) and not is_row(entry):
                return f"column {column!r} has in row {row} no number but {show(entry)}: {_remedy(entry, column)}"
    return ""


def _remedy(entry: Any, column: Any) -> str:
    if entry is None or type(entry).__name__ in ("NAType", "NaTType"):
        return "fill it in, or leave the row out"
    if isinstance(entry, str):
        return f"pandas.get_dummies(X, columns=[{column!r}]) makes a column of 0 and 1 for each text"
    return "make numbers of them"


def names_of_columns(table: Any) -> list[str] | None:
    """The names of a table's columns; None if it is none, or they are not all texts."""
    names = list(getattr(table, "columns", []))
    return names if names and all(isinstance(name, str) for name in names) else None


def noted_columns(model: Any) -> list[str] | None:
    """The names of the columns of the table that `fit` trained a module with; None if it was none."""
    return vars(model).get("_columns") if isinstance(model, Module) else None


def is_reordered(names: list[str] | None, others: list[str] | None) -> bool:
    """Whether two lists hold the same names in different order."""
    return bool(names and others) and names != others and sorted(names or []) == sorted(others or [])


def same_columns(name: str, table: Any, trained: list[str] | None) -> None:
    """See that a table has the columns that a model was trained with, in their order; without names all is well.

    Raises:
        ValueError: if it has others, or in another order.
    """
    names = names_of_columns(table)
    if not names or not trained or names == trained:
        return
    if is_reordered(names, trained):
        place = next(k for k, column in enumerate(trained) if names[k] != column)
        what = f"{names[place]!r} for column {place}, where the model was trained with {trained[place]!r}"
    elif missing := [column for column in trained if column not in names]:
        what = f"no column {missing[0]!r}, which the model was trained with"
    else:
        added = next(column for column in names if names.count(column) > trained.count(column))
        what = f"a column {added!r}, which the model was not trained with"
    is_short = len(trained) == len({*trained}) <= 8  # a name that two columns have would give both, twice
    columns = f"{name}[{trained}]" if is_short else "the columns in the order of training"
    raise ValueError(f"{name} has {what}: give {columns}, or {name}.to_numpy() to go by position")
