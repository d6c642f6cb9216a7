"""Outer products with the inputs, sample by sample: vectors hold neighbouring columns, not neighbouring samples.

With lanes in a vector, each entry of a gradient needs a sum over a vector's lanes at the end, which costs as much as a
few samples. But the inputs lie row by row in the user's array, and so a vector of them times one number of the left
factor adds to as many entries at once. Where the rows are is noted behind the slots of a packed block.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....plan.plan import Reduction
from ..ir.vector import Vector
from .kernel import Index, Kernel, Shape
from .lane_sums import tiles


def suits_samples(shape: Shape, jobs: list[Reduction]) -> bool:
    """Whether the jobs are one outer product with neighbouring inputs, which fill most of the vectors."""
    job = jobs[0]
    if len(jobs) > 1 or job.right is None or job.right.buffer != "X" or job.right.column != 1 or job.target.column != 1:
        return False
    padded = -(-job.columns // shape.width) * shape.width
    return job.rows >= 4 and not job.left.uniform and 4 * padded <= 5 * job.columns


def inputs_by_samples(shape: Shape, products: Sequence[list[Reduction]]) -> tuple[int, int] | None:
    """The range of inputs that kernels read in the user's array, sample by sample; None if none do."""
    runs = [jobs[0].right for jobs in products if suits_samples(shape, jobs)]
    ranges = [(run.base, run.base + run.count) for run in runs if run is not None]
    return (min(start for start, _ in ranges), max(stop for _, stop in ranges)) if ranges else None


def by_samples(shape: Shape, constants: tuple[float, ...], job: Reduction, slots: int, alone: bool) -> Kernel:
    """A kernel for ``G[target(r, c)] += sum over lanes of left(r) * right(c)``, where `right` are inputs.

    Args:
        shape: of vectors and blocks.
        constants: the plan's.
        job: what to add where.
        slots: of a sample in X.
        alone: whether no other kernel adds to the target.
    """
    assert job.right is not None
    kernel = Kernel(shape, constants, alone)
    code, width = kernel.code, shape.width
    target, left = kernel.place(job.target), kernel.place(job.left)
    first = kernel.offset(job.right.base)
    addresses = code.pointer("%X", str(slots * shape.lanes))
    wide = width * shape.bits >= 512  # then there are 32 registers, else 16

    def tile(row: Index, rows: int, vector: Index, vectors: int, last: int) -> None:
        """`rows` x `vectors` sums, of which `last` columns in the last vector are wanted."""
        totals = [code.variable(code.lift(0.0)) for _ in range(rows * vectors)]
        loop = [(vector[0], width)] if vector[0] else []
        columns = [code.index(*loop, (vector[1] + i) * width) for i in range(vectors)]
        counts = [width] * (vectors - 1) + [last]
        inputs = [code.index(first, column) for column in columns]
        with code.loop(0, "%lanes") as lane:
            sample = code.value(f"load ptr, ptr {code.pointer(addresses, lane, 'ptr')}")
            xs = [code.load_first(sample, place, count) for place, count in zip(inputs, counts)]
            for j in range(rows):
                number = kernel.index(left, (row[0], row[1] + j), (None, 0), lane)
                g = code.load_broadcast(f"%{job.left.buffer}", number)
                for total, x in zip(totals[j * vectors :], xs):
                    code.write(total, code.read(total) + g * x)
        for j in range(rows):
            start = kernel.index(target, (row[0], row[1] + j), (None, 0), None)
            for total, column, count in zip(totals[j * vectors :], columns, counts):
                place = code.index(start, column)
                old = Vector(code, kernel.so_far(code.load_first("%G", place, count).name, code.type()))
                code.store_first(old + code.read(total), "%G", place, count)

    def all_rows(vector: Index, vectors: int, last: int) -> None:
        for span, rows in tiles(code, job.rows, 4 if wide else 6):
            with span as row:
                tile(row, rows, vector, vectors, last)

    full, rest = divmod(job.columns, width)
    for span, vectors in tiles(code, full, 4 if wide else 2) if full else []:
        with span as vector:
            all_rows(vector, vectors, width)
    if rest:
        all_rows((None, full), 1, rest)
    code.ret()
    return kernel
