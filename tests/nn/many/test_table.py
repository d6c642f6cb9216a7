"""Many nets: the rows are what `fit` gives, for every executor, and a dead worker is blamed on one configuration."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import nn
from nn.many import program, table, workbench
from nn.many.executors import Jobs
from nn.many.structure import Structure, UnknownStructureError
from nn.many.workbench import put_back

X = np.random.default_rng(0).normal(size=(50, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
CONFIGS = [
    {"hidden": hidden, "lr": lr, "momentum": momentum, "seed": seed}
    for hidden in (4, 6)
    for lr, momentum in ((0.05, 0.9), (0.2, 0.0))
    for seed in (1, 2)
]


def make(hidden: int, lr: float, momentum: float, seed: int) -> Any:
    model = nn.MLP(2, [hidden, 2], activation="tanh", seed=seed)
    return model, nn.cross_entropy, nn.SGD(model.parameters(), lr=lr, momentum=momentum)


def make_deadly(hidden: int, lr: float, momentum: float, seed: int) -> Any:
    if seed == 13:
        os._exit(1)
    return make(hidden, lr, momentum, seed)


def spawning() -> Executor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def without_seconds(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: x for name, x in row.items() if name != "seconds"} for row in rows]


def alone(config: dict[str, Any], **options: Any) -> dict[str, float]:
    """What `fit` makes of a configuration."""
    model, loss, optimizer = make(**config)
    history = nn.fit(model, X, Y, loss, optimizer, seed=config["seed"], **options)
    best = history.best_epoch if "patience" in options else None
    row = history.rows[best - 1 if best else -1]
    return {name: x for name, x in row.items() if name not in ("epoch", "lr", "seconds")}


def calls_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let as many nets be trained in one call as can be, however long that takes."""
    for module in (program, workbench):
        monkeypatch.setattr(module, "CALL", 1e9)
    monkeypatch.setattr(program.SharedTrainer, "_fresh_until", lambda trainer: trainer._traced + 1e9)


@pytest.fixture(autouse=True)
def _no_programs_of_other_tests() -> None:
    workbench._left.clear()


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 3},
        {"epochs": 4, "batch_size": 7, "validation": (X[:9], Y[:9])},
        {"epochs": 5, "batch_size": None},
        {"epochs": 3, "shuffle": False, "clip_norm": 0.1},
        {"epochs": 2, "schedule": nn.schedules.cosine(0.1, steps=4), "class_weight": "balanced"},
        {"epochs": 6, "patience": 1, "validation": (X[:9], Y[:9]), "metrics": "accuracy"},
        {"epochs": 2, "dtype": "float32"},
        {"epochs": 2, "backend": "numpy"},
        {"epochs": 1, "backend": "eager"},
    ],
)
def test_rows_are_those_of_fit_bit_for_bit(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[Any] = []
    row_of, rows_of = program.SharedProgram.row, program.SharedProgram.rows

    def noted(own: Any, *arguments: Any) -> dict[str, float]:
        shared.append(own)
        return row_of(own, *arguments)

    def all_noted(own: Any, starts: Any) -> list[dict[str, float] | None]:
        shared.extend([own] * len(starts))
        calls.append(len(starts))
        return rows_of(own, starts)

    calls: list[int] = []
    monkeypatch.setattr(program.SharedProgram, "row", noted)
    monkeypatch.setattr(program.SharedProgram, "rows", all_noted)
    calls_for_many(monkeypatch)
    rows = nn.fit_many(make, CONFIGS, X, Y, **options)
    if options.get("backend") == "eager":
        assert not shared
    else:  # a program for each width, and a call for all nets but the first of each
        assert [len(shared), len({*shared})] == [len(CONFIGS), 2]
        assert calls == ([] if {"patience", "schedule"} & {*options} else [3, 3])
    for config, row in zip(CONFIGS, rows):
        assert row.pop("seconds") > 0.0
        assert row == {**config, **alone(config, **options), "error": None}


@pytest.mark.parametrize("note", [lambda: "a text", lambda: "".join(["a ", "text"])], ids=["one object", "made anew"])
def test_nets_with_an_equal_text_share_a_program(note: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Native code reads only those with the very same one: Python finds out that the others have the same structure."""
    shared: list[Any] = []
    row_of = program.SharedProgram.row

    def noted(own: Any, *arguments: Any) -> dict[str, float]:
        shared.append(own)
        return row_of(own, *arguments)

    def make_noted(**config: Any) -> Any:
        model, loss, optimizer = make(**config)
        model.note = note()
        return model, loss, optimizer

    monkeypatch.setattr(program.SharedProgram, "row", noted)
    configs = [{**CONFIGS[0], "seed": seed} for seed in range(4)]
    schedule = nn.schedules.cosine(0.1, steps=4)  # so that each net has a call of its own
    rows = nn.fit_many(make_noted, configs, X, Y, epochs=2, schedule=schedule)
    assert [len(shared), len({*shared})] == [4, 1]
    assert without_seconds(rows) == [
        {**config, **alone(config, epochs=2, schedule=schedule), "error": None} for config in configs
    ]


def test_every_executor_gives_the_same_rows() -> None:
    schedule = nn.schedules.cosine(0.1, steps=20)
    options: dict[str, Any] = {"epochs": 3, "validation": 0.2, "seed": 5, "schedule": schedule}
    rows = nn.fit_many(make, CONFIGS, X, Y, **options)
    assert all(row["error"] is None and 0.0 <= row["validation_accuracy"] <= 1.0 for row in rows)
    with ThreadPoolExecutor(3) as threads:
        in_threads = nn.fit_many(make, CONFIGS, X, Y, executor=threads, **options)
    in_processes = nn.fit_many(make, CONFIGS, X, Y, executor=spawning, **options)
    assert without_seconds(in_threads) == without_seconds(in_processes) == without_seconds(rows)


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
    with pytest.raises(pickle.PicklingError, match=r"workers are sent make by pickle.*level of a module"):
        nn.fit_many(lambda **config: make(**config), CONFIGS, X, Y, executor=Refusing())
    with pytest.raises(pickle.PicklingError, match="workers are sent schedule by pickle"):
        nn.fit_many(make, CONFIGS, X, Y, executor=Refusing(), schedule=lambda k: 0.1)
    with pytest.raises(pickle.PicklingError, match="workers are sent configuration 1 by pickle"):
        nn.fit_many(make, [CONFIGS[0], {**CONFIGS[1], "lr": lambda: 0}], X, Y, executor=Refusing())
    with ThreadPoolExecutor(2) as threads:  # where nothing is sent
        (row,) = nn.fit_many(lambda **config: make(**config), CONFIGS[:1], X, Y, epochs=1, executor=threads)
    assert row["error"] is None


def make_line(lr: float, seed: int) -> Any:
    model = nn.MLP(2, [1], seed=seed)
    return model, nn.mse, nn.SGD(model.parameters(), lr)


def test_a_net_that_fails_has_its_error_and_the_others_go_on() -> None:
    configs = [{"lr": lr, "seed": 1} for lr in (0.1, 1e3, 0.1, -1.0)]
    rows = nn.fit_many(make_line, configs, X, Y, epochs=90, validation=(X, Y))
    assert rows[0]["loss"] == rows[2]["loss"]
    assert rows[0]["error"] is rows[2]["error"] is None
    assert rows[1]["error"].startswith("FloatingPointError: ")
    assert rows[3]["error"].startswith("ValueError: ")
    assert all(np.isnan(rows[k][name]) for k in (1, 3) for name in ("loss", "validation_loss", "validation_r2"))
    assert {tuple(sorted(row)) for row in rows} == {tuple(sorted(rows[0]))}


def test_keys_of_a_configuration_that_are_fits_own() -> None:
    def without(lr: float) -> Any:
        return make(4, lr, 0.0, seed=3)

    config = {"lr": 0.1, "epochs": 2, "batch_size": 10, "seed": 7}
    (row,) = nn.fit_many(without, [config], X, Y)
    model, loss, optimizer = without(0.1)
    assert row["loss"] == nn.fit(model, X, Y, loss, optimizer, 2, 10, seed=7).losses[-1]
    assert {**row, **config} == row
    first, second = nn.fit_many(without, [{"lr": 0.1}, {"lr": 0.1}], X, Y, epochs=1)
    assert first["seed"] != second["seed"]
    assert first["seed"] == nn.fit_many(without, [{"lr": 0.1}], X, Y, epochs=1)[0]["seed"]


def test_a_seed_is_a_number_that_no_net_shares_with_another() -> None:
    with pytest.raises(TypeError, match=r"seed of configuration 1 is a random.Random, which nets would share"):
        nn.fit_many(make_line, [{"lr": 0.1, "seed": seed} for seed in (1, random.Random(1))], X, Y)
    first, second = (nn.fit_many(make_line, [{"lr": 0.1, **seed}], X, Y, epochs=1) for seed in ({"seed": None}, {}))
    assert without_seconds(first) == without_seconds(second)


def test_what_makes_another_structure() -> None:
    def key(model: nn.Module, loss: Any = nn.mse, kind: Any = nn.SGD, **settings: Any) -> Any:
        nets.append(model)
        return Structure(model, loss, kind(model.parameters(), lr=0.1, **settings)).key

    nets: list[Any] = []
    same = key(nn.MLP(2, [3, 1], "tanh", seed=1))
    assert same == key(nn.MLP(2, [3, 1], "tanh", seed=2), momentum=0.5)
    tied = nn.MLP(2, [3, 1], "tanh", seed=1)
    tied.layers[0].neurons[1].w[0] = tied.layers[0].neurons[0].w[0]
    part = nn.MLP(2, [3, 1], "tanh")
    others = [
        key(nn.MLP(2, [4, 1], "tanh")),
        key(nn.MLP(2, [3, 1], "relu")),
        key(nn.MLP(2, [3, 1], "tanh", output="tanh")),
        key(nn.MLP(2, [3, 1], "tanh", bias=False)),
        key(nn.MLP(2, [3, 1], "tanh"), nn.mae),
        key(nn.MLP(2, [3, 1], "tanh"), kind=nn.Adam),
        key(tied),
        Structure(part, nn.mse, nn.SGD(part.layers[1].parameters(), lr=0.1)).key,
    ]
    assert len({same, *others}) == 1 + len(others)


class Holding(nn.Module):
    """A model that holds this and that beside its net."""

    def __init__(self, **held: Any) -> None:
        self.net = nn.MLP(2, [2], seed=1)
        vars(self).update(held)

    def __call__(self, x: Any) -> Any:
        return self.net(x)


def test_dicts_count_by_their_keys_and_what_they_hold() -> None:
    def key(held: Any) -> Any:
        nets.append(Holding(held=held))
        return Structure(nets[-1], nn.mse, nn.SGD(nets[-1].parameters(), lr=0.1)).key

    nets: list[Any] = []
    assert key({"a": 1.0}) == key({"a": 1.0})
    assert key([{"a": 1.0}, {"b": 2.0}]) == key([{"a": 1.0}, {"b": 2.0}])
    different = [{"a": 1.0}, {"a": 2.0}, {"b": 1.0}, [{"a": 1.0}, {"b": 2.0}], [{"a": 1.0}, {"a": 2.0}]]
    assert len({*map(key, different)}) == len(different)


def frozen_net(seed: int, **held: Any) -> Any:
    model = Holding(**held)
    return model, nn.cross_entropy, nn.SGD(model.net.parameters(), lr=0.1 * seed)


@pytest.mark.parametrize(
    "make_other",
    [
        lambda seed: frozen_net(seed, table=np.zeros(3)),
        lambda seed: frozen_net(seed, names={(1, 2): 3.0}),
        lambda seed: (lambda net: (lambda x: net[0](x), *net[1:]))(frozen_net(seed)),
    ],
    ids=["an array", "keys that are no plain ones", "a function"],
)
def test_nets_of_a_structure_that_cannot_be_told_are_trained_one_by_one(make_other: Any) -> None:
    model, loss, optimizer = make_other(1)
    with pytest.raises(UnknownStructureError):
        Structure(model, loss, optimizer)
    rows = nn.fit_many(make_other, [{"seed": 1}, {"seed": 2}], X, Y, epochs=2)
    expected = nn.fit_many(frozen_net, [{"seed": 1}, {"seed": 2}], X, Y, epochs=2)
    assert without_seconds(rows) == without_seconds(expected)


class Slotted(nn.Module):
    """A model with an attribute in a slot."""

    __slots__ = ("scale",)

    def __init__(self, scale: float) -> None:
        self.net = nn.MLP(2, [2], seed=1)
        object.__setattr__(self, "scale", scale)

    def __call__(self, x: Any) -> Any:
        return [self.scale * z for z in self.net(x)]


class Labelled(nn.Module):
    """A model that reads the label of a parameter."""

    def __init__(self, scale: float) -> None:
        self.net = nn.MLP(2, [2], seed=1)
        self.net.parameters()[0].label = f"{scale}"

    def __call__(self, x: Any) -> Any:
        return [float(self.net.parameters()[0].label or 0.0) * z for z in self.net(x)]


class Circular(nn.Module):
    """A model whose parts hold it."""

    def __init__(self, scale: float) -> None:
        self.net = nn.MLP(2, [2], seed=1)
        self.scale = scale
        for part in (self.net, *self.net.layers):  # two that hold it: to follow them twice a level would never end
            vars(part)["parent"] = self

    def __call__(self, x: Any) -> Any:
        return [self.scale * z for z in self.net(x)]


class Ruled(nn.Module):
    """A model whose optimiser has a rule of its own."""

    def __init__(self, scale: float) -> None:
        self.net, self.scaled = nn.MLP(2, [2], seed=1), scale

    def __call__(self, x: Any) -> Any:
        return self.net(x)


@pytest.mark.parametrize("kind", [Slotted, Labelled, Circular, Ruled])
def test_what_a_net_has_beside_its_attributes_and_numbers(kind: Any) -> None:
    def make_one(scale: float) -> Any:
        model = kind(scale)
        optimizer = nn.SGD(model.net.parameters(), lr=0.1)
        if kind is Ruled:
            vars(optimizer)["rule"] = lambda p, g, velocity, s: (p - scale * s.lr * g, velocity)
        return model, nn.cross_entropy, optimizer

    configs = [{"scale": scale, "seed": 1} for scale in (1.0, 1.0, 1.0, 2.0, 2.0, 3.0)]
    for config, row in zip(configs, nn.fit_many(make_one, configs, X, Y, epochs=2)):
        model, loss, optimizer = make_one(float(config["scale"]))
        assert (row["error"], row["loss"]) == (None, nn.fit(model, X, Y, loss, optimizer, 2, seed=1).losses[-1])


def test_an_optimiser_of_more_than_the_model_has_no_structure() -> None:
    model, other = nn.MLP(2, [2], seed=1), nn.MLP(2, [2], seed=2)
    with pytest.raises(UnknownStructureError):
        Structure(model, nn.mse, nn.SGD([*model.parameters(), *other.parameters()], lr=0.1))


def test_programs_of_many_structures_make_way(monkeypatch: pytest.MonkeyPatch) -> None:
    configs = [{**CONFIGS[0], "hidden": hidden} for hidden in (2, 3, 2, 4, 3)]
    expected = nn.fit_many(make, configs, X, Y, epochs=1)
    monkeypatch.setattr(workbench, "KEPT", 2)
    workbench._left.clear()  # else all of them are known
    assert without_seconds(nn.fit_many(make, configs, X, Y, epochs=1)) == without_seconds(expected)


def make_dropping(seed: int) -> Any:
    model = nn.Sequential(nn.Layer(2, 4, "tanh", seed=seed), nn.Dropout(0.5, seed=seed), nn.MLP(4, [2], seed=seed))
    return model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1)


@pytest.mark.parametrize("backend", ["python", "auto"])
def test_masks_and_plain_programs_are_those_of_fit(backend: str) -> None:
    rows = nn.fit_many(make_dropping, [{"seed": 1}, {"seed": 2}], X, Y, epochs=2, backend=backend)
    for row in rows:
        model, loss, optimizer = make_dropping(row["seed"])
        expected = nn.fit(model, X, Y, loss, optimizer, 2, seed=row["seed"], backend=backend)
        assert (row["error"], row["loss"]) == (None, expected.losses[-1])


def test_the_python_program_is_shared_too() -> None:
    rows = nn.fit_many(make, CONFIGS[:2], X, Y, epochs=2, backend="python")
    for config, row in zip(CONFIGS, rows):
        assert row["loss"] == alone(config, epochs=2, backend="python")["loss"]


def test_ctrl_c_keeps_the_rows_that_are_there() -> None:
    def make_pressed(seed: int) -> Any:
        if seed == 2:
            model = nn.MLP(2, [2], seed=seed)

            def loss(outputs: Any, labels: Any) -> Any:
                raise KeyboardInterrupt

            return model, loss, nn.SGD(model.parameters(), lr=0.1)
        return frozen_net(seed)

    rows = nn.fit_many(make_pressed, [{"seed": seed} for seed in (1, 2, 3)], X, Y, epochs=1, backend="eager")
    assert [row["error"] for row in rows] == [None, "interrupted", "interrupted"]
    assert np.isfinite(rows[0]["loss"])
    assert np.isnan(rows[2]["loss"])


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

    def submit(self, numbers: Any) -> Future[list[str]]:  # type: ignore[override]  # of what is called here
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


def test_make_must_be_callable() -> None:
    with pytest.raises(TypeError, match="make must be a callable that gives a model, a loss and an optimiser, not int"):
        nn.fit_many(3, CONFIGS, X, Y)  # type: ignore[arg-type]  # on purpose


SLOPE = 1.0


class Sloped(nn.Module):
    """A model that reads a global number."""

    def __init__(self) -> None:
        self.w = nn.MLP(1, [1], init="zeros").parameters()[0]

    def __call__(self, x: Any) -> Any:
        return [SLOPE * x[0] + self.w]


def test_what_the_model_reads_from_elsewhere_counts_for_each_net(monkeypatch: pytest.MonkeyPatch) -> None:
    def make_sloped(slope: float, lr: float = 0.0) -> Any:
        monkeypatch.setitem(globals(), "SLOPE", slope)
        model = Sloped()
        return model, nn.mse, nn.SGD(model.parameters(), lr=lr)

    prepare, made = program.SharedTrainer._prepare, 0

    def seldom(trainer: Any, *arguments: Any) -> Any:
        nonlocal made
        made += 1
        if made == 2:
            raise MemoryError  # `fit` trains that net, and the program can go on with the next one
        return prepare(trainer, *arguments)

    monkeypatch.setattr(program.SharedTrainer, "_prepare", seldom)
    rows = nn.fit_many(make_sloped, [{"slope": s} for s in (1.0, 2.0, 3.0, 1.0)], [[1.0]], [0.0], epochs=1)
    assert [row["loss"] for row in rows] == [1.0, 4.0, 9.0, 1.0]
    assert made == 4


def test_what_the_model_reads_counts_with_a_smaller_last_batch_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def make_sloped(slope: float, seed: int) -> Any:
        monkeypatch.setitem(globals(), "SLOPE", slope)
        model = Sloped()
        return model, nn.mse, nn.SGD(model.parameters(), lr=0.1)

    slopes = [{"slope": s, "seed": 1} for s in (1.0, 2.0, 3.0, 1.0)]
    options: dict[str, Any] = {"epochs": 3, "batch_size": 8, "validation": (X[:10, :1], Y[:10])}
    samples = X[:, :1]
    found, expected = (
        nn.fit_many(make_sloped, slopes, samples, Y, backend=backend, **options) for backend in ("auto", "eager")
    )
    for column in ("loss", "validation_loss"):
        assert [row[column] for row in found] == pytest.approx([row[column] for row in expected])


def test_what_the_model_reads_counts_for_nets_that_are_trained_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def make_sloped(slope: float, seed: int) -> Any:
        monkeypatch.setitem(globals(), "SLOPE", slope)
        model = Sloped()
        return model, nn.mse, nn.SGD(model.parameters(), lr=0.1 * seed)

    calls_for_many(monkeypatch)
    slopes = [{"slope": s, "seed": k} for k, s in enumerate((1.0, 1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 3.0), start=1)]
    options: dict[str, Any] = {"epochs": 3, "batch_size": 8, "validation": (X[:10, :1], Y[:10])}
    for (slope, seed), row in zip(map(dict.values, slopes), nn.fit_many(make_sloped, slopes, X[:, :1], Y, **options)):
        model, loss, optimizer = make_sloped(slope, seed)
        last = nn.fit(model, X[:, :1], Y, loss, optimizer, seed=seed, **options).rows[-1]
        assert [row[name] for name in ("loss", "validation_loss")] == [last["loss"], last["validation_loss"]]


def _below_zero(seed: int, lr: float) -> Any:
    """Raw outputs in place of logarithms of probabilities, which at first might be such."""
    model = nn.Sequential(nn.MLP(2, [3], seed=seed), lambda row: [x - 8.0 for x in row])
    return model, nn.nll, nn.SGD(model.parameters(), lr)


@pytest.mark.parametrize("patience", [None, 300])
def test_a_loss_that_falls_where_there_can_be_none_is_an_error(patience: int | None) -> None:
    X, y = [[1.0, 0.5], [0.5, 1.0], [1.0, 1.0]], [0, 2, 1]
    configs = [{"lr": lr, "seed": 1} for lr in (0.001, 0.1, 0.001, 0.1)]
    options: dict[str, Any] = {"validation": (X, y), "metrics": (), "patience": patience} if patience else {}
    rows = nn.fit_many(_below_zero, configs, X, y, epochs=400, **options)
    assert [row["error"] is None for row in rows] == [True, False, True, False]
    assert "nll takes logarithms of probabilities, and a loss of -" in rows[1]["error"]


def test_a_net_that_fails_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    calls_for_many(monkeypatch)
    configs = [{"lr": lr, "seed": seed} for seed in (1, 2) for lr in (0.1, 0.2, 1e3, 0.1, -1.0, 0.3)]
    rows = nn.fit_many(make_line, configs, X, Y, epochs=90)
    for config, row in zip(configs, rows):
        assert str(row["error"]).split(":")[0] == {1e3: "FloatingPointError", -1.0: "ValueError"}.get(
            config["lr"], "None"
        )
        if row["error"] is None:
            model, loss, optimizer = make_line(**config)
            assert row["loss"] == nn.fit(model, X, Y, loss, optimizer, 90, seed=config["seed"]).losses[-1]


class Ours(nn.SGD):
    """An optimiser whose rule is replaced."""


def test_a_rule_that_is_replaced_counts_for_each_net(monkeypatch: pytest.MonkeyPatch) -> None:
    def make_ruled(factor: float, seed: int) -> Any:
        rule = staticmethod(lambda p, g, velocity, s: (p - factor * s.lr * g, velocity))
        monkeypatch.setattr(Ours, "rule", rule)
        model = nn.MLP(2, [1], seed=seed)
        return model, nn.mse, Ours(model.parameters(), lr=0.1)

    calls_for_many(monkeypatch)
    configs = [{"factor": factor, "seed": k} for k, factor in enumerate((1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 1.0))]
    for config, row in zip(configs, nn.fit_many(make_ruled, configs, X, Y, epochs=2)):
        model, loss, optimizer = make_ruled(**config)  # type: ignore[arg-type]  # two kinds in a dict
        assert row["loss"] == nn.fit(model, X, Y, loss, optimizer, 2, seed=config["seed"]).losses[-1]


def trained_alone(config: dict[str, Any], make_one: Any, X: Any, Y: Any, **options: Any) -> dict[str, float]:
    """What `fit` makes of a configuration."""
    model, loss, optimizer = make_one(**config)
    last = nn.fit(model, X, Y, loss, optimizer, seed=config["seed"], **options).rows[-1]
    return {name: x for name, x in last.items() if name not in ("epoch", "lr", "seconds")}


def test_a_call_goes_on_where_the_last_one_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same program, on whatever data, and with what is read from elsewhere as it is by now."""
    made: list[Any] = []
    begin = program.SharedTrainer.__init__

    def noted(own: Any, *arguments: Any, **settings: Any) -> None:
        made.append(own)
        begin(own, *arguments, **settings)

    monkeypatch.setattr(program.SharedTrainer, "__init__", noted)
    calls_for_many(monkeypatch)
    texts = [("yes", "no", "perhaps")[k % 3] for k in range(len(X))]
    scaled = [{"lr": lr, "seed": seed} for lr in (0.1, 0.2) for seed in (1, 2)]

    def make_scaled(lr: float, seed: int) -> Any:
        model = Scaled(seed)
        return model, nn.cross_entropy, nn.SGD(model.parameters(), lr=lr)

    def train(X: Any, Y: Any, new: int, **options: Any) -> None:
        made.clear()
        rows = nn.fit_many(make_scaled, scaled, X, Y, epochs=3, **options)
        assert len(made) == new
        for config, row in zip(scaled, rows):
            expected = {**config, **trained_alone(config, make_scaled, X, Y, epochs=3, **options), "error": None}
            assert {name: x for name, x in row.items() if name != "seconds"} == expected

    train(X, Y, 1)
    train(X, Y, 0)
    train(-X[:30], 1 - Y[:30], 0, batch_size=8)
    one_hot = np.stack([Y, 1 - Y, 0 * Y], axis=1)
    train(X.tolist(), one_hot, 0, validation=(X[:5], one_hot[:5]))
    for attribute, new in (("factor", 3.0), ("forward", lambda model, x: [z + 1.0 for z in model.net(x)])):
        monkeypatch.setattr(Scaled, attribute, new)
        train(X, Y, 0)
    train(X, Y, 1, dtype="float32")
    train(X, Y, 1, class_weight="balanced")
    train(X, Y, 1)
    train(X, texts, 0)  # the copy has the names of the classes from then on
    train(X, [text.upper() for text in texts], 1)
    train(X, Y, 1, schedule=nn.schedules.step(0.1, 2, 0.5))
    monkeypatch.setattr(program, "LARGE", X.nbytes - 1)
    for _ in range(2):  # so many samples are not kept
        train(X, Y, 1)


class Scaled(nn.Module):
    """A model of which a method and an attribute of its class are replaced."""

    factor = 2.0

    def __init__(self, seed: int) -> None:
        self.net = nn.MLP(2, [3, 3], activation="tanh", seed=seed)

    def __call__(self, x: Any) -> Any:
        return self.forward(x)

    def forward(self, x: Any) -> Any:
        """The outputs."""
        return [self.factor * z for z in self.net(x)]


@pytest.mark.parametrize(
    ("moment", "done"), [("paired", 0), ("weights_of", 0), ("reporting", 0), ("_table", 2), ("_scores", 2)]
)
def test_ctrl_c_at_the_first_and_the_last_moment(moment: str, done: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was raised where no net was being trained: while data were copied, and while the table was made."""
    own, waiting = getattr(table, moment), [KeyboardInterrupt]

    def interrupted(*given: Any) -> Any:
        if waiting:
            raise waiting.pop()
        return own(*given)

    monkeypatch.setattr(table, moment, interrupted)
    rows = nn.fit_many(make, CONFIGS[:2], X, Y, epochs=1)
    assert [row["error"] for row in rows] == [None] * done + ["interrupted"] * (2 - done)


def test_a_call_that_is_interrupted_leaves_nothing() -> None:
    def interrupt(state: nn.Progress) -> None:
        raise KeyboardInterrupt

    nn.fit_many(make, CONFIGS[:2], X, Y, epochs=1)
    assert workbench._left
    rows = nn.fit_many(make, CONFIGS[:2], X, Y, epochs=1, progress=interrupt)
    assert [row["error"] for row in rows] == [None, "interrupted"]
    assert not workbench._left


def test_one_net_and_one_optimiser_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `make` changes after a net was made is of the next one, though both are trained in one call."""
    calls_for_many(monkeypatch)
    model, loss, optimizer = make_line(0.1, seed=1)

    def again(lr: float, weight: float) -> Any:
        optimizer.lr, model.parameters()[0].data = lr, weight
        return model, loss, optimizer

    configs = [{"lr": lr, "weight": weight, "seed": 1} for lr in (0.1, 0.2) for weight in (0.5, 1.5, 2.5)]
    rows = nn.fit_many(again, configs, X, Y, epochs=2)
    for config, row in zip(configs, rows):
        model, loss, optimizer = make_line(config["lr"], seed=1)
        model.parameters()[0].data = config["weight"]
        assert row["loss"] == nn.fit(model, X, Y, loss, optimizer, 2, seed=1).losses[-1]


def test_whoever_is_told_of_each_net_hears_of_it_before_the_next_is_made() -> None:
    heard: list[str] = []

    def noted(**config: Any) -> Any:
        heard.append("made")
        return make(**config)

    nn.fit_many(noted, CONFIGS[:4], X, Y, epochs=2, progress=lambda state: heard.append("told"))
    assert heard == ["made", "told"] * 4


def test_what_make_does_to_an_earlier_net_changes_no_later_one() -> None:
    """The program trains a copy of the first net, which nobody else has."""
    earlier: list[Any] = []

    def meddling(**config: Any) -> Any:
        for model in earlier:
            model.layers[0].neurons[0].activation = nn.ACTIVATIONS["relu"]
            model.layers[1].neurons[1].b = None
        net = make(**config)
        earlier.append(net[0])
        return net

    expected = without_seconds(nn.fit_many(make, CONFIGS[:4], X, Y, epochs=2))
    assert without_seconds(nn.fit_many(meddling, CONFIGS[:4], X, Y, epochs=2)) == expected


def test_a_loss_that_reads_its_net_reads_the_one_that_is_trained() -> None:
    def penalised(**config: Any) -> Any:
        model, loss, optimizer = make(**config)

        def both(outputs: Any, labels: Any) -> Any:
            return loss(outputs, labels) + 0.1 * sum(p * p for p in model.parameters())

        return model, both, optimizer

    rows = nn.fit_many(penalised, CONFIGS[:2], X, Y, epochs=3)
    for config, row in zip(CONFIGS, rows):
        model, loss, optimizer = penalised(**config)
        history = nn.fit(model, X, Y, loss, optimizer, epochs=3, seed=config["seed"])
        assert row["loss"] == history.losses[-1]


@pytest.mark.parametrize("reader", ["schedule", "metric"])
def test_what_reads_the_net_that_make_gave_reads_the_one_that_is_trained(reader: str) -> None:
    last: list[Any] = []

    def kept(**config: Any) -> Any:
        last[:] = make(**config)
        return last

    def read(*_: Any) -> float:
        return 0.1 * abs(float(last[0].parameters()[0].data))

    options: dict[str, Any] = {"schedule": read} if reader == "schedule" else {"metrics": read, "validation": (X, Y)}
    rows = nn.fit_many(kept, CONFIGS[:3], X, Y, epochs=3, **options)
    for config, row in zip(CONFIGS, rows):
        model, loss, optimizer = kept(**config)
        history = nn.fit(model, X, Y, loss, optimizer, epochs=3, seed=config["seed"], **options)
        assert {name: row[name] for name in history.rows[-1] if name not in ("epoch", "lr", "seconds")} == {
            name: number for name, number in history.rows[-1].items() if name not in ("epoch", "lr", "seconds")
        }


@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_nets_that_share_what_is_trained_begin_where_make_has_put_them(backend: str) -> None:
    """None begins where one before it has ended, whichever came between, and whether a copy or the net is trained."""
    shared, made = nn.Layer(2, 3, seed=1), list[Any]()

    def sharing(kind: int, same: bool) -> Any:
        if same and made:
            return made[0]
        first = shared if kind else nn.Layer(2, 3, seed=1)
        model = nn.Sequential(first, nn.Layer(3, 1, "identity", seed=2))
        made.append((model, nn.mse, nn.Adam(model.parameters(), lr=0.1)))
        return made[-1]

    for same in (False, True):
        configs = [{"kind": kind, "same": same, "seed": 3} for kind in (1, 0, 1, 1)]
        rows = nn.fit_many(sharing, configs, [[0.0, 1.0], [1.0, 0.5]], [1.0, 2.0], epochs=5, backend=backend)
        assert len({row["loss"] for row in rows}) == 1
        assert not any(row["error"] for row in rows)
    assert shared.parameters()[0].data == nn.Layer(2, 3, seed=1).parameters()[0].data


def test_a_net_that_another_thread_trains_is_not_trained_in_between() -> None:
    model = nn.Layer(2, 1, "identity", seed=1)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    with put_back(model, optimizer), pytest.raises(ValueError, match="which another thread trains"):
        put_back(model, optimizer).__enter__()
    with put_back(model, optimizer):
        model.parameters()[0].data = 0.0
    assert model.parameters()[0].data != 0.0


@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_data_are_those_of_the_call_whoever_changes_them(backend: str) -> None:
    """In other processes they are; make and progress are called here."""
    samples, labels = [list(row) for row in X], list(Y)

    def changing(**config: Any) -> Any:
        samples[0][0] += 1.0
        return make(**config)

    rows = nn.fit_many(
        changing,
        CONFIGS[:3],
        samples,
        labels,
        epochs=2,
        backend=backend,
        validation=(samples, labels),
        progress=lambda _: labels.reverse(),
    )
    expected = nn.fit_many(make, CONFIGS[:3], X, Y, epochs=2, backend=backend, validation=(X, Y))
    assert without_seconds(rows) == without_seconds(expected)


def test_progress_counts_nets(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[nn.Progress] = []
    rows = nn.fit_many(make, CONFIGS[:3], X, Y, epochs=1, progress=seen.append)
    assert [(state.epoch, state.epochs, state.loss, state.unit) for state in seen] == [
        (k + 1, 3, row["loss"], "net") for k, row in enumerate(rows)
    ]
    nn.fit_many(make, CONFIGS[:3], X, Y, epochs=1, progress=True)
    assert "net 3/3  loss " in capsys.readouterr().out


def test_refusals() -> None:
    with pytest.raises(ValueError, match="there are no configurations"):
        nn.fit_many(make, [], X, Y)
    for configs in ([3], {"lr": [0.1]}):
        with pytest.raises(TypeError, match=r"configuration 0 must be a dict .*: of a table give the rows"):
            nn.fit_many(make, configs, X, Y)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ValueError, match="configuration 0 has the key 'loss'"):
        nn.fit_many(make, [{"loss": "mse"}], X, Y)
    with pytest.raises(TypeError, match=r"executor is one of concurrent\.futures"):
        nn.fit_many(make, CONFIGS, X, Y, executor=3)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ValueError, match="patience watches"):
        nn.fit_many(make, CONFIGS, X, Y, patience=1)
    with pytest.raises(ValueError, match="backend must be one of auto, "):
        nn.fit_many(make, CONFIGS, X, Y, backend="jax")
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        nn.fit_many(make, CONFIGS, X, Y, epochs=0)
    (row,) = nn.fit_many(lambda seed: 3, [{}], X, Y)
    assert row["error"] == "TypeError: make gives a model, a loss and an optimiser, not int 3"


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"epochs": 0}])
def test_what_is_wrong_with_a_job_is_what_fit_says(wrong: dict[str, Any]) -> None:
    """A net of a known structure is asked for room in a call first, which raises the same error: it ended the table."""
    with pytest.raises(ValueError, match=r"epochs|batch_size") as expected:
        alone(CONFIGS[0], **{"epochs": 1, **wrong})
    rows = nn.fit_many(make, [*CONFIGS[:2], {**CONFIGS[0], **wrong}, CONFIGS[3]], X, Y, epochs=1)
    assert str(expected.value) in rows[2]["error"]
    assert [row["error"] for row in rows if row is not rows[2]] == [None] * 3


def test_seeds_of_numpy_are_no_whole_numbers_for_a_call_of_many() -> None:
    """Nets are trained one by one then, to the same rows."""
    configs = [{**CONFIGS[0], "seed": np.int64(seed)} for seed in (1, 2, 3)]
    expected = nn.fit_many(make, [{**CONFIGS[0], "seed": seed} for seed in (1, 2, 3)], X, Y, epochs=2)
    found = nn.fit_many(make, configs, X, Y, epochs=2)
    assert without_seconds(found) == without_seconds(expected)


def test_another_loss_among_nets_that_are_read_at_once() -> None:
    """A net with the numbers of a known structure and another loss would be trained on the loss of that."""

    def make_with(criterion: Any, seed: int) -> Any:
        model, _, optimizer = make(4, 0.1, 0.0, seed)
        return model, criterion, optimizer

    def halved(outputs: Any, labels: Any) -> Any:
        return nn.cross_entropy(outputs, labels) * 0.5

    losses = [nn.cross_entropy, nn.cross_entropy, nn.cross_entropy, halved]
    configs = [{"criterion": loss, "seed": seed} for seed, loss in enumerate(losses, 1)]
    rows = nn.fit_many(make_with, configs, X, Y, epochs=2)
    for config, row in zip(configs, rows):
        model, loss, optimizer = make_with(**config)
        assert row["loss"] == nn.fit(model, X, Y, loss, optimizer, 2, seed=config["seed"]).losses[-1]


class Uncopied(nn.MLP):
    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("there is one of these")


def test_nets_that_cannot_be_copied_are_trained_one_by_one() -> None:
    def make_uncopied(seed: int) -> Any:
        model = Uncopied(2, [2], seed=seed)
        return model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1)

    for row in nn.fit_many(make_uncopied, [{"seed": 1}, {"seed": 2}], X, Y, epochs=1):
        model, loss, optimizer = make_uncopied(row["seed"])
        assert (row["error"], row["loss"]) == (
            None,
            nn.fit(model, X, Y, loss, optimizer, 1, seed=row["seed"]).losses[-1],
        )
