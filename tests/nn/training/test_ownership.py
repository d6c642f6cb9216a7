"""The optimiser holds the model's parameters, some of them, or is refused."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import pytest

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


def _other_layer(model: nn.MLP, spare: nn.Layer) -> None:
    model.layers[1] = nn.Layer(3, 2, activation="identity", seed=1)


def _spare_layer(model: nn.MLP, spare: nn.Layer) -> None:
    model.layers = [model.layers[0], spare]


def _other_weight(model: nn.MLP, spare: nn.Layer) -> None:
    model.layers[1].neurons[0].w[1] = Value(0.5)


def _spare_weight(model: nn.MLP, spare: nn.Layer) -> None:
    model.layers[1].neurons[0].w[1] = spare.neurons[0].w[1]


@pytest.mark.parametrize("change", [_other_layer, _spare_layer, _other_weight, _spare_weight])
@every_step
def test_nor_one_that_is_replaced_between_two_steps(make: Make, change: Any) -> None:
    """Also a single weight in its list, which announces nothing, and one that is no new leaf."""
    model, spare = nn.MLP(2, [3, 2], seed=0), nn.Layer(3, 2, activation="identity", seed=1)
    step = make(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
    for _ in range(4 if change is _spare_weight else 5):  # eager steps look for that one at steps 1, 2, 4, 8 and so on
        step(X, Y)
    change(model, spare)
    for _ in range(2):
        before = [p.data for p in model.parameters()]
        with pytest.raises(ValueError, match=REPLACED.replace("8", r"\d")):
            step(X, Y)
        assert [p.data for p in model.parameters()] == before


@pytest.mark.parametrize("part", ["model", "optimizer", "params"])
@pytest.mark.parametrize("make", [nn.Trainer, nn.EagerStep])
def test_parts_that_are_exchanged_are_looked_at_too(make: Any, part: str) -> None:
    model, other = nn.MLP(2, [3, 2], seed=0), nn.MLP(2, [3, 2], seed=0)
    step = make(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
    for _ in range(5):
        step(X, Y)
    if part == "params":
        step.optimizer.params = other.parameters()
    else:
        setattr(step, part, other if part == "model" else nn.SGD(other.parameters(), lr=0.1))
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
            fresh = kind(same.parameters(), lr=0.1, **settings)
            nn.fit(same, X, Y, nn.cross_entropy, fresh, 1, resume=nn.History())  # of no step that it could have made
        new = kind(model.parameters(), lr=0.1, **settings)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            nn.fit(model, X, Y, nn.cross_entropy, new, 2, resume=history)
        forgot = [f"goes on after 1 step, and this {kind.__name__} has made none" in str(each.message) for each in told]
        assert forgot == ([] if kind is nn.SGD and not settings else [True])
