"""Threads that help callers with their jobs: where they sleep, how they are woken, and how they end.

There is one crew per process. It helps one call at a time: another thread that calls meanwhile makes all parts itself,
so that there are never more threads at work than callers and helpers. A helper watches for a fraction of a millisecond
after its last job, so that the next one begins at once, and then sleeps.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from ..jit.library import Library
from . import fork_join as sharing
from .fork_join import ASLEEP, FIELDS, IDLE, LINE

PATIENCE = 10_000
"""How often a helper looks for a job before it goes to sleep: for some 200 microseconds."""

_RECENT = 200e-6  # seconds; where calls follow each other this closely, waking a helper pays


@functools.cache
def processors() -> int:
    """On how many processors this process may run, when it first asks."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return int(os.process_cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Helper:
    """One thread, started when it is first needed, and its line of memory.

    Args:
        place: the address of the line.
        part: which part of a job is this helper's.

    Attributes:
        line: the fields.
    """

    def __init__(self, place: int, part: int):
        self.line = memoryview((ctypes.c_int64 * FIELDS).from_address(place)).cast("B").cast("q")
        self._place, self._part = place, part
        give_way, nap, moment = _system()
        self._set(standing=ASLEEP, part=part, give_way=give_way, nap=nap, moment=moment)
        self._waker = threading.Lock()
        self._waker.acquire()
        self._thread: threading.Thread | None = None
        self._ending = False

    def wake(self) -> None:
        """Be there as soon as the system lets it, unless this helper rests; nothing if the system refuses."""
        if self._ending or self.line[_RESTING] > 0:
            return
        if self._thread is None:
            thread = threading.Thread(target=self._serve, name=f"stepgrad helper {self._part}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter is about to end
                self._ending = True
                return
            self._thread = thread
        self._set(standing=IDLE)
        self._waker.release()

    def end(self) -> None:
        """End the thread: now if it sleeps or watches, else after its part."""
        self._ending = True
        if self._thread is not None:
            with contextlib.suppress(RuntimeError):  # it has just been woken
                self._waker.release()
            self._thread.join(timeout=1.0)

    def _serve(self) -> None:
        help = _help()[1]
        while True:
            self._waker.acquire()
            if self._ending:
                return
            help(self._place, PATIENCE)

    def _set(self, **fields: int) -> None:
        for name, value in fields.items():
            self.line[LINE.index(name)] = value


_STANDING, _ENGAGED, _RESTING = (LINE.index(name) for name in ("standing", "engaged", "resting"))


class Crew:
    """The helpers of this process: one for each processor but the caller's."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """With new helpers, whom nobody has in use."""
        count, size = processors() - 1, 8 * FIELDS
        self._memory = ctypes.create_string_buffer((count + 1) * size)
        start = ctypes.addressof(self._memory)
        self._place = start + -start % size
        self._helpers = [Helper(self._place + k * size, k + 1) for k in range(count)]
        self._free = threading.Lock()
        self._left = 0.0  # when the last call ended

    def call(self, drive: Callable[..., float], parts: int, pays: bool, frame: int) -> float:
        """The result of ``drive(frame, lines)``, with helpers; without them if another thread has them.

        Args:
            drive: native code that shares its jobs with the helpers who have these lines, or with none.
            parts: of its jobs, at most as many as there are processors.
            pays: whether the call takes so long that waking helpers for it alone pays.
            frame: what the code is given.
        """
        if not self._free.acquire(False):
            return drive(frame, None)
        helpers = self._helpers[: parts - 1]
        try:
            for helper in helpers:
                helper.line[_ENGAGED] = 1  # from now on it does not fall asleep
                if helper.line[_STANDING] == ASLEEP and (pays or time.perf_counter() - self._left < _RECENT):
                    helper.wake()
            return drive(frame, self._place)
        finally:
            for helper in helpers:
                helper.line[_ENGAGED] = 0
            self._left = time.perf_counter()
            self._free.release()

    def end(self) -> None:
        """End all threads."""
        for helper in self._helpers:
            helper.end()


_crew: Crew | None = None
_lock = threading.Lock()


def crew() -> Crew:
    """The crew of this process."""
    global _crew
    if _crew is None:
        with _lock:
            _crew = _crew or Crew()
    return _crew


def _end() -> None:
    """When the interpreter ends: native code must not run any more when its memory is freed."""
    if _crew is not None:
        _crew.end()


def _begin() -> None:
    """In a forked process: threads do not come along, and locks may be held by those who did not."""
    global _lock
    _lock = threading.Lock()
    if _crew is not None:
        _crew.begin()


@functools.cache
def _help() -> tuple[Library, Any]:
    """The native function that helpers run."""
    library = Library(sharing.help_text())
    return library, ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(library.address("help"))


@functools.cache
def _system() -> tuple[int, int, int]:
    """The addresses of the system's functions that let another thread run and that sleep, and for it a moment."""
    if os.name == "nt":
        library, names, moment = ctypes.CDLL("kernel32"), ("SwitchToThread", "Sleep"), 1  # ms
    else:
        library, names, moment = ctypes.CDLL(None), ("sched_yield", "usleep"), 500  # us
    give_way, nap = (ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in names)
    return give_way, nap, moment


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)
