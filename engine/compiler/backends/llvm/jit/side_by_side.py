"""Runs functions at the same time: most of their time is spent in LLVM, without the GIL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class SideBySide:
    """A context in which functions without arguments are called at the same time, each in a thread of its own.

    At its end all have ended, and an error of one of them is raised. Ctrl-C ends only the wait for them: they end by
    themselves, and release the locks that they hold.
    """

    def __init__(self) -> None:
        self._jobs: list[Job[Any]] = []

    def begin(self, function: Callable[[], Result]) -> Job[Result]:
        """Start a function, whose result is available after the context."""
        job = Job(function)
        self._jobs.append(job)
        job.begin()
        return job

    def __enter__(self) -> SideBySide:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None or isinstance(error, Exception):
            for job in self._jobs:
                job.end()
        if error is None:
            for job in self._jobs:
                job.result()


class Job(threading.Thread, Generic[Result]):
    """A thread that keeps what a function returns or raises."""

    def __init__(self, function: Callable[[], Result]):
        super().__init__(name="stepgrad compiler")
        self._function = function
        self._found: list[Result] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """Call it."""
        try:
            self._found.append(self._function())
        except BaseException as error:  # raised again by `result`
            self._error = error

    def begin(self) -> None:
        """Start the thread; call the function here and now if the system refuses another one."""
        try:
            self.start()
        except RuntimeError:
            self.run()

    def end(self) -> None:
        """Wait for it."""
        if self.ident is not None:
            self.join()

    def result(self) -> Result:
        """What it returned, once it has ended."""
        if self._error is not None:
            raise self._error
        return self._found[0]
