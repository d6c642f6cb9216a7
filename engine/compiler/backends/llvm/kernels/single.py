"""Kernels for blocks of one sample, and for what all samples share: vectors run along the rows instead of the lanes.

In a block of one lane, neighbouring slots are neighbours in memory, as they always are in uniform buffers. So a
vector takes the numbers that as many neighbouring rows read: as they lie, where the rows read neighbouring slots; one
number in all places, where they read the same slot; else gathered one by one. A last vector that would reach beyond
the rows begins earlier instead and computes some rows twice, which is harmless: results are never among the operands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..... import ops
from ....plan.plan import Copy, Group, Run
from ..ir.builder import Code
from ..ir.shuffles import lane_sums
from ..ir.vector import Vector
from .formula import Formula, formulas_of
from .kernel import Context, Index, Kernel, Place

ACCUMULATORS = 8
"""Sums of products that a tile has under way: a multiplication and addition takes about as many half cycles."""

LONG = 32
"""A sum of this many terms or more is added in `ACCUMULATORS` chains."""


def starts(rows: int, width: int) -> list[int]:
    """Where the vectors begin that cover the rows."""
    return [min(k * width, rows - width) for k in range(-(-rows // width))]


def pattern(run: Run, rows: int, width: int) -> str:
    """How a run's slots lie under each vector: "same", "along" (neighbours), or "apart"."""
    if run.table is None:
        return {0: "same", 1: "along"}.get(run.row, "apart") if width > 1 else "same"
    first = [run.table[(start + i) * run.count :][: run.count] for start in starts(rows, width) for i in range(width)]
    steps = {
        b - a
        for k in range(0, len(first), width)
        for below, above in zip(first[k : k + width - 1], first[k + 1 : k + width])
        for a, b in zip(below, above)
    }
    return "same" if steps <= {0} else "along" if steps == {1} else "apart"


def _width_for(fused: list[Group], most: int) -> int:
    """How many rows a vector takes: many, unless fewer find more of their operands side by side."""
    rows = fused[0].rows
    runs = [(run, g.primitive is ops.dot and _in_rows(run, rows)) for g in fused for part in g.operands for run in part]

    def cost(width: int) -> float:
        """Loads and operations for all rows, roughly."""
        loads = [run.count * (width if pattern(run, rows, width) == "apart" and not lies else 1) for run, lies in runs]
        return (sum(loads) + len(fused)) * -(-rows // width)

    return min(widths(rows, most), key=cost)


def widths(rows: int, most: int) -> list[int]:
    """How many of the rows a vector of at most `most` numbers can take, the largest number first."""
    return [width for width in (16, 8, 4, 2, 1) if width <= min(rows, most)]


def _in_rows(run: Run, rows: int) -> bool:
    """Whether each row reads neighbouring slots, column after column."""
    if run.table is None:
        return run.column == 1
    lines = [run.table[k * run.count : (k + 1) * run.count] for k in range(rows)]
    return all(line == tuple(range(line[0], line[0] + run.count)) for line in lines)


class RowKernel(Kernel):
    """A kernel whose vectors run along `rows` rows."""

    def __init__(self, context: Context, rows: int, width: int):
        super().__init__(context.along_rows(width))
        self.count = rows
        self._patterns: dict[Run, str] = {}

    def pattern(self, run: Run) -> str:
        """How a run's slots lie under the vectors of this kernel."""
        found = self._patterns.get(run)
        if found is None:
            found = self._patterns[run] = pattern(run, self.count, self.shape.width)
        return found

    def _from_memory(self, place: Place, row: Index, column: Index, lane: str | None) -> Vector:
        """One operand for the rows from `row` on."""
        code, buffer, kind = self.code, f"%{place.run.buffer}", self.pattern(place.run)
        if kind == "same":
            return code.load_broadcast(buffer, self.index(place, row, column, None))
        if kind == "along":
            return code.load(buffer, self.index(place, row, column, None))
        spots = [self.spot(place, row, column, None, k) for k in range(code.width)]
        return code.vector_of([code.load_scalar(buffer, spot) for spot in spots])

    def spot(self, place: Place, row: Index, column: Index, lane: str | None, k: int) -> str:
        """The position of number k of a vector."""
        return self.index(place, (row[0], row[1] + k), column, None)

    @contextmanager
    def tiles(self, most: int) -> Iterator[list[Index]]:
        """Over the rows, in tiles of up to `most` vectors: where these begin."""
        code, width = self.code, self.shape.width
        vectors = -(-self.count // width)
        tiles = -(-vectors // most)
        size = -(-vectors // tiles)
        last = self.count - width
        if tiles == 1:
            yield [(None, start) for start in starts(self.count, width)]
            return
        with code.loop(0, tiles * size * width, size * width) as r:
            if tiles * size * width == self.count:
                yield [(r, k * width) for k in range(size)]
                return
            yield [(code.least(code.index(r, k * width), last), 0) for k in range(size)]


def along_rows(context: Context, fused: list[Group]) -> Kernel:
    """A kernel for fused groups, as `elementwise`, whose vectors run along the rows."""
    group = fused[0]
    kernel = RowKernel(context, group.rows, _width_for(fused, context.shape.width))
    head, *followers = formulas_of(kernel, fused)
    dot, long = group.primitive is ops.dot, group.primitive is ops.sum and group.columns >= LONG
    with kernel.tiles(4 if dot else 1) as rows:
        if dot:
            values = _dot(kernel, head, rows)
        else:
            values = [_sum(kernel, head, row) if long else head.value(row, None) for row in rows]
        for row, value in zip(rows, values):
            head.finish(row, None, value)
            for follower in followers:
                follower.emit(row, None)
    kernel.code.ret()
    return kernel


def copy(context: Context, job: Copy) -> Kernel:
    """A kernel for ``G[target(r)] = source(r)``."""
    possible = widths(job.rows, context.shape.width)
    width = next(width for width in possible if width == 1 or pattern(job.target, job.rows, width) == "along")
    kernel = RowKernel(context, job.rows, width)
    source, target = kernel.place(job.source), kernel.place(job.target)
    with kernel.tiles(1) as rows:
        for row in rows:
            kernel.code.store(kernel.load(source, row, (None, 0)), "%G", kernel.index(target, row, (None, 0), None))
    kernel.code.ret()
    return kernel


def _sum(kernel: RowKernel, head: Formula, row: Index) -> Vector:
    """A sum of many terms, in chains: an addition waits for the one before it."""
    code = kernel.code
    totals = [code.variable(code.lift(-0.0)) for _ in range(ACCUMULATORS)]  # x + -0.0 is x, also for zeros

    def add(total: str, part: int, column: Index) -> None:
        code.write(total, code.read(total) + head.load(0, part, row, column, None))

    for part, run in enumerate(head.group.operands[0]):
        whole = run.count // ACCUMULATORS * ACCUMULATORS

        def step(column: Index, part: int = part) -> None:
            for k, total in enumerate(totals):
                add(total, part, (column[0], column[1] + k))

        _columns(code, 0, whole, ACCUMULATORS, step)
        for column in range(whole, run.count):
            add(totals[(part + column) % ACCUMULATORS], part, (None, column))
    sums = [code.read(total) for total in totals]
    while len(sums) > 1:
        sums = [a + b for a, b in zip(sums[::2], sums[1::2])]
    return sums[0]


def _dot(kernel: RowKernel, head: Formula, rows: list[Index]) -> list[Vector]:
    """Sums of products for several vectors of rows at once."""
    code = kernel.code
    biased = len(head.group.operands) > 2
    totals = [code.variable(head.load(2, 0, row, (None, 0), None) if biased else code.lift(0.0)) for row in rows]
    for left, right in zip(*head.operands[:2]):
        assert left is not None
        assert right is not None
        width, runs = kernel.shape.width, (left.run, right.run)
        apart = any(kernel.pattern(run) == "apart" for run in runs)
        whole = left.run.count // width * width if apart and all(_in_rows(run, kernel.count) for run in runs) else 0
        if whole:
            for row, total in zip(rows, totals):
                code.write(total, code.read(total) + _along_columns(kernel, left, right, row, whole))
        _along_rows(kernel, left, right, rows, whole, totals)
    return [code.read(total) for total in totals]


def _along_rows(kernel: RowKernel, left: Place, right: Place, rows: list[Index], first: int, totals: list[str]) -> None:
    """Add the products of the columns from `first` on: a column for all rows, then the next one."""
    code, count = kernel.code, left.run.count
    chains = max(1, ACCUMULATORS // len(rows)) if count - first >= 4 else 1
    sums = [totals, *([code.variable(code.lift(0.0)) for _ in rows] for _ in range(chains - 1))]

    def step(column: Index, chains: int) -> None:
        for k in range(chains):
            for row, total in zip(rows, sums[k]):
                a, b = (kernel.load(place, row, (column[0], column[1] + k)) for place in (left, right))
                code.write(total, code.read(total) + a * b)

    whole = first + (count - first) // chains * chains
    _columns(code, first, whole, chains, lambda column: step(column, chains))
    for column in range(whole, count):
        step((None, column), 1)
    for extra in sums[1:]:
        for total, more in zip(totals, extra):
            code.write(total, code.read(total) + code.read(more))


def _along_columns(kernel: RowKernel, left: Place, right: Place, row: Index, count: int) -> Vector:
    """The sums of products over `count` columns, for as many rows as a vector has: vectors take columns."""
    code, width = kernel.code, kernel.shape.width
    totals = [code.variable(code.lift(0.0)) for _ in range(width)]

    def step(column: Index) -> None:
        for k, total in enumerate(totals):
            a, b = (
                code.load(f"%{place.run.buffer}", kernel.index(place, (row[0], row[1] + k), column, None))
                for place in (left, right)
            )
            code.write(total, code.read(total) + a * b)

    _columns(code, 0, count, width, step)
    return Vector(code, lane_sums(code, [code.read(total) for total in totals]))


def _columns(code: Code, first: int, stop: int, step: int, body: Callable[[Index], None]) -> None:
    """Over columns, `step` at a time; few of them without a loop."""
    if stop - first <= 4 * step:
        for column in range(first, stop, step):
            body((None, column))
    else:
        with code.loop(first, stop, step) as c:
            body((c, 0))
