"""The types of the numbers of samples, for functions that ask: to these, 1 and 1.0 differ."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from functools import cache, partial
from itertools import repeat
from typing import Any, NamedTuple, TypeAlias

from ....numbers import differs_from_float, kinds_in, unusual_kinds
from ...errors import TraceError
from ...samples.batch import Batch, Shape, columns_of
from .rows import Form, all_rows, as_rows, form_of, form_of_array

Types: TypeAlias = tuple[Any, ...]
"""Of one sample, or some `Positions` of it: types of numbers, forms of arguments, classes of what holds all samples."""


class Positions(NamedTuple):
    """The place of everything in the types of one sample.

    Attributes:
        numbers: for each argument, the places of the types of its numbers.
        forms: the places of the arguments' forms: a form tells the classes of the rows that hold the numbers.
        wholes: the places of the classes of what holds all samples of an argument, such as a list or an array.
    """

    numbers: list[range]
    forms: range
    wholes: range


@cache
def _positions(shapes: tuple[Shape, ...]) -> Positions:
    """For arguments of these shapes; kept, since samples may be examined in every call."""
    numbers, count = columns_of(shapes), len(shapes)
    first = numbers[-1].stop if numbers else 0
    return Positions(numbers, range(first, first + count), range(first + count, first + 2 * count))


def types_of(batch: Batch, row: int = 0) -> Types:
    """The types of one sample.

    >>> from engine.compiler.samples.arguments import as_batch
    >>> types_of(as_batch([[[0, 0.5], [1.5, 2]], [True, 1]], None))
    (<class 'int'>, <class 'float'>, <class 'bool'>, (<class 'list'>,), (), <class 'list'>, <class 'list'>)
    """
    given = [*zip(batch.given, batch.shapes)]
    if batch.size:
        numbers = [kind for samples, shape in given for kind in _of_numbers(samples, math.prod(shape), row)]
        forms = [_form(samples, shape, row) for samples, shape in given]
    else:
        numbers = [float] * _count(batch)
        forms = [(list,) * bool(shape) for shape in batch.shapes]
    return (*numbers, *forms, *map(type, batch.given))


def rows_of_types(batch: Batch, asked: Collection[int]) -> dict[Types, int]:
    """The combinations of types that samples have at some positions, and the first sample of each.

    >>> from engine.compiler.samples.arguments import as_batch
    >>> rows_of_types(as_batch([[[0.1, 1], [0.2, 2]], [3, 4], [5, 0.5]], None), {1, 3})
    {(<class 'int'>, <class 'int'>): 0, (<class 'int'>, <class 'float'>): 1}
    """
    columns: list[Iterable[Any]] = []
    at = _positions(batch.shapes)
    for given, shape, numbers, form, whole in zip(batch.given, batch.shapes, at.numbers, at.forms, at.wholes):
        own = [position - numbers.start for position in sorted(asked) if position in numbers]
        if hasattr(given, "dtype"):
            columns += [repeat(given.dtype.type, batch.size) for _ in own]
            columns += [repeat(_form(given, shape, 0), batch.size)] * (form in asked)
        else:
            rows = [_types(sample) for sample in given] if own else []
            columns += [[row[place] for row in rows] for place in own]
            columns += [map(form_of, given)] * (form in asked)
        columns += [repeat(type(given), batch.size)] * (whole in asked)
    found: dict[Types, int] = {}
    for row, kinds in enumerate(zip(*columns)):
        found.setdefault(kinds, row)
    return found


def _count(batch: Batch) -> int:
    return sum(map(math.prod, batch.shapes))


def _of_numbers(given: Any, width: int, row: int) -> Sequence[type[Any]]:
    return [given.dtype.type] * width if hasattr(given, "dtype") else _types(given[row])


def _form(given: Any, shape: Shape, row: int) -> Form:
    return form_of_array(given, len(shape)) if hasattr(given, "dtype") else form_of(given[row])


def _types(sample: Any) -> list[type[Any]]:
    if isinstance(sample, (list, tuple)):
        return [kind for part in sample for kind in _types(part)]
    if getattr(sample, "shape", ()):
        return [sample.dtype.type] * sample.size
    return [type(sample)]


Narrow: TypeAlias = "tuple[frozenset[Any], ...]"
"""For each argument, its types of few bits."""


def _narrow_types(batch: Batch) -> Narrow:
    """The types of few bits in arrays, and of few bits or digits in lists.

    Of a list that holds bools, all types: NumPy computes with bools in few bits.
    """
    return tuple(map(_narrow_types_in, batch.given))


def _narrow_types_in(given: Any) -> frozenset[Any]:
    if hasattr(given, "dtype"):
        return frozenset(filter(differs_from_float, [given.dtype.type]))
    kinds = kinds_in(given)
    return frozenset(kinds if bool in kinds else unusual_kinds(given))


class TypeGuard:
    """The numbers of a sample whose types a function asks for, and their types when it was traced.

    Attributes:
        positions: the positions of these numbers.
        met: their types; for any others the function has to be traced.
        narrow: for a function that computes with its inputs, the types of few bits that it was traced for.
    """

    def __init__(
        self, positions: Collection[int] = (), met: Collection[Types] = (), narrow: Collection[Narrow] = ()
    ) -> None:
        self.positions, self.met, self.narrow = frozenset(positions), {*met}, {*narrow}

    def __bool__(self) -> bool:
        return bool(self.positions)

    def together(self, other: TypeGuard, batch: Batch) -> TypeGuard:
        """A guard of what both ask for, which has met the types in a batch."""
        positions = self.positions | other.positions
        return TypeGuard(positions, rows_of_types(batch, positions))

    def note(self, batch: Batch) -> Collection[int]:
        """Note the types of few bits in a batch, for which a function that computes with its inputs is traced.

        Returns:
            The positions to watch: all, if there are such types in lists, where each number has its own type.
        """
        narrow = _narrow_types(batch)
        self.narrow.add(narrow)
        in_lists = [some - {bool} for some, given in zip(narrow, batch.given) if not hasattr(given, "dtype")]
        return range(_count(batch)) if any(in_lists) else ()

    def covers(self, batch: Batch) -> bool:
        """Whether all numbers of a batch are of types that were met."""
        if self.narrow and _narrow_types(batch) not in self.narrow:
            return False
        return not self.positions or self.met >= rows_of_types(batch, self.positions).keys()

    def renew(self, other: TypeGuard) -> None:
        """Add what another trace of the same function has met."""
        self.met |= other.met
        self.narrow |= other.narrow


class GivenLabels:
    """The labels of a batch, as a loss gets them, and what it asks about them.

    Args:
        given: samples and labels.

    Attributes:
        types: the types of the numbers of a label.
    """

    def __init__(self, given: Batch) -> None:
        at, types = _positions(given.shapes), types_of(given)
        self._given, self._asked = given, set[int]()
        self._numbers, self._row, self._whole = at.numbers[-1], at.forms[-1], at.wholes[-1]  # of the label
        self.types, self._form = [types[position] for position in self._numbers], types[self._row]

    def as_rows(self, labels: list[Any]) -> Any:
        """The labels of a batch, in rows of the classes that were given."""
        note = partial(self._asked.add, self._row)
        rows = [as_rows(label, self._form, note) for label in labels]
        return all_rows(rows, type(self._given.given[-1]), partial(self._asked.add, self._whole))

    def ask(self, places: Iterable[int], rows: bool) -> None:
        """Note the numbers of a label whose types were asked for (none below place 0), and whether rows were."""
        self._asked.update(self._numbers[place] for place in places if place >= 0)
        if rows:
            self._asked |= {self._row, self._whole}

    def type_guard(self, loss: str) -> TypeGuard:
        """A guard of what the loss asked for.

        Raises:
            TraceError: the labels differ in that.
        """
        kinds = rows_of_types(self._given, self._asked) if self._asked else {}
        if len(kinds) > 1:
            raise several_types(loss, kinds)
        return TypeGuard(self._asked, kinds)


def several_types(function: str, kinds: Iterable[Types]) -> TraceError:
    """The error for a function that does not do the same for all numbers of a batch."""
    names = {kind.__name__ if isinstance(kind, type) else f"rows such as {kind}" for types in kinds for kind in types}
    found = " and ".join(sorted(names))
    return TraceError(
        f"{function} asks for the type of a number, and may not do the same for all of these: {found}\n"
        "Give numbers of one type, as in an array or by [float(y) for y in labels]; each type is compiled separately."
    )
