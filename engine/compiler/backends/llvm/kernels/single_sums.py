"""Gradients over blocks of one sample: vectors run along what is added to the accumulators.

Nothing is summed over lanes here; outer products are summed over the jobs that share a target, and plain sums over
their terms. A last vector that would reach beyond the target begins earlier and leaves alone what is done already.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ....plan.plan import Reduction, Run
from ..ir.builder import Code
from ..ir.vector import Vector
from .kernel import Context, Index, Kernel
from .lane_sums import FactorPairs, Sums, outer_product, sums, term
from .single import RowKernel, pattern, widths
from .tiles import tiles

TILE = 4, 2
"""Numbers of one factor and vectors of the other that a tile multiplies."""


class _Factor(NamedTuple):
    """One side of an outer product: its run with one slot per row, how many there are, the stride in the target."""

    run: Run
    slots: int
    stride: int

    @property
    def lies_along(self) -> bool:
        """Whether its slots lie as those of the target do, side by side."""
        return self.run.table is None and self.run.row == 1 and self.stride == 1


def _factors(job: Reduction) -> tuple[_Factor, _Factor] | None:
    """Both sides, last the one that vectors can run along; None if they can run along neither."""
    left, right, target = job.left, job.right, job.target
    assert right is not None
    row = Run(right.buffer, right.base, right.column, table=right.table)  # as rows: one slot each
    sides = _Factor(left, job.rows, target.row), _Factor(row, job.columns, target.column)
    possible = [pair for pair in (sides, sides[::-1]) if pair[1].lies_along]
    if target.table is not None or not possible:
        return None
    return max(possible, key=lambda pair: pair[1].slots)


def row_outer_product(context: Context, jobs: list[Reduction]) -> Kernel:
    """A kernel for ``G[target(r, c)] += left(r) * right(c)``, over jobs that differ in the places of the factors."""
    factors = _factors(jobs[0])
    if factors is None:
        return outer_product(context.along_rows(1), jobs)
    broadcast, along = factors
    width = widths(along.slots, context.shape.width)[0]
    kernel = Kernel(context.along_rows(width))
    code, target = kernel.code, kernel.offset(jobs[0].target.base)
    sides = [_factors(job) for job in jobs]
    pairs = FactorPairs(kernel, [(pair[0].run, pair[1].run) for pair in sides if pair is not None])

    def tile(first: Index, rows: int, start: Index, vectors: int, skip: int) -> None:
        def spot(j: int, i: int) -> str:
            row, column = (first[0], first[1] + j), (start[0], start[1] + i * width)
            constant = row[1] * broadcast.stride + column[1]
            return code.pointer("%G", code.index(target, constant, (row[0], broadcast.stride), column[0]))

        spots = [spot(j, i) for j in range(rows) for i in range(vectors)]
        olds = [_load(code, spot) for spot in spots]
        totals = [code.variable(_so_far(kernel, old)) for old in olds]

        with pairs.each() as (left, right):
            xs = []
            for i in range(vectors):
                at = kernel.index(right, (start[0], start[1] + i * width), (None, 0), None)
                xs.append(code.load(f"%{along.run.buffer}", at))
            for j in range(rows):
                at = kernel.index(left, (first[0], first[1] + j), (None, 0), None)
                g = code.load_broadcast(f"%{broadcast.run.buffer}", at)
                for i, x in enumerate(xs):
                    total = totals[j * vectors + i]
                    code.write(total, code.read(total) + g * x)
        for place, old, total in zip(spots, olds, totals):
            _store(code, place, _kept(code, skip, old, code.read(total)))

    for span, rows in tiles(code, broadcast.slots, TILE[0]):
        with span as first:
            _cover(code, along.slots, width, TILE[1], partial(tile, first, rows))
    code.ret()
    return kernel


def row_sums(context: Context, job: Sums) -> Kernel:
    """A kernel for ``G[target] += sum of the target's terms``, for all targets of the job."""
    count = len(job.targets)
    width = widths(count, context.shape.width)[0]
    if width == 1 or pattern(job.target, count, width) != "along":
        return sums(context.along_rows(1), job)
    kernel = RowKernel(context, count, width)
    code, factors = kernel.code, [*map(kernel.place, job.factors())]
    target = kernel.place(job.target)

    def add(row: Index, vectors: int, skip: int) -> None:
        spot = code.pointer("%G", kernel.index(target, row, (None, 0), None))
        old = _load(code, spot)
        total = code.variable(_so_far(kernel, old))

        def step(column: Index) -> None:
            added = term(kernel, factors, row, column)
            code.write(total, code.read(total) + added)

        kernel.columns(factors[0].run.count, 0, step)
        _store(code, spot, _kept(code, skip, old, code.read(total)))

    _cover(code, count, width, 1, add)
    code.ret()
    return kernel


def _cover(code: Code, count: int, width: int, most: int, body: Callable[[Index, int, int], None]) -> None:
    """Call ``body(start, vectors, skip)`` over `count` numbers; those in the first `skip` places are done already."""
    whole = count // width * width
    for span, size in tiles(code, whole, most * width):
        with span as start:
            body(start, size // width, 0)
    if count > whole:
        body((None, count - width), 1, width - (count - whole))


def _load(code: Code, address: str) -> Vector:
    return code.emit(f"load {code.type()}, ptr {address}, align {code.align}")


def _store(code: Code, address: str, vector: Vector) -> None:
    code.lines.append(f"store {code.type()} {vector.name}, ptr {address}, align {code.align}")


def _so_far(kernel: Kernel, old: Vector) -> Vector:
    """What G has from earlier samples of the step."""
    return Vector(kernel.code, kernel.so_far(old.name, kernel.code.type()))


def _kept(code: Code, skip: int, old: Vector, new: Vector) -> Vector:
    """The new numbers, but the old ones in the first `skip` places."""
    if not skip:
        return new
    places = [k if k < skip else code.width + k for k in range(code.width)]
    return Vector(code, code.shuffle(old.name, new.name, places, code.width))
