"""Every executor gives the same rows, and a worker that dies is blamed on one configuration."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import nn
from nn.many.executors import Jobs
from tests.needs import needs

from .nets import CONFIGS, X, Y, make, spawning, without_seconds


def make_deadly(hidden: int, lr: float, momentum: float, seed: int) -> Any:
    if seed == 13:
        os._exit(1)
    return make(hidden, lr, momentum, seed)


def test_every_executor_gives_the_same_rows() -> None:
    schedule = nn.schedules.cosine(0.1, steps=20)
    options: dict[str, Any] = {"epochs": 3, "validation": 0.2, "seed": 5, "schedule": schedule}
    rows = nn.fit_many(make, CONFIGS, X, Y, **options)
    assert all(row["error"] is None and 0.0 <= row["validation_accuracy"] <= 1.0 for row in rows)
    with ThreadPoolExecutor(3) as threads:
        in_threads = nn.fit_many(make, CONFIGS, X, Y, executor=threads, **options)
    in_processes = nn.fit_many(make, CONFIGS, X, Y, executor=spawning, **options)
    assert without_seconds(in_threads) == without_seconds(in_processes) == without_seconds(rows)


def test_lokys_executor_gives_the_same_rows() -> None:
    with needs("joblib.externals.loky").get_reusable_executor(2) as pool:
        rows = nn.fit_many(make, CONFIGS[:3], X, Y, epochs=2, executor=pool)
    assert without_seconds(rows) == without_seconds(nn.fit_many(make, CONFIGS[:3], X, Y, epochs=2))


def test_an_executor_that_is_shut_down_says_so() -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        nn.fit_many(make, CONFIGS, X, Y, executor=pool)


def test_ctrl_c_over_an_executor_keeps_the_rows_that_are_there() -> None:
    def interrupt(state: nn.Progress) -> None:
        raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as threads:
        rows = nn.fit_many(make, CONFIGS[:3], X, Y, epochs=1, executor=threads, progress=interrupt)
    assert [row["error"] for row in rows] == [None, "interrupted", "interrupted"]


def test_a_dead_worker() -> None:
    configs = [{**CONFIGS[0], "seed": seed} for seed in (1, 13, 2, 3)]
    rows = nn.fit_many(make_deadly, configs, X, Y, epochs=2, executor=spawning)
    assert [row["error"] is None for row in rows] == [True, False, True, True]
    assert "this configuration is to blame" in rows[1]["error"]
    assert np.isnan(rows[1]["loss"])
    good = [config for config in configs if config["seed"] != 13]
    expected = without_seconds(nn.fit_many(make, good, X, Y, epochs=2))
    assert without_seconds([rows[0], *rows[2:]]) == expected

    with spawning() as pool:
        rows = nn.fit_many(make_deadly, configs, X, Y, epochs=2, executor=pool)
    assert "configurations ran: " in rows[1]["error"]
    named = rows[1]["error"].partition("ran: ")[2].partition(".")[0]
    assert 1 in map(int, named.split(", "))
    assert "Give a function that makes the executor" in rows[1]["error"]
    for place, row in enumerate(rows):
        ran = str(place) in named.split(", ")
        assert ran == ("configurations ran" in (row["error"] or ""))
        assert ran or row["error"] is None or row["error"].startswith("not run")


class Refusing(Executor):
    """An executor whose workers nobody reaches."""

    def submit(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("something was submitted")


def test_what_cannot_be_pickled_is_refused_first() -> None:
    with pytest.raises(pickle.PicklingError, match=r"workers are sent make by pickle.*top level of a module"):
        nn.fit_many(lambda **config: make(**config), CONFIGS, X, Y, executor=Refusing())
    with pytest.raises(pickle.PicklingError, match="workers are sent schedule by pickle"):
        nn.fit_many(make, CONFIGS, X, Y, executor=Refusing(), schedule=lambda k: 0.1)
    with pytest.raises(pickle.PicklingError, match="workers are sent configuration 1 by pickle"):
        nn.fit_many(make, [CONFIGS[0], {**CONFIGS[1], "lr": lambda: 0}], X, Y, executor=Refusing())
    with ThreadPoolExecutor(2) as threads:  # where nothing is sent
        (row,) = nn.fit_many(lambda **config: make(**config), CONFIGS[:1], X, Y, epochs=1, executor=threads)
    assert row["error"] is None


class Broken(Executor):
    """One that takes so many parts, which it never runs, and breaks."""

    _max_workers = 3

    def __init__(self, takes: int) -> None:
        self.taken: list[Future[Any]] = []
        self.takes = takes

    def submit(self, *_: Any, **__: Any) -> Any:
        if len(self.taken) == self.takes:
            for future in self.taken:
                future.set_exception(BrokenExecutor("the power is out"))
            raise BrokenExecutor("the power is out")
        self.taken.append(Future())
        return self.taken[-1]


def test_an_executor_that_breaks() -> None:
    with pytest.raises(BrokenExecutor, match="the power is out"):
        nn.fit_many(make, CONFIGS, X, Y, executor=Broken(0))
    rows = nn.fit_many(make, CONFIGS, X, Y, executor=Broken(2))
    assert ["these configurations ran: 0, 1" in row["error"] for row in rows] == [True] * 2 + [False] * 6
    assert all(row["error"].startswith("not run, since the executor broke before") for row in rows[2:])


class Late(Future[Any]):
    """One that has not ended when another has, and then is broken too."""

    def result(self, timeout: float | None = None) -> Any:
        raise BrokenExecutor("the power is out")


class Dead(Executor):
    """One whose workers have died; the first future tells that at once."""

    def __init__(self, workers: int) -> None:
        self._max_workers, self.futures = workers, list[Future[Any]]()

    def submit(self, *_: Any, **__: Any) -> Any:
        self.futures.append(Late() if self.futures else Future())
        if len(self.futures) == 1:
            self.futures[0].set_exception(BrokenExecutor("the power is out"))
        return self.futures[-1]


def test_no_more_jobs_are_submitted_than_can_run_and_all_of_these_are_named() -> None:
    rows = nn.fit_many(make, CONFIGS[:4], X, Y, executor=Dead(2))
    assert ["while these configurations ran: 0, 1." in row["error"] for row in rows] == [True, True, False, False]
    assert all(row["error"].startswith("not run") for row in rows[2:])


def test_jobs_that_are_submitted_together_are_told_one_by_one() -> None:
    done: dict[int, str] = {}

    def submit(pool: Executor, numbers: Any) -> Future[list[str]]:
        parts.append(len(numbers))
        return pool.submit(lambda: [f"job {job}" for job in numbers])

    parts: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        Jobs(pool, submit, done.__setitem__).run(9)
    assert parts == [2, 2, 2, 2, 1]
    assert done == {job: f"job {job}" for job in range(9)}


def test_an_executor_that_is_given_stays_open_and_one_that_is_made_does_not() -> None:
    pools: list[Executor] = []

    def threads() -> Executor:
        pools.append(ThreadPoolExecutor(1))
        return pools[-1]

    with ThreadPoolExecutor(1) as given:
        for executor in (given, threads):
            nn.fit_many(make, CONFIGS[:1], X, Y, epochs=1, executor=executor)
        assert given.submit(int).result() == 0
    with pytest.raises(RuntimeError, match="after shutdown"):
        pools[0].submit(int)


class Mortal(Executor):
    """One whose only worker runs two submissions, and dies when nobody is looking."""

    _max_workers = 1

    def __init__(self) -> None:
        self.left = 2

    def submit(self, function: Any, *arguments: Any) -> Any:
        if not self.left:
            raise BrokenExecutor("the power is out")
        self.left -= 1
        future = Future[Any]()
        future.set_result(function(*arguments))
        return future


def test_a_worker_that_dies_behind_its_result_takes_no_row_with_it() -> None:
    """All rows were lost in an error."""
    rows = nn.fit_many(make, CONFIGS[:4], X, Y, epochs=1, executor=Mortal())
    expected = without_seconds(nn.fit_many(make, CONFIGS[:4], X, Y, epochs=1))
    assert without_seconds(rows[:2]) == expected[:2]
    assert [row["error"] for row in rows[2:]] == ["not run, since the executor broke before: the power is out"] * 2
    assert without_seconds(nn.fit_many(make, CONFIGS[:4], X, Y, epochs=1, executor=Mortal)) == expected
    with pytest.raises(BrokenExecutor, match="the power is out"):
        nn.fit_many(make, CONFIGS, X, Y, executor=lambda: Broken(0))


class Unreadable:
    """What can be sent to another process and not be read there."""

    def __call__(self, **config: Any) -> Any:
        return make(**config)

    def __reduce__(self) -> Any:
        return _fails, ()


def _fails() -> None:
    raise ModuleNotFoundError("No module named 'prompt'")


class InThreads(ThreadPoolExecutor):
    """Stands for another machine: what it runs is sent there."""


def test_what_runs_again_is_another_submission() -> None:
    """Dask, asked twice for the same, gives the first result: an innocent configuration was blamed for a death."""

    class Noting(InThreads):
        def submit(self, function: Any, *arguments: Any) -> Any:
            submitted.append(pickle.dumps(arguments))
            return super().submit(function, *arguments)

    submitted: list[bytes] = []
    for _ in range(2):
        with Noting(1) as pool:
            nn.fit_many(make, CONFIGS[:1], X, Y, epochs=1, executor=pool)
    assert len({*submitted}) == 2


def test_what_a_worker_cannot_read() -> None:
    with InThreads(1) as pool:
        rows = nn.fit_many(Unreadable(), CONFIGS[:2], X, Y, executor=pool)
    for row in rows:
        assert "these configurations ran" in row["error"]
        assert "the worker cannot read what it was sent (No module named 'prompt'): define make in a" in row["error"]


def test_an_error_in_progress_ends_it() -> None:
    def report(state: nn.Progress) -> None:
        raise RuntimeError("no room to show it")

    with ThreadPoolExecutor(1) as threads, pytest.raises(RuntimeError, match="no room to show it"):
        nn.fit_many(make, CONFIGS, X, Y, epochs=1, executor=threads, progress=report)


class Fragile(Executor):
    """One whose two workers both die once job 1 runs beside another, and again when it runs alone."""

    _max_workers = 2

    def __init__(self) -> None:
        self.running: list[tuple[Future[list[str]], Any]] = []
        executors.append(self)

    def submit(self, numbers: Any) -> Future[list[str]]:
        future = Future[list[str]]()
        self.running.append((future, numbers))
        if list(numbers) == [0] and len(executors) == 1:
            return future  # until the other one kills it
        dies = list(numbers) == [1]
        for waiting, jobs in self.running:
            if not waiting.done() and dies:
                waiting.set_exception(BrokenExecutor("a worker died"))
            elif not waiting.done():
                waiting.set_result([f"job {job}" for job in jobs])
        return future


executors: list[Fragile] = []


def test_of_jobs_that_failed_together_each_runs_alone() -> None:
    done: dict[int, str] = {}
    executors.clear()
    jobs = Jobs(Fragile, lambda executor, numbers: executor.submit(numbers), done.__setitem__)
    jobs.run(3)
    assert done == {0: "job 0", 2: "job 2"}
    assert list(jobs.lost) == [1]
    assert "again with nothing else running: this configuration is to blame" in jobs.lost[1]
    assert len(executors) == 3, "a new one after the first death, and one after the second"


def test_an_error_in_a_report_cancels_what_has_not_begun() -> None:
    futures: list[Future[list[str]]] = [Future() for _ in range(3)]
    futures[1].set_result(["done"])

    def report(job: int, result: str) -> None:
        raise RuntimeError(f"no room to show that job {job} is {result}")

    jobs = Jobs(Broken(0), lambda _, numbers: futures[numbers[0]], report)
    with pytest.raises(RuntimeError, match="no room to show that job 1 is done"):
        jobs.run(3)
    assert [future.cancelled() for future in futures] == [True, False, True]
