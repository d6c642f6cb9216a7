"""The guard: a kernel that looks whether the kernels after it would only add zeros in this block; see `skipping`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ....plan.plan import Reduction, Run
from ..ir.builder import Code
from ..ir.control import unless
from ..ir.vector import Vector
from .kernel import Context, Kernel
from .tiles import tiles

CHAINS = 4
"""Sums that are under way at a time."""


@dataclass(frozen=True)
class Guard:
    """Where a guard stands, what it looks at, and what it guards. All runs are ranges of slots: one row.

    Attributes:
        kernels: how many kernels of the body come before it and always run; those after it are guarded.
        zero, finite: where all of the first are 0 in all lanes, and all of the second are finite, what is guarded is 0.
        clear: accumulators that must begin at 0 although no guarded kernel runs.
        always: reductions that are not guarded.
        sums: how many kernels of sums are not guarded; these come first.
    """

    kernels: int
    zero: tuple[Run, ...]
    finite: tuple[Run, ...]
    clear: tuple[Run, ...]
    always: tuple[Reduction, ...] = ()
    sums: int = 0


def ranges(slots: Iterable[int]) -> tuple[Run, ...]:
    """Slots of S as ranges of neighbours.

    >>> [(run.base, run.count) for run in ranges({4, 5, 6, 9})]
    [(4, 3), (9, 1)]
    """
    starts: list[int] = []
    counts: list[int] = []
    for slot in sorted(slots):
        if starts and slot == starts[-1] + counts[-1]:
            counts[-1] += 1
        else:
            starts.append(slot)
            counts.append(1)
    return tuple([span("S", start, count) for start, count in zip(starts, counts)])


def span(buffer: str, start: int, count: int) -> Run:
    """So many slots of a buffer, side by side."""
    return Run(buffer, start, count=count, column=int(count > 1))


def look(context: Context, guard: Guard) -> Kernel:
    """A kernel that writes after the slots of S whether the guarded kernels can be left out: 1.0, or else 0.0.

    In blocks of one sample they can be left out only as long as none has run in this step. Later a number of G may be
    -0.0, from a product that was rounded to it: adding their zeros makes +0.0 of it, and leaving them out would not.
    """
    kernel, shape = Kernel(context), context.shape
    code = kernel.code
    verdict = kernel.panel(1)
    code.lines.append(f"store {code.scalar} 0.0, ptr {verdict}")
    flat = code.value(f"xor i1 {code.any(_magnitude(kernel, guard.zero).differs(0.0))}, true")
    if shape.single:
        flat = code.value(f"and i1 {flat}, %first")
    with code.when(flat):
        total = _magnitude(kernel, guard.finite)
        lost = code.any((total - total).differs(0.0))  # 0 unless something is nan or infinite
        with unless(code, lost):
            code.lines.append(f"store {code.scalar} 1.0, ptr {verdict}")
            if context.alone:  # else all sums have begun
                with code.when("%first"):
                    _clear(kernel, guard.clear)
    code.ret()
    return kernel


def _magnitude(kernel: Kernel, runs: Sequence[Run]) -> Vector:
    """The sum of the absolute values of slots: 0 if all of them are 0, and not finite if one is not."""
    code = kernel.code
    totals = [code.variable(code.lift(0.0)) for _ in range(min(CHAINS, max([run.count for run in runs], default=1)))]
    for run in runs:
        for vectors in _uniform(kernel, run) if run.uniform or kernel.shape.single else _per_lane(kernel, run):
            for total, vector in zip(totals, vectors):
                code.write(total, code.read(total) + code.intrinsic("fabs", vector))
    first, *others = map(code.read, totals)
    return sum(others, start=first)


def _per_lane(kernel: Kernel, run: Run) -> Iterator[list[Vector]]:
    """The numbers of slots that have one for each lane."""
    place = kernel.place(Run(run.buffer, run.base, row=1))
    for span, rows in tiles(kernel.code, run.count, CHAINS):
        with span as (r, r0), kernel.lanes() as lane:
            yield [kernel.load(place, (r, r0 + j), (None, 0), lane) for j in range(rows)]


def _uniform(kernel: Kernel, run: Run) -> Iterator[list[Vector]]:
    """The numbers of slots that have one each: side by side."""
    code, buffer, first = kernel.code, f"%{run.buffer}", kernel.offset(run.base)
    for at, count in _side_by_side(code, first, run.count):
        yield [code.load_first(buffer, index, left) for index, left in zip(at, count)]


def _side_by_side(code: Code, first: str, count: int) -> Iterator[tuple[list[str], list[int]]]:
    """Where the vectors begin that cover `count` numbers, a few at a time, and how many numbers each of them has."""
    width = code.width
    whole = count // width * width
    for span, numbers in tiles(code, whole, CHAINS * width) if whole else []:
        with span as (r, r0):
            starts = range(r0, r0 + numbers, width)
            yield [code.index(first, start, r) for start in starts], [width] * len(starts)
    if count > whole:
        yield [code.index(first, whole)], [count - whole]


def _clear(kernel: Kernel, runs: Sequence[Run]) -> None:
    code = kernel.code
    for run in runs:
        for at, count in _side_by_side(code, kernel.offset(run.base), run.count):
            for index, left in zip(at, count):
                code.store_first(code.lift(0.0), f"%{run.buffer}", index, left)
