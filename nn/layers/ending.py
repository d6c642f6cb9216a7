"""The activation that a model ends with."""

from __future__ import annotations

from typing import Any

from .dense import MLP, Layer, Neuron
from .dropout import Dropout
from .module import Module
from .sequential import Activation, Sequential


def last_activation(model: Any) -> Any:
    """The activation at the end of a model of known layers; None if only its code could tell."""
    kind = type(model)
    known = next((k for k in (Neuron, Layer, MLP, Sequential, Activation) if isinstance(model, k)), None)
    if known is None or kind.__call__ is not known.__call__:
        return None
    if isinstance(model, Neuron):
        return model.activation
    if isinstance(model, Layer):
        first, *others = [neuron.activation for neuron in model.neurons]
        return first if all(other is first for other in others) else None
    if isinstance(model, Activation):
        return model.function
    layers = [layer for layer in model.layers if not isinstance(layer, Dropout)]
    last = layers[-1] if layers else None
    return last_activation(last) if isinstance(last, Module) else last
