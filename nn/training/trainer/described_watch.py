"""A watch over what describes itself: it puts off the walk through all the code, a fifth of a start from the cache."""

from __future__ import annotations

from collections.abc import Callable

from engine import Guards

from .model_watch import ModelWatch


class DescribedWatch:
    """A model and a loss that describe themselves, as they were.

    The first time that `holds` is asked, their description is compared: in a training of one epoch nobody asks again.
    The second time a watch is made.

    Args:
        watch: makes the watch.
        is_as_described: whether the description is still that of the program.
    """

    def __init__(self, watch: Callable[[], ModelWatch], is_as_described: Callable[[], bool]) -> None:
        self._make, self._is_as_described = watch, is_as_described
        self._watch: ModelWatch | None = None
        self._is_asked = False
        self._was_same = True  # when the watch began

    def holds(self, now: float) -> bool:
        """Whether nothing has changed; see `ModelWatch.holds`."""
        if self._watch is None and not self._is_asked:
            self._is_asked = True
            return self._is_as_described()
        return self._watched.holds(now) and self._was_same

    def holds_entirely(self) -> bool:
        """Whether nothing has changed, near or far."""
        return self._watched.holds_entirely() and self._was_same

    def holds_outside(self) -> bool:
        """Whether nothing that is read from elsewhere has changed, for a model that nobody else has."""
        return self._watched.holds_outside() and self._was_same

    def guards(self, until: float) -> Guards:
        """A check of all of that; see `ModelWatch.guards`."""
        watch = self._watched
        return watch.guards(until if self._was_same else float("-inf"))

    @property
    def late(self) -> str:
        """What has changed, if steps may have used what was there before; see `ModelWatch`."""
        return "" if self._watch is None else self._watch.late

    @property
    def _watched(self) -> ModelWatch:
        if self._watch is None:
            self._watch = self._make()
            self._was_same = self._is_as_described()  # what changes from now on, the watch sees
        return self._watch
