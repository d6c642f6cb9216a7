"""Sums over the lanes: gradients of uniform numbers, as outer products in tiles."""

from __future__ import annotations

from collections.abc import Sequence

from ..plan import Reduction, Run
from .ir import Code, Vector
from .kernels import Kernel, Row, Shape


def reduction(shape: Shape, constants: tuple[float, ...], job: Reduction) -> Kernel:
    """A kernel for ``G[target(r, c)] += sum over lanes of left(r) * right(c)``."""
    kernel = Kernel(shape, constants)
    code = kernel.code
    left, target = kernel.place(job.left), kernel.place(job.target)
    right = kernel.place(job.right) if job.right is not None else None
    most = 4 if shape.width * shape.bits >= 512 or right is None else 3

    def tile(row: Row, rows: int, column: Row, columns: int) -> None:
        totals = [code.variable(code.lift(0.0)) for _ in range(rows * columns)]
        with kernel.lanes() as lane:
            gs = [kernel.load(left, (row[0], row[1] + j), (None, 0), lane) for j in range(rows)]
            for i in range(columns):
                x = kernel.load(right, (None, 0), (column[0], column[1] + i), lane) if right is not None else None
                for j, g in enumerate(gs):
                    total = totals[j * columns + i]
                    so_far = code.read(total)
                    code.write(total, so_far + g if x is None else code.fma(g, x, so_far))
        sums = [code.read(total) for total in totals]
        if columns == 1:  # a column of sums: side by side where the target is
            spots = [(row[0], row[1] + j) for j in range(rows)]
            _add_all(
                kernel, target.run, [kernel.index(target, spot, column, None) for spot in spots], sums, job.target.row
            )
        else:
            for j in range(rows):
                spots = [(column[0], column[1] + i) for i in range(columns)]
                indices = [kernel.index(target, (row[0], row[1] + j), spot, None) for spot in spots]
                _add_all(kernel, target.run, indices, sums[j * columns : (j + 1) * columns], job.target.column)

    def over_columns(row: Row, rows: int) -> None:
        for column, columns in _tiles(code, job.columns, 4):
            with column as c:
                tile(row, rows, c, columns)

    for row, rows in _tiles(code, job.rows, most):
        with row as r:
            over_columns(r, rows)
    code.ret()
    return kernel


class _Span:
    """A loop over full tiles, or the one tile that needs no loop."""

    def __init__(self, code: Code, start: int, stop: int, step: int):
        self.single = stop - start == step
        self.start = start
        self.loop = None if self.single else code.loop(start, stop, step)

    def __enter__(self) -> Row:
        return (None, self.start) if self.loop is None else (self.loop.__enter__(), 0)

    def __exit__(self, *exception: object) -> None:
        if self.loop is not None:
            self.loop.__exit__(None, None, None)


def _tiles(code: Code, count: int, most: int) -> list[tuple[_Span, int]]:
    """Spans of full tiles and of the rest, with the size of their tiles."""
    size = min(most, count)
    full = count // size * size
    spans = [(_Span(code, 0, full, size), size)]
    if count - full:
        spans.append((_Span(code, full, count, count - full), count - full))
    return spans


def _add_all(kernel: Kernel, run: Run, indices: list[str], vectors: list[Vector], stride: int) -> None:
    """G[index] += the sum over the lanes of the vector, for several at once where they are neighbours."""
    code, width = kernel.code, kernel.shape.width
    count = len(vectors)
    if count == 4 and stride == 1 and run.table is None and width >= 4:
        t = f"<4 x {code.scalar}>"
        sums = sums_of_four(code, vectors)
        address = code.pointer("%G", indices[0])
        old = code.value(f"load {t}, ptr {address}, align {code.align}")
        new = code.value(f"fadd {t} {old}, {sums}")
        code.lines.append(f"store {t} {new}, ptr {address}, align {code.align}")
        return
    for index, vector in zip(indices, vectors):
        address = code.pointer("%G", index)
        old = code.value(f"load {code.scalar}, ptr {address}, align {code.align}")
        new = code.value(f"fadd {code.scalar} {old}, {code.horizontal_sum(vector)}")
        code.lines.append(f"store {code.scalar} {new}, ptr {address}, align {code.align}")


def sums_of_four(code: Code, vectors: Sequence[Vector]) -> str:
    """The four sums over the lanes of four vectors, as one vector: two rounds of pairing, then halves."""
    width, names = code.width, [vector.name for vector in vectors]
    for bit in (1, 2):
        keep = [lane if not lane & bit else width + lane - bit for lane in range(width)]
        give = [lane + bit if not lane & bit else width + lane for lane in range(width)]
        paired = []
        for a, b in zip(names[::2], names[1::2]):
            parts = [code.shuffle(a, b, lanes, width) for lanes in (keep, give)]
            paired.append(code.value(f"fadd {code.type()} {parts[0]}, {parts[1]}"))
        names = paired
    name = names[0]
    while width > 4:
        half = width // 2
        low, high = (code.shuffle(name, name, range(k, k + half), width) for k in (0, half))
        name, width = code.value(f"fadd <{half} x {code.scalar}> {low}, {high}"), half
    return name
