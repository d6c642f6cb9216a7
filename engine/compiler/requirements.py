"""What samples, such as labels, must satisfy: checked in every call, on all numbers, as they were given."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from ..numbers import Requirement
from .batch import Batch, Shape, ValidLabels
from .frontend.graph import operations
from .frontend.operands import apart
from .frontend.symbol import Symbol

FEW = 64  # rows of numbers that each label is compared with
KNOWN = 4096  # rows of numbers that are remembered as right, for each requirement
REMEMBERED = 1 << 20  # bytes of arguments that are remembered as right
_CLASSES = 16  # kinds of labels, at most: with more they are numbers to learn, not classes

Columns = dict[int, Sequence[Any]]
"""The numbers that an input has in all samples, by the input's position."""


class Requirements:
    """What a traced function requires of its samples.

    Args:
        noted: each requirement, and the symbols that must meet it together.
        shapes: the shapes of the function's arguments.
    """

    def __init__(self, noted: Sequence[tuple[Requirement, tuple[Symbol, ...]]], shapes: Sequence[Shape]) -> None:
        single: dict[Requirement, list[int]] = {}
        self._checks: list[_OfEach | _OfRows] = []
        for requirement, symbols in noted:
            if len(symbols) == 1 and symbols[0].kind == "input":
                single.setdefault(requirement, []).append(symbols[0].value)
            else:
                self._checks.append(_OfRows(requirement, symbols))
        self._checks[:0] = [_OfEach(requirement, positions) for requirement, positions in single.items()]
        read = {position for check in self._checks for position in check.positions}
        widths = [math.prod(shape) for shape in shapes]
        starts = [sum(widths[:k]) for k in range(len(widths))]
        self._read = [  # each argument, and the positions of its columns
            (k, [(p, p - start) for p in sorted(read) if 0 <= p - start < width])
            for k, (start, width) in enumerate(zip(starts, widths))
            if not read.isdisjoint(range(start, start + width))
        ]
        self._right: Any = None  # the arguments that were last found right

    @property
    def arguments(self) -> set[int]:
        """The arguments on which there are requirements."""
        return {k for k, _ in self._read}

    @property
    def bounds(self) -> tuple[float, float]:
        """Two bounds between which all numbers meet all requirements; the first is larger if there are none."""
        for bounds in ((-sys.float_info.max, sys.float_info.max), (0.0, 1.0)):
            if all(isinstance(check, _OfEach) and check.accepts(*bounds) for check in self._checks):
                return bounds
        return math.inf, -math.inf

    def check(self, batch: Batch) -> None:
        """Refuse samples that the function would refuse in plain Python.

        Raises:
            TypeError, ValueError, IndexError: raised by the requirement.
        """
        if not self._checks or not batch.size:
            return
        arguments = [batch.given[k] for k, _ in self._read]
        contents = None
        if all(hasattr(a, "tobytes") for a in arguments) and sum(a.nbytes for a in arguments) <= REMEMBERED:
            contents = [(a.dtype, a.tobytes()) for a in arguments]
            if contents == self._right:
                return
        columns: Columns = {}
        for k, places in self._read:
            found = batch.columns_as_given(k)
            columns.update((position, found[place]) for position, place in places)
        for check in self._checks:
            check.check(columns)
        self._right = contents


class _OfEach:
    """A requirement on each number of some inputs."""

    def __init__(self, requirement: Requirement, positions: list[int]) -> None:
        self._requirement, self.positions = requirement, positions
        self._known: set[Any] = set()
        self.accepts = requirement.accepts

    def check(self, columns: Columns) -> None:
        numbers = list(chain.from_iterable([columns[position] for position in self.positions]))
        plain = _plain(numbers)
        if plain and math.isfinite(sum(numbers)) and self.accepts(min(numbers), max(numbers)):
            return
        _check_all(numbers, self._known if plain else None, self._requirement.check)


class _OfRows:
    """A requirement on several numbers of a sample, or on something computed from them."""

    def __init__(self, requirement: Requirement, symbols: tuple[Symbol, ...]) -> None:
        self._requirement, self._symbols = requirement, symbols
        self._operations = operations(symbols)
        sources = {*symbols, *[o for s in self._operations for o in apart(s.operands)]}
        self.positions = sorted([s.value for s in sources if s.kind == "input"])
        self._known: set[Any] = set()

    def check(self, columns: Columns) -> None:
        rows = list(zip(*[columns[position] for position in self.positions]))
        _check_all(rows, self._known if _plain(chain.from_iterable(rows)) else None, self._check_row)

    def _check_row(self, row: tuple[Any, ...]) -> None:
        inputs, found = dict(zip(self.positions, row)), dict[Symbol, Any]()

        def value(symbol: Symbol) -> Any:
            if symbol.operands:
                return found[symbol]
            return symbol.value if symbol.kind == "constant" else inputs[symbol.value]

        for symbol in self._operations:
            assert symbol.primitive is not None
            found[symbol] = symbol.primitive.forward(*[float(value(o)) for o in symbol.operands])
        self._requirement.check(*map(value, self._symbols))


def _plain(numbers: Iterable[Any]) -> bool:
    """Whether all are ints or floats, which are the same if they are equal; True and 1 are not."""
    return {*map(type, numbers)} <= {int, float}


def _check_all(rows: list[Any], known: set[Any] | None, check: Callable[[Any], Any]) -> None:
    """Check the rows that are not known yet, and add them to the known ones."""
    new = rows if known is None else {*rows} - known
    for row in new:
        check(row)
    if known is not None and len(known) + len(new) <= KNOWN:
        known.update(new)


# ---- labels ----


class CheckedLabels:
    """Labels that have passed every check, as they were given: numbers, or rows of numbers.

    >>> from engine.compiler.batch import as_batch
    >>> checked, samples = CheckedLabels(), [0.1, 0.2]
    >>> checked.enter(as_batch([samples, [1, 0]], None))
    >>> [checked.covers(as_batch([samples, labels], None)) for labels in ([1, 1], [1, True], [1, 2])]
    [True, False, False]
    """

    def __init__(self) -> None:
        self._known: set[Any] = set()
        self._kind: Any = None  # class, dtype and bytes of the array that was covered last
        self._type, self._last = None, b""

    def covers(self, batch: Batch) -> bool:
        """Whether all labels, the last of the arguments, are among those that were entered."""
        labels = batch.given[-1]
        if type(labels) is self._kind and labels.dtype is self._type and labels.tobytes() == self._last:
            return True
        rows = _rows_of(labels)
        if rows is None or not self._known.issuperset(rows):
            return False
        if not isinstance(labels, list):
            self._last, self._type, self._kind = labels.tobytes(), labels.dtype, type(labels)
        return True

    @property
    def rows(self) -> frozenset[tuple[float, ...]]:
        """The labels that were entered, if they are few."""
        if len(self._known) > FEW:
            return frozenset()
        return frozenset([row if isinstance(row, tuple) else (row,) for row in self._known])

    def enter(self, batch: Batch) -> None:
        """Remember labels that have passed, as long as they are few."""
        rows = _rows_of(batch.given[-1])
        if rows is not None:
            known = self._known.union(rows)
            self._known = known if len(known) <= KNOWN else self._known


def _rows_of(labels: Any) -> list[Any] | None:
    """Labels as entries of a set; None if they are many, or not plain numbers."""
    rows = labels
    if hasattr(labels, "dtype"):
        if labels.dtype.kind not in "fiu" or labels.nbytes > REMEMBERED:
            return None
        rows = labels.tolist()
    if type(rows) is not list or 8 * len(rows) > REMEMBERED:
        return None
    if {*map(type, rows)} == {list}:
        rows = [*map(tuple, rows)]
        return rows if _plain(chain.from_iterable(rows)) else None
    return rows if _plain(rows) else None


class LabelKinds:
    """The labels met so far, if they are of a few kinds: a function may use them as objects.

    >>> from engine.compiler.batch import as_batch
    >>> kinds = LabelKinds()
    >>> list(kinds.new(as_batch([[0.1, 0.2, 0.3], [1, 1, 0]], None)))
    [0, 2]
    >>> list(kinds.new(as_batch([[0.5, 0.6], [1, 2]], None)))
    [1]
    """

    def __init__(self) -> None:
        self._met: set[tuple[float, ...]] | None = set()
        self._last: Any = None

    @property
    def are_too_many(self) -> bool:
        """Whether there are so many labels that they are numbers to learn, not kinds."""
        return self._met is None

    def enter(self, batch: Batch) -> None:
        """Count the labels of a batch as met."""
        for _ in self.new(batch):
            pass

    def new(self, batch: Batch) -> Iterator[int]:
        """A sample of each label that was not met before; none once labels are too many to be classes.

        A label counts as met when the next one is asked for, so that one which is refused will be refused again.
        """
        met = self._met
        if met is None or len(batch.arrays) < 2:
            return
        array, contents = batch.arrays[-1], None
        if not isinstance(array, list):
            contents = array.tobytes()
            if contents == self._last:
                return
            array = array.tolist()
        labels = [*map(tuple, array)]
        new = set(labels) - met
        if len(met) + len(new) > _CLASSES:
            self._met = None
            return
        for row in sorted(map(labels.index, new)):
            yield row
            met.add(labels[row])
        self._last = contents


class LabelChecks:
    """Refuses wrong labels, and has a sample compared with the eager engine for each new kind of label.

    Args:
        requirements: what the function requires of its samples.
        arguments: how many arguments it has; of several the last one holds labels.
        compare: called with a batch and the samples of it to compare.

    Attributes:
        kinds: the kinds of labels that have been met.
    """

    def __init__(
        self, requirements: Requirements, arguments: int, compare: Callable[[Batch, Iterator[int]], None]
    ) -> None:
        self._requirements, self._compare = requirements, compare
        self.kinds, self._passed = LabelKinds(), CheckedLabels()
        self._labels_only = requirements.arguments <= {arguments - 1}
        self._nothing_to_check = False

    def check(self, batch: Batch) -> None:
        """Refuse wrong labels; compare the value of one sample for each new kind of label.

        Raises:
            TypeError, ValueError, IndexError: as the function would raise them.
            TraceError: the function uses a label as an object, such as the key of a dict.
        """
        if self._nothing_to_check or (self._labels_only and self._passed.covers(batch)):
            return
        self._requirements.check(batch)
        self.compare_new(batch)
        if self._labels_only:
            self._passed.enter(batch)
        self._nothing_to_check = self.kinds.are_too_many and not self._requirements.arguments

    def compare_new(self, batch: Batch) -> None:
        """Compare a sample for each kind of label that was not met before."""
        self._compare(batch, self.kinds.new(batch))

    @property
    def valid(self) -> ValidLabels:
        """The labels that `check` is known to accept."""
        if self._nothing_to_check:
            return ValidLabels(None)
        if not self._labels_only:
            return ValidLabels()
        bounds = self._requirements.bounds if self.kinds.are_too_many else ()
        return ValidLabels(self._passed.rows, *bounds)
