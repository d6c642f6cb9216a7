"""Kernels: small functions over one block of samples, each emitted once however many groups need it.

Memory of a block is laid out [slot][lane]: the numbers that neighbouring samples have in one slot are neighbours.
Where a kernel finds its runs is not part of its text but of a table of offsets, its argument `T`; so groups that
differ in their place only share a kernel. What all its calls have in common is written into the text at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from ....plan.plan import Group, Run
from ..ir.builder import Code
from ..ir.lookups import lookup
from ..ir.templates import expand
from ..ir.vector import Vector
from ..ir.words import entry

BUFFERS = "PCUGXS"
ARGUMENTS = [*(f"ptr noalias %{buffer}" for buffer in BUFFERS), "i64 %lanes", "i1 %first", "ptr noalias readonly %T"]

CACHES = 32 * 1024, 512 * 1024
"""Bytes that the first and the second cache of nearly every core of the last ten years have at least."""

FEW = 4  # columns, up to which they need no loop

Index = tuple[str | None, int]
"""Of a row or a column: the name of a loop's counter (or None) plus a constant."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How numbers are grouped: bits of one, numbers in a vector, lanes in a block; and bytes of a core's caches.

    Vectors run along the lanes; in a block of a single lane, along the rows of a group. The widest vectors that there
    are may hold more numbers, where a block has few lanes.
    """

    bits: int
    width: int
    lanes: int
    l1: int = CACHES[0]
    l2: int = CACHES[1]
    widest: int = 0

    @property
    def single(self) -> bool:
        """Whether a block is one sample."""
        return self.lanes == 1

    @property
    def stride(self) -> int:
        """Numbers from one slot to the next: an odd number of vectors, so that slots use all lines of a cache alike."""
        odd = self.lanes <= self.width or self.lanes // self.width % 2
        return self.lanes if odd else self.lanes + self.width

    def bytes(self, numbers: int) -> int:
        """Bytes of so many numbers."""
        return numbers * self.bits // 8


@dataclass(frozen=True)
class Context:
    """What the kernels of a program have in common.

    Attributes:
        shape: of vectors and blocks.
        constants: the plan's.
        inputs: slots of X.
        slots: of S.
        stored: ids of the groups whose results are stored, since another kernel reads them.
        alone: whether no two kernels add to one number of G; then each begins it anew at the first block of a step.
    """

    shape: Shape
    constants: tuple[float, ...] = ()
    inputs: int = 0
    slots: int = 0
    stored: frozenset[int] = frozenset()
    alone: bool = False

    def along_rows(self, width: int) -> Context:
        """The same for vectors of so many rows of one sample."""
        return replace(self, shape=Shape(self.shape.bits, width, 1))


def kernel_name(number: int) -> str:
    """What a kernel is called in LLVM."""
    return f"kernel{number}"


@dataclass
class Kernels:
    """The kernels of a program, each once.

    Attributes:
        numbers: of the kernels, by their bodies.
        codes: the kernels.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    codes: list[Code] = field(default_factory=list)

    def add(self, kernel: Kernel) -> tuple[int, list[int]]:
        """The number of the kernel with that body, and this call's offsets."""
        number = self.numbers.setdefault(kernel.code.body(), len(self.codes))
        if number == len(self.codes):
            kernel.code.name = kernel_name(number)
            self.codes.append(kernel.code)
        return number, kernel.offsets

    def settle(self, calls: Iterable[tuple[int, list[int]]]) -> None:
        """Write into each kernel the offsets that are the same in all calls of it, or lie equally far apart in all.

        What is left to be looked up is little, and little has to be held in registers.
        """
        tables: dict[int, list[list[int]]] = {}
        for number, offsets in calls:
            tables.setdefault(number, []).append(offsets)
        for number, rows in tables.items():
            slots = self.codes[number].slots
            lines = {line: k for k, line in enumerate(slots)}
            known: dict[tuple[int, ...], tuple[str, int]] = {(0,) * len(rows): ("0", 0)}
            for position, (first, *others) in enumerate(zip(*rows)):
                line, name = lines.get(_looked_up(position)), f"%offset{position}"
                moves = (0, *[other - first for other in others])
                if line is not None and moves in known:
                    start, base = known[moves]
                    slots[line] = f"{name} = add i64 {start}, {first - base}"
                elif line is not None:
                    known[moves] = name, first


def _looked_up(position: int) -> str:
    """Takes an offset from the table."""
    place = f"%at{position}"
    return f"{place} = getelementptr inbounds i64, ptr %T, i64 {position}\n%offset{position} = load i64, ptr {place}"


class Kernel:
    """One kernel in the making."""

    def __init__(self, context: Context):
        self.context, self.shape = context, context.shape
        self.code = Code("kernel", self.shape.bits, self.shape.width, ARGUMENTS)
        self.offsets: list[int] = []
        self.known: dict[tuple[str, int], Vector] = {}  # results of this kernel's row that followers read
        self.room = 0  # numbers behind the slots of S that it uses as it likes

    def offset(self, number: int) -> str:
        """A number of the table of offsets, by the name it has in the kernel."""
        position = len(self.offsets)
        self.offsets.append(number)
        self.code.slots.append(_looked_up(position))
        return f"%offset{position}"

    def panel(self, count: int) -> str:
        """The address of room for so many numbers, behind the slots of S; what is there is nobody else's."""
        first = self.room
        self.room += -(-count // self.shape.width) * self.shape.width
        return self.code.pointer("%S", self.code.index(self.offset(self.context.slots * self.shape.stride), first))

    # ---- addresses
    def place(self, run: Run) -> Place:
        """Where a run is; to be made outside the loops that use it."""
        scale = 1 if run.uniform else self.shape.stride
        if run.table is not None:
            position = len(self.offsets)
            self.offsets += [slot * scale for slot in run.table]
            return Place(run, scale, "", position)
        return Place(run, scale, self.offset(run.base * scale), 0)

    def index(self, place: Place, row: Index, column: Index, lane: str | None) -> str:
        """The position of one operand in its buffer."""
        run, scale, code = place.run, place.scale, self.code
        (r, r0), (c, c0) = row, column
        lane = None if run.uniform else lane
        if run.table is not None:
            return code.index(
                entry(code, "%T", code.index(place.position + r0 * run.count + c0, (r, run.count), c)), lane
            )
        first = (r0 * run.row + c0 * run.column) * scale
        return code.index(place.base, first, (r, run.row * scale), (c, run.column * scale), lane)

    def spot(self, place: Place, row: Index, column: Index, lane: str | None, k: int) -> str:
        """The position of number k of a vector."""
        return self.code.index(self.index(place, row, column, lane), 0 if place.run.uniform else k)

    def load(self, place: Place, row: Index, column: Index, lane: str | None) -> Vector:
        """One operand for the lanes from `lane` on."""
        run = place.run
        if run.buffer == "C" and run.table is None and not (run.row or run.column):
            return self.code.lift(self.context.constants[run.base])
        index = self.index(place, row, column, lane)
        if run.uniform:
            return self.code.load_broadcast(f"%{run.buffer}", index)
        return self.code.load(f"%{run.buffer}", index)

    def store(self, place: Place, row: Index, lane: str | None, value: Vector) -> None:
        """Store one result for the lanes from `lane` on."""
        self.code.store(value, f"%{place.run.buffer}", self.index(place, row, (None, 0), lane))

    def so_far(self, old: str, kind: str) -> str:
        """What G has from earlier blocks of the step; `old` is what it holds, maybe from the step before."""
        if not self.context.alone:
            return old  # cleared at the start of the step, since no kernel knows whether it is the first to add
        return self.code.value(f"select i1 %first, {kind} zeroinitializer, {kind} {old}")

    # ---- loops
    @contextmanager
    def rows(self, count: int) -> Iterator[Index]:
        """Over the rows of a group."""
        if count == 1:
            yield None, 0
        else:
            with self.code.loop(0, count) as r:
                yield r, 0

    def columns(self, count: int, start: int, step: Callable[[Index], None], together: int = 1) -> None:
        """Over columns `start` to `count`, so many together; few of them without a loop."""
        looped = (count - start) // together * together if count - start > FEW else 0
        if looped:
            with self.code.loop(start, start + looped, together) as c:
                for later in range(together):
                    step((c, later))
        for column in range(start + looped, count):
            step((None, column))

    @contextmanager
    def lanes(self) -> Iterator[str]:
        """Over the lanes of the block, a vector at a time."""
        with self.code.loop(0, "%lanes", self.shape.width) as lane:
            yield lane


@dataclass(frozen=True, slots=True)
class Place:
    """A run in a kernel: its base's name, or its position in the table of offsets."""

    run: Run
    scale: int
    base: str
    position: int


class Formula:
    """One group as a step of a kernel: prepares its addresses once, then gives its value row by row."""

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
        """Compute one row for the lanes from `lane` on; store it if somebody else reads it."""
        self.finish(row, lane, self.value(row, lane))

    def finish(self, row: Index, lane: str | None, value: Vector) -> None:
        """Let a value be this row's result."""
        self.kernel.known[self.group.result.buffer, self.group.result.base] = value
        if self.result is not None:
            self.kernel.store(self.result, row, lane, value)

    def value(self, row: Index, lane: str | None) -> Vector:
        """One row for the lanes from `lane` on."""
        name = self.group.primitive.name
        if name == "dot":
            return self._dot(row, lane)
        if name == "take":
            return self._take(row, lane)
        if self.group.primitive.arity is None:
            return self._fold(row, lane)
        values = [self.load(k, 0, row, (None, 0), lane) for k in range(len(self.operands))]
        return expand(self.kernel.code, self.group.primitive, dict(zip(self.group.primitive.operands, values)))

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
        """The value at the index; nan where that names none."""
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
