"""The lookups of a gradient as scatters: those with evenly spaced slots and accumulators are rows of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..passes.computation import GradientLookup
from .outer_products import SlotOf
from .plan import Scatter
from .strides import Column, chunks, single


class _Slots(NamedTuple):
    """The slots of a lookup, and its targets from the first one on."""

    selector: tuple[str, int]
    target: int
    source: tuple[str, int]
    others: tuple[int, ...]


def scatters(lookups: Sequence[GradientLookup], slot: SlotOf) -> Iterator[Scatter]:
    """The lookups as jobs of a plan, neighbouring ones together."""
    rows = [
        _Slots(
            slot(each.selector),
            each.targets[0],
            slot(each.upstream),
            tuple([t - each.targets[0] for t in each.targets]),
        )
        for each in lookups
    ]
    rows.sort()
    for piece in chunks(rows, _follows):
        columns = [Column.of("G", [row.target + other for row in piece]) for other in piece[0].others]
        index, source = (
            single([Column.of(slots[0][0], [position for _, position in slots])])
            for slots in ([row.selector for row in piece], [row.source for row in piece])
        )
        yield Scatter(len(piece), single(columns), index, source)


def _follows(a: _Slots, b: _Slots, c: _Slots, d: _Slots) -> bool:
    """Whether the step from c to d is that from a to b, in all slots."""
    return (
        a.others == d.others == b.others
        and a.selector[0] == d.selector[0] == b.selector[0]
        and a.source[0] == d.source[0] == b.source[0]
        and d.selector[1] - c.selector[1] == b.selector[1] - a.selector[1]
        and d.source[1] - c.source[1] == b.source[1] - a.source[1]
        and d.target - c.target == b.target - a.target
    )
