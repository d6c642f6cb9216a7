"""The gradient's sums over the samples, as outer products: upstream adjoints times what the leaf was multiplied by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .plan import Reduction, Run
from .runs import Column, chunks, runs
from .symbol import Symbol

Slot = Callable[[Symbol], tuple[str, int]]


class Entry(NamedTuple):
    """``G[targets[k]] += sum over samples of coefficients[k] * upstream``; without coefficients one target, times 1."""

    targets: list[int]
    coefficients: tuple[Symbol, ...]
    upstream: Symbol


class _Row(NamedTuple):
    """All products of one upstream adjoint, by target."""

    buffer: str
    slot: int
    targets: list[int]


def reductions(entries: Sequence[Entry], slot: Slot) -> Iterator[Reduction]:
    """The entries as reductions, outer products first."""
    by_upstream: dict[Symbol, list[Entry]] = {}
    for entry in entries:
        if entry.coefficients:
            by_upstream.setdefault(entry.upstream, []).append(entry)
    matrices: dict[object, tuple[tuple[Symbol, ...], list[_Row]]] = {}
    for upstream, parts in by_upstream.items():
        targets, factors = _merged(parts)
        shape = (factors, tuple([t - targets[0] for t in targets]))
        matrices.setdefault(shape, (factors, []))[1].append(_Row(*slot(upstream), targets))
    for factors, rows in matrices.values():
        yield from _outer(factors, rows, slot)
    layers: dict[int, list[_Row]] = {}  # the first contribution to each target, the second one, ...
    times: Counter[int] = Counter()
    for entry in entries:
        if not entry.coefficients:
            (target,) = entry.targets
            layers.setdefault(times[target], []).append(_Row(*slot(entry.upstream), [target]))
            times[target] += 1
    for layer in layers.values():
        yield from _sums(layer)


def _merged(entries: Sequence[Entry]) -> tuple[list[int], tuple[Symbol, ...]]:
    """The targets in order, and their coefficients."""
    targets, factors, _ = entries[0]
    if len(entries) == 1 and targets == sorted(targets):
        return targets, factors
    targets = [target for entry in entries for target in entry.targets]
    factors = tuple([symbol for entry in entries for symbol in entry.coefficients])
    order = sorted(range(len(targets)), key=targets.__getitem__)
    return [targets[k] for k in order], tuple([factors[k] for k in order])


def _follows(a: _Row, b: _Row, c: _Row, d: _Row) -> bool:
    """Whether the step from c to d is that from a to b, in upstream slots and in targets."""
    return (
        a.buffer == d.buffer == b.buffer
        and d.slot - c.slot == b.slot - a.slot
        and d.targets[0] - c.targets[0] == b.targets[0] - a.targets[0]
    )


def _outer(factors: tuple[Symbol, ...], rows: list[_Row], slot: Slot) -> Iterator[Reduction]:
    rows.sort(key=lambda row: (row.buffer, row.targets[0], row.slot))
    right = [Column.of(buffer, [position]) for buffer, position in map(slot, factors)]
    for piece in chunks(rows, _follows):
        target = [Column.of("G", list(column)) for column in zip(*[row.targets for row in piece])]
        left = _run_of([row.slot for row in piece], piece[0].buffer)
        for target_run, right_run in zip(*runs([target, right])):
            yield Reduction(len(piece), target_run, left, right_run)


def _sums(rows: list[_Row]) -> Iterator[Reduction]:
    rows.sort(key=lambda row: (row.buffer, row.targets[0], row.slot))
    pieces = chunks(rows, _follows)
    if len(pieces) > max(8, len(rows) // 4):  # hopeless: tables
        pieces = chunks(rows, lambda a, b, c, d: c.buffer == d.buffer)
    for piece in pieces:
        target = _run_of([row.targets[0] for row in piece], "G")
        yield Reduction(len(piece), target, _run_of([row.slot for row in piece], piece[0].buffer))


def _run_of(slots: list[int], buffer: str) -> Run:
    return runs([[Column.of(buffer, slots)]])[0][0]
