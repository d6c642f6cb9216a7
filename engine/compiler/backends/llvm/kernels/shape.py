"""The shape of vectors and blocks: how a kernel takes the samples, many at a time or one by one."""

from __future__ import annotations

from dataclasses import dataclass

CACHES = 32 * 1024, 512 * 1024
"""Bytes that the first and the second cache of nearly every core of the last ten years have at least."""


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
        """How many bytes that many numbers take."""
        return numbers * self.bits // 8
