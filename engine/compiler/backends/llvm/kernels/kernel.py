"""Kernels: small functions over one block of samples, each emitted once however many groups need it.

Memory of a block is laid out [slot][lane]: the numbers that neighbouring samples have in one slot are neighbours.
Where a kernel finds its runs is not part of its text but of a table of offsets, its argument `T`: groups that differ
only in their place share a kernel. What all its calls have in common is written into the text at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ....plan.plan import Run
from ..ir.builder import Code
from ..ir.vector import Vector
from ..ir.words import entry
from .shape import Shape

BUFFERS = "PCUGXS"
ARGUMENTS = [*(f"ptr noalias %{buffer}" for buffer in BUFFERS), "i64 %lanes", "i1 %first", "ptr noalias readonly %T"]

FEW = 4  # up to this many columns need no loop

Index = tuple[str | None, int]
"""Of a row or a column: the name of a loop's counter (or None) plus a constant."""


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
        """The same for vectors that take `width` rows of one sample."""
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
        """Write into each kernel the offsets that are the same in all its calls, or equally far apart in all of them.

        Then little is left to look up, and little to hold in registers.
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
        self.room = 0  # how many numbers after the slots of S it has for itself

    def offset(self, number: int) -> str:
        """A number of the table of offsets, by the name it has in the kernel."""
        position = len(self.offsets)
        self.offsets.append(number)
        self.code.slots.append(_looked_up(position))
        return f"%offset{position}"

    def panel(self, count: int) -> str:
        """The address of room for `count` numbers after the slots of S, which no other kernel uses meanwhile."""
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
            position = code.index(place.position + r0 * run.count + c0, (r, run.count), c)
            return code.index(entry(code, "%T", position), lane)
        first = (r0 * run.row + c0 * run.column) * scale
        return code.index(place.base, first, (r, run.row * scale), (c, run.column * scale), lane)

    def spot(self, place: Place, row: Index, column: Index, lane: str | None, k: int) -> str:
        """The position of number k of a vector."""
        return self.code.index(self.index(place, row, column, lane), 0 if place.run.uniform else k)

    def load(self, place: Place, row: Index, column: Index, lane: str | None = None) -> Vector:
        """One operand for the lanes from `lane` on."""
        run = place.run
        if run.buffer == "C" and run.table is None and not (run.row or run.column):
            return self.code.lift(self.context.constants[run.base])
        return self._from_memory(place, row, column, lane)

    def _from_memory(self, place: Place, row: Index, column: Index, lane: str | None) -> Vector:
        index = self.index(place, row, column, lane)
        if place.run.uniform:
            return self.code.load_broadcast(f"%{place.run.buffer}", index)
        return self.code.load(f"%{place.run.buffer}", index)

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
        """Over the columns from `start` to `count`, `together` in a turn; few of them without a loop."""
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
