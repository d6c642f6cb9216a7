"""Pandas tables: whether rows belong to their labels, and columns to the inputs that a model was trained with."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

from ..arguments import plain
from ..layers.module import Module
from ..rows import as_samples, same_length


def samples_of(model: Any, X: Any) -> Any:
    """Samples for a model, to be indexed by number.

    Raises:
        TypeError: if X is not a list, array or table.
        ValueError: if it is empty, or a table, or rows of one, with other columns than the model was trained with.
    """
    if hasattr(X, "columns"):
        same_columns("X", X, noted_columns(model))
    elif isinstance(X, (list, tuple)) and X and len(_names_in(X[0])):
        trained = noted_columns(model)
        known, of = (trained, _TRAINED) if trained else (names_of_columns(X), "X[0] has")
        for k, row in enumerate(X):
            _same_names(f"X[{k}]", _names_in(row), known, of)
    return as_samples("X", X)


def paired(X: Any, y: Any, name: str = "y", model: Any = None) -> tuple[Any, Any]:
    """Samples for a model and their labels, to be indexed by number.

    Args:
        X: the samples.
        y: the labels.
        name: the name of the labels, for messages.
        model: the model that the samples are for; None for any.

    Raises:
        TypeError: if one is not a list, array or table.
        ValueError: if one is empty, they differ in length, or they are tables with rows or columns that do not match.
    """
    same_order(name, y, noted_columns(model, "y"))
    samples, labels = samples_of(model, X), as_samples(name, y)
    same_length("sample", samples, "label", labels)
    same_rows(**{"X": X, name: y})
    return samples, labels


def same_rows(**tables: Any) -> None:
    """Check that the rows of tables with row labels belong together.

    Those of two tables do if their labels are the same, or if those of one just number its rows and the other has
    different ones.

    Args:
        tables: by their names for messages; other data are not checked.

    Raises:
        ValueError: if a row's label stands at another place in another table, or is missing there.
    """
    for one, other in combinations(tables.items(), 2):
        _same_rows(*one, *other)


def _same_rows(name: str, table: Any, other_name: str, other: Any) -> None:
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


def names_of_columns(table: Any) -> list[str] | None:
    """The names of the columns of a table, or of a list of its rows, as texts; None if it is neither."""
    return _texts(_columns(table))


def _names_in(row: Any) -> Any:
    """The names of the entries of a row of a table: a row of pandas', or a namedtuple, as `itertuples` gives them."""
    if hasattr(row, "iloc"):
        return row.index if row.ndim == 1 else ()
    fields = getattr(row, "_fields", ())
    return () if any(name.startswith("_") for name in fields) else fields  # _1 stands for what is no identifier


def _columns(table: Any) -> Any:
    if isinstance(table, (list, tuple)):
        names = _names_in(table[0]) if table else ()
        known = {*names}  # the pieces of a series have labels too, but each has others
        return names if known and all({*_names_in(row)} == known for row in table) else ()
    columns = getattr(table, "columns", ())  # pandas' names may be of any type; other tables may hold the columns there
    return columns if hasattr(table, "iloc") or all(isinstance(name, str) for name in columns) else ()


def _texts(names: Any) -> list[str] | None:
    return [str(plain(name)) for name in names] or None


_NOTES = {"X": "_columns", "y": "_columns_of_labels"}
"""Where a module notes the names of the columns of the tables that it was trained with."""


def noted_columns(model: Any, of: str = "X") -> list[str] | None:
    """The names of the columns of a module's training table, of samples or of labels; None if it was none."""
    return vars(model).get(_NOTES[of]) if isinstance(model, Module) else None


def notes_of_columns(model: Any, X: Any, y: Any) -> dict[str, list[str] | None]:
    """What a module is to note of the tables that it is trained with; their columns may differ from those before.

    Raises:
        ValueError: they are the columns that it has noted, but in another order, which is a mistake.
    """
    notes = {}
    for name, table in (("X", X), ("y", y)):
        names, known = names_of_columns(table), noted_columns(model, name)
        same_order(name, table, known)
        if names or known:
            notes[_NOTES[name]] = names
    return notes


def note_columns(model: Any, X: Any, y: Any) -> None:
    """Have a module note the columns of tables with which it makes a step.

    Raises:
        ValueError: as `notes_of_columns`.
    """
    if isinstance(model, Module) and (hasattr(X, "columns") or hasattr(y, "columns")):
        noted = vars(model)
        notes = notes_of_columns(model, X, y).items()
        noted.update({name: names for name, names in notes if names and names != noted.get(name)})  # only real changes


def same_order(name: str, table: Any, trained: list[str] | None) -> None:
    """Refuse a table that has the columns of training in another order; other columns are fine.

    Raises:
        ValueError: it has them in another order.
    """
    if trained and sorted(names_of_columns(table) or ()) == sorted(trained):
        _same_names(name, _columns(table), trained)


def same_columns(name: str, table: Any, trained: list[str] | None) -> None:
    """Check that a table has the columns that a model was trained with, in their order, if both have names.

    Columns that are numbered from 0 on have no names, as those of a table that was made of an array.

    Raises:
        ValueError: if it has others, or has them in another order.
    """
    _same_names(name, _columns(table), trained)


_TRAINED = "the model was trained with"


def _same_names(name: str, given: Any, trained: list[str] | None, of: str = _TRAINED) -> None:
    names = _texts(given)
    if not (names and trained) or names == trained:
        return
    if sorted(names) == sorted(trained):
        place = next(k for k, column in enumerate(trained) if names[k] != column)
        what = f"{names[place]!r} for column {place}, where {of} {trained[place]!r}"
    elif _are_numbered(names) or _are_numbered(trained):
        return
    elif missing := [column for column in trained if column not in names]:
        what = f"no column {missing[0]!r}, which {of}"
    else:
        added = next(column for column in names if names.count(column) > trained.count(column))
        what = f"a column {added!r}, which the model was not trained with"
    if isinstance(given, tuple):
        raise ValueError(f"{name} has {what}: give the entries in that order, or list({name}) to go by position")
    # A name that two columns have would give both, twice.
    are_short = all(isinstance(column, str) for column in given) and len(trained) == len({*trained}) <= 8
    columns = f"{name}[{trained}]" if are_short else "the columns in the order of training"
    raise ValueError(f"{name} has {what}: give {columns}, or {name}.to_numpy() to go by position")


def _are_numbered(names: list[str]) -> bool:
    return names == [str(k) for k in range(len(names))]
