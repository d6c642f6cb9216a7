"""Outer products sample by sample: vectors hold neighbouring columns, not neighbouring samples.

With lanes in a vector, each entry of a gradient needs a sum over a vector's lanes at the end, which costs as much as a
few samples. But the inputs lie row by row in the user's array, and so a vector of them times one number of the left
factor adds to as many entries at once. Where the rows are is noted after the slots of a packed block.

Where the gradient is more than the first cache holds, the columns are first copied side by side, a few tiles of all
lanes at a time: then they stay in that cache until all rows have passed. (Where they lie, those of samples whose length
is a power of two would not: they compete for the same places.) A tile's rows serve all of these tiles before the next
rows come from the second cache. What is not an input is turned from lanes to columns on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ....plan.plan import Reduction
from ..ir.shuffles import transpose
from ..ir.vector import Vector
from .kernel import Context, Index, Kernel
from .matmul import is_large, is_wide, tile_sizes
from .shape import Shape
from .tiles import even_cuts, even_tiles

TOGETHER = 4
"""Lanes of a large product in one turn of a loop, if vectors have as many: counting takes units that multiply-adds
could have had, and a core predicts the end of a loop of few turns."""

TURNED = 24
"""From this many rows on it pays to turn the columns."""


def suits_samples(shape: Shape, jobs: list[Reduction]) -> bool:
    """Whether the jobs are one outer product with neighbours, which fill most of the vectors."""
    job = jobs[0]
    if len(jobs) > 1 or job.right is None or job.right.uniform or job.right.column != 1 or job.target.column != 1:
        return False
    padded = -(-job.columns // shape.width) * shape.width
    few = _reads_inputs(job) or shape.lanes == shape.width  # sums over a single vector take longer than turning it
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
    together = min(TOGETHER, shape.width)  # lanes are whole vectors
    if shape.widest > shape.width and job.columns % shape.widest == 0 and _reads_inputs(job):
        context = replace(context, shape=replace(shape, width=shape.widest))
    product = _OuterProduct(context, job, together)
    product.emit()
    return product.kernel


class _OuterProduct:
    """The kernel in the making."""

    def __init__(self, context: Context, job: Reduction, together: int):
        assert job.right is not None
        self.kernel, shape = (kernel := Kernel(context)), context.shape
        self.code, self.job, self.width = kernel.code, job, shape.width
        self.target, self.left = kernel.place(job.target), kernel.place(job.left)
        self.are_inputs = _reads_inputs(job)
        wide = is_wide(shape, job.rows * job.columns)
        self.rows, self.vectors = tile_sizes(shape, large=is_large(shape, job.rows, job.columns))
        if self.are_inputs:
            self.first = kernel.offset(job.right.base)
            self.addresses = self.code.pointer("%X", str(context.inputs * shape.stride))
        else:
            self.right = kernel.place(job.right)
        self.copied = wide or not self.are_inputs
        self.together, self.most = together if wide else 1, 1
        if self.copied:
            tile = shape.lanes * self.vectors * shape.width
            self.most = max(1, shape.l1 // 2 // shape.bytes(tile)) if wide else 1
            self.panel = kernel.panel(self.most * tile)

    def emit(self) -> None:
        """Write the kernel: columns outside, rows inside."""
        full, rest = divmod(self.job.columns, self.width)
        for start, stop, vectors in even_cuts(full, self.vectors):
            for span, tiles in even_tiles(self.code, (stop - start) // vectors, self.most):
                with span as tile:
                    self._all_rows((tile[0], start + tile[1] * vectors), [self.width] * vectors, tiles)
        if rest:
            self._all_rows((None, full), [rest])
        self.code.ret()

    def _all_rows(self, first: Index, counts: list[int], tiles: int = 1) -> None:
        """All rows of some tiles of columns.

        Args:
            first: the first vector, as the tile that the loop is at plus a number of vectors.
            counts: how many numbers of each vector of a tile are wanted.
            tiles: how many tiles.
        """
        code, width, size = self.code, self.width, len(counts) * self.width
        start = code.index((first[0], size), first[1] * width)
        if self.copied:
            step = 1 if self.are_inputs else width
            with code.loop(0, "%lanes", step) as lane, self._each(tiles) as tile:
                columns, place = self._columns(start, tile, counts), self._place(tile, lane, counts)
                if self.are_inputs:
                    for i, x in enumerate(self._inputs(lane, columns, counts)):
                        code.store(x, self.panel, code.index(place, i * width))
                else:
                    for i, (column, count) in enumerate(zip(columns, counts)):
                        self._turn(lane, column, count, code.index(place, i * width), size)
        for span, rows in even_tiles(code, self.job.rows, self.rows):
            with span as row, self._each(tiles) as tile:
                self._tile(row, rows, tile, self._columns(start, tile, counts), counts)

    @contextmanager
    def _each(self, tiles: int) -> Iterator[str | None]:
        """Over the tiles of a panel; a single one needs no loop."""
        if tiles == 1:
            yield None
        else:
            with self.code.loop(0, tiles) as tile:
                yield tile

    def _columns(self, start: str, tile: str | None, counts: list[int]) -> list[str]:
        """The first column of each vector of a tile."""
        size = len(counts) * self.width
        return [self.code.index(start, (tile, size), i * self.width) for i in range(len(counts))]

    def _place(self, tile: str | None, lane: str, counts: list[int]) -> str:
        """Where a tile's columns of a lane are copied to: panel[tile][lane]."""
        size = len(counts) * self.width
        return self.code.index((tile, self.kernel.shape.lanes * size), (lane, size))

    def _inputs(self, lane: str, columns: list[str], counts: list[int]) -> list[Vector]:
        """The columns of one sample, in the user's array."""
        code = self.code
        sample = code.value(f"load ptr, ptr {code.pointer(self.addresses, lane, 'ptr')}")
        return [code.load_first(sample, code.index(self.first, c), count) for c, count in zip(columns, counts)]

    def _turn(self, lane: str, column: str, count: int, place: str, apart: int) -> None:
        """Copy as many lanes as a vector has, of as many columns, to places that are `apart` numbers apart."""
        loads = [self.kernel.load(self.right, (None, 0), (column, k), lane).name for k in range(count)]
        square = loads + ["zeroinitializer"] * (self.width - count)
        for k, name in enumerate(transpose(self.code, square, self.width)):
            self.code.store(Vector(self.code, name), self.panel, self.code.index(place, k * apart))

    def _tile(self, row: Index, rows: int, tile: str | None, columns: list[str], counts: list[int]) -> None:
        """The sums of some rows and columns over all lanes, in registers, and then to G."""
        code, width = self.code, self.width
        totals = [code.variable(code.lift(0.0)) for _ in range(rows * len(counts))]
        starts = [self.kernel.index(self.target, (row[0], row[1] + j), (None, 0), None) for j in range(rows)]
        places = [code.index(start, column) for start in starts for column in columns]
        with code.loop(0, "%lanes", self.together) as first:
            for lane in [code.index(first, k) for k in range(self.together)]:
                if self.copied:
                    place = self._place(tile, lane, counts)
                    xs = [code.load(self.panel, code.index(place, i * width)) for i in range(len(counts))]
                else:
                    xs = self._inputs(lane, columns, counts)
                for j in range(rows):
                    number = self.kernel.index(self.left, (row[0], row[1] + j), (None, 0), lane)
                    g = code.load_broadcast(f"%{self.job.left.buffer}", number)
                    for total, x in zip(totals[j * len(counts) :], xs):
                        code.write(total, code.read(total) + g * x)
        for total, place, count in zip(totals, places, counts * rows):
            old = Vector(code, self.kernel.so_far(code.load_first("%G", place, count).name, code.type()))
            code.store_first(old + code.read(total), "%G", place, count)
