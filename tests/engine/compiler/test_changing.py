"""What is said where a number that a function reads keeps changing, and its program is made anew each time."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import nn
from engine import Value, compile, tanh
from engine.compiler.calls.changing import MANY
from tests.needs import needs

needs("numpy")
X, Y = [[0.5, -1.0], [0.25, 2.0]], [0, 1]


def warned(change: Callable[[], None], call: Callable[[], Any]) -> list[str]:
    """The warnings of many calls with a change before each."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for _ in range(MANY + 3):
            change()
            call()
    return [str(one.message) for one in found]


class Settings:
    def __init__(self) -> None:
        self.scale = 1.0


def test_a_compiled_function_is_warned_of_once() -> None:
    settings = Settings()

    def scaled(x: Any) -> Any:
        return tanh(x) * settings.scale

    compiled = compile(scaled, backend="python")
    compiled([1.0])
    (text,) = warned(lambda: setattr(settings, "scale", 2.0 * settings.scale), lambda: compiled([1.0]))
    assert f"again for the {MANY}th time, since a number that it reads has changed (scale from 512.0 to 1024.0)" in text
    assert "keep it in a Value" in text


@pytest.mark.parametrize("kind", ["step", "fit"])
def test_a_loss_is_warned_of_once(kind: str) -> None:
    settings = {"beta": 1.0}

    def loss(outputs: Any, labels: Any) -> Any:
        return nn.cross_entropy(outputs, labels) * settings["beta"]

    model = nn.MLP(2, [2], seed=1)
    optimizer = nn.SGD(model.parameters(), lr=0.1)

    def halve() -> None:
        settings["beta"] /= 2.0

    if kind == "step":
        trainer = nn.Trainer(model, loss, optimizer, backend="python")
        trainer.step(X, Y)
        found = warned(halve, lambda: trainer.step(X, Y))
    else:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            nn.fit(model, X, Y, loss, optimizer, MANY + 3, callbacks=lambda *_: halve(), backend="python")
        found = [str(one.message) for one in caught]
    (text,) = [one for one in found if "compiled" in one]
    assert (
        "loss of MLP is compiled again for the 10th time, since a number that it reads has changed (an entry of a dict)"
        in text
    )


def test_other_changes_and_a_value_are_not_warned_of() -> None:
    beta, shared = Value(1.0), SimpleNamespace(offset=Value(1.0))
    compiled = compile(lambda x: tanh(x) * beta + shared.offset, backend="python")
    compiled([1.0])
    assert not warned(lambda: setattr(beta, "data", beta.data / 2.0), lambda: compiled([1.0]))
    assert not warned(lambda: setattr(shared, "offset", Value(2.0)), lambda: compiled([1.0]))


def test_programs_that_a_model_keeps_are_nothing_that_it_reads() -> None:
    """Where layers changed between trainings, a step told of a number in the trainer that fit had made."""

    class Net(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Layer(2, 2, "tanh", seed=1)

        def __call__(self, x: Any) -> Any:
            return self.layer(x)

    model, names = Net(), itertools.cycle(["gelu", "silu"])
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    trainer = nn.Trainer(model, nn.cross_entropy, optimizer)

    def train() -> None:
        trainer.step(X, Y)
        nn.fit(model, X, Y, nn.cross_entropy, optimizer, 1)

    assert not warned(lambda: setattr(model.layer, "activation", next(names)), train)
