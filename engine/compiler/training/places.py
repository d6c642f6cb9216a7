"""Where the Values of an optimiser, or of a caller, stand among the leaves of a loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...value import Value
from ..values.places import places_among, same_objects


def places_of(params: Sequence[Value], leaves: Sequence[Value]) -> slice | list[int] | None:
    """The places of the parameters among the leaves, a slice for all of them; None if one is not there."""
    if same_objects(leaves, params):  # as in most networks
        return slice(None)
    return places_among(params, leaves)


def frozen(places: slice | list[int], count: int) -> list[int]:
    """The indices, below a count, of the leaves that the optimiser does not update.

    >>> frozen(slice(None), 3), frozen([2, 0], 4)
    ([], [1, 3])
    """
    return [] if isinstance(places, slice) else sorted({*range(count)}.difference(places))


class Common:
    """What the leaves of a loss have in common with other Values, for one who asks about the same ones each time."""

    def __init__(self, leaves: Sequence[Value]) -> None:
        self._leaves = leaves
        self._last: tuple[Sequence[Value], Any] = ((), None)  # the Values that were asked for last, and the answer

    def with_values(self, values: Sequence[Value]) -> Any:
        """Which leaves are among these Values, the same object each time, and where.

        Slices stand for all leaves, and for the first places.
        """
        import numpy as np

        if self._last[0] is not values:
            place = {value: k for k, value in enumerate(values)}
            known = [(k, place[leaf]) for k, leaf in enumerate(self._leaves) if leaf in place]
            leaves, given = np.array(known, np.int64).reshape(-1, 2).T
            every = slice(len(self._leaves))
            of_all = len(known) == len(self._leaves)
            in_order = of_all and all(k == there for k, there in known)
            self._last = values, (every if of_all else leaves, every if in_order else given)
        return self._last[1]
