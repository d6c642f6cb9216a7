"""Gradients of what `take` reads: a sample adds to the one leaf that its index names, not zeros to all the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ... import ops
from ..frontend.conditions import EQUAL
from ..frontend.symbol import Symbol
from ..passes.differentiate import Entry
from .outer_products import Slot
from .plan import Scatter
from .strides import Column, chunks, single


class Pick(NamedTuple):
    """``G[targets[index]] += source`` for every sample whose index, the selector, is 0, 1, ... or len(targets) - 1."""

    selector: Symbol
    source: Symbol
    targets: list[int]


def picked(entries: Sequence[Entry]) -> tuple[list[Entry], list[Pick]]:
    """The entries without those that add a number where an index is 0, where it is 1, ...; and these as picks."""
    rest: list[Entry] = []
    found: dict[tuple[Symbol, Symbol], list[dict[int, Entry]]] = {}
    for entry in entries:
        index, number = _selects(entry)
        if index is None:
            rest.append(entry)
            continue
        rounds = found.setdefault((index, entry.upstream.operands[1]), [])
        part = next((part for part in rounds if number not in part), None)
        if part is None:
            rounds.append(part := {})
        part[number] = entry
    picks = []
    for (index, source), rounds in found.items():
        for part in rounds:
            if len(part) > 1 and all(number in part for number in range(len(part))):
                picks.append(Pick(index, source, [part[k].targets[0] for k in range(len(part))]))
            else:
                rest += part.values()
    return rest, picks


def _selects(entry: Entry) -> tuple[Symbol | None, int]:
    """The index and its value for which an entry adds something; (None, 0) if it is not of that kind."""
    upstream = entry.upstream
    if entry.coefficients or upstream.primitive is not ops.where:
        return None, 0
    condition, _, otherwise = upstream.operands
    if condition.primitive is not EQUAL or otherwise.kind != "constant" or otherwise.value != 0.0:
        return None, 0
    index, number = condition.operands
    if index.kind == "constant":
        index, number = number, index
    if number.kind != "constant" or not number.value.is_integer():
        return None, 0
    return index, int(number.value)


class _Row(NamedTuple):
    """The slots of a pick, and its targets from the first one on."""

    selector: tuple[str, int]
    target: int
    source: tuple[str, int]
    others: tuple[int, ...]


def scatters(picks: Sequence[Pick], slot: Slot) -> Iterator[Scatter]:
    """The picks with neighbouring slots together."""
    rows = [
        _Row(
            slot(pick.selector), pick.targets[0], slot(pick.source), tuple([t - pick.targets[0] for t in pick.targets])
        )
        for pick in picks
    ]
    rows.sort()
    for piece in chunks(rows, _follows):
        columns = [Column.of("G", [row.target + other for row in piece]) for other in piece[0].others]
        index, source = (
            single([Column.of(slots[0][0], [position for _, position in slots])])
            for slots in ([row.selector for row in piece], [row.source for row in piece])
        )
        yield Scatter(len(piece), single(columns), index, source)


def _follows(a: _Row, b: _Row, c: _Row, d: _Row) -> bool:
    """Whether the step from c to d is that from a to b, in all slots."""
    return (
        a.others == d.others == b.others
        and a.selector[0] == d.selector[0] == b.selector[0]
        and a.source[0] == d.source[0] == b.source[0]
        and d.selector[1] - c.selector[1] == b.selector[1] - a.selector[1]
        and d.source[1] - c.source[1] == b.source[1] - a.source[1]
        and d.target - c.target == b.target - a.target
    )
