"""Python's cyclic garbage collector, at rest while a graph is built: a graph is not garbage."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .locks import Lock

_lock = Lock()
_resting: dict[object, int] = {}  # the thread of each open context
_enabled = True  # what to go back to


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """No cyclic garbage collections inside, in any thread; afterwards it is as it was.

    Contexts may be nested, and open in several threads at a time: the last one that ends wakes the collector.

    >>> with collector_at_rest():
    ...     gc.isenabled()
    False
    """
    global _enabled
    context, thread = object(), threading.get_ident()
    try:
        with _lock:
            if not _resting:
                _enabled = gc.isenabled()
            _resting[context] = thread  # no call in here but for the collector's: Ctrl-C comes before or after
            gc.disable()
        yield
    finally:
        try:
            _end(context)
        except KeyboardInterrupt:  # while it waited for the lock
            _end(context)
            raise


def _end(context: object) -> None:
    with _lock:
        if context in _resting:
            del _resting[context]
            if not _resting and _enabled:
                gc.enable()


def _in_child() -> None:
    """A forked child has only the thread that forked: the contexts of other threads would never end there."""
    if _resting:
        for context, thread in list(_resting.items()):
            if thread != threading.get_ident():
                del _resting[context]
        if not _resting and _enabled:
            gc.enable()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_in_child)
