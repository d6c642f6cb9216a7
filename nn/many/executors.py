"""Jobs over an executor, whoever made it; and which of them killed a worker."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Any, Generic, TypeAlias, TypeVar

from ..arguments import show

Result = TypeVar("Result")

MakeExecutor: TypeAlias = Callable[[], Executor]


class Jobs(Generic[Result]):
    """Runs jobs, numbered from 0.

    Args:
        executor: an executor, or a callable that makes one.
        submit: submits the jobs of the given numbers to an executor; the future's result has an entry for each.
        report: called with the number of each finished job, and its result.

    Attributes:
        lost: why a job has no result, by its number.

    Raises:
        TypeError: `executor` is neither.
    """

    def __init__(
        self,
        executor: Executor | MakeExecutor,
        submit: Callable[[Executor, Sequence[int]], Future[list[Result]]],
        report: Callable[[int, Result], object],
    ) -> None:
        made_here = isinstance(executor, type) or not hasattr(executor, "submit")
        if made_here and not callable(executor):
            raise TypeError(f"executor is one of concurrent.futures, or makes one when called, not {show(executor)}")
        given: Any = executor
        self._make: MakeExecutor | None = given if made_here else None
        self._executor: Executor = given() if made_here else given
        self._submit, self._report = submit, report
        self.lost: dict[int, str] = {}

    def run(self, count: int) -> None:
        """Run the first `count` jobs.

        Raises:
            BrokenExecutor: no job could be submitted.
        """
        waiting, running = deque(self._parts(count)), dict[Any, Sequence[int]]()
        try:
            self._go_through(waiting, running)  # no loop in here, see `engine.process.locks`
        finally:
            for future in running:
                future.cancel()
            if self._make:
                self._executor.shutdown()

    def _go_through(self, waiting: deque[range], running: dict[Any, Sequence[int]]) -> None:
        while waiting or running:
            self._submit_some(waiting, running)
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            failed, error = self._collected(done, running)
            if isinstance(error, BrokenExecutor):
                failed += self._collected(set(running), running)[0]  # all of them fail
            if error is None:
                continue
            if self._make:
                self._alone(failed, self._make)
            else:
                self._name_all(failed, error)
                if isinstance(error, BrokenExecutor):
                    self._give_up(waiting, error)

    def _submit_some(self, waiting: deque[range], running: dict[Any, Sequence[int]]) -> None:
        """Submit as many of the parts that wait as there is room for."""
        while waiting and len(running) < self._room():
            try:
                running[self._submitted(waiting[0])] = waiting[0]
            except BrokenExecutor as broken:
                if not running:
                    if waiting[0].start == 0:
                        raise
                    self._give_up(waiting, broken)
                return  # those that run will tell
            waiting.popleft()

    def _submitted(self, part: Sequence[int]) -> Future[list[Result]]:
        """Submit jobs; to a new executor if workers have died since the last ones, perhaps behind a result."""
        try:
            return self._submit(self._executor, part)
        except BrokenExecutor:
            if self._make is None:
                raise
            self._renew(self._make)
            return self._submit(self._executor, part)

    def _renew(self, make: MakeExecutor) -> None:
        self._executor.shutdown()
        self._executor = make()

    def _give_up(self, waiting: deque[range], error: BrokenExecutor) -> None:
        """Record for jobs that were not submitted why they are not run."""
        for part in waiting:
            self.lost.update(dict.fromkeys(part, f"not run, since the executor broke before: {error}"))
        waiting.clear()

    def _parts(self, count: int) -> list[range]:
        """Jobs that are submitted together: about four parts for each worker."""
        size = max(1, count // (4 * (self._workers() or os.cpu_count() or 1)))
        return [range(start, min(start + size, count)) for start in range(0, count, size)]

    def _workers(self) -> int | None:
        return getattr(self._executor, "_max_workers", None)  # nothing public tells

    def _room(self) -> float:
        """How many parts to submit at a time: as many as can start, if a dying worker takes others with it."""
        return self._workers() or float("inf")

    def _collected(self, futures: set[Any], running: dict[Any, Sequence[int]]) -> tuple[list[int], Exception | None]:
        """Collect results; return the jobs that have none, and the last reason why."""
        failed: list[int] = []
        reason: Exception | None = None
        for future in sorted(futures, key=lambda future: running[future][0]):
            part = running.pop(future)
            try:
                results = future.result()
            except Exception as error:
                failed += part
                reason = error
            else:
                for job, result in zip(part, results):
                    self._report(job, result)
        return failed, reason

    def _alone(self, jobs: Sequence[int], make: MakeExecutor) -> None:
        """Run each job again on its own, so that the one that fails is the culprit."""
        self._renew(make)
        for job in jobs:
            future = self._submitted([job])
            try:
                (result,) = future.result()
            except Exception as error:
                self.lost[job] = (
                    "its worker died or failed, and again with nothing else running: this configuration is to blame. "
                    f"{type(error).__name__}: {error}"
                )
                self._renew(make)
            else:
                self._report(job, result)

    def _name_all(self, jobs: Sequence[int], error: Exception) -> None:
        """Record for each job that it may be the culprit."""
        others = ", ".join(map(str, jobs))
        for job in jobs:
            self.lost[job] = (
                f"a worker died or failed while these configurations ran: {others}. Give a function that makes the "
                "executor, such as lambda: ProcessPoolExecutor(2), and each of them runs again alone. "
                f"{type(error).__name__}: {error}"
            )
