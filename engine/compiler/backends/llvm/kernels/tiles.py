"""Tiles: how a loop over rows or vectors is cut into pieces whose sums stay in registers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from ..ir.builder import Code
from .kernel import Index

Spans: TypeAlias = "list[tuple[AbstractContextManager[Index], int]]"
"""Loops over tiles, each a context that gives the first index of a tile, with the size of its tiles."""


@contextmanager
def _span(code: Code, start: int, stop: int, size: int) -> Iterator[Index]:
    """Over tiles of one size; a single one needs no loop."""
    if stop - start == size:
        yield None, start
    else:
        with code.loop(start, stop, size) as first:
            yield first, 0


def tiles(code: Code, count: int, most: int) -> Spans:
    """Tiles of just the size `most`, and one for the rest.

    >>> [size for _, size in tiles(Code("f", 64, 4, []), 128, 6)]
    [6, 2]
    """
    size = min(most, count)
    rest = count % size
    spans: Spans = [(_span(code, 0, count - rest, size), size)]
    if rest:
        spans.append((_span(code, count - rest, count, rest), rest))
    return spans


def even_tiles(code: Code, count: int, most: int) -> Spans:
    """As few tiles as possible, whose sizes differ by one at most: a small last tile would wait for itself.

    >>> [size for _, size in even_tiles(Code("f", 64, 4, []), 128, 6)]
    [6, 5]
    """
    return [(_span(code, start, stop, size), size) for start, stop, size in even_cuts(count, most)]


def even_cuts(count: int, most: int) -> list[tuple[int, int, int]]:
    """The same as ranges, each with the size of its tiles.

    >>> even_cuts(128, 6)
    [(0, 108, 6), (108, 128, 5)]
    """
    if not count:
        return []
    size, larger = divmod(count, -(-count // most))
    first = larger * (size + 1)
    return [cut for cut in ((0, first, size + 1), (first, count, size)) if cut[0] < cut[1]]
