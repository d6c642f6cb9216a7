"""Python's cyclic garbage collector, at rest while a graph is built: a graph is no garbage."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_resting = 0  # how many contexts in all threads want it at rest
_enabled = True  # what to go back to


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """No cyclic garbage collections inside, in any thread; afterwards it is as it was.

    Contexts may be nested, and open in several threads at a time: the last one that ends wakes the collector.

    >>> with collector_at_rest():
    ...     gc.isenabled()
    False
    """
    global _resting, _enabled
    counted = False
    try:
        with _lock:
            if not _resting:
                _enabled = gc.isenabled()
            _resting += 1
            counted = True  # no call in between: Ctrl-C finds it counted and known, or neither
            gc.disable()
        yield
    finally:
        with _lock:
            _resting -= counted
            if counted and not _resting and _enabled:
                gc.enable()
