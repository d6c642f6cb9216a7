"""The rows of many nets are what `fit` gives: options, masks, seeds, data, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import nn
from nn.many import program

from .nets import CONFIGS, X, Y, alone, calls_for_many, make, make_line, without_fit, without_seconds


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

    def all_noted(own: Any, jobs: Any, *arguments: Any) -> list[dict[str, float] | None]:
        shared.extend([own] * len(jobs))
        calls.append(len(jobs))
        return rows_of(own, jobs, *arguments)

    calls: list[int] = []
    monkeypatch.setattr(program.SharedProgram, "row", noted)
    monkeypatch.setattr(program.SharedProgram, "rows", all_noted)
    calls_for_many(monkeypatch)
    if options.get("backend") != "eager":
        without_fit(monkeypatch)
    rows = nn.fit_many(make, CONFIGS, X, Y, **options)
    if options.get("backend") == "eager":
        assert not shared
    else:  # a program for each width, and a call for all nets but the first of each
        assert [len(shared), len({*shared})] == [len(CONFIGS), 2]
        assert calls == ([] if {"patience", "schedule"} & {*options} else [3, 3])
    for config, row in zip(CONFIGS, rows):
        assert row.pop("seconds") > 0.0
        assert row == {**config, **alone(config, **options), "error": None}


def test_a_share_held_out_and_weights_are_those_of_fit_by_the_same_seed() -> None:
    """The weights of the samples that are left to learn from, whose places are others now."""
    config = {**CONFIGS[0], "seed": 4}
    options: dict[str, Any] = {"epochs": 2, "validation": 0.25, "sample_weight": np.linspace(0.0, 2.0, len(X))}
    rows = nn.fit_many(make, [config], X, Y, seed=4, **options)
    assert without_seconds(rows) == [{**config, **alone(config, **options), "error": None}]


@pytest.mark.parametrize("at_once", [1, 120, 10_000])
def test_passes_over_the_samples_are_laid_out_for_one_call_or_several(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "AT_ONCE", at_once)
    calls_for_many(monkeypatch)
    without_fit(monkeypatch)
    rows = nn.fit_many(make, CONFIGS[:3], X, Y, epochs=5)
    expected = [{**config, **alone(config, epochs=5), "error": None} for config in CONFIGS[:3]]
    assert without_seconds(rows) == expected


@pytest.mark.parametrize("patience", [None, 3])
def test_nets_of_other_epochs_batches_and_memories_among_those_of_one_call(
    patience: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_moving(before: tuple[int, float], seed: int) -> Any:
        model, loss, _ = make(4, 0.1, 0.9, seed)
        optimizer = nn.Adam(model.parameters(), lr=0.1)
        steps, memory = before
        optimizer.state = steps, ([memory] * len(optimizer.params) if memory else [],) * 2
        return model, loss, optimizer

    calls_for_many(monkeypatch)
    without_fit(monkeypatch)
    new = (0, 0.0)
    own = [(new, 2, 8)] * 3 + [((3, 0.5), 2, 8), ((0, 0.5), 2, 8), ((3, 0.0), 2, 8)]
    own += [(new, 2, 16), (new, 3, 8), (new, 3, 8), (new, 2, 8)]
    configs = [
        {"before": before, "epochs": epochs, "batch_size": size, "seed": seed}
        for seed, (before, epochs, size) in enumerate(own + own)
    ]
    options: dict[str, Any] = {"validation": (X, Y), "patience": patience}
    for config, row in zip(configs, nn.fit_many(make_moving, configs, X, Y, **options)):
        model, loss, optimizer = make_moving(config["before"], config["seed"])
        history = nn.fit(
            model, X, Y, loss, optimizer, config["epochs"], config["batch_size"], seed=config["seed"], **options
        )
        best = history.rows[(history.best_epoch or 0) - 1 if patience else -1]
        assert {name: row[name] for name in ("loss", "validation_loss", "error")} == {
            "loss": best["loss"],
            "validation_loss": best["validation_loss"],
            "error": None,
        }


class Backwards(nn.Module):
    """A model that reads its parts in another order than the optimiser has them, and not all of them."""

    def __init__(self, seed: int) -> None:
        self.last, self.unread = nn.Layer(3, 2, "identity", seed=seed), nn.Layer(1, 1)
        self.first = nn.Layer(2, 3, seed=seed)

    def __call__(self, x: Any) -> Any:
        return self.last(self.first(x))


def make_backwards(seed: int, lr: float) -> Any:
    model = Backwards(seed)
    return model, nn.cross_entropy, nn.SGD([*model.last.parameters(), *model.first.parameters()], lr=lr)


def test_each_number_goes_to_its_own_place(monkeypatch: pytest.MonkeyPatch) -> None:
    calls_for_many(monkeypatch)
    without_fit(monkeypatch)
    configs = [{"seed": seed, "lr": 0.1 * seed} for seed in (1, 2, 3)]
    options: dict[str, Any] = {"epochs": 3, "validation": (X[:9], Y[:9])}
    rows = nn.fit_many(make_backwards, configs, X, Y, **options)
    expected = [{**config, **alone(config, make_backwards, **options), "error": None} for config in configs]
    assert without_seconds(rows) == expected


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
    rows = [*first, *nn.fit_many(make_line, [{"lr": 0.1}] * 2, X, Y, epochs=1, seed=1)]
    assert len({row["seed"] for row in rows}) == 3  # of another place, or by another seed of the call, another one


def test_seeds_of_numpy_are_no_whole_numbers_for_a_call_of_many() -> None:
    """Nets are trained one by one then, to the same rows."""
    configs = [{**CONFIGS[0], "seed": np.int64(seed)} for seed in (1, 2, 3)]
    expected = nn.fit_many(make, [{**CONFIGS[0], "seed": seed} for seed in (1, 2, 3)], X, Y, epochs=2)
    found = nn.fit_many(make, configs, X, Y, epochs=2)
    assert without_seconds(found) == without_seconds(expected)


@pytest.mark.parametrize("executor", [None, lambda: ThreadPoolExecutor(2)])
def test_lists_that_make_changes_are_as_given_at_its_next_call(executor: Any) -> None:
    """The first configuration also tells by which classes samples are held out: its net had a layer more than meant."""

    def with_outputs(sizes: list[int], seed: int) -> Any:
        sizes.append(2)
        model = nn.MLP(2, sizes, activation="tanh", seed=seed)
        return model, nn.cross_entropy, nn.SGD(model.parameters(), 0.1)

    def configs() -> Iterator[dict[str, Any]]:
        """One dict again and again, as a loop may give it."""
        config: dict[str, Any] = {"sizes": [3]}
        for config["seed"] in (1, 2):
            yield config

    rows = nn.fit_many(with_outputs, configs(), X, Y, epochs=2, validation=0.2, executor=executor)
    expected = nn.fit_many(
        lambda sizes, seed: with_outputs([3], seed),
        [{"sizes": [3], "seed": seed} for seed in (1, 2)],
        *(X, Y, 2),
        validation=0.2,
    )
    assert without_seconds(rows) == without_seconds(expected)


def test_make_must_be_callable() -> None:
    with pytest.raises(TypeError, match="make must be a function that gives a model, a loss and an optimiser, not int"):
        nn.fit_many(3, CONFIGS, X, Y)
    with pytest.raises(TypeError, match=r"make must be a function that gives a model, .*, not MLP"):
        nn.fit_many(nn.MLP(1, [1]), CONFIGS, X, Y)


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
        with pytest.raises(TypeError, match=r"configuration 0 must be a dict .*: for a table give the rows"):
            nn.fit_many(make, configs, X, Y)
    with pytest.raises(TypeError, match=r"configuration 0 has an iterator as its 'hidden'.*: give a list"):
        nn.fit_many(make, [{"hidden": iter([4])}], X, Y)
    for key in ("loss", "validation_loss"):
        with pytest.raises(ValueError, match=f"configuration 0 has the key '{key}'"):
            nn.fit_many(make, [{key: "mse"}], X, Y)
    with pytest.raises(ValueError, match=r"^validation=\(X, y\): 50 samples against 3 labels"):
        nn.fit_many(make, CONFIGS, X, Y, validation=(X, Y[:3]))
    with pytest.raises(TypeError, match=r"executor is one of concurrent\.futures"):
        nn.fit_many(make, CONFIGS, X, Y, executor=3)
    with pytest.raises(ValueError, match="patience watches"):
        nn.fit_many(make, CONFIGS, X, Y, patience=1)
    with pytest.raises(ValueError, match=r"min_delta=0\.1 says what counts as better for patience"):
        nn.fit_many(make, CONFIGS, X, Y, min_delta=0.1)
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


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (nn.schedules.linear(0.1, steps=5), r"epoch 4 changed nothing: linear\(lr=0.1, steps=5.*, 5 in an epoch"),
        (lambda epoch: 0.1, "of which an epoch has 5, and the parameter of this one is called epoch"),
    ],
)
def test_schedules_by_epochs_are_warned_of(rate: Any, told: str) -> None:
    with pytest.warns(UserWarning, match=told) as found:
        nn.fit_many(make, CONFIGS[:3], X, Y, epochs=4, batch_size=10, schedule=rate)
    assert [warning.filename for warning in found] == [__file__]
    with pytest.warns(UserWarning, match=told):  # of the net with the most steps, whose epochs need not be the longest
        nn.fit_many(make, [{**CONFIGS[0], "epochs": 1, "batch_size": 5}, CONFIGS[1]], X, Y, 4, 10, schedule=rate)
    rows = nn.fit_many(make, [{**CONFIGS[0], "epochs": "4"}], X, Y, schedule=nn.schedules.linear(0.1, steps=5))
    assert "epochs must be a whole number" in rows[0]["error"]
