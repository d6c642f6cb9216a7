"""What models, losses and rules read counts for each net: from elsewhere, from other nets, from what is shared."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import nn
from nn.many import program
from nn.many.workbench import put_back

from .nets import CONFIGS, X, Y, alone, calls_for_many, make, make_line, without_seconds


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
            expected = {**config, **alone(config, make_scaled, X, Y, epochs=3, **options), "error": None}
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


class SlopedByList(Sloped):
    """Its slope is in a list, which stays the same."""

    def __call__(self, x: Any) -> Any:
        return [SLOPES[0] * x[0] + self.w]


SLOPES = [1.0]


def test_what_is_in_a_list_from_elsewhere_counts_for_each_net() -> None:
    def make_sloped(slope: float) -> Any:
        SLOPES[0] = slope
        model = SlopedByList()
        return model, nn.mse, nn.SGD(model.parameters(), lr=0.0)

    rows = nn.fit_many(make_sloped, [{"slope": s} for s in (1.0, 2.0, 3.0, 1.0)], [[1.0]], [0.0], epochs=1)
    assert [row["loss"] for row in rows] == [1.0, 4.0, 9.0, 1.0]


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
        model, loss, optimizer = make_ruled(**config)
        assert row["loss"] == nn.fit(model, X, Y, loss, optimizer, 2, seed=config["seed"]).losses[-1]


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
    """Even one whose own optimiser leaves the parameters that they share as they are."""
    shared = nn.Layer(2, 1, "identity", seed=1)
    model = nn.Sequential(shared, nn.Layer(1, 1, "identity", seed=2))
    optimizers = [nn.SGD(shared.parameters(), lr=0.1), nn.SGD(model.layers[1].parameters(), lr=0.1)]
    for optimizer in optimizers:
        with ThreadPoolExecutor(1) as pool, put_back(shared, optimizers[0]):
            shared.parameters()[0].data = 0.0
            entered = pool.submit(put_back(model, optimizer).__enter__)
            with pytest.raises(RuntimeError, match="another thread is training parameters"):
                entered.result()
        assert shared.parameters()[0].data != 0.0
