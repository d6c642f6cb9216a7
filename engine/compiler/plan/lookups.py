"""The lookups of a gradient as scatters: those with evenly spaced slots and accumulators are rows of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..passes.computation import GradientLookup
from .outer_products import SlotOf
from .plan import Scatter
from .strides import Column, chunks, run_of, single


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
    for piece in chunks(rows, _step):
        columns = [Column.of("G", [row.target + other for row in piece]) for other in piece[0].others]
        index, source = (
            run_of(slots[0][0], [slot for _, slot in slots])
            for slots in ([row.selector for row in piece], [row.source for row in piece])
        )
        yield Scatter(len(piece), single(columns), index, source)


def _step(a: _Slots, b: _Slots) -> tuple[int, ...] | None:
    """The step in all slots."""
    if (a.others, a.selector[0], a.source[0]) != (b.others, b.selector[0], b.source[0]):
        return None
    return b.selector[1] - a.selector[1], b.source[1] - a.source[1], b.target - a.target
