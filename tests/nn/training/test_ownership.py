"""The optimiser holds the model's parameters, some of them, or is refused."""

from __future__ import annotations

import warnings
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


def test_an_optimiser_of_another_model() -> None:
    model, other = nn.MLP(2, [3, 2], seed=0), nn.MLP(2, [3, 2], seed=0)
    with pytest.raises(ValueError, match=r"holds none of this model's parameters: give it model.parameters\(\)"):
        nn.fit(model, X, Y, nn.cross_entropy, nn.SGD(other.parameters(), lr=0.1))


@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_a_part_that_was_replaced_is_not_left_frozen(backend: str) -> None:
    model, optimizer = replaced()
    before = [p.data for p in model.parameters()]
    with pytest.raises(
        ValueError,
        match=r"8 of the optimiser's parameters are none of this model's, and 8 of the model's are not among them.*"
        r"needs a new optimiser, of model.parameters\(\)",
    ):
        nn.fit(model, X, Y, nn.cross_entropy, optimizer, epochs=1, backend=backend)
    assert [p.data for p in model.parameters()] == before
    nn.fit(model, X, Y, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), epochs=1, backend=backend)
    assert [p.data for p in model.layers[1].parameters()] != before[9:]


def test_a_loss_of_ones_own_may_have_parameters_and_is_warned_of() -> None:
    model, scale = nn.MLP(2, [3, 2], seed=0), Value(1.0)

    def scaled(outputs: Any, labels: Any) -> Value:
        return nn.cross_entropy([[scale * v for v in row] for row in outputs], labels)

    optimizer = nn.SGD([*model.layers[1].parameters(), scale], lr=0.1)
    with pytest.warns(UserWarning, match="1 of the optimiser's parameters are none of this model's, and 9 of"):
        nn.fit(model, X, Y, scaled, optimizer, epochs=1)
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


@pytest.mark.parametrize("chosen", WELL.values(), ids=WELL)
def test_frozen_parts_and_several_models_are_no_mistakes(chosen: Any) -> None:
    model = nn.MLP(2, [3, 2], seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.fit(model, X, Y, nn.cross_entropy, nn.SGD(chosen(model), lr=0.1), epochs=1)


def test_a_parameter_in_two_places_is_one() -> None:
    model = Tied()
    nn.fit(model, X, Y, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), epochs=1)
    assert model.first is model.again
