"""Two threads that train with one optimiser at a time: steps of one would be lost."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ...optimisers.base import Optimizer

_training: dict[tuple[int, int], int] = {}
"""Which thread trains with an optimiser, by the process, which may be forked meanwhile, and the optimiser."""


@contextmanager
def alone(optimizer: Optimizer) -> Iterator[None]:
    """A context in which no other thread enters one of the same optimiser; this thread may, as in a callback.

    Raises:
        RuntimeError: another thread is in one.
    """
    key, here = (os.getpid(), id(optimizer)), threading.get_ident()
    if _training.get(key) == here:
        yield
        return
    if _training.setdefault(key, here) != here:
        raise RuntimeError(
            "another thread trains with this optimizer now, and steps of one of them would be lost: give each a model "
            "and an optimizer of its own, as by copy.deepcopy((model, optimizer))"
        )
    try:
        yield
    finally:
        del _training[key]
