"""Of what types the numbers of samples are, for functions that ask: to these 1 is another number than 1.0."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, TypeAlias

from ..batch import Batch
from ..errors import TraceError

Types: TypeAlias = tuple[type[Any], ...]
"""Of the numbers of one sample, argument after argument."""


def types_of(batch: Batch, row: int = 0) -> Types:
    """Those of one sample.

    >>> from engine.compiler.batch import as_batch
    >>> types_of(as_batch([[[0, 0.5]], [True]], None))
    (<class 'int'>, <class 'float'>, <class 'bool'>)
    """
    if not batch.size:
        return (float,) * sum(map(math.prod, batch.shapes))
    return tuple(kind for given, shape in zip(batch.given, batch.shapes) for kind in _of(given, math.prod(shape), row))


def rows_of_types(batch: Batch, asked: Collection[int]) -> dict[Types, int]:
    """The types of some numbers of a sample, by position, as they are met in the samples; and where each is met first.

    >>> from engine.compiler.batch import as_batch
    >>> rows_of_types(as_batch([[0.1, 0.2, 0.3], [1, 2.5, 3]], None), {1})
    {(<class 'int'>,): 0, (<class 'float'>,): 1}
    """
    columns: list[Iterator[type[Any]]] = []
    start = 0
    for given, shape in zip(batch.given, batch.shapes):
        own = [position - start for position in sorted(asked) if 0 <= position - start < math.prod(shape)]
        if own and hasattr(given, "dtype"):
            columns += [repeat(given.dtype.type, batch.size) for _ in own]
        elif own:
            rows = [_types(sample) for sample in given]
            columns += [iter([row[place] for row in rows]) for place in own]
        start += math.prod(shape)
    found: dict[Types, int] = {}
    for row, kinds in enumerate(zip(*columns)):
        found.setdefault(kinds, row)
    return found


def _of(given: Any, width: int, row: int) -> Sequence[type[Any]]:
    return [given.dtype.type] * width if hasattr(given, "dtype") else _types(given[row])


def _types(sample: Any) -> list[type[Any]]:
    if isinstance(sample, (list, tuple)):
        return [kind for part in sample for kind in _types(part)]
    if getattr(sample, "shape", ()):
        return [sample.dtype.type] * sample.size
    return [type(sample)]


class Asked:
    """The numbers of a sample of which a function asks the type, and of what types they were when it was traced.

    Attributes:
        positions: of these numbers.
        met: their types; whatever else comes has to be traced.
    """

    def __init__(self, positions: Collection[int] = (), met: Collection[Types] = ()) -> None:
        self.positions, self.met = frozenset(positions), {*met}

    def __bool__(self) -> bool:
        return bool(self.positions)

    def together(self, other: Asked, batch: Batch) -> Asked:
        """All that is asked, of the types that a batch has."""
        positions = self.positions | other.positions
        return Asked(positions, rows_of_types(batch, positions))

    def covers(self, batch: Batch) -> bool:
        """Whether all of them are of types that were met."""
        return not self.positions or self.met >= rows_of_types(batch, self.positions).keys()


def several_types(function: str, kinds: Iterable[Types]) -> TraceError:
    """The error of a function that does not do the same for all numbers of a batch."""
    found = " and ".join(sorted({kind.__name__ for types in kinds for kind in types}))
    return TraceError(
        f"{function} asks of what type a number is, and is not known to do the same for these: {found}\n"
        "Give numbers of one type, as in an array or by [float(y) for y in labels]: another type is compiled anew."
    )
