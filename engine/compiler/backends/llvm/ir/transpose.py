"""Squares of numbers with rows and columns exchanged."""

from __future__ import annotations

from .builder import Code


def transpose(code: Code, rows: list[str], width: int) -> list[str]:
    """As many vectors of `width` numbers, number k of vector r being number r of row k.

    In each round, blocks twice as large swap corners.
    """
    bit = 1
    while bit < width:
        new = list(rows)
        for r in range(width):
            if not r & bit:
                a, b = rows[r], rows[r | bit]
                new[r] = code.shuffle(a, b, [k if not k & bit else width + k - bit for k in range(width)], width)
                new[r | bit] = code.shuffle(a, b, [k + bit if not k & bit else width + k for k in range(width)], width)
        rows = new
        bit *= 2
    return rows
