"""Labels: checked at every call, and compared with the eager engine where one is of a new kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from ..numbers import are_plain
from .requirements import KNOWN, REMEMBERED, Bounds, Requirements
from .samples.batch import Batch

FEW = 64  # rows of numbers that each label is compared with
_CLASSES = 16  # kinds of labels, at most: with more they are numbers to learn, not classes


class Valid(NamedTuple):
    """What is known to be right of an argument, and need not be checked again.

    Attributes:
        rows: each sample or label, as the tuple of its numbers; None if all are right.
        bounds: those whose numbers are between these are right as well.
    """

    rows: frozenset[tuple[float, ...]] | None = frozenset()
    bounds: Bounds = Bounds()


class CheckedLabels:
    """Labels that have passed every check, as they were given: numbers, or rows of numbers.

    Attributes:
        rows: the same as tuples of numbers, if they are few.

    >>> from engine.compiler.samples.arguments import as_batch
    >>> checked, samples = CheckedLabels(), [0.1, 0.2]
    >>> checked.enter(as_batch([samples, [1, 0]], None))
    >>> [checked.covers(as_batch([samples, labels], None)) for labels in ([1, 1], [1, True], [1, 2])]
    [True, False, False]
    """

    def __init__(self) -> None:
        self._known: set[Any] = set()
        self.rows: frozenset[tuple[float, ...]] = frozenset()
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

    def enter(self, batch: Batch) -> None:
        """Remember labels that have passed, as long as they are few."""
        known = self._known.union(_rows_of(batch.given[-1]) or ())
        if len(self._known) < len(known) <= KNOWN:
            self._known = known
            self.rows = frozenset(row if isinstance(row, tuple) else (row,) for row in known if len(known) <= FEW)


def _rows_of(labels: Any) -> list[Any] | None:
    """Labels as entries of a set; None if they are many, or not plain numbers."""
    rows = labels
    if hasattr(labels, "dtype"):
        if labels.dtype.kind not in "fiu" or labels.nbytes > REMEMBERED:
            return None
        rows = labels.tolist()
    if type(rows) is not list or 8 * len(rows) > REMEMBERED:
        return None
    if any(hasattr(kind, "tolist") for kind in {*map(type, rows)}):  # NumPy's numbers or rows, checked as plain ones
        rows = [row.tolist() if hasattr(row, "tolist") else row for row in rows]
    if {*map(type, rows)} == {list}:
        rows = [*map(tuple, rows)]
        return rows if are_plain(chain.from_iterable(rows)) else None
    return rows if are_plain(rows) else None


class LabelKinds:
    """The labels met so far, if they are of a few kinds: a function may use them as objects.

    >>> from engine.compiler.samples.arguments import as_batch
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

        A label counts as met once the next one is asked for, so that one that is refused will be refused again.
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
        # The state that `valid` was last found for, and what was valid in it.
        self._valid: tuple[Any, tuple[Valid, Valid]] = None, (Valid(), Valid())

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
        self._passed.enter(batch)
        self._nothing_to_check = self.kinds.are_too_many and not self._requirements.arguments

    def compare_new(self, batch: Batch) -> None:
        """Compare a sample for each kind of label that was not met before."""
        self._compare(batch, self.kinds.new(batch))

    @property
    def valid(self) -> tuple[Valid, Valid]:
        """Samples, such as tokens, and labels that `check` is known to accept: one object until there are more."""
        state = self._passed.rows, self.kinds.are_too_many, self._nothing_to_check
        if self._valid[0] != state:
            self._valid = state, self._found_valid()
        return self._valid[1]

    def _found_valid(self) -> tuple[Valid, Valid]:
        samples = Valid(bounds=self._requirements.bounds[0]) if 0 in self._requirements.arguments else Valid(None)
        if self._nothing_to_check:
            return samples, Valid(None)
        bounds = self._requirements.bounds[-1] if self.kinds.are_too_many else Bounds()
        return samples, Valid(self._passed.rows, bounds)
