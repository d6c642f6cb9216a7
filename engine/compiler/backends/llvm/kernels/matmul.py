"""Matrix products: a tile of rows x vectors of lanes stays in registers while the columns go by."""

from __future__ import annotations

from functools import partial

from ....plan.plan import Group
from ..ir.vector import Vector
from .kernel import Formula, Index, Kernel, Shape

UNROLLED = 3
"""Up to so many groups that follow a product are written once for each sum of a tile, more of them once in a loop."""


def tile_sizes(shape: Shape) -> tuple[int, int]:
    """Rows and vectors of a tile: as many accumulators as registers allow, next to the operands."""
    vectors = min(4 if shape.width * shape.bits >= 512 else 2, shape.lanes // shape.width)
    return (8, 1) if vectors == 1 else (4, vectors)


def product(shape: Shape, constants: tuple[float, ...], fused: list[Group], stored: set[int]) -> Kernel:
    """A kernel for ``result[r] = sum over c of left[r, c] * right[c] (+ bias[r])`` and what follows row by row.

    `left` is the same for all lanes and `right` for all rows; see `elementwise` for the arguments.
    """
    kernel = Kernel(shape, constants)
    group, code = fused[0], kernel.code
    head = Formula(kernel, group, id(group) in stored)
    followers = []
    for follower in fused:
        kernel.known[follower.result.buffer, follower.result.base] = Vector(code, "poison")
        if follower is not group:
            followers.append(Formula(kernel, follower, id(follower) in stored))
    width = shape.width

    def tile(first: Index, rows: int, lanes: list[str]) -> None:
        index, start = first
        totals = []
        for j in range(rows):
            for lane in lanes:
                bias = head.load(2, 0, (index, start + j), (None, 0), lane) if _biased(group) else 0.0
                totals.append(code.variable(code.lift(bias)))

        def step(part: int, column: Index) -> None:
            left, right = head.operands[0][part], head.operands[1][part]
            assert left is not None
            assert right is not None
            xs = [kernel.load(right, (None, 0), column, lane) for lane in lanes]
            for j in range(rows):
                w = kernel.load(left, (index, start + j), column, None)
                for q, x in enumerate(xs):
                    total = totals[j * len(lanes) + q]
                    code.write(total, code.read(total) + w * x)

        for part, run in enumerate(group.operands[0]):
            kernel.columns(run.count, 0, partial(step, part))
        if len(followers) <= UNROLLED:
            for j in range(rows):
                for q, lane in enumerate(lanes):
                    finish((index, start + j), lane, code.read(totals[j * len(lanes) + q]))
            return
        place = code.array(len(totals) * width)
        for k, total in enumerate(totals):
            code.store(code.read(total), place, str(k * width))
        with code.loop(0, rows) as here, code.loop(0, len(lanes) * width, width) as lane:
            row = code.index(here, *([index] if index else [])), start
            finish(row, code.index(lanes[0], lane), code.load(place, code.index((here, len(lanes) * width), lane)))

    def finish(row: Index, lane: str, total: Vector) -> None:
        head.finish(row, lane, total)
        for follower in followers:
            follower.emit(row, lane)

    def all_rows(most: int, lanes: list[str]) -> None:
        tiles = -(-group.rows // most)
        rows = -(-group.rows // tiles)
        full = group.rows // rows
        if full == 1:
            tile((None, 0), rows, lanes)
        else:
            with code.loop(0, full * rows, rows) as r:
                tile((r, 0), rows, lanes)
        if group.rows - full * rows:
            tile((None, full * rows), group.rows - full * rows, lanes)

    rows, vectors = tile_sizes(shape)
    done: str | int = 0
    if vectors > 1:
        done = code.value(f"sdiv i64 %lanes, {vectors * width}")
        done = code.value(f"mul i64 {done}, {vectors * width}")
        with code.loop(0, done, vectors * width) as lane:
            all_rows(rows, [code.index(lane, q * width) for q in range(vectors)])
    with code.loop(done, "%lanes", width) as lane:  # what a last, shorter block leaves over
        all_rows(8, [lane])
    code.ret()
    return kernel


def _biased(group: Group) -> bool:
    return len(group.operands) > 2
