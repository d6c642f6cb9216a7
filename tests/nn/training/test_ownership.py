"""The optimiser holds the model's parameters, some of them, or is refused."""

from __future__ import annotations

import copy
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

X, Y = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1]


def replaced() -> tuple[nn.MLP, nn.SGD]:
    """A model whose last layer was replaced after the optimiser was made."""
    model = nn.MLP(2, [3, 2], seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    model.layers[1] = nn.Layer(3, 2, activation="identity", seed=1)
    return model, optimizer


Make = Callable[[Any, Any, Any], Callable[[Any, Any], Any]]
STEPS: dict[str, Make] = {
    "fit": lambda *what: lambda X, y: nn.fit(what[0], X, y, *what[1:], epochs=1),
    "fit, eager": lambda *what: lambda X, y: nn.fit(what[0], X, y, *what[1:], epochs=1, backend="eager"),
    "Trainer": nn.Trainer,
    "Trainer, python": lambda *what: nn.Trainer(*what, backend="python"),
    "EagerStep": nn.EagerStep,
}
every_step = pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)
REPLACED = (
    r"8 of the optimiser's parameters do not belong to this model, and 8 of the model's are not in the optimiser.*"
    r"make a new optimiser of model.parameters\(\)"
)


@every_step
def test_an_optimiser_of_another_model(make: Make) -> None:
    model, other = nn.MLP(2, [3, 2], seed=0), nn.MLP(2, [3, 2], seed=0)
    step = make(model, nn.cross_entropy, nn.SGD(other.parameters(), lr=0.1))
    with pytest.raises(ValueError, match=r"holds none of this model's parameters: give it model.parameters\(\)"):
        step(X, Y)


@every_step
def test_parameters_that_are_chosen_from_a_list_by_their_numbers(make: Make) -> None:
    """The biases of the last layer were left out as well: they are 0, as those of the first."""
    model = nn.MLP(2, [3, 2], seed=0)
    frozen = model.layers[0].parameters()
    by_number = nn.SGD([p for p in model.parameters() if p not in frozen], lr=0.1)
    told = r"weights of 2 neurons and not the bias, such as layers\.1\.neurons\.0\.b, .* take a set"
    with pytest.warns(UserWarning, match=told):
        make(model, nn.cross_entropy, by_number)(X, Y)
    choices = {*frozen}, {neuron.b for layer in model.layers for neuron in layer.neurons}
    for chosen in choices:
        optimizer = nn.SGD([p for p in model.parameters() if p not in chosen], lr=0.1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            make(model, nn.cross_entropy, optimizer)(X, Y)


def test_a_step_of_ones_own_trains_no_other_model() -> None:
    model, other = nn.MLP(2, [3, 2], seed=0), nn.MLP(2, [3, 2], seed=0)
    optimizer = nn.SGD(other.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"holds none of this model's parameters"):
        nn.fit(model, X, Y, nn.cross_entropy, optimizer, step=lambda *parts: lambda X, y: 0.0)


@every_step
def test_a_part_that_was_replaced_is_not_left_frozen(make: Make) -> None:
    model, optimizer = replaced()
    before = [p.data for p in model.parameters()]
    with pytest.raises(ValueError, match=REPLACED):
        make(model, nn.cross_entropy, optimizer)(X, Y)
    assert [p.data for p in model.parameters()] == before
    make(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))(X, Y)
    assert [p.data for p in model.layers[1].parameters()] != before[9:]


def _other_layer(model: nn.MLP, spare: Value) -> None:
    model.layers[1] = nn.Layer(3, 2, activation="identity", seed=1)


def _other_weight(model: nn.MLP, spare: Value) -> None:
    model.layers[1].neurons[0].w[1] = Value(0.5)


def _spare_weight(model: nn.MLP, spare: Value) -> None:
    model.layers[1].neurons[0].w[1] = spare


@pytest.mark.parametrize("change", [_other_layer, _other_weight, _spare_weight])
@every_step
def test_nor_one_that_is_replaced_between_two_steps(make: Make, change: Any) -> None:
    """Also a single weight in its list, which announces nothing, and one that is no new leaf."""
    model, spare = nn.MLP(2, [3, 2], seed=0), Value(0.5)
    step = make(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
    for _ in range(4):
        step(X, Y)
    change(model, spare)
    for _ in range(2):
        before = [p.data for p in model.parameters()]
        with pytest.raises(ValueError, match=REPLACED.replace("8", r"\d")):
            step(X, Y)
        assert [p.data for p in model.parameters()] == before


@pytest.mark.parametrize("make", [nn.Trainer, nn.EagerStep])
def test_an_optimiser_that_is_exchanged_is_looked_at_too(make: Any) -> None:
    model, other = nn.MLP(2, [3, 2], seed=0), nn.MLP(2, [3, 2], seed=0)
    step = make(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
    step(X, Y)
    step.optimizer = nn.SGD(other.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="holds none of this model's parameters"):
        step(X, Y)


@every_step
def test_a_loss_of_ones_own_may_have_parameters_and_is_warned_of(make: Make) -> None:
    model, scale = nn.MLP(2, [3, 2], seed=0), Value(1.0)

    def scaled(outputs: Any, labels: Any) -> Value:
        return nn.cross_entropy([[scale * v for v in row] for row in outputs], labels)

    optimizer = nn.SGD([*model.layers[1].parameters(), scale], lr=0.1)
    with pytest.warns(
        UserWarning, match="1 of the optimiser's parameters do not belong to this model, and 9 of"
    ) as told:
        make(model, scaled, optimizer)(X, Y)
    assert len(told) == 1
    assert scale.data != 1.0


class Tied(nn.Module):
    """Uses a parameter twice."""

    def __init__(self) -> None:
        self.first = Value(1.0)
        self.again = self.first

    def __call__(self, x: Any) -> Any:
        return [self.first * x[0], self.again * x[1]]


WELL: dict[str, Any] = {
    "all": lambda model: model.parameters(),
    "in another order": lambda model: model.parameters()[::-1],
    "some": lambda model: model.layers[1].parameters(),
    "all and others": lambda model: [*model.parameters(), *nn.MLP(2, [2], seed=3).parameters()],
}


@every_step
@pytest.mark.parametrize("chosen", WELL.values(), ids=WELL)
def test_frozen_parts_and_several_models_are_no_mistakes(chosen: Any, make: Make) -> None:
    model = nn.MLP(2, [3, 2], seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(model, nn.cross_entropy, nn.SGD(chosen(model), lr=0.1))(X, Y)


def test_a_parameter_in_two_places_is_one() -> None:
    model = Tied()
    nn.fit(model, X, Y, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), epochs=1)
    assert model.first is model.again


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


@pytest.mark.parametrize("numbers", [[0.1, 0.2], (1, 2)])
def test_plain_numbers_as_the_weights_of_a_neuron_are_refused(numbers: Any) -> None:
    neuron = nn.Neuron(2, seed=0)
    with pytest.raises(TypeError, match=r"w of a neuron holds Values, not numbers such as .* set the .data of those"):
        neuron.w = numbers
    with pytest.raises(TypeError, match=r"b of a neuron holds Values, not numbers such as 0.5"):
        neuron.b = 0.5
    neuron.b = None


def test_an_optimiser_that_has_forgotten_what_it_did_is_told_of() -> None:
    """`nn.load` without `optimizer=` leaves it new: with Adam, training went on otherwise than if it had not ended."""
    for kind, settings in ((nn.Adam, {}), (nn.SGD, {"momentum": 0.9}), (nn.SGD, {})):
        model = nn.MLP(2, [3, 2], seed=0)
        optimizer = kind(model.parameters(), lr=0.1, **settings)
        history = nn.fit(model, X, Y, nn.cross_entropy, optimizer, 1)
        same, its_optimizer = copy.deepcopy((model, optimizer))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            nn.fit(same, X, Y, nn.cross_entropy, its_optimizer, 2, resume=history)
        new = kind(model.parameters(), lr=0.1, **settings)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            nn.fit(model, X, Y, nn.cross_entropy, new, 2, resume=history)
        forgot = [f"goes on after 1 step, and this {kind.__name__} has made none" in str(each.message) for each in told]
        assert forgot == ([] if kind is nn.SGD and not settings else [True])
