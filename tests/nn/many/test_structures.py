"""Which nets share a program: those of one structure, as far as it can be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from nn.many import program, workbench
from nn.many.structure import Structure, UnknownStructureError

from .nets import CONFIGS, X, Y, alone, make, without_seconds


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


def frozen_net(seed: int, **held: Any) -> Any:
    model = Holding(**held)
    return model, nn.cross_entropy, nn.SGD(model.net.parameters(), lr=0.1 * seed)


def test_dicts_count_by_their_keys_and_lists_by_the_places_of_what_they_hold() -> None:
    def key(held: Any) -> Any:
        nets.append(Holding(held=held))
        return Structure(nets[-1], nn.mse, nn.SGD(nets[-1].parameters(), lr=0.1)).key

    nets: list[Any] = []
    assert key({"a": 1.0}) == key({"a": 1.0})
    assert key([{"a": 1.0}, {"b": 2.0}]) == key([{"a": 1.0}, {"b": 2.0}])
    assert key([[1.0, 2.0], [3.0]]) == key([[1.0, 2.0], [3.0]])
    different: list[Any] = [{"a": 1.0}, {"a": 2.0}, {"b": 1.0}, [{"a": 1.0}, {"b": 2.0}], [{"a": 1.0}, {"a": 2.0}]]
    different += [[[1.0, 2.0], [3.0]], [[1.0], [2.0, 3.0]], [[1.0], [2.0], [3.0]], ([1.0, 2.0], [3.0]), [1.0, 2.0, 3.0]]
    different += [0.0, -0.0, 0, False, 1, True, "1"]  # of which some are equal
    assert len({*map(key, different)}) == len(different)


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


class Tied(nn.Module):
    """A model that has a parameter in several places, which the scale says."""

    def __init__(self, scale: float) -> None:
        self.net = nn.MLP(2, [2], seed=1)
        a, b = self.net.parameters()[:2]
        self.parts = [a, b, a, a, b] if scale < 2.0 else [a, b, b, a, b]

    def __call__(self, x: Any) -> Any:
        return [self.parts[2] * z for z in self.net(x)]


@pytest.mark.parametrize("kind", [Slotted, Labelled, Circular, Ruled, Tied])
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


def halved(outputs: Any, labels: Any) -> Any:
    return nn.cross_entropy(outputs, labels) * 0.5


class Other(nn.SGD):
    """An optimiser that updates half as much."""

    @staticmethod
    def rule(p: Any, g: Any, velocity: Any, s: Any) -> Any:
        """The number after a step, and the velocity."""
        return p - 0.5 * s.lr * g, velocity


@pytest.mark.parametrize("other", [(halved, nn.SGD), (nn.cross_entropy, Other)])
def test_another_loss_or_optimiser_among_nets_that_are_read_at_once(other: Any) -> None:
    """A net with the numbers of a known structure would be trained by the program of that."""

    def make_with(parts: Any, seed: int) -> Any:
        model, _, _ = make(4, 0.1, 0.0, seed)
        loss, kind = parts
        return model, loss, kind(model.parameters(), lr=0.1)

    usual = nn.cross_entropy, nn.SGD
    configs = [{"parts": parts, "seed": seed} for seed, parts in enumerate([usual, usual, usual, other], 1)]
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
