"""Calls of a compiled function that are like the last one, in a shorter way: what cannot have changed is not looked at.

Such a call gives None, having done nothing, where it is not like the last one after all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...modes import open_modes
from ..batch import Batch, in_shape
from ..specialisation import Specialisation

FEW = 3
"""After so many calls of one shape in a row it is worth while to prepare more of them."""


class Direct:
    """Calls on samples of the shape of the last ones, which are read where they are.

    Of the function's one argument nothing is required, and it has been compared with the eager engine before.
    """

    def __init__(self) -> None:
        self._last: Any = None  # program and number of samples of the last call
        self._row = 0  # of calls like it
        self._ready: tuple[Specialisation, Callable[[Any, Any], Any]] | None = None

    def __call__(self, X: Any, is_current: Callable[[Specialisation], bool]) -> Any:
        """The results for samples; None for all that needs a closer look."""
        ready = self._ready
        if ready is None or open_modes:
            return None
        special, run = ready
        if not is_current(special):
            return None
        found = run(special.leaves.numbers(), X)
        return None if found is None else in_shape(found, special.signature.shape)

    def note(self, special: Specialisation, batch: Batch) -> None:
        """A call was made the long way."""
        last = special, batch.size
        if last != self._last:
            self._last, self._row, self._ready = last, 0, None
        self._row += 1
        if self._row == FEW and batch.size and not special.requirements.arguments and not special.asked:
            run = special.program("outputs").fitting(batch.size).direct((batch.size, *batch.shapes[0]))
            self._ready = None if run is None else (special, run)


def of_the_same(
    special: Specialisation, batch: Batch, is_current: Callable[[], bool], means: bool
) -> Callable[..., Any] | None:
    """What gives the results of these samples as often as one likes, with the numbers that parameters have then.

    It may be told `current=True` by whom has just seen that the function is what it was: then it does not look.

    Args:
        special: of the function.
        batch: the samples.
        is_current: whether it is still what the function does; if not, None is given.
        means: whether a list of the means of the results is wanted; else what is given is overwritten the next time.
    """
    run = special.program("outputs").fitting(batch.size).repetition(batch.arrays, batch.size, means)
    if run is None:
        return None
    leaves, shape = special.leaves, () if means else special.signature.shape

    def again(current: bool = False) -> Any:
        if not (current or is_current()):
            return None
        found = run(leaves.numbers())
        return found if means else in_shape(found, shape)

    return again
