"""The lookups of a gradient as scatters: those with evenly spaced slots and accumulators are rows of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..passes.computation import GradientLookup
from .outer_products import SlotOf, offsets_of
from .plan import Scatter
from .strides import Column, chunks, run_of, single


class _Slots(NamedTuple):
    """The slots of a lookup, its first target, and the offsets of all targets from that."""

    selector: tuple[str, int]
    target: int
    source: tuple[str, int]
    offsets: Sequence[int]


def scatters(lookups: Sequence[GradientLookup], slot: SlotOf) -> Iterator[Scatter]:
    """The lookups as jobs of a plan, neighbouring ones together."""
    rows = [
        _Slots(slot(each.selector), each.targets[0], slot(each.upstream), offsets_of(each.targets)) for each in lookups
    ]
    for piece in chunks(sorted(rows), _step):
        first = piece[0]
        columns = [Column.of("G", [row.target + offset for row in piece]) for offset in first.offsets]
        index = run_of(first.selector[0], [row.selector[1] for row in piece])
        source = run_of(first.source[0], [row.source[1] for row in piece])
        yield Scatter(len(piece), single(columns), index, source)


def _step(a: _Slots, b: _Slots) -> tuple[int, ...] | None:
    """The step in all slots."""
    if (a.offsets, a.selector[0], a.source[0]) != (b.offsets, b.selector[0], b.source[0]):
        return None
    return b.selector[1] - a.selector[1], b.source[1] - a.source[1], b.target - a.target
