"""The gradient's sums over the samples, as outer products: upstream adjoints times what the leaf was multiplied by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import lt
from typing import NamedTuple

from ..frontend.symbol import Symbol
from ..passes.computation import GradientSum, rounds
from .plan import Reduction
from .strides import Column, chunks, columns, run_of, runs

SlotOf = Callable[[Symbol], tuple[str, int]]
"""Gives the buffer and the slot of a symbol."""


class _Products(NamedTuple):
    """All products of one upstream adjoint, by target."""

    buffer: str
    slot: int
    targets: Sequence[int]


def reductions(sums: Sequence[GradientSum], slot: SlotOf) -> Iterator[Reduction]:
    """The sums of a gradient as jobs of a plan, outer products first."""
    by_upstream: dict[Symbol, list[GradientSum]] = {}
    for each in sums:
        if each.coefficients:
            by_upstream.setdefault(each.upstream, []).append(each)
    by_shape: dict[tuple[tuple[Symbol, ...], Sequence[int]], list[tuple[int, _Products]]] = {}
    for upstream, parts in by_upstream.items():
        for targets, factors in _merged(parts):
            row = targets[0], _Products(*slot(upstream), targets)
            by_shape.setdefault((factors, offsets_of(targets)), []).append(row)
    for (factors, _), rows in by_shape.items():
        for matrix in rounds(rows):  # no two rows of a matrix have the same targets
            yield from _outer(factors, [*matrix.values()], slot)
    plain = [(each.targets[0], each.upstream) for each in sums if not each.coefficients]
    for layer in rounds((target, _Products(*slot(upstream), [target])) for target, upstream in plain):
        yield from _plain([*layer.values()])


def offsets_of(targets: Sequence[int]) -> Sequence[int]:
    """The offsets of the targets from the first one."""
    if isinstance(targets, range):
        return range(0, targets.stop - targets.start, targets.step)
    return tuple([target - targets[0] for target in targets])


def _merged(sums: Sequence[GradientSum]) -> Iterator[tuple[Sequence[int], tuple[Symbol, ...]]]:
    """The targets in order, and their coefficients; a target that occurs again goes to a further round."""
    targets, factors, _ = sums[0]
    if len(sums) == 1 and (targets.step > 0 if isinstance(targets, range) else all(map(lt, targets, targets[1:]))):
        yield targets, factors
        return
    for layer in rounds(pair for each in sums for pair in zip(each.targets, each.coefficients)):
        order = sorted(layer)
        yield order, tuple([layer[target] for target in order])


def _step(a: _Products, b: _Products) -> tuple[int, int] | None:
    """The step in upstream slots and in targets."""
    return (b.slot - a.slot, b.targets[0] - a.targets[0]) if a.buffer == b.buffer else None


def _apart(rows: Sequence[_Products]) -> bool:
    """Whether no two of the rows have a target in common: a back end may add them at once."""
    targets = rows[0].targets
    if len(rows) == 1 or abs(rows[1].targets[0] - targets[0]) > targets[-1] - targets[0]:
        return True
    return len({target for row in rows for target in row.targets}) == len(rows) * len(targets)


def _outer(factors: tuple[Symbol, ...], rows: list[_Products], slot: SlotOf) -> Iterator[Reduction]:
    rows.sort(key=lambda row: (row.buffer, row.targets[0], row.slot))
    right = [Column.of(buffer, [position]) for buffer, position in map(slot, factors)]
    pieces = [part for piece in chunks(rows, _step) for part in ([piece] if _apart(piece) else [[r] for r in piece])]
    for piece in pieces:
        target = columns("G", [row.targets for row in piece])
        left = run_of(piece[0].buffer, [row.slot for row in piece])
        for target_run, right_run in zip(*runs([target, right])):
            yield Reduction(len(piece), target_run, left, right_run)


def _plain(rows: list[_Products]) -> Iterator[Reduction]:
    rows.sort(key=lambda row: (row.buffer, row.targets[0], row.slot))
    pieces = chunks(rows, _step)
    if len(pieces) > max(8, len(rows) // 4):  # too irregular: tables
        pieces = chunks(rows, lambda a, b: a.buffer == b.buffer or None)
    for piece in pieces:
        target = run_of("G", [row.targets[0] for row in piece])
        yield Reduction(len(piece), target, run_of(piece[0].buffer, [row.slot for row in piece]))
