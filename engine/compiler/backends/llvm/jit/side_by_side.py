"""Functions that are called at the same time: what they do is mostly LLVM's work, in which Python's lock is free."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


def side_by_side(*functions: Callable[[], Result]) -> list[Result]:
    """What functions without arguments give, called at the same time, each in a thread of its own.

    All have ended when it returns, or raises what one of them has raised. Ctrl-C ends the wait for them and nothing
    else: they end by themselves, and let go of the locks that they hold.
    """
    jobs = [_Job(function) for function in functions]
    for job in jobs:
        job.begin()
    for job in jobs:
        job.end()
    return [job.result() for job in jobs]


class _Job(threading.Thread, Generic[Result]):
    """A thread that keeps what a function gives, or raises."""

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
        """Let it be called in this thread, or here and now if the system refuses another one."""
        try:
            self.start()
        except RuntimeError:
            self.run()

    def end(self) -> None:
        """Wait for it."""
        if self.ident is not None:
            self.join()

    def result(self) -> Result:
        """What it gave, once it has ended."""
        if self._error is not None:
            raise self._error
        return self._found[0]
