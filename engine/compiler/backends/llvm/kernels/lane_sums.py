"""Sums over the lanes: gradients of uniform numbers, as outer products in tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ....plan.plan import Reduction, Run, Scatter
from ..ir.lookups import lookup
from ..ir.shuffles import horizontal_sum, lane_sums
from ..ir.vector import Vector
from ..ir.words import entry
from .kernel import Context, Index, Kernel, Place
from .tiles import tiles


def outer_product(context: Context, jobs: list[Reduction]) -> Kernel:
    """A kernel for ``G[target(r, c)] += sum over lanes of left(r) * right(c)``, over jobs that differ only in place."""
    kernel, shape = Kernel(context), context.shape
    code, job = kernel.code, jobs[0]
    target = kernel.place(job.target)
    pairs = FactorPairs(kernel, [(one.left, one.right) for one in jobs if one.right is not None])
    most = 4 if shape.width * shape.bits >= 512 else 3  # rows of a tile, as registers allow

    def tile(row: Index, rows: int, column: Index, columns: int) -> None:
        totals = [code.variable(code.lift(0.0)) for _ in range(rows * columns)]
        with pairs.each() as (left, right), kernel.lanes() as lane:
            gs = [kernel.load(left, (row[0], row[1] + j), (None, 0), lane) for j in range(rows)]
            for i in range(columns):
                x = kernel.load(right, (None, 0), (column[0], column[1] + i), lane)
                for j, g in enumerate(gs):
                    total = totals[j * columns + i]
                    code.write(total, code.read(total) + g * x)
        sums = [code.read(total) for total in totals]
        if columns == 1:  # a column of sums: side by side where the target is
            indices = [kernel.index(target, (row[0], row[1] + j), column, None) for j in range(rows)]
            _add_all(kernel, indices, sums, job.target.row)
        else:
            for j in range(rows):
                spots = [(column[0], column[1] + i) for i in range(columns)]
                indices = [kernel.index(target, (row[0], row[1] + j), spot, None) for spot in spots]
                _add_all(kernel, indices, sums[j * columns : (j + 1) * columns], job.target.column)

    for row_span, rows in tiles(code, job.rows, most):
        with row_span as row:
            for column_span, columns in tiles(code, job.columns, 4):
                with column_span as column:
                    tile(row, rows, column, columns)
    code.ret()
    return kernel


class FactorPairs:
    """The two factors of each outer product that one kernel adds up: the products differ only in the factors' places.

    Args:
        kernel: the kernel.
        pairs: the factors of each product; if there are several, these have neither tables nor uniform slots.
    """

    def __init__(self, kernel: Kernel, pairs: Sequence[tuple[Run, Run]]):
        self._kernel, self._runs, self._count = kernel, pairs[0], len(pairs)
        if self._count == 1:
            self._left, self._right = map(kernel.place, self._runs)
        else:
            self._first = len(kernel.offsets)
            kernel.offsets += [run.base * kernel.shape.stride for pair in pairs for run in pair]

    @contextmanager
    def each(self) -> Iterator[tuple[Place, Place]]:
        """Over the products, in a loop if there are several: where their factors are."""
        if self._count == 1:
            yield self._left, self._right
            return
        code, stride = self._kernel.code, self._kernel.shape.stride
        with code.loop(0, self._count) as number:
            bases = [entry(code, "%T", code.index(self._first + k, (number, 2))) for k in (0, 1)]
            left, right = [Place(run, stride, base, 0) for run, base in zip(self._runs, bases)]
            yield left, right


@dataclass
class Sums:
    """Gradients that each sum the same number of terms over the lanes: slots, or products of two slots.

    Attributes:
        buffers: that of the slots, or those of the two factors.
        targets: slots of G.
        terms: for each target its slots, factor after factor.
    """

    buffers: tuple[str, ...]
    targets: list[int] = field(default_factory=list)
    terms: list[list[int]] = field(default_factory=list)

    @property
    def target(self) -> Run:
        """The targets as a run."""
        return Run("G", 0, table=tuple(self.targets))

    def factors(self) -> list[Run]:
        """The factors of the terms, with a row for each target."""
        many, terms = len(self.buffers), len(self.terms[0])
        tables = [tuple([slot for row in self.terms for slot in row[k::many]]) for k in range(many)]
        return [Run(buffer, 0, count=terms // many, table=table) for buffer, table in zip(self.buffers, tables)]


def kernel_jobs(jobs: Iterable[Reduction]) -> tuple[list[list[Reduction]], list[Sums]]:
    """Put reductions together that one kernel can make.

    Returns:
        The outer products, in lists with equal targets; and the sums, of equally many terms from the same buffers each.
    """
    products: dict[Any, list[Reduction]] = {}
    terms: dict[tuple[tuple[str, ...], int], list[int]] = {}
    for job in jobs:
        if job.right is None:
            for (slot,), (target,) in zip(job.left.slots(job.rows), job.target.slots(job.rows)):
                terms.setdefault(((job.left.buffer,), target), []).append(slot)
        elif job.rows == job.columns == 1:
            ((left,),), ((right,),), ((target,),) = (run.slots(1) for run in (job.left, job.right, job.target))
            terms.setdefault(((job.left.buffer, job.right.buffer), target), []).extend([left, right])
        else:
            products.setdefault(_shape(job), []).append(job)
    collected: dict[tuple[tuple[str, ...], int], Sums] = {}
    for (buffers, target), slots in terms.items():
        together = collected.setdefault((buffers, len(slots)), Sums(buffers))
        together.targets.append(target)
        together.terms.append(slots)
    return list(products.values()), list(collected.values())


def each_alone(products: Sequence[list[Reduction]], plain: Sequence[Sums]) -> bool:
    """Whether no two kernels add to the same number of G."""
    import numpy as np

    targets = [jobs[0].target.places(jobs[0].rows) for jobs in products]
    targets.append(np.array([slot for entry in plain for slot in entry.targets], np.int64))
    return int(np.bincount(np.concatenate(targets)).max(initial=0)) <= 1


def _shape(job: Reduction) -> Any:
    """Equal for outer products that can share the accumulators of one kernel: same target, same strides."""
    left, right = job.left, job.right
    if right is None or left.table is not None or right.table is not None or left.uniform or right.uniform:
        return id(job)
    return job.rows, job.target, left.buffer, left.row, right.buffer, right.count, right.column


def sums(context: Context, job: Sums) -> Kernel:
    """A kernel for ``G[target] += sum over lanes and terms``, for each target and its terms."""
    kernel = Kernel(context)
    code, factors = kernel.code, [*map(kernel.place, job.factors())]
    target = kernel.place(job.target)

    def tile(row: Index, rows: int) -> None:
        totals = [code.variable(code.lift(0.0)) for _ in range(rows)]

        def step(lane: str, column: Index) -> None:
            for j, total in enumerate(totals):
                code.write(total, code.read(total) + term(kernel, factors, (row[0], row[1] + j), column, lane))

        with kernel.lanes() as lane:
            kernel.columns(factors[0].run.count, 0, partial(step, lane))
        indices = [kernel.index(target, (row[0], row[1] + j), (None, 0), None) for j in range(rows)]
        _add_all(kernel, indices, [code.read(total) for total in totals])

    for span, rows in tiles(code, len(job.targets), 4):
        with span as row:
            tile(row, rows)
    code.ret()
    return kernel


def term(kernel: Kernel, factors: Sequence[Place], row: Index, column: Index, lane: str | None = None) -> Vector:
    """A term of `Sums`: a number, or the product of two."""
    first, *others = [kernel.load(factor, row, column, lane) for factor in factors]
    return first * others[0] if others else first


def scatter(context: Context, job: Scatter) -> Kernel:
    """A kernel for ``G[target(r, index(r))] += sum over lanes of source(r)``."""
    kernel = Kernel(context.along_rows(1) if context.shape.single else context)
    code = kernel.code
    index, source, target = (kernel.place(run) for run in (job.index, job.source, job.target))
    with kernel.rows(job.rows) as row, kernel.lanes() as lane:
        columns, hit = lookup(code, kernel.load(index, row, (None, 0), lane), job.target.count)
        added = code.select(hit, kernel.load(source, row, (None, 0), lane), 0.0)
        for column, number in zip(columns, code.elements(added)):
            _add(kernel, kernel.index(target, row, (column, 0), None), number, code.scalar)
    code.ret()
    return kernel


def _add_all(kernel: Kernel, indices: list[str], vectors: list[Vector], stride: int = 0) -> None:
    """G[index] += the sum over the lanes of the vector, for several at once where their `stride` is known to be 1."""
    code = kernel.code
    if len(vectors) == 4 and code.width >= 4:
        four, kind = lane_sums(code, vectors), f"<4 x {code.scalar}>"
        if stride == 1:
            _add(kernel, indices[0], four, kind)
            return
        numbers = [code.value(f"extractelement {kind} {four}, i32 {k}") for k in range(4)]
    else:
        numbers = [horizontal_sum(code, vector) for vector in vectors]
    for index, number in zip(indices, numbers):
        _add(kernel, index, number, code.scalar)


def _add(kernel: Kernel, index: str, added: str, kind: str) -> None:
    """G[index] += a number, or a vector of that type to as many neighbours."""
    code = kernel.code
    address = code.pointer("%G", index)
    old = code.value(f"load {kind}, ptr {address}, align {code.align}")
    new = code.value(f"fadd {kind} {kernel.so_far(old, kind)}, {added}")
    code.lines.append(f"store {kind} {new}, ptr {address}, align {code.align}")
