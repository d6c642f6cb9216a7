"""Matrix products: a tile of rows x vectors of lanes stays in registers while the columns go by.

The columns of a large matrix go by in pieces, as in Goto's method and BLIS: so a tile's rows of a piece stay in the
first cache while all lanes pass, and a piece of the vectors in the second cache while all rows pass, and each weight
comes from afar only once for each block of samples. The sums so far wait where the results will be. The vectors are
copied side by side if they are more than the second cache holds. So are a tile's weights where the rows of the matrix
are neighbours in memory: each column of a tile would lie in other lines of memory, and use only a part of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from ....plan.plan import Group
from ..ir.vector import Vector
from .formula import formulas_of
from .kernel import FEW, Context, Index, Kernel
from .shape import Shape
from .tiles import even_tiles

UNROLLED = 3
"""Up to this many groups that follow a product are written once for each sum of a tile, more of them once in a loop."""

UNDER_WAY = 8
"""Rows of a tile of one vector: this many multiply-adds begin before the first one ends.
With four a step of 64-32-10@8 takes 16 % longer, one of 64-32-10@50, of seven vectors, 8 %."""

SHORT = 4
"""Rows of a tile whose columns are few: starts and ends take most of its time, whatever its size, and the kernel is
half as long. With six the first step of 2-16-16-1 takes 10 % longer, later ones 2 %."""

TOGETHER = 4
"""Columns of a large matrix in one turn of a loop: counting takes units that multiply-adds could have had."""

WHOLE_LINE = 8, 2
"""Rows and vectors of a tile whose rows are neighbours in memory: at each column it uses all of a cache line.
Without it a step of 512-512-512@128 takes 8 % longer."""

FEWER_LOADS = 8, 3
"""Rows and vectors of a tile whose vectors come from the second cache: each of them serves eight rows there.
Without it a step of 2048-2048-10@256 takes 7 % longer, and 5 % with two vectors."""

MANY_ROWS = 64
"""From this many rows of a matrix on it pays to copy the vectors first, and to have larger tiles: these take up to a
fifth longer to compile."""

MANY_LANES = 128
"""From this many lanes of a block on it pays to copy a tile's weights first: a step of 1024-1024-1024@1024 takes 4 %
less time, one of 512-512-512@128 2 %; with 64 lanes it takes as long."""


@dataclass(frozen=True)
class Blocking:
    """How a product goes through its matrix.

    Attributes:
        rows: of a tile.
        single: rows of a tile of one vector; if they are more, each sort of tiles passes over the matrix on its own.
        vectors: of each sort of tiles that the lanes are cut into: the first as often as it fits, then the others. The
            first has as many accumulators as registers allow, next to the operands.
        columns: of a piece.
        pieces: how many.
        copied: whether the vectors are copied side by side.
        apart: numbers from one column of a tile's weights to the next where these are copied, too; 0 if they are not.
        together: columns in one turn of the loop over a tile of the first sort.
    """

    rows: int
    single: int
    vectors: tuple[int, ...]
    columns: int
    pieces: int
    copied: bool
    apart: int = 0
    together: int = 1

    @classmethod
    def of(cls, group: Group, shape: Shape) -> Blocking:
        """For that product.

        >>> from ....plan.plan import Run
        >>> from .....ops import dot
        >>> weights, x = Run("P", 0, 784, 784, 1), Run("X", 0, 0, 784, 1)
        >>> Blocking.of(Group(dot, 128, ((weights,), (x,)), Run("S", 0, 1)), Shape(64, 4, 64))
        Blocking(rows=6, single=6, vectors=(2, 1), columns=392, pieces=2, copied=True, apart=0, together=4)
        """
        rows, vectors = tile_sizes(shape, group.rows, is_large(shape, group.rows, group.columns))
        if group.columns <= FEW:
            rows = min(rows, SHORT)
        if shape.lanes == shape.width:
            rows, vectors = UNDER_WAY, 1
        vectors = min(vectors, shape.lanes // shape.width)
        parts, columns = group.operands[0], group.columns
        if len(parts) > 1 or not is_wide(shape, group.rows * columns):
            single = rows if columns <= FEW else UNDER_WAY
            return cls(rows, single, _falling(vectors, 1), columns, 1, copied=False)
        turned = parts[0].column != 1 and parts[0].row == 1
        scattered = group.rows >= MANY_ROWS and shape.bytes(columns * shape.stride) > shape.l2 // 2
        if vectors == 4 and group.rows % 8 == 0 and (scattered or turned):
            rows, vectors = FEWER_LOADS if scattered else WHOLE_LINE
        apart = -(-rows // shape.width) * shape.width if turned and shape.lanes >= MANY_LANES else 0
        of_rows = shape.l1 * 4 // 5 // shape.bytes(apart or rows)  # the rest is for the vectors that pass
        of_vectors = shape.l2 // 2 // shape.bytes(shape.stride)  # and here for weights and sums that pass
        most = TOGETHER * max(1, min(of_rows, of_vectors) // TOGETHER)
        pieces = -(-columns // most)
        halves = _falling(vectors, vectors // 2, 1)  # else all weights pass for each of the two or three vectors left
        even = TOGETHER * -(-columns // (pieces * TOGETHER))  # whole turns, in all pieces but the last
        return cls(rows, rows, halves, min(columns, even), pieces, scattered, apart, TOGETHER)


def _falling(*counts: int) -> tuple[int, ...]:
    """The counts that are not 0, each once."""
    return tuple(dict.fromkeys(filter(None, counts)))


def tile_sizes(shape: Shape, rows: int = 0, large: bool = False) -> tuple[int, int]:
    """Rows and vectors of a tile of sums: there are 32 registers for vectors of 64 bytes, else 16.

    In a `large` product, whose vectors come from the second cache, each serves as many rows as there are registers for:
    with four a step of 784-128-10@64 takes 6 % longer. Otherwise kernels are kept short, and a tile has one row more
    where that makes all tiles of the `rows` alike.

    >>> [tile_sizes(Shape(64, 8, 32), rows) for rows in (8, 10, 11)], tile_sizes(Shape(64, 8, 64), 128, large=True)
    ([(4, 4), (5, 4), (4, 4)], (6, 4))
    """
    if shape.width * shape.bits < 512:
        return 6, 2
    if large:
        return 6, 4
    alike = not rows or rows % -(-rows // 4) == 0
    return 4 if alike or rows % 5 else 5, 4


def is_wide(shape: Shape, weights: int) -> bool:
    """Whether a matrix of that many numbers is more than the first cache holds."""
    return shape.bytes(weights) > shape.l1


def is_large(shape: Shape, rows: int, columns: int) -> bool:
    """Whether a matrix is wide and has many rows."""
    return rows >= MANY_ROWS and is_wide(shape, rows * columns)


def product(context: Context, fused: list[Group]) -> Kernel:
    """A kernel for ``result[r] = sum over c of left[r, c] * right[c] (+ bias[r])`` and what follows row by row.

    `left` is the same for all lanes and `right` for all rows.
    """
    product = _Product(context, fused)
    product.emit()
    return product.kernel


class _Span(NamedTuple):
    """Lanes that are cut into tiles of so many vectors."""

    start: str
    stop: str
    vectors: int


@dataclass(frozen=True)
class _Tile:
    """A tile in the making: `rows` rows from `row` on, its vectors of lanes, and a variable for each sum, by rows."""

    row: Index
    rows: int
    lanes: list[str]
    totals: list[str]


class _Product:
    """The kernel in the making."""

    def __init__(self, context: Context, fused: list[Group]):
        self.kernel = kernel = Kernel(context)
        self.code, self.group = kernel.code, fused[0]
        self.blocking = Blocking.of(fused[0], kernel.shape)
        self.head, *self.followers = formulas_of(kernel, fused)
        self.so_far = kernel.place(fused[0].result) if self.blocking.pieces > 1 else None  # where sums of a piece wait
        if self.blocking.copied:
            self.panel = kernel.panel(self.blocking.columns * kernel.shape.stride)
        if self.blocking.apart:
            self.weights = kernel.panel(self.blocking.columns * self.blocking.apart)

    def emit(self) -> None:
        """Write the kernel: pieces of columns outside, tiles of rows and lanes inside."""
        code, blocking, columns = self.code, self.blocking, self.group.columns
        if blocking.pieces == 1:
            self._piece(None, columns)
        else:
            with code.loop(0, columns, blocking.columns) as first:
                left = code.value(f"sub nsw i64 {columns}, {first}")
                self._piece(first, code.least(left, blocking.columns))
        code.ret()

    def _piece(self, first: str | None, count: int | str) -> None:
        """The columns from `first` on, `count` of them, for all rows and lanes; all columns if it is None."""
        code, blocking, spans = self.code, self.blocking, [*self._spans()]
        if blocking.copied:
            for span in spans:
                with self._lanes(span) as lanes:
                    self._copy(lanes, first, count)
        passes = [[span] for span in spans] if blocking.single > blocking.rows else [spans]
        for together in passes:
            most = blocking.single if together[0].vectors == 1 else blocking.rows
            for tiles, rows in even_tiles(code, self.group.rows, most):
                with tiles as row:
                    if blocking.apart:
                        self._copy_weights(row, rows, first, count)
                    for span in together:
                        with self._lanes(span) as lanes:
                            self._tile(row, rows, lanes, first, count)

    def _spans(self) -> Iterator[_Span]:
        """The lanes of the block, as many vectors at a time as a tile has, and then what is left over."""
        code, width, start = self.code, self.kernel.shape.width, "0"
        for vectors in self.blocking.vectors:
            left = code.value(f"sub i64 %lanes, {start}")
            rest = code.value(f"srem i64 {left}, {vectors * width}")
            stop = code.value(f"sub i64 %lanes, {rest}")
            yield _Span(start, stop, vectors)
            start = stop

    @contextmanager
    def _lanes(self, span: _Span) -> Iterator[list[str]]:
        """A loop over a span, a tile's vectors at a time."""
        width = self.kernel.shape.width
        with self.code.loop(span.start, span.stop, span.vectors * width) as lane:
            yield [self.code.index(lane, q * width) for q in range(span.vectors)]

    # ---- copies
    def _copy(self, lanes: list[str], first: str | None, count: int | str) -> None:
        """The vectors of a tile's lanes: panel[tile][column][lane]."""
        code, right = self.code, self.head.operands[1][0]
        assert right is not None
        with code.loop(0, count) as c:
            for q, lane in enumerate(lanes):
                x = self.kernel.load(right, (None, 0), self._column(first, c), lane)
                code.store(x, self.panel, self._copied(lanes, c, q))

    def _copy_weights(self, row: Index, rows: int, first: str | None, count: int | str) -> None:
        """The weights of a tile, whose rows are neighbours in memory: weights[column][row]."""
        code, left = self.code, self.head.operands[0][0]
        assert left is not None
        with code.loop(0, count) as c:
            for j in range(0, rows, code.width):
                place = self.kernel.index(left, (row[0], row[1] + j), self._column(first, c), None)
                some = code.load_first(f"%{left.run.buffer}", place, min(code.width, rows - j))
                code.store(some, self.weights, code.index((c, self.blocking.apart), j))

    def _copied(self, lanes: list[str], column: str, q: int) -> str:
        width = self.kernel.shape.width
        return self.code.index((lanes[0], self.blocking.columns), (column, len(lanes) * width), q * width)

    def _column(self, first: str | None, c: str) -> Index:
        return self.code.index(first, c), 0

    # ---- tiles
    def _tile(self, row: Index, rows: int, lanes: list[str], first: str | None, count: int | str) -> None:
        """The sums of a tile over the columns of a piece; each piece goes on from the sums of the one before."""
        code, buffer = self.code, f"%{self.group.result.buffer}"
        places = [((row[0], row[1] + j), lane) for j in range(rows) for lane in lanes]
        tile = _Tile(row, rows, lanes, [code.variable(self._start(*place)) for place in places])
        if first is None or self.so_far is None:
            self._add_columns(tile, first, count)
            self._finish(tile)
            return
        with code.when(code.value(f"icmp sgt i64 {first}, 0")):
            for total, (r, lane) in zip(tile.totals, places):
                code.write(total, code.load(buffer, self.kernel.index(self.so_far, r, (None, 0), lane)))
        self._add_columns(tile, first, count)
        last = code.value(f"icmp eq i64 {code.index(first, str(count))}, {self.group.columns}")
        with code.when(code.value(f"xor i1 {last}, true")):
            for total, (r, lane) in zip(tile.totals, places):
                self.kernel.store(self.so_far, r, lane, code.read(total))
        with code.when(last):
            self._finish(tile)

    def _add_columns(self, tile: _Tile, first: str | None, count: int | str) -> None:
        """Add the products of a piece's columns."""
        code, blocking = self.code, self.blocking
        together = blocking.together if len(tile.lanes) == blocking.vectors[0] else 1
        if first is None and not (blocking.copied or blocking.apart):
            for part, run in enumerate(self.group.operands[0]):
                self.kernel.columns(run.count, 0, partial(self._add_column, tile, None, part), together)
            return
        whole = code.value(f"and i64 {count}, {-together}")
        with code.loop(0, whole, together) as start:
            for c in [code.index(start, later) for later in range(together)]:
                self._add_column(tile, c, 0, self._column(first, c))
        if self.group.columns % together:
            with code.loop(whole, count) as c:
                self._add_column(tile, c, 0, self._column(first, c))

    def _add_column(self, tile: _Tile, c: str | None, part: int, column: Index) -> None:
        """Add the products of a column.

        Args:
            tile: whose sums they are added to.
            c: its number in the piece, by which copies are found; None where there are none.
            part: the part of the matrix that it is in.
            column: where it is in that part.
        """
        code, blocking = self.code, self.blocking
        left, right = self.head.operands[0][part], self.head.operands[1][part]
        assert left is not None
        assert right is not None

        def vector(q: int, lane: str) -> Vector:
            if blocking.copied and c is not None:
                return code.load(self.panel, self._copied(tile.lanes, c, q))
            return self.kernel.load(right, (None, 0), column, lane)

        def weight(j: int) -> Vector:
            if blocking.apart and c is not None:
                return code.load_broadcast(self.weights, code.index((c, blocking.apart), j))
            return self.kernel.load(left, (tile.row[0], tile.row[1] + j), column, None)

        xs = [vector(q, lane) for q, lane in enumerate(tile.lanes)]
        for j in range(tile.rows):
            w = weight(j)
            for total, x in zip(tile.totals[j * len(xs) :], xs):
                code.write(total, code.read(total) + w * x)

    def _start(self, row: Index, lane: str) -> Vector:
        """The bias, or 0."""
        return self.head.load(2, 0, row, (None, 0), lane) if len(self.group.operands) > 2 else self.code.lift(0.0)

    def _finish(self, tile: _Tile) -> None:
        """Store the sums of a tile, and what follows them."""
        code, width, row, lanes, totals = self.code, self.kernel.shape.width, tile.row, tile.lanes, tile.totals
        if len(self.followers) <= UNROLLED:
            for k, total in enumerate(totals):
                j, q = divmod(k, len(lanes))
                self._results((row[0], row[1] + j), lanes[q], code.read(total))
            return
        place = code.array(len(totals) * width)
        for k, total in enumerate(totals):
            code.store(code.read(total), place, str(k * width))
        with code.loop(0, tile.rows) as here, code.loop(0, len(lanes) * width, width) as lane:
            index = code.index(here, row[0]), row[1]
            value = code.load(place, code.index((here, len(lanes) * width), lane))
            self._results(index, code.index(lanes[0], lane), value)

    def _results(self, row: Index, lane: str, total: Vector) -> None:
        self.head.finish(row, lane, total)
        for follower in self.followers:
            follower.emit(row, lane)
