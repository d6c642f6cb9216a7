"""The thread pool: its workers help callers with their jobs, sleep in between, and end with the interpreter.

There is one pool per process. It serves one call at a time: another thread that calls meanwhile makes all parts itself,
so that there are never more threads at work than callers and workers. After its last job a worker watches for a
fraction of a millisecond, so that the next job begins at once, and then sleeps.
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

from .....process.locks import Lock
from .....process.threads import OwnThread
from ..jit.machine_code import Library
from . import fork_join
from .fork_join import APART, ASLEEP, IDLE, WORKER

PATIENCE = 10_000
"""How often a worker looks for a job before it goes to sleep, which takes some 200 microseconds."""

_RECENT = 200e-6  # seconds; where calls follow each other this closely, waking a worker pays


@functools.cache
def processors() -> int:
    """The number of processors that this process may run on, when first asked."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return int(os.process_cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Worker:
    """One thread, started when it is first needed, and its line of memory.

    Args:
        place: the address of the line.
        part: the index of this worker's part of a job.

    Attributes:
        line: the fields.
    """

    def __init__(self, place: int, part: int):
        self.line = memoryview((ctypes.c_int64 * APART).from_address(place)).cast("B").cast("q")
        self._place, self._part = place, part
        give_way, nap, moment = _system()
        self._set(state=ASLEEP, part=part, give_way=give_way, nap=nap, moment=moment)
        self._waker = threading.Lock()
        self._waker.acquire()
        self._thread: threading.Thread | None = None
        self._ending = False

    def wake(self) -> None:
        """Wake the worker, unless it rests; do nothing if the system refuses a thread."""
        if self._ending or self.line[_RESTING] > 0:
            return
        if self._thread is None:
            _work()  # compiled here, since a thread that a forked child lacks must not hold the compiler's lock
            thread = OwnThread(self._serve, f"stepgrad worker {self._part}")
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter is about to end
                self._ending = True
                return
            self._thread = thread
        self._set(state=IDLE)
        self._waker.release()

    def end(self) -> None:
        """End the thread: now if it sleeps or watches, otherwise after its part."""
        self._ending = True
        if self._thread is not None:
            with contextlib.suppress(RuntimeError):  # it has just been woken
                self._waker.release()
            self._thread.join(timeout=1.0)

    def _serve(self) -> None:
        work = _work()[1]
        while True:
            self._waker.acquire()
            if self._ending:
                return
            work(self._place, PATIENCE)

    def _set(self, **fields: int) -> None:
        for name, value in fields.items():
            self.line[_PLACES[name]] = value


_PLACES = {name: k for k, name in enumerate(WORKER)}
_STATE, _ENGAGED, _RESTING = (_PLACES[name] for name in ("state", "engaged", "resting"))


class ThreadPool:
    """The workers of this process: one for each processor but the caller's."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start with new workers, which are free."""
        count, size = processors() - 1, 8 * APART
        self._memory = ctypes.create_string_buffer((count + 1) * size)
        start = ctypes.addressof(self._memory)
        self._place = start + -start % size
        self._workers = [Worker(self._place + k * size, k + 1) for k in range(count)]
        self._free = threading.Lock()
        self._left = 0.0  # when the last call ended

    def call(self, drive: Callable[..., float], parts: int, pays: bool, frame: int) -> float:
        """The result of ``drive(frame, lines)``, with workers; without if they are too few, or another thread has them.

        Args:
            drive: native code that shares its jobs with the workers of these lines, or with none.
            parts: how many parts its jobs have.
            pays: whether the call takes so long that waking workers for it alone pays.
            frame: the argument of the code.
        """
        workers = self._workers[: parts - 1]
        if len(workers) < parts - 1 or not self._free.acquire(False):
            return drive(frame, None)
        try:
            self._engage(workers, pays)  # no loop in here, see `engine.process.locks`
            return drive(frame, self._place)
        finally:
            for worker in workers:
                worker.line[_ENGAGED] = 0
            self._left = time.perf_counter()
            self._free.release()

    def _engage(self, workers: list[Worker], pays: bool) -> None:
        for worker in workers:
            worker.line[_ENGAGED] = 1  # from now on it does not fall asleep
            if worker.line[_STATE] == ASLEEP and (pays or time.perf_counter() - self._left < _RECENT):
                worker.wake()

    def end(self) -> None:
        """End all threads."""
        for worker in self._workers:
            worker.end()


_pool: ThreadPool | None = None
_lock = Lock()


def thread_pool() -> ThreadPool:
    """The thread pool of this process, made when it is first needed."""
    global _pool
    if _pool is None:
        with _lock:
            _pool = _pool or ThreadPool()
    return _pool


def _end() -> None:
    """When the interpreter ends: native code must not be running when its memory is freed."""
    if _pool is not None:
        _pool.end()


def _begin() -> None:
    """In a forked process: threads are not copied, and locks may be held by those left behind."""
    global _lock
    _lock = Lock()
    if _pool is not None:
        _pool.begin()


@functools.cache
def _work() -> tuple[Library, Any]:
    """The native function that workers run."""
    library = Library(plain=fork_join.worker_text())
    return library, ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(library.address("work"))


@functools.cache
def _system() -> tuple[int, int, int]:
    """The addresses of the system's functions that yield and that sleep, and for how long to sleep, in its unit."""
    if os.name == "nt":
        library, names, moment = ctypes.CDLL("kernel32"), ("SwitchToThread", "Sleep"), 1  # ms
    else:
        library, names, moment = ctypes.CDLL(None), ("sched_yield", "usleep"), 500  # us
    give_way, nap = (ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in names)
    return give_way, nap, moment


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)
