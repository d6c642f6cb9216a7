"""Shuffles of vectors: squares with rows and columns exchanged, and sums over the lanes."""

from __future__ import annotations

from collections.abc import Sequence

from .builder import Code
from .vector import Vector


def transpose(code: Code, rows: list[str], width: int) -> list[str]:
    """As many vectors of `width` numbers, in which number k of vector r is number r of row k."""
    bit = 1
    while bit < width:
        new = list(rows)
        for r in range(width):
            if not r & bit:
                new[r], new[r | bit] = _corners_swapped(code, rows[r], rows[r | bit], bit, width)
        rows = new
        bit *= 2
    return rows


def lane_sums(code: Code, vectors: Sequence[Vector]) -> str:
    """The sums over the lanes of 1, 2, 4, ... vectors, as one vector: rounds of pairs, then halves."""
    names, width, bit = [vector.name for vector in vectors], code.width, 1
    while len(names) > 1:
        pairs = [_corners_swapped(code, a, b, bit, width) for a, b in zip(names[::2], names[1::2])]
        names = [code.value(f"fadd {code.type()} {a}, {b}") for a, b in pairs]
        bit *= 2
    (name,) = names
    while width > len(vectors):
        half = width // 2
        low, high = (code.shuffle(name, name, range(k, k + half), width) for k in (0, half))
        name, width = code.value(f"fadd <{half} x {code.scalar}> {low}, {high}"), half
    return name


def horizontal_sum(code: Code, vector: Vector) -> str:
    """The sum of the lanes."""
    name = lane_sums(code, [vector])
    return name if code.width == 1 else code.value(f"extractelement <1 x {code.scalar}> {name}, i32 0")


def _corners_swapped(code: Code, a: str, b: str, bit: int, width: int) -> tuple[str, str]:
    """Two rows in blocks of `bit` lanes, with every second block of `a` exchanged for the one before it in `b`."""
    first = [k if not k & bit else width + k - bit for k in range(width)]
    second = [k + bit if not k & bit else width + k for k in range(width)]
    return code.shuffle(a, b, first, width), code.shuffle(a, b, second, width)
