"""The samples and parameters that best tell whether a program is the function that was written.

What a compiled function computes is known from its graph. Should the graph nevertheless be that of another function, it
most likely shows for a label that was not the first one, or once the parameters have moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ...value import Value
from ..samples.batch import Batch
from ..values.lending import copy_numbers, lent_numbers
from ..values.showing import showing

SHARE, LEAST = 0.2, 0.01
"""Samples are compared for this share of the time that tracing took, or this many CPU seconds; at least one is."""

_LABELS = 1024  # samples among which distinct labels are looked for

Change = Callable[[float], float]

CHANGES: tuple[Change, ...] = (lambda w: 0.61 - 1.37 * w, lambda w: -w)


class Numbers:
    """The numbers of leaves for some comparisons: as they are, and after each change.

    Leaves that are lent to a program stay with it: eager code is shown a copy of their numbers.
    """

    def __init__(self, values: Sequence[Value]) -> None:
        self._values, lent = values, lent_numbers(values)
        self._known: dict[tuple[Change | None, bool], Any] = {} if lent is None else {(None, False): lent}
        self._are_lent = lent is not None

    def of(self, change: Change | None, in_list: bool = True) -> Any:
        """The numbers, as a list, or as an array for programs that take one."""
        key = change, in_list
        if key not in self._known:
            self._known[key] = self._made(*key)
        return self._known[key]

    def _made(self, change: Change | None, in_list: bool) -> Any:
        if in_list and (change, False) in self._known:
            return self.of(change, False).tolist()
        if change is not None:
            own: Any = self.of(None, in_list)
            return [*map(change, own)] if in_list else change(own)
        if in_list:
            return [value._z for value in self._values]
        import numpy as np

        numbers = np.empty(len(self._values))
        copy_numbers(self._values, numbers)
        return numbers

    def shown(self, change: Change | None) -> AbstractContextManager[None]:
        """A context in which eager code finds these numbers."""
        if change is None and not self._are_lent:
            return nullcontext()
        in_array = (None, False) in self._known
        numbers = memoryview(self.of(change, False)) if in_array else self.of(change)
        return showing(self._values, numbers)


def trials(batch: Batch) -> Iterator[tuple[int, Change | None]]:
    """Samples, each with a change of the parameters or None, the most telling first.

    >>> from engine.compiler.samples.arguments import as_batch
    >>> batch = as_batch([[0.1, 0.2, 0.3, 0.4], [1, 1, 0, 1]], None)
    >>> [row for row, change in trials(batch) if change is None]
    [0, 3, 2, 1]
    """
    yield 0, None  # for proved code the only comparison: so labels are looked for after it
    rows = [*dict.fromkeys([0, batch.size - 1, *_distinct(batch)])]
    for k, row in enumerate(rows):
        if k:
            yield row, None
        yield rows[k // 2], CHANGES[k % 2]
    yield rows[0], CHANGES[1]
    quarter = max(1, batch.size // 4)
    yield from ((row, None) for row in range(quarter, batch.size, quarter) if row not in rows)


def _distinct(batch: Batch) -> list[int]:
    """The first sample of each label, which is the last of several arguments."""
    if len(batch.arrays) < 2:
        return []
    found: dict[tuple[float, ...], int] = {}
    for row, numbers in enumerate(batch.arrays[-1][:_LABELS]):
        found.setdefault(tuple(numbers), row)
    return [*found.values()]
