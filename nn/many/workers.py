"""What fit_many does over an executor: the nets are trained by workers, which are sent all that they need."""

from __future__ import annotations

import pickle
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from .executors import Jobs, MakeExecutor
from .job import Job

if TYPE_CHECKING:
    from .workbench import Make


class Recipe(NamedTuple):
    """What all workers need."""

    make: Make
    X: Any
    y: Any
    options: dict[str, Any]


def over(
    executor: Executor | MakeExecutor, recipe: Recipe, jobs: Sequence[Job], done: Callable[[int, Any], None]
) -> dict[int, str]:
    """Run all jobs; return those that were lost, and why."""
    stored: bytes | None = None

    def submit(pool: Executor, places: Sequence[int]) -> Any:
        nonlocal stored
        part = [jobs[place] for place in places]
        if type(pool) is ThreadPoolExecutor:
            return pool.submit(_rows_of, recipe, part, "")
        if stored is None:
            _check_pickles(recipe, jobs)
            stored = pickle.dumps(recipe)
        return pool.submit(_rows_of, stored, part, uuid.uuid4().hex)

    runner = Jobs(executor, submit, done)
    runner.run(len(jobs))
    return runner.lost


def _check_pickles(recipe: Recipe, jobs: Sequence[Job]) -> None:
    """Raise a PicklingError that names what cannot be sent to another process, and says why."""
    things = [("make", recipe.make), ("the data", (recipe.X, recipe.y)), *recipe.options.items()]
    things += [(f"configuration {place}", job) for place, job in enumerate(jobs)]
    for what, thing in things:
        _check_pickle(what, thing)


def _check_pickle(what: str, thing: Any) -> None:
    try:
        pickle.dumps(thing)
    except Exception as error:
        raise pickle.PicklingError(
            f"workers are sent {what} by pickle, which cannot store it ({error}): define functions at the top level of "
            "a module, no lambdas and none inside others, or take a ThreadPoolExecutor, or no executor"
        ) from error


_own = threading.local()
"""For each thread of a worker: its last recipe, and the workbench for it, whose programs must not be shared."""


def _rows_of(recipe: Recipe | bytes, jobs: Sequence[Job], submission: str) -> list[dict[str, Any]]:
    """What a worker does.

    Args:
        recipe: what all workers need, or that as pickle stores it.
        jobs: the configurations.
        submission: different for each: if the same is submitted twice, Dask gives the first result again, even if that
            was the death of a worker which another configuration had killed.
    """
    from .workbench import Workbench

    last = getattr(_own, "recipe", None)
    if not (last is recipe or (isinstance(recipe, bytes) and last == recipe)):
        try:
            _own.bench = Workbench(*(pickle.loads(recipe) if isinstance(recipe, bytes) else recipe))
        except Exception as error:
            raise RuntimeError(
                f"the worker cannot read what it was sent ({error}): define make in a module that it can import, not "
                "in a notebook or at the prompt"
            ) from error
        _own.recipe = recipe
    return list(_own.bench.rows(jobs))
