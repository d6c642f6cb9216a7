"""A network changes between two calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import engine
import nn
from engine import Value

from .cases import Case, equal


def mlp(between: Callable[[Any], Any], far: bool = False) -> Case:
    """A network of nn, to which something happens."""
    model = nn.MLP(1, [3, 3, 1], activation="tanh", seed=1)
    return Case(lambda x: model([x])[0] * 2.0, lambda: between(model), far=far)


@equal
def test_an_activation_of_a_network() -> Case:
    def between(model: Any) -> None:
        for neuron in model.layers[0].neurons:
            neuron.activation = engine.sin

    return mlp(between)


@equal
def test_a_layer_appended() -> Case:
    return mlp(lambda model: model.layers.append(nn.Layer(1, 1, "tanh", seed=3)), far=True)


@equal
def test_a_layer_inserted() -> Case:
    return mlp(lambda model: model.layers.insert(1, nn.Layer(3, 3, "tanh", seed=3)), far=True)


@equal
def test_a_layer_replaced() -> Case:
    return mlp(lambda model: model.layers.__setitem__(1, nn.Layer(3, 3, "tanh", seed=3)), far=True)


@equal
def test_a_bias_of_a_neuron_replaced_by_an_equal_one() -> Case:
    return mlp(lambda model: setattr(model.layers[0].neurons[0], "b", Value(model.layers[0].neurons[0].b.data)))


@equal
def test_a_weight_in_a_network_replaced() -> Case:
    def between(model: Any) -> None:
        model.layers[0].neurons[1].w[0] = Value(9.0)

    return mlp(between, far=True)


@equal
def test_a_module_with_a_number() -> Case:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.w, self.scale = Value(2.0), 3.0

        def __call__(self, x: Any) -> Any:
            return self.w * x * self.scale

    model = Scaled()
    return Case(lambda x: model(x), lambda: setattr(model, "scale", 4.0))


@equal
def test_a_module_that_gets_another_parameter() -> Case:
    class Bag(nn.Module):
        def __init__(self) -> None:
            self.first = Value(2.0)

    model = Bag()
    return Case(lambda x: engine.sum([p * x for p in model.parameters()]), lambda: setattr(model, "other", Value(4.0)))


@equal
def test_a_mode_of_a_module() -> Case:
    class Switch(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            return self.w * x if self.training else x * x

    model = Switch()
    return Case(lambda x: model(x), lambda: model.eval())


@equal
def test_the_labels_of_parameters_in_a_module() -> Case:
    model = nn.MLP(1, [2, 1], activation="tanh", seed=1)

    def function(x: Any) -> Any:
        return model([x])[0] + engine.sum([p * p for p in model.parameters() if p.label != "free"])

    return Case(function, lambda: setattr(model.parameters()[0], "label", "free"))


@equal
def test_a_network_with_a_penalty() -> Case:
    model = nn.MLP(1, [3, 1], seed=1)
    return Case(lambda x: nn.mse(model([x]), [0.5]) + 0.01 * engine.sum([p * p for p in model.parameters()]))


@equal
def test_shared_weights() -> Case:
    layer = nn.Layer(2, 2, "tanh", seed=1)
    return Case(lambda x: engine.sum(layer(layer([x, 1.0]))))


@equal
def test_a_frozen_layer() -> Case:
    first, last = nn.Layer(1, 2, "tanh", seed=1), nn.Layer(2, 1, seed=2)

    def function(x: Any) -> Any:
        with engine.no_grad():
            hidden = first([x])
        return last(hidden)[0]

    return Case(function)
