"""The plan: a traced program as groups of equal operations over runs of memory, which every back end reads.

A program lives in six buffers of floats. Uniform ones hold one number per slot, the same for all samples:

    P  the bound leaves (parameters and every other Value that the function reads), in the order of first use
    C  constants
    U  results that depend on no input, computed once per call
    G  gradient accumulators: G[i] belongs to leaf i; further ones to uniform results that samples read

Per-lane ones hold one number per slot and sample (a lane is a sample):

    X  the inputs; with gradients, slot `Plan.weight` holds the sample's weight in the mean (1/N; 0 for padding)
    S  results

and it runs in this order, the middle part once for each block of samples:

    prologue                 groups over P, C, U -> U
    body, then reductions    groups over everything -> S; then (with scatters) G += sums over lanes
    epilogue, then finish    groups over P, C, U, G -> U; then copies into G

Afterwards G[0 : leaves] is the gradient of the weighted sum of the outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ... import ops
from ...primitive import Primitive

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIFORM = frozenset("PCUG")
STAGES = ("prologue", "body", "epilogue")
"""The stages of a plan, in order: the names under which it has their groups."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where the operands of a group are: column c of row r is slot ``base + r * row + c * column`` of `buffer`.

    An irregular run has the slots in `table`, row by row (then `row` and `column` are 0 and mean nothing).

    >>> Run("P", 10, row=4, count=3, column=1).slots(2)
    [[10, 11, 12], [14, 15, 16]]
    """

    buffer: str
    base: int
    row: int = 0
    count: int = 1
    column: int = 0
    table: tuple[int, ...] | None = None

    @property
    def uniform(self) -> bool:
        """Whether all lanes share the numbers."""
        return self.buffer in UNIFORM

    def slots(self, rows: int) -> list[list[int]]:
        """The slots of every row."""
        if self.table is not None:
            return [list(self.table[r * self.count : (r + 1) * self.count]) for r in range(rows)]
        starts = [self.base + r * self.row for r in range(rows)]
        if not self.column:
            return [[start] * self.count for start in starts]
        return [list(range(start, start + self.count * self.column, self.column)) for start in starts]

    def places(self, rows: int) -> NDArray[Any]:
        """The slots of all rows, one row after the other, as an array: a list of a million would take much memory."""
        import numpy as np

        if self.table is not None:
            return np.array(self.table)
        return np.add.outer(self.base + self.row * np.arange(rows), self.column * np.arange(self.count)).ravel()


@dataclass(frozen=True, slots=True)
class Group:
    """`rows` results of one primitive, computed from slots filled before, into consecutive slots.

    Attributes:
        primitive: with its `native` template; composed ones have been replaced by their parts.
        rows: how many results.
        operands: one tuple of runs per operand. Fixed arity: a single run with one column each. A fold (sum,
            maximum, minimum, ...): one operand whose runs, column after column, are what is folded. dot: the left
            factors, the right ones (cut at the same columns, so that zip pairs the runs), and the bias if there is
            one. take: the index, then the values.
        result: a run of buffer "S", or "U" where no operand is per lane, with row = 1.
        nodes: the symbols computed, for pictures and messages.
    """

    primitive: Primitive
    rows: int
    operands: tuple[tuple[Run, ...], ...]
    result: Run
    nodes: tuple[Any, ...] = field(repr=False, compare=False, default=())

    @property
    def uniform(self) -> bool:
        """Whether it is computed once for all samples."""
        return self.result.uniform

    @property
    def is_product(self) -> bool:
        """Whether this is a matrix of uniform numbers times one vector per lane (plus a bias)."""
        if self.primitive is not ops.dot or self.uniform:
            return False
        left, right = self.operands[:2]
        return all(r.uniform and r.table is None for r in left) and all(
            not r.uniform and r.row == 0 and r.table is None for r in right
        )

    @property
    def columns(self) -> int:
        """How many operands (for dot: factors) one row has."""
        return sum(run.count for run in self.operands[0])

    @property
    def places(self) -> list[tuple[str, int]]:
        """Where the results are, row by row: the buffer and the slot in it."""
        return [(self.result.buffer, self.result.base + row) for row in range(self.rows)]

    def flops(self) -> int:
        """Additions and multiplications per lane; another primitive counts as one per operand after the first."""
        if self.primitive is ops.dot:
            return 2 * self.rows * self.columns
        return self.rows * max(1, sum(r.count for runs in self.operands for r in runs) - 1)


@dataclass(frozen=True, slots=True)
class Reduction:
    """``G[target(r, c)] += sum over lanes of left(r) * right(c)``; without `right`, of left(r) alone.

    Attributes:
        rows: how many rows `target` has.
        target: a run of buffer "G" with as many columns as the product is wide.
        left: per lane, one column, one slot per row.
        right: per lane, one row whose columns match those of `target`; None where the coefficient is 1.
    """

    rows: int
    target: Run
    left: Run
    right: Run | None = None

    @property
    def columns(self) -> int:
        """How wide the outer product is."""
        return self.target.count

    def flops(self) -> int:
        """Additions and multiplications per lane."""
        return self.rows * self.columns * (1 if self.right is None else 2)


@dataclass(frozen=True, slots=True)
class Scatter:
    """``G[target(r, index(r))] += sum over lanes of source(r)``; nothing where the index names no column of target.

    Attributes:
        rows: how many.
        target: a run of buffer "G", with a column for each value of the index, from 0.
        index, source: per lane, one column, one slot per row.
    """

    rows: int
    target: Run
    index: Run
    source: Run


@dataclass(frozen=True, slots=True)
class Copy:
    """``G[target(r)] = source(r)`` for each of `rows` rows."""

    rows: int
    target: Run
    source: Run


@dataclass(frozen=True, slots=True)
class Plan:
    """One program: what to compute, in which order, and where the results are.

    Attributes:
        leaves: how many bound leaves P holds.
        inputs: how many numbers one sample has, in X (the weight not counted).
        weight: the slot of the weight in X, which is `inputs`; None for a program without gradients.
        constants: the content of C.
        prologue, body, epilogue: groups, each after the ones that it reads.
        reductions: after the body, for each block of samples.
        finish: after the epilogue.
        outputs: one run (a single slot of any buffer but G) per output, the loss first.
        sizes: the number of slots of U, S and G.
        scatters: like the reductions, and with them.
    """

    leaves: int
    inputs: int
    weight: int | None
    constants: tuple[float, ...]
    prologue: tuple[Group, ...]
    body: tuple[Group, ...]
    reductions: tuple[Reduction, ...]
    epilogue: tuple[Group, ...]
    finish: tuple[Copy, ...]
    outputs: tuple[Run, ...]
    sizes: dict[str, int]
    scatters: tuple[Scatter, ...] = ()

    @property
    def groups(self) -> Iterator[Group]:
        """All groups, in the order in which they run."""
        yield from self.prologue
        yield from self.body
        yield from self.epilogue

    def flops(self) -> int:
        """Floating-point operations per sample."""
        return sum(group.flops() for group in self.body) + sum(r.flops() for r in self.reductions)
