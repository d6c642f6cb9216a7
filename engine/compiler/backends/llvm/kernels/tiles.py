"""Tiles: how a loop over rows or vectors is cut into pieces whose sums stay in registers."""

from __future__ import annotations

from ..ir.builder import Code
from .kernel import Index


class Span:
    """A loop over full tiles, or the one tile that needs no loop; as a context it gives the first index of a tile."""

    def __init__(self, code: Code, start: int, stop: int, step: int):
        self.single = stop - start == step
        self.start = start
        self.loop = None if self.single else code.loop(start, stop, step)

    def __enter__(self) -> Index:
        return (None, self.start) if self.loop is None else (self.loop.__enter__(), 0)

    def __exit__(self, *exception: object) -> None:
        if self.loop is not None:
            self.loop.__exit__(None, None, None)


def tiles(code: Code, count: int, most: int) -> list[tuple[Span, int]]:
    """Spans of tiles of just that size and of the rest, with the size of their tiles."""
    size = min(most, count)
    full = count // size * size
    spans = [(Span(code, 0, full, size), size)]
    if count - full:
        spans.append((Span(code, full, count, count - full), count - full))
    return spans


def even_tiles(code: Code, count: int, most: int) -> list[tuple[Span, int]]:
    """Spans of as few tiles as possible, whose sizes differ by one at most: a small last tile would wait for itself.

    >>> [(span.start, size) for span, size in even_tiles(Code("f", 64, 4, []), 128, 6)]
    [(0, 6), (108, 5)]
    """
    small, larger = divmod(count, -(-count // most))
    first = larger * (small + 1)
    spans = [(Span(code, 0, first, small + 1), small + 1)] if larger else []
    return [*spans, (Span(code, first, count, small), small)]
