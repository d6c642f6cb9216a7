"""The masks of dropout: factors that depend only on where in a training they are drawn.

A counter-based generator makes them from a seed, the step, the place of the sample in its batch and the number of the
entry, and from nothing else: they are the same in whatever order they are drawn, on however many threads.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

STEP = 0x9E3779B97F4A7C15
"""The golden ratio of 2**64, the step in which numbers are counted."""

MIXING = (30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)
"""Rounds of mixing: ``bits ^ (bits >> shift)``, times a factor."""

_64 = (1 << 64) - 1


def hashed(seed: Any, *numbers: Any) -> Any:
    """64 bits that look random, made from a seed and whole numbers: ints, or arrays of uint64 with equal results.

    Each number is added in steps of the golden ratio and mixed by the finaliser of SplitMix64 (Steele, Lea and Flood,
    2014).

    >>> hex(hashed(1, 2, 3))
    '0xee3bb459e9e297b'
    """
    for number in numbers:
        bits = (seed + (number + 1) * STEP) & _64
        for shift, factor in MIXING:
            bits = ((bits ^ (bits >> shift)) * factor) & _64
        seed = bits
    return seed


class Drop(NamedTuple):
    """Neighbouring entries of a sample, each of which is dropped with the same probability, or else scaled.

    Attributes:
        seed: from 0 to below 2**64.
        first: the number of the first of them, among all entries of the sample that may be dropped.
        entries: how many there are.
        p: the probability, from 0 to below 1.

    >>> Drop(5, 0, 4, 0.5).factors(step=0, sample=2)
    [2.0, 0.0, 2.0, 0.0]
    """

    seed: int
    first: int
    entries: int
    p: float

    @property
    def least(self) -> int:
        """The smallest hash of an entry that is kept: its upper 53 bits, as a number from 0 to 1, are at least p."""
        return math.ceil(self.p * 2.0**53) << 11

    @property
    def kept(self) -> float:
        """The factor of what is kept."""
        return 1.0 / (1.0 - self.p)

    def factors(self, step: int, sample: int) -> list[float]:
        """What the entries are multiplied by in the sample at that place of its batch, after that many steps."""
        row, least, kept = hashed(self.seed, step, sample), self.least, self.kept
        return [kept if hashed(row, unit) >= least else 0.0 for unit in range(self.first, self.first + self.entries)]


class Masks(NamedTuple):
    """Columns of a batch that are factors of dropout, drawn anew for each step.

    Attributes:
        drops: of one sample, in the order of the columns.
        column: the first of these, among all inputs of a sample.
        step: how many steps were made before.
    """

    drops: tuple[Drop, ...]
    column: int
    step: int

    @property
    def end(self) -> int:
        """The column after the last one."""
        return self.column + sum([drop.entries for drop in self.drops])

    def meets(self, start: int, stop: int) -> bool:
        """Whether some of them are among the columns from `start` to `stop`."""
        return start < self.end and self.column < stop

    def drawn(self, rows: Any, later: int = 0) -> Any:
        """The samples of a batch with their masks: an array or lists of rows, as they were given.

        Args:
            rows: in which other numbers stand in the columns.
            later: which step it is, counted from the first one.
        """
        step = self.step + later
        if isinstance(rows, list):
            factors = [[x for drop in self.drops for x in drop.factors(step, k)] for k in range(len(rows))]
            return [[*row[: self.column], *own, *row[self.end :]] for row, own in zip(rows, factors)]
        import numpy as np

        found, column, samples = rows.copy(), self.column, np.arange(len(rows), dtype=np.uint64)
        for drop in self.drops:
            keys = hashed(hashed(drop.seed, step), samples)[:, None]
            hashes = hashed(keys, np.arange(drop.first, drop.first + drop.entries, dtype=np.uint64))
            found[:, column : column + drop.entries] = np.where(hashes >= drop.least, drop.kept, 0.0)
            column += drop.entries
        return found
