"""Outer products sample by sample: vectors hold neighbouring columns, not neighbouring samples.

With lanes in a vector, each entry of a gradient needs a sum over a vector's lanes at the end, which costs as much as a
few samples. But the inputs lie row by row in the user's array, and so a vector of them times one number of the left
factor adds to as many entries at once. Where the rows are is noted behind the slots of a packed block.

Where the gradient is more than the first cache holds, the columns are first copied side by side, a few vectors of all
lanes at a time: they then stay in that cache until all rows have passed, as those of samples whose length is a power of
two would not, since they compete for the same places. What is no input is turned from lanes to columns by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ....plan.plan import Reduction
from ..ir.shuffles import transpose
from ..ir.vector import Vector
from .kernel import Context, Index, Kernel, Shape
from .matmul import is_wide, tile_sizes
from .tiles import even_tiles

TURNED = 24
"""Rows, for which it pays to turn the columns."""


def suits_samples(shape: Shape, jobs: list[Reduction]) -> bool:
    """Whether the jobs are one outer product with neighbours, which fill most of the vectors."""
    job = jobs[0]
    if len(jobs) > 1 or job.right is None or job.right.uniform or job.right.column != 1 or job.target.column != 1:
        return False
    padded = -(-job.columns // shape.width) * shape.width
    few = _reads_inputs(job) or shape.lanes == shape.width  # sums over a single vector take longer than to turn it
    rows = 4 if few else TURNED
    return job.rows >= rows and not job.left.uniform and 4 * padded <= 5 * job.columns


def inputs_by_samples(shape: Shape, products: Sequence[list[Reduction]]) -> tuple[int, int] | None:
    """The range of inputs that kernels read in the user's array, sample by sample; None if none do."""
    runs = [jobs[0].right for jobs in products if suits_samples(shape, jobs)]
    ranges = [(run.base, run.base + run.count) for run in runs if run is not None and run.buffer == "X"]
    return (min(start for start, _ in ranges), max(stop for _, stop in ranges)) if ranges else None


def _reads_inputs(job: Reduction) -> bool:
    """Whether the right factor is in the user's array."""
    return job.right is not None and job.right.buffer == "X"


def by_samples(context: Context, job: Reduction) -> Kernel:
    """A kernel for ``G[target(r, c)] += sum over lanes of left(r) * right(c)``."""
    shape = context.shape
    if shape.widest > shape.width and job.columns % shape.widest == 0 and _reads_inputs(job):
        context = replace(context, shape=replace(shape, width=shape.widest))
    product = _OuterProduct(context, job)
    product.emit()
    return product.kernel


class _OuterProduct:
    """The kernel in the making."""

    def __init__(self, context: Context, job: Reduction):
        assert job.right is not None
        self.kernel, shape = (kernel := Kernel(context)), context.shape
        self.code, self.job, self.width = kernel.code, job, shape.width
        self.target, self.left = kernel.place(job.target), kernel.place(job.left)
        self.rows, self.vectors = tile_sizes(shape)
        self.are_inputs = _reads_inputs(job)
        self.wide = is_wide(shape, job.rows * job.columns)
        if self.are_inputs:
            self.first = kernel.offset(job.right.base)
            self.addresses = self.code.pointer("%X", str(context.inputs * shape.stride))
        else:
            self.right = kernel.place(job.right)
        self.copied = self.wide or not self.are_inputs
        if self.copied:
            self.panel = kernel.panel(shape.lanes * self.vectors * shape.width)

    def emit(self) -> None:
        """Write the kernel: columns outside, rows inside."""
        full, rest = divmod(self.job.columns, self.width)
        for span, vectors in even_tiles(self.code, full, self.vectors) if full else []:
            with span as vector:
                self._all_rows(vector, [self.width] * vectors)
        if rest:
            self._all_rows((None, full), [rest])
        self.code.ret()

    def _all_rows(self, vector: Index, counts: list[int]) -> None:
        """All rows of the columns from that vector on: of each vector as many as `counts` says are wanted."""
        code, width = self.code, self.width
        loop = [(vector[0], width)] if vector[0] else []
        columns = [code.index(*loop, (vector[1] + i) * width) for i in range(len(counts))]
        if self.copied and self.are_inputs:
            with code.loop(0, "%lanes") as lane:
                for i, x in enumerate(self._inputs(lane, columns, counts)):
                    self._copy(x, lane, i, len(counts))
        elif self.copied:
            with code.loop(0, "%lanes", width) as lane:
                for i, (column, count) in enumerate(zip(columns, counts)):
                    self._turn(lane, column, count, i, len(counts))
        for span, rows in even_tiles(code, self.job.rows, self.rows):
            with span as row:
                self._tile(row, rows, columns, counts)

    def _inputs(self, lane: str, columns: list[str], counts: list[int]) -> list[Vector]:
        """The columns of one sample, in the user's array."""
        code = self.code
        sample = code.value(f"load ptr, ptr {code.pointer(self.addresses, lane, 'ptr')}")
        return [code.load_first(sample, code.index(self.first, c), count) for c, count in zip(columns, counts)]

    def _copy(self, x: Vector, lane: str, i: int, vectors: int, later: int = 0) -> None:
        """Vector i of the columns of a lane to its place: panel[lane][column]."""
        at = self.code.index((lane, vectors * self.width), (later * vectors + i) * self.width)
        self.code.store(x, self.panel, at)

    def _turn(self, lane: str, column: str, count: int, i: int, vectors: int) -> None:
        """As many lanes as a vector has, of as many columns, to their places."""
        loads = [self.kernel.load(self.right, (None, 0), (column, k), lane).name for k in range(count)]
        square = loads + ["zeroinitializer"] * (self.width - count)
        for k, name in enumerate(transpose(self.code, square, self.width)):
            self._copy(Vector(self.code, name), lane, i, vectors, later=k)

    def _tile(self, row: Index, rows: int, columns: list[str], counts: list[int]) -> None:
        """The sums of some rows and columns over all lanes, in registers, and then to G."""
        code, width, vectors = self.code, self.width, len(counts)
        totals = [code.variable(code.lift(0.0)) for _ in range(rows * vectors)]
        starts = [self.kernel.index(self.target, (row[0], row[1] + j), (None, 0), None) for j in range(rows)]
        places = [code.index(start, column) for start in starts for column in columns]
        with code.loop(0, "%lanes") as lane:
            if self.copied:
                xs = [code.load(self.panel, code.index((lane, vectors * width), i * width)) for i in range(vectors)]
            else:
                xs = self._inputs(lane, columns, counts)
            for j in range(rows):
                number = self.kernel.index(self.left, (row[0], row[1] + j), (None, 0), lane)
                g = code.load_broadcast(f"%{self.job.left.buffer}", number)
                for total, x in zip(totals[j * vectors :], xs):
                    code.write(total, code.read(total) + g * x)
        for total, place, count in zip(totals, places, counts * rows):
            old = Vector(code, self.kernel.so_far(code.load_first("%G", place, count).name, code.type()))
            code.store_first(old + code.read(total), "%G", place, count)
