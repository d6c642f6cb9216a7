"""Groups as steps of a kernel: each prepares its addresses once, and then gives its value row by row."""

from __future__ import annotations

import math
from functools import partial

from ..... import ops
from ....plan.plan import Group, Run
from ..ir.lookups import lookup
from ..ir.templates import expand
from ..ir.vector import Vector
from .kernel import Context, Index, Kernel


class Formula:
    """One group as a step of a kernel."""

    def __init__(self, kernel: Kernel, group: Group):
        self.kernel, self.group = kernel, group
        self.operands = [
            [None if self._is_known(run) else kernel.place(run) for run in runs] for runs in group.operands
        ]
        self.result = kernel.place(group.result) if id(group) in kernel.context.stored else None

    def _is_known(self, run: Run) -> bool:
        """Whether the same row of this kernel has computed it."""
        return aligned(run, self.group.rows) and (run.buffer, run.base) in self.kernel.known

    def load(self, operand: int, part: int, row: Index, column: Index, lane: str | None) -> Vector:
        """One operand: from memory, or as this kernel has just computed it."""
        place = self.operands[operand][part]
        if place is None:
            run = self.group.operands[operand][part]
            return self.kernel.known[run.buffer, run.base]
        return self.kernel.load(place, row, column, lane)

    def emit(self, row: Index, lane: str | None) -> None:
        """Compute one row for the lanes from `lane` on, and finish it."""
        self.finish(row, lane, self.value(row, lane))

    def finish(self, row: Index, lane: str | None, value: Vector) -> None:
        """Take a value as this row's result; store it if somebody else reads it."""
        self.kernel.known[self.group.result.buffer, self.group.result.base] = value
        if self.result is not None:
            self.kernel.store(self.result, row, lane, value)

    def value(self, row: Index, lane: str | None) -> Vector:
        """One row for the lanes from `lane` on."""
        primitive = self.group.primitive
        if primitive is ops.dot:
            return self._dot(row, lane)
        if primitive is ops.take:
            return self._take(row, lane)
        if primitive.arity is None:
            return self._fold(row, lane)
        values = [self.load(k, 0, row, (None, 0), lane) for k in range(len(self.operands))]
        return expand(self.kernel.code, primitive, dict(zip(primitive.operands, values)))

    def _fold(self, row: Index, lane: str | None) -> Vector:
        code = self.kernel.code
        total = code.variable(self.load(0, 0, row, (None, 0), lane))

        def step(part: int, column: Index) -> None:
            x = self.load(0, part, row, column, lane)
            code.write(total, expand(code, self.group.primitive, {"z": code.read(total), "x": x}))

        for part, run in enumerate(self.group.operands[0]):
            self.kernel.columns(run.count, int(part == 0), partial(step, part))
        return code.read(total)

    def _dot(self, row: Index, lane: str | None) -> Vector:
        code = self.kernel.code
        bias = len(self.group.operands) > 2
        total = code.variable(self.load(2, 0, row, (None, 0), lane) if bias else code.lift(0.0))

        def step(part: int, column: Index) -> None:
            a, b = (self.load(k, part, row, column, lane) for k in (0, 1))
            code.write(total, code.read(total) + a * b)

        for part, run in enumerate(self.group.operands[0]):
            self.kernel.columns(run.count, 0, partial(step, part))
        return code.read(total)

    def _take(self, row: Index, lane: str | None) -> Vector:
        """The value at the index; nan where there is none."""
        code, kernel = self.kernel.code, self.kernel
        index = self.load(0, 0, row, (None, 0), lane)
        place = self.operands[1][0]
        if len(self.operands[1]) == 1 and place is not None:
            columns, hit = lookup(code, index, place.run.count)
            spots = [kernel.spot(place, row, (column, 0), lane, k) for k, column in enumerate(columns)]
            values = code.vector_of([code.load_scalar(f"%{place.run.buffer}", spot) for spot in spots])
            return code.select(hit, values, math.nan)
        # From several places: compare the index with every position, without a branch.
        chosen = code.variable(code.lift(float("nan")))
        position = code.variable(code.lift(0.0))

        def step(part: int, column: Index) -> None:
            here = code.read(position)
            x = self.load(1, part, row, column, lane)
            code.write(chosen, code.select(index.equals(here), x, code.read(chosen)))
            code.write(position, here + 1.0)

        for part, run in enumerate(self.group.operands[1]):
            self.kernel.columns(run.count, 0, partial(step, part))
        return code.read(chosen)


def aligned(run: Run, rows: int) -> bool:
    """Whether row r of the run is slot base + r."""
    return run.table is None and run.count == 1 and (run.row == 1 or rows == 1)


def formulas_of(kernel: Kernel, fused: list[Group]) -> list[Formula]:
    """The groups as steps of a kernel, each of which reads its own row of those before it as just computed."""
    formulas = []
    for group in fused:
        formulas.append(Formula(kernel, group))
        kernel.known[group.result.buffer, group.result.base] = Vector(kernel.code, "poison")
    return formulas


def elementwise(context: Context, fused: list[Group]) -> Kernel:
    """A kernel for groups of equal rows, in order; each reads only earlier memory and its own row of the others."""
    kernel = Kernel(context)
    formulas = formulas_of(kernel, fused)
    with kernel.rows(fused[0].rows) as row, kernel.lanes() as lane:
        for formula in formulas:
            formula.emit(row, lane)
    kernel.code.ret()
    return kernel
