"""Recognising runs: from the slots that the rows of a group read, to bases and strides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from ..frontend.operands import first_column
from .plan import Run

T = TypeVar("T")


class Column(NamedTuple):
    """The slots that one operand has in all rows, and their stride (None: irregular)."""

    buffer: str
    slots: Sequence[int]
    stride: int | None

    @classmethod
    def of(cls, buffer: str, slots: list[int]) -> Column:
        """Find the stride."""
        first, count = slots[0], len(slots)
        stride = slots[1] - first if count > 1 else 0
        even = list(range(first, first + stride * count, stride)) if stride else [first] * count
        return cls(buffer, slots, stride if slots == even else None)


def columns(buffer: str, rows: Sequence[Sequence[int]]) -> list[Column]:
    """The columns of rows of slots in one buffer.

    >>> columns("P", [range(0, 2), range(3, 5)])
    [Column(buffer='P', slots=range(0, 6, 3), stride=3), Column(buffer='P', slots=range(1, 7, 3), stride=3)]
    """
    starts = first_column(rows)
    if starts is None:
        return [Column.of(buffer, list(column)) for column in zip(*rows)]
    return [
        Column(buffer, range(starts.start + shift, starts.stop + shift, starts.step), starts.step)
        for shift in (slot - starts.start for slot in rows[0])
    ]


def chunks(items: Sequence[T], step: Callable[[T, T], object]) -> list[Sequence[T]]:
    """Cut `items` into pieces with one constant step.

    ``step(a, b)`` is the step from an item to the next, None if the two cannot be in one piece. A piece of two loses
    its second item if that starts a longer one.

    >>> chunks([1, 2, 3, 7, 9, 11, 13], lambda a, b: b - a)
    [[1, 2, 3], [7, 9, 11, 13]]
    >>> chunks([1, 2, 5, 8, 11], lambda a, b: b - a)
    [[1], [2, 5, 8, 11]]
    """
    found: list[Sequence[T]] = []
    start = 0
    while start < len(items):
        stop, first = start + 1, None
        while stop < len(items) and (now := step(items[stop - 1], items[stop])) is not None and first in (None, now):
            stop, first = stop + 1, now
        if stop - start == 2 and stop + 1 < len(items):
            a, b, c = items[start + 1 : stop + 2]
            if (now := step(a, b)) is not None and now == step(b, c):
                stop = start + 1
        found.append(items[start:stop])
        start = stop
    return found


def runs(tracks: Sequence[Sequence[Column]]) -> list[tuple[Run, ...]]:
    """The runs of each track, all cut at the same columns."""

    def step(first: int, second: int) -> object:
        steps = []
        for track in tracks:
            a, b = track[first], track[second]
            if a.buffer != b.buffer or a.stride != b.stride:
                return None
            steps.append(0 if a.stride is None else b.slots[0] - a.slots[0])
        return steps

    count = len(tracks[0])
    if count == 1:  # as of most operations
        return [(single(track),) for track in tracks]
    pieces = chunks(range(count), step)
    if len(pieces) > max(8, count // 3):  # too irregular: one table for each stretch of equal buffers
        pieces = chunks(range(count), lambda a, b: all(t[a].buffer == t[b].buffer for t in tracks) or None)
    return [tuple(single(track[piece[0] : piece[-1] + 1]) for piece in pieces) for track in tracks]


def run_of(buffer: str, slots: Sequence[int]) -> Run:
    """The run of a single column, with one slot in each row."""
    return single([Column.of(buffer, list(slots))])


def single(columns: Sequence[Column]) -> Run:
    """One run with these columns: regular if they are, else a table."""
    first = columns[0]
    if len(columns) == 1 and first.stride is not None:
        return Run(first.buffer, first.slots[0], first.stride)
    step = columns[1].slots[0] - first.slots[0] if len(columns) > 1 else 0
    starts = [column.slots[0] for column in columns]
    even = all(column.stride == first.stride for column in columns)
    even = even and starts == [first.slots[0] + k * step for k in range(len(columns))]
    if first.stride is None or not even:
        table = tuple(slot for row in zip(*[column.slots for column in columns]) for slot in row)
        return Run(first.buffer, table[0], count=len(columns), table=table)
    return Run(first.buffer, first.slots[0], first.stride, len(columns), step)
