"""fit_many: a net for each configuration, nets of one structure by one program."""

from __future__ import annotations

import copy
import inspect
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ..arguments import known_backend, random_source, show, whole_number
from ..data.splits import chosen
from ..data.tables import paired, same_rows
from ..elsewhere import explained
from ..evaluation.labels import strata
from ..evaluation.metrics import Metric
from ..layers.module import Module
from ..training.checks import check_patience
from ..training.mistakes.idle import warn_of_epochs, warn_of_zeros
from ..training.progress import Progress, Reporter, reporting
from ..training.validation import given_validation, held_out
from ..training.weighting import weights_of
from .executors import MakeExecutor
from .job import Job, own_lists
from .workers import Recipe, over

if TYPE_CHECKING:
    from .workbench import Make

OWN = ("seed", "epochs", "batch_size")
"""The keys of a configuration that are `fit`'s own."""


@explained
def fit_many(
    make: Make,
    configs: Iterable[Mapping[str, Any]],
    X: Any,
    y: Any,
    epochs: int = 10,
    batch_size: int | None = 32,
    *,
    executor: Executor | MakeExecutor | None = None,
    seed: int = 0,
    progress: bool | Reporter = False,
    validation: Any = None,
    metrics: str | Metric | Sequence[str | Metric] | None = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    schedule: Callable[[int], float] | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    sample_weight: Any = None,
    class_weight: Mapping[Any, float] | str | None = None,
    shuffle: bool = True,
    backend: str = "auto",
    dtype: str = "float64",
    threads: int = 1,
) -> list[dict[str, Any]]:
    """Train a net for each configuration, as `nn.fit` would, and return a table of the results.

    All nets of one structure (the same modules, activations, loss and kind of optimiser) are trained by one program.
    The numbers are the same for every executor, and equal those of `fit` on the data as it is at the call. The nets
    that `make` returns are left as they were, so they may share parameters, and each starts from the numbers it was
    made with: to have the best one, train it with `fit`. Several nets may be made before the first of them is trained,
    and one that fails is made again, so `make` must return the same net for the same configuration. A net that fails
    has its error in its row; the others go on. Ctrl-C returns the rows so far.

    Args:
        make: called as ``make(**config)``, returns a model, its loss and its optimiser. The keys `seed`, `epochs`
            and `batch_size` are passed on only if they are among its parameters; draw the first weights from `seed`.
        configs: a dict for each net; the keys `seed`, `epochs` and `batch_size` are `fit`'s own. Of lists and dicts in
            it `make` gets copies, which it may change.
        X: the samples.
        y: as many labels.
        epochs: how often to go through the data, for configurations that do not say.
        batch_size: samples in a batch, likewise; None for all of them.
        executor: runs the trainings: any executor with the interface of `concurrent.futures` (processes, threads,
            loky's, ``client.get_executor()`` of Dask, or, as Ray has none, a subclass of `Executor` with
            ``submit(self, function, *arguments)`` returning ``ray.remote(function).remote(*arguments).future()``), or
            a callable that makes one, such as ``lambda: ProcessPoolExecutor(2)``; None trains one net after another.
            When a worker dies, the row of each configuration that was running names all of these, and those not yet
            started are not run; a callable makes a new executor, in which each of them runs again alone, so that only
            the culprit has an error.
        seed: chooses the samples that are held out; and with the place of a configuration in the list, its seed, where
            it has none of its own.
        progress: True for a bar on a terminal and plain lines elsewhere, or a callable that takes an `nn.Progress`
            after each net.
        validation: `(X, y)`, or the share of samples to hold out, the same ones for all nets.
        metrics: as for `fit`.
        patience: as for `fit`; the row is that of the best epoch.
        min_delta: as for `fit`.
        schedule: as for `fit`.
        clip_norm: as for `fit`.
        clip_value: as for `fit`.
        sample_weight: as for `fit`.
        class_weight: as for `fit`.
        shuffle: as for `fit`.
        backend: as for `fit`.
        dtype: as for `fit`.
        threads: as for `fit`; of each net.

    Returns:
        A row for each configuration, in their order, as a dict of the configuration, its `seed`, the `loss` of the last
        epoch, `validation_loss` and metrics such as `validation_accuracy` if there is validation, the `seconds` it
        took, and its `error`, or None; what an error prevented is nan. `pandas.DataFrame` takes the list as it is.

    Raises:
        TypeError: if `make` cannot be called, a configuration is not a dict, has a `random.Random` as its seed or an
            iterator, or `executor` is not an executor.
        ValueError: if there is no configuration, or one uses a key that rows have themselves; if X and y differ in
            length.
        PicklingError: if make, data, options or a configuration cannot be sent to the workers of an executor other
            than a `ThreadPoolExecutor`.

    >>> from nn import MLP, SGD, mse
    >>> def make(lr, seed):
    ...     model = MLP(1, [1], seed=seed)
    ...     return model, mse, SGD(model.parameters(), lr)
    >>> configs = [{"lr": lr, "seed": 1} for lr in (0.01, 0.5)]
    >>> rows = fit_many(make, configs, [[0.0], [1.0]], [1.0, 3.0], epochs=60)
    >>> [(row["lr"], round(row["loss"], 3), row["error"]) for row in rows]
    [(0.01, 0.994, None), (0.5, 0.0, None)]
    """
    if not callable(make) or isinstance(make, Module):
        raise TypeError(f"make must be a function that gives a model, a loss and an optimiser, not {show(make)}")
    known_backend(backend)
    epochs, seed = whole_number("epochs", epochs, least=1), whole_number("seed", seed, least=0)
    configs = [own_lists(dict(config) if isinstance(config, Mapping) else config) for config in configs]
    jobs = _jobs(make, configs, seed, epochs, batch_size)
    found: dict[int, dict[str, Any]] = {}
    lost: dict[int, str] = {}
    try:
        strata_of = partial(_strata, make, jobs[0])
        X, y, weights, validation = _data(X, y, sample_weight, class_weight, validation, seed, strata_of)
        check_patience(patience, min_delta, validation)
        _warn_of_schedule(schedule, jobs, len(X))
        options = {
            "validation": validation,
            "metrics": metrics,
            "patience": patience,
            "min_delta": min_delta,
            "schedule": schedule,
            "clip_norm": clip_norm,
            "clip_value": clip_value,
            "sample_weight": weights,
            "shuffle": shuffle,
            "backend": backend,
            "dtype": dtype,
            "threads": threads,
        }
        with reporting(progress) as reports:
            report = reports.epoch or reports.batch

            def done(place: int, row: dict[str, Any]) -> None:
                found[place] = row
                if report is not None:
                    report(Progress(len(found), len(jobs), 1, 1, row["loss"], _scores(row), "net"))

            if executor is None:
                from .workbench import Workbench

                bench = Workbench(make, X, y, options)
                for place, row in enumerate(bench.rows(jobs, together=not callable(progress))):
                    done(place, row)
                bench.close()
            else:
                lost.update(over(executor, Recipe(make, X, y, options), jobs, done))
        return _table(configs, jobs, found, lost)
    except KeyboardInterrupt:  # at whatever moment, the last one included
        return _table(configs, jobs, found, lost)


def _jobs(
    make: Make, configs: Sequence[Mapping[str, Any]], seed: int, epochs: int, batch_size: int | None
) -> list[Job]:
    """The configurations, checked; one without a seed gets one."""
    if not configs:
        raise ValueError("there are no configurations: give a dict for each net")
    kept = _not_passed_to(make)
    jobs = []
    for place, config in enumerate(configs):
        _check_config(place, config)
        own = {"epochs": epochs, "batch_size": batch_size, **config}
        if own.get("seed") is None:
            own["seed"] = random.Random(f"{seed}/{place}").getrandbits(32)
        arguments = {**config, "seed": own["seed"]}
        passed = {name: value for name, value in arguments.items() if name not in kept}
        jobs.append(Job(passed, *[own[name] for name in OWN]))
    return jobs


def _not_passed_to(make: Make) -> set[str]:
    """Which keys of a configuration are for `fit` alone, as they are not among the parameters of `make`."""
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):  # a callable without a signature takes what is not fit's
        return set(OWN)
    if any(p.kind == p.VAR_KEYWORD for p in parameters):
        return set()
    return set(OWN) - {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}


def _check_config(place: int, config: Any) -> None:
    """Refuse what is no configuration, or cannot be one of several.

    Raises:
        TypeError: it is not a dict, has an iterator, or a `random.Random` as its seed.
        ValueError: it has a key that rows have themselves.
    """
    if not isinstance(config, Mapping) or not all(isinstance(name, str) for name in config):
        raise TypeError(
            f"configuration {place} must be a dict with names as keys, not {show(config)}: for a table give the "
            'rows, as frame.to_dict("records") does'
        )
    for name in config:
        if hasattr(type(config[name]), "__next__"):
            raise TypeError(
                f"configuration {place} has an iterator as its {name!r}, which the first net made from it uses up: "
                "give a list"
            )
        if name in ("loss", "seconds", "error") or name.startswith("validation_"):
            raise ValueError(f"configuration {place} has the key {name!r}, which its row has itself: rename it")
    if isinstance(config.get("seed"), random.Random):
        raise TypeError(f"the seed of configuration {place} is a random.Random, which nets would share: give an int")


def _data(
    X: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Mapping[Any, float] | str | None,
    validation: Any,
    seed: int,
    strata_of: Callable[[Any], list[Any] | None],
) -> tuple[Any, Any, list[float] | None, Any]:
    """Copies of samples, labels and weights to train with, and of the validation.

    `make` and `progress` may change the originals, which workers in other processes would not see.
    """
    same_rows(X=X, y=y, sample_weight=sample_weight)
    tables = X, y
    X, y, validation = copy.deepcopy((*paired(X, y), validation))
    weights = weights_of(y, sample_weight, class_weight)
    if isinstance(validation, (tuple, list)):
        given_validation(validation, *tables)
    elif validation is not None:
        train, last = held_out(len(X), validation, random_source(seed), strata_of(y))
        validation = chosen(X, last), chosen(y, last)
        X, y = chosen(X, train), chosen(y, train)
        weights = None if weights is None else [weights[row] for row in train]
    return X, y, weights, validation


def _warn_of_schedule(schedule: Callable[[int], float] | None, jobs: Sequence[Job], count: int) -> None:
    """The warnings that `fit` gives of schedules by epochs, for the job with the most steps."""
    with suppress(TypeError, ValueError):  # its row will have the error
        each = [(-(-count // min(job.batch_size or count, count)), job.epochs) for job in jobs]
        steps, epochs = max(each, key=math.prod)
        warn_of_epochs(schedule, steps)
        warn_of_zeros(schedule, epochs, steps * (epochs - 1), steps)


def _strata(make: Make, job: Job, y: Any) -> list[Any] | None:
    """The classes by which held-out samples are stratified, if the loss is one for classes."""
    loss = None
    with suppress(Exception):  # its row will have the error
        _, loss, _ = job.net(make)
    return strata(y, loss)


def _table(
    configs: Sequence[Mapping[str, Any]], jobs: Sequence[Job], found: Mapping[int, Any], lost: Mapping[int, str]
) -> list[dict[str, Any]]:
    """The rows, all with the same columns."""
    names = dict.fromkeys(name for row in found.values() for name in _scores(row))
    empty = {"loss": math.nan, **dict.fromkeys(names, math.nan), "seconds": math.nan}
    rows = []
    for place, (config, job) in enumerate(zip(configs, jobs)):
        row = found.get(place, {"error": lost.get(place, "interrupted")})
        rows.append({**config, "seed": job.seed, **empty, **row})
    return rows


def _scores(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: number for name, number in row.items() if name.startswith("validation_")}
