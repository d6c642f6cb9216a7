"""What the demos print, computed once more without the engine."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import nn


def outputs(model: nn.MLP, X: ArrayLike) -> Any:
    """The outputs of a network of tanh layers for rows X, by matrix products."""
    signal = np.asarray(X)
    for layer in model.layers:
        if layer is not model.layers[0]:
            signal = np.tanh(signal)
        weights = np.array([[w.data for w in neuron.w] for neuron in layer.neurons])
        signal = signal @ weights.T + np.array([neuron.b.data for neuron in layer.neurons])
    return signal


def printed(pattern: str, text: str) -> list[str]:
    """The groups of the only match of a pattern in what was printed."""
    [found] = re.finditer(pattern, text)
    return list(found.groups())
