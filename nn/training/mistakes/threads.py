"""Two threads that train the same parameters at a time: steps of one would be lost."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ...optimisers.base import Optimizer


class _Training(NamedTuple):
    process: int  # which may be forked meanwhile
    thread: int
    optimizer: Optimizer

    def is_disturbed_by(self, other: _Training) -> bool:
        if other.process != self.process or other.thread == self.thread:
            return False
        return other.optimizer is self.optimizer or not {*self.optimizer.params}.isdisjoint(other.optimizer.params)


_now: list[_Training] = []
"""In the order in which they began."""


@contextmanager
def alone(optimizer: Optimizer) -> Iterator[None]:
    """A context in which no other thread enters one of the same parameters; this thread may, as in a callback.

    Raises:
        RuntimeError: another thread is in one.
    """
    training = _Training(os.getpid(), threading.get_ident(), optimizer)
    _now.append(training)  # before the look: of two that come at a time, one sees the other
    try:
        began = [*_now]
        if any(map(training.is_disturbed_by, began[: began.index(training)])):
            raise RuntimeError(
                "another thread trains parameters of this optimizer now, and steps of one of them would be lost: give "
                "each a model and an optimizer of its own, as by copy.deepcopy((model, optimizer))"
            )
        yield
    finally:
        _now.remove(training)
