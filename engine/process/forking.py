"""Forks: locks that a child can use, and programs that are between two steps when the process forks.

A child has only the thread that forked. Locks that other threads held would stay held, so they are made anew in the
child. And what they were working on would stay half done, so before the fork each thread that makes steps comes to the
end of one, within a second.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from .locks import Lock

if TYPE_CHECKING:
    from threading import RLock

PATIENCE = 1.0
"""Seconds that a fork waits for steps to end."""

_locks: WeakValueDictionary[int, Any] = WeakValueDictionary()
_awaited: WeakValueDictionary[int, Any] = WeakValueDictionary()
_taken: list[Any] = []
_forks = 0  # how many are waiting


def new_lock(awaited: bool = False) -> RLock:
    """A reentrant lock that is free in a forked child.

    Args:
        awaited: whether a fork waits until the lock is free.
    """
    lock = Lock()
    _locks[id(lock)] = lock
    if awaited:
        _awaited[id(lock)] = lock
    return lock


def _alive(locks: WeakValueDictionary[int, Any]) -> list[Any]:
    """All locks of this moment, whatever other threads add meanwhile."""
    return [lock for reference in locks.valuerefs() if (lock := reference()) is not None]


def give_way(lock: RLock) -> None:
    """Release a held lock for a moment, between two steps, if another thread wants to fork."""
    if _forks:
        with lock:
            threading.Condition(lock).wait(0.01)


def _before() -> None:
    global _forks
    _forks += 1
    until = time.monotonic() + PATIENCE
    _taken.extend(lock for lock in _alive(_awaited) if lock.acquire(timeout=max(0.0, until - time.monotonic())))


def _after_in_parent() -> None:
    global _forks
    _forks -= 1
    while _taken:
        _taken.pop().release()


def _after_in_child() -> None:
    global _forks
    _forks = 0
    _taken.clear()
    for lock in _alive(_locks):
        lock._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
