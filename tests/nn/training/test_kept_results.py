"""Results that are kept from before: of parameters as they were, they would never be trained, and are refused."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

import engine
import nn
from engine import Value
from tests.nn.training.test_ownership import STEPS, Make, X, Y, every_step


class OfResults(nn.Module):
    """Holds what an operation has computed where parameters are meant; its offset is one."""

    def __init__(self) -> None:
        self.slopes = [Value(0.5) * 0.1, Value(0.25) * 0.1]
        self.offset = Value(0.0)

    def __call__(self, x: Any) -> Value:
        return self.slopes[0] * x[0] + self.slopes[1] * x[1] + self.offset


class Caching(nn.Module):
    """Keeps what it has computed last, as one does to look at it."""

    def __init__(self) -> None:
        self.inner, self.outer = nn.Layer(2, 3, "tanh", seed=0), nn.Layer(3, 1, "identity", seed=1)

    def __call__(self, x: Any) -> list[Any]:
        self.last = self.inner(x)
        return self.outer(self.last)


RESULT = r"slopes.0 is not a parameter but the result of mul: .*Write Value\(x.data\).*x.data for a constant"


@pytest.mark.parametrize("name", ["fit", "fit, eager", "EagerStep"])
@pytest.mark.filterwarnings("ignore::nn.EagerWarning")  # how it is trained does not matter here
def test_a_result_among_the_parameters_is_refused(name: str) -> None:
    """It kept its number, and only the offset was trained: a worse model, and not a word."""
    model = OfResults()
    with pytest.raises(ValueError, match=RESULT):
        STEPS[name](model, nn.mse, nn.SGD(model.parameters(), lr=0.1))(X, [0.0, 1.0, 2.0])
    assert model.offset.data == 0.0


@pytest.mark.parametrize("name", ["fit, eager", "EagerStep"])
def test_what_a_model_keeps_of_its_last_call_is_none(name: str) -> None:
    model = Caching()
    model(X[0])
    STEPS[name](model, nn.mse, nn.SGD(model.parameters(), lr=0.1))(X, [0.0, 1.0, 2.0])


class KeepingInputs(nn.Module):
    """Has the last sample at hand, as hooks and pictures of activations want it."""

    def __init__(self) -> None:
        self.layer, self.last = nn.Layer(2, 2, activation="identity", seed=0), None

    def __call__(self, x: Any) -> Any:
        self.last = list(x)
        return self.layer(x)


@every_step
def test_a_sample_that_a_model_keeps_is_no_parameter(make: Make) -> None:
    """In a trace it is made of symbols, which stay there: numbers in their place were refused, as for parameters."""
    model = KeepingInputs()
    step = make(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
    for _ in range(3):
        step(X, Y)
    assert len(model.parameters()) == 6
    found = nn.predict(model, X)
    assert [list(row) for row in found] == [[z.data for z in model(x)] for x in X]
    assert model.last == X[-1]
    assert len(model.parameters()) == 6


class Carrying(nn.Module):
    """Begins a sequence with the state that the last one ended with."""

    def __init__(self) -> None:
        self.cell, self.state = nn.Neuron(2, "tanh", seed=0), 0.0

    def __call__(self, x: Any) -> Value:
        for number in x:
            self.state = self.cell([number, self.state])
        return self.state


@pytest.mark.parametrize("name", ["fit, eager", "EagerStep"])
def test_a_state_that_is_carried_from_step_to_step_is_refused(name: str) -> None:
    """The graph of a loss went back through all steps before, with the numbers that parameters had then."""
    model = Carrying()

    def train() -> None:
        step = STEPS[name](model, nn.mse, nn.SGD(model.parameters(), lr=0.1))
        for _ in range(3):
            step(X, [0.0, 1.0, 2.0])

    with pytest.raises(ValueError, match=r"state is not a parameter but the result of .*compute it whenever the model"):
        train()


class Tempered(nn.Module):
    """Scales its output by a function of a parameter."""

    def __init__(self) -> None:
        self.layer, self.temperature = nn.Layer(2, 1, "identity", seed=0), Value(1.0)

    def scale(self) -> Value:
        return 1 / (self.temperature * self.temperature)

    def __call__(self, x: Any) -> list[Value]:
        scale = self.scale()
        return [scale * output for output in self.layer(x)]


class CachedMethod(Tempered):
    @functools.cache  # noqa: B019  that it lives on is what is tested
    def scale(self) -> Value:
        return super().scale()


class CachedProperty(Tempered):
    kept = functools.cached_property(Tempered.scale)

    def scale(self) -> Value:
        return self.kept


class InAList(Tempered):
    def __init__(self) -> None:
        super().__init__()
        self.kept = [lambda: None]

    def scale(self) -> Value:
        if self.kept[0]() is None:
            result = super().scale()
            self.kept[0] = lambda: result
        return self.kept[0]()


class Noisy(Tempered):
    """Moves a parameter while it is called, and back again."""

    def scale(self) -> Value:
        self.temperature.data += 0.25
        result = super().scale()
        self.temperature.data -= 0.25
        return result


def _repeat(step: Callable[[Any, Any], Any], times: int) -> None:
    for _ in range(times):
        step(X, [0.0, 1.0, 2.0])


def _with_penalty(model: Tempered) -> Any:
    penalty = model.temperature * model.temperature
    return lambda outputs, labels: nn.mse(outputs, labels) + penalty


OUTDATED = {
    "a method under lru_cache": (CachedMethod, None),
    "a cached property": (CachedProperty, None),
    "a closure in a list": (InAList, None),
    "a penalty computed once": (Tempered, _with_penalty),
    "parameters moved in the call": (Noisy, None),
}


@pytest.mark.parametrize("case", OUTDATED)
@pytest.mark.parametrize("name", ["fit, eager", "EagerStep"])
def test_a_result_of_parameters_as_they_were_is_refused(name: str, case: str) -> None:
    """The temperature stayed as it was at the first step wherever it was used, and yet was trained by it."""
    kind, loss_of = OUTDATED[case]
    model = kind()
    step = STEPS[name](model, loss_of(model) if loss_of else nn.mse, nn.SGD(model.parameters(), lr=0.1))
    with pytest.raises(
        ValueError, match=r"that was [\d.]+ and is [\d.]+ now: .*|kept is not a parameter but the result of"
    ):
        _repeat(step, 2)


def test_results_of_constants_and_frozen_parameters_may_be_kept() -> None:
    for kind in (CachedMethod, InAList, Tempered):
        model = kind()
        step = nn.EagerStep(model, nn.mse, nn.SGD(model.layer.parameters(), lr=0.1))
        losses = [step(X, [0.0, 1.0, 2.0]) for _ in range(6)]
        assert losses == sorted(losses, reverse=True)


def test_a_result_of_parameters_as_they_were_is_found_later_too() -> None:
    model = Tempered()
    step = nn.EagerStep(model, nn.mse, nn.SGD(model.parameters(), lr=0.1))
    _repeat(step, 3)
    kept = model.scale()
    model.scale = lambda: kept  # what a cache that fills late comes to
    with pytest.raises(ValueError, match=r"the loss uses the result of mul of"):
        _repeat(step, 3)


@pytest.mark.parametrize("detached", [True, False])
def test_what_parameters_were_at_first_may_be_kept_as_constants(detached: bool) -> None:
    """The remedy that the message names."""
    model = nn.MLP(2, [1], seed=0)
    first = [p * 1.0 for p in model.parameters()]
    start = [value.detach() for value in first] if detached else first

    def near_the_start(predictions: Any, labels: Any) -> Value:
        return nn.mse(predictions, labels) + engine.sum([(p - s) ** 2 for p, s in zip(model.parameters(), start)])

    step = nn.EagerStep(model, near_the_start, nn.SGD(model.parameters(), lr=0.1))
    with nullcontext() if detached else pytest.raises(ValueError, match=r"keep its detach\(\)"):
        _repeat(step, 3)


def test_a_parameter_that_is_nan_is_the_same_as_it_was() -> None:
    """Though equal to nothing: it was said to be nan now, and to have been nan before."""
    model, unused = nn.MLP(2, [1], seed=0), Value(math.nan)
    optimizer = nn.SGD([*model.parameters(), unused], lr=0.1)
    step = nn.EagerStep(model, lambda p, y: engine.where(True, nn.mse(p, y), 2 * unused), optimizer)
    with pytest.raises(FloatingPointError, match="the update of parameter 3"):
        _repeat(step, 1)


def test_a_result_among_the_weights_of_a_layer_is_told_where_parameters_are_asked_for() -> None:
    """A loop of one's own never asks `fit`: its optimiser had the biases alone."""
    model = nn.MLP(2, [3, 1], seed=0)
    neuron = model.layers[0].neurons[1]
    with pytest.warns(UserWarning, match="w of Neuron holds parameters, and is set to the result of"):
        neuron.w = [w * 0.1 for w in neuron.w]
    with pytest.warns(UserWarning, match=r"^layers.0.neurons.1.w.0 is not a parameter but the result of") as told:
        model.parameters()
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        neuron.w = [Value(w.data) for w in neuron.w]
        assert len(model.parameters()) == 13
        Caching().parameters()
