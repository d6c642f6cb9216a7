"""Stands for the rows that a function is given: lists, tuples or arrays of numbers, which behave differently.

`x * 3` repeats a list and multiplies an array; `isinstance(x, list)`, `case [a, b]`, `x.shape` tell them apart. If a
function does something that depends on the class of a row, that is noted, and the program is not used for rows of
another class. What arrays do number by number, such as arithmetic, NumPy does with an array of symbols; anything else
that only they do is refused.
"""

from __future__ import annotations

import copy
import math
import sys
from abc import ABCMeta
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle
from typing import Any, NoReturn, TypeAlias

from ....text.sheet import counted
from ...errors import refusal
from .asking import asked_by_project

_FIX = "A compiled function has single numbers, not arrays: write it for each, as in [where(a > 0, a, 0) for a in x]."

FIX_CHANGED = (
    "Eager code would change the samples themselves, for everything that comes after. Let it change a copy, such as "
    "x = [*x] or numpy.array(x)."
)

_OF_NUMBERS = frozenset(
    {
        *("sum", "prod", "mean", "var", "std", "dot", "cumsum", "cumprod", "trace", "diagonal", "T", "transpose"),
        *("reshape", "ravel", "flatten", "squeeze", "swapaxes", "repeat", "take"),
    }
)
"""What arrays do in the same way whatever is in them."""

Form: TypeAlias = "tuple[Any, ...]"
"""The class of a row and the forms of the rows in it, only one if all are equal; empty for a number."""


def form_of(sample: Any) -> Form:
    """The form of a sample.

    >>> form_of([1, 2]), form_of([(1, 2), (3, 4)]), form_of(1.0)
    ((<class 'list'>,), (<class 'list'>, (<class 'tuple'>,)), ())
    """
    if isinstance(sample, (list, tuple)):
        inner = [form_of(part) for part in sample]
        if any(inner):
            return (type(sample), *(inner[:1] if inner.count(inner[0]) == len(inner) else inner))
        return (type(sample),)
    return form_of_array(sample, len(getattr(sample, "shape", ())))


def form_of_array(array: Any, dimensions: int) -> Form:
    """The form of an array, or of its rows, of this many dimensions."""
    return (type(array), *([form_of_array(array, dimensions - 1)] * (dimensions > 1))) if dimensions else ()


def as_rows(nested: Any, form: Form, note: Callable[[], Any]) -> Any:
    """Nested lists as rows of a form.

    Args:
        nested: lists of symbols.
        form: the form of the row; empty if the function does not ask.
        note: called when the function does something that depends on the class of a row.
    """
    if not form:
        return [as_rows(part, (), note) for part in nested] if isinstance(nested, list) else nested
    kind, *inner = form
    entries = [as_rows(part, of, note) for part, of in zip(nested, cycle(inner or [()]))]
    return _stand_in(kind)(entries, kind, note)


def refuse_changes(rows: Any, nested: Any, name: str) -> None:
    """Refuse a function that has changed the rows it was given: in eager code those are the caller's own lists.

    Args:
        rows: what the function was given for nested lists.
        nested: these lists.
        name: that of the function.
    """
    if not _is_unchanged(rows, nested):
        raise refusal(f"{name} changes a list that it is given", FIX_CHANGED)


def _is_unchanged(row: Any, nested: Any) -> bool:
    if not isinstance(nested, list):
        return row is nested
    return len(row) == len(nested) and all(map(_is_unchanged, row, nested))


def all_rows(rows: list[Any], whole: type[Any], note: Callable[[], Any]) -> Any:
    """All rows of a batch: a step gets them in what the user gave, `fit` in a list.

    Args:
        rows: the rows of the batch.
        whole: the class of the object that holds them.
        note: called when the function does something that depends on that class.
    """

    def refuse() -> NoReturn:
        raise refusal(
            f"what the function does with all labels depends on whether they are a list or a {whole.__name__}", _FIX
        )

    return _stand_in(whole)(rows, whole, note if whole is list else refuse)


class Row:
    """Stands for a row, such as an array.

    Args:
        entries: symbols, or rows.
        kind: the class of the row.
        note: called when the function does something that depends on the class.
    """

    __slots__ = ("_entries", "_kind", "_note")
    __hash__ = None  # type: ignore[assignment]  # like a list or an array
    __array_priority__ = -1.0  # above NumPy's scalars, which would take it for a list, and below its arrays

    def __init__(self, entries: list[Any], kind: type[Any], note: Callable[[], Any]) -> None:
        self._entries, self._kind, self._note = entries, kind, note

    @property  # type: ignore[misc]  # what is asked is to be known
    def __class__(self) -> Any:
        """The class of the row."""
        if not asked_by_project():
            self._note()
        return self._kind

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._entries)

    def __getitem__(self, place: Any) -> Any:
        if place is None or place is ... or isinstance(place, bool) or hasattr(place, "__len__"):
            self._of_list("an index that is not a whole number", tuple)  # in an array, a mask or several places
        try:
            found = self._entries[place]
        except IndexError as error:
            raise IndexError(f"{error}: [{place!r}] of a row of {counted(len(self), 'entry', 'entries')}") from None
        return type(self)(found, self._kind, self._note) if isinstance(place, slice) else found

    def __setitem__(self, place: Any, entry: Any) -> None:
        self._of_list("item assignment")[place] = entry

    def __delitem__(self, place: Any) -> None:
        del self._of_list("deletion of items")[place]

    def __copy__(self) -> Row:
        return type(self)([*self._entries], self._kind, self._note)

    def __deepcopy__(self, memo: dict[int, Any]) -> Row:
        entries = [copy.deepcopy(entry, memo) if isinstance(entry, Row) else entry for entry in self._entries]
        return type(self)(entries, self._kind, self._note)

    def __repr__(self) -> str:
        return repr(self._entries)

    def __bool__(self) -> bool:
        return bool(self._of_list("bool()", tuple))

    def __getattr__(self, name: str) -> Any:
        if name == "__array__":
            by_name = name in sys._getframe(1).f_code.co_consts  # otherwise NumPy asks, for the code that runs
            if by_name:
                self._note()
            if not by_name or hasattr(self._kind, name):
                return self._as_array
        elif not name.startswith("__"):
            if not asked_by_project():
                self._note()
            if name in _OF_ARRAYS and hasattr(self._kind, name):
                return _OF_ARRAYS[name](self)
            if name in _OF_NUMBERS and self._is_array:
                return getattr(self._as_array(), name)
            if hasattr(self._kind, name):
                return getattr(self._of_list(name, tuple), name)
        raise AttributeError(f"{self._kind.__name__!r} object has no attribute {name!r}", name=name, obj=self)

    @property
    def _is_array(self) -> bool:
        """Whether it stands for a NumPy array; called if what the function does depends on that."""
        self._note()
        return self._kind is getattr(sys.modules.get("numpy"), "ndarray", None)

    def _as_array(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The row as an array; read-only unless a copy is asked for: else NumPy gives the user's array itself."""
        import numpy as np

        array = np.array(_as_lists(self), dtype or object)
        array.flags.writeable = bool(copy)
        return array

    def _of_list(self, what: str, *others: type[Any]) -> Any:
        """The list, or tuple, that this stands for.

        Raises:
            TraceError: it stands for something else.
        """
        self._note()
        if self._kind not in (list, *others):
            raise refusal(f"the function used {what} of a {self._kind.__name__} that it is given", _FIX)
        return self._entries if self._kind is list else tuple(self._entries)


class Listed(Row):
    """Stands for a list or tuple, which patterns treat as sequences."""

    __slots__ = ()


_SEQUENCE = 1 << 5  # Py_TPFLAGS_SEQUENCE, by which patterns know what they match


class MatchableArray(Row, metaclass=ABCMeta):
    """Stands for what patterns match although it is not a `Sequence`: an array, from NumPy 2.5 on."""

    __slots__ = ()
    __abc_tpflags__ = _SEQUENCE


# In Python's own errors, such as: unsupported operand type(s) for -: 'Value' and 'row'.
Row.__name__ = Listed.__name__ = MatchableArray.__name__ = "row"


def _stand_in(kind: type[Any]) -> type[Row]:
    if issubclass(kind, (list, tuple)):
        return Listed
    return MatchableArray if kind.__flags__ & _SEQUENCE else Row


def _operator(name: str) -> Callable[[Row, Any], Any]:
    def operator(self: Row, other: Any) -> Any:
        own = self._as_array() if self._is_array else self._of_list(name, tuple)
        return getattr(own, name)(plain(other)) if hasattr(own, name) else _reflected(name, own, plain(other))

    return operator


def _reflected(name: str, own: Any, other: Any) -> Any:
    """The result of ``other + own`` for a row on the right."""
    ordinary = f"__{name[3:]}"
    return getattr(other, ordinary)(own) if type(other) is type(own) else NotImplemented


def _operator_of_arrays(name: str) -> Callable[..., Any]:
    def operator(self: Row, *other: Any) -> Any:
        if self._is_array:
            return getattr(self._as_array(), name)(*other)
        self._of_list(name, tuple)  # which have no such operator
        if not other:
            raise TypeError(f"bad operand type for {name}: {self._kind.__name__!r}")
        return NotImplemented

    return operator


def _in_place(name: str) -> Callable[[Row, Any], Any]:
    def operator(self: Row, other: Any) -> Any:
        if self._kind is tuple:
            return NotImplemented
        getattr(self._of_list(name), name)(plain(other))
        return self

    return operator


def _in_place_of_arrays(name: str) -> Callable[[Row, Any], Any]:
    def operator(self: Row, other: Any) -> Any:
        self._of_list(name, tuple)  # which have no such operator
        return NotImplemented

    return operator


def plain(thing: Any) -> Any:
    """A row as the list or tuple that it stands for; anything else as it is."""
    if not isinstance(thing, Listed):
        return thing
    entries = [plain(entry) for entry in thing]
    return tuple(entries) if thing._kind is tuple else entries


def _as_lists(row: Row) -> list[Any]:
    return [_as_lists(part) if isinstance(part, Row) else part for part in row]


def _shape(row: Any) -> tuple[int, ...]:
    return (len(row), *(_shape(row[0]) if len(row) else ())) if isinstance(row, Row) else ()


_OF_ARRAYS: dict[str, Callable[[Row], Any]] = {
    "shape": _shape,
    "ndim": lambda row: len(_shape(row)),
    "size": lambda row: math.prod(_shape(row)),
    "tolist": lambda row: partial(_as_lists, row),
}
"""The attributes of arrays that a row has."""


for _name in ("add", "radd", "mul", "rmul", "eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Row, f"__{_name}__", _operator(f"__{_name}__"))
for _name in ("sub", "truediv", "floordiv", "mod", "pow", "matmul"):
    setattr(Row, f"__{_name}__", _operator_of_arrays(f"__{_name}__"))
    setattr(Row, f"__r{_name}__", _operator_of_arrays(f"__r{_name}__"))
for _name in ("neg", "pos", "abs"):
    setattr(Row, f"__{_name}__", _operator_of_arrays(f"__{_name}__"))
for _name in ("iadd", "imul"):
    setattr(Row, f"__{_name}__", _in_place(f"__{_name}__"))
for _name in ("isub", "itruediv", "ifloordiv", "imod", "ipow", "imatmul"):
    setattr(Row, f"__{_name}__", _in_place_of_arrays(f"__{_name}__"))
Sequence.register(Listed)
