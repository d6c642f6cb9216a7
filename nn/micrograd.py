"""micrograd's network, name by name: a script for micrograd runs after changing its imports.

`from micrograd.engine import Value` becomes `from engine import Value`, and `from micrograd.nn import MLP`
becomes `from nn.micrograd import MLP`. Weights are drawn from the module `random` in micrograd's order, so
the same `random.seed` gives the same network and the same losses. A layer of one neuron returns its Value,
not a list. One thing differs: inputs of the wrong length raise a ValueError, where micrograd cuts them short.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from engine import Value, dot

from .layers.module import Module as Module


class Neuron(Module):
    """relu(w · x + b), or w · x + b without `nonlin`; weights are uniform in [-1, 1), the bias is 0.

    >>> random.seed(1)
    >>> Neuron(2)
    ReLUNeuron(2)
    """

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    def __call__(self, x: Sequence[Any]) -> Value:
        """The output for as many numbers or Values as there are weights."""
        act: Value = dot(self.w, x, self.b)
        return act.relu() if self.nonlin else act

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """`nout` neurons on the same inputs; returns a list, or the Value of a single neuron.

    >>> Layer(2, 2, nonlin=False)
    Layer of [LinearNeuron(2), LinearNeuron(2)]
    """

    def __init__(self, nin: int, nout: int, **kwargs: Any) -> None:
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]

    def __call__(self, x: Sequence[Any]) -> Value | list[Value]:
        """The outputs of the neurons."""
        out = [n(x) for n in self.neurons]
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(str(n) for n in self.neurons)}]"


class MLP(Module):
    """Layers in a row, with relu in all but the last.

    >>> MLP(2, [1])
    MLP of [Layer of [LinearNeuron(2)]]
    """

    def __init__(self, nin: int, nouts: list[int]) -> None:
        if isinstance(nouts, int):
            raise TypeError(f"the sizes of all layers after the input go in one list, as in MLP({nin}, [{nouts}, 1])")
        sz = [nin, *nouts]
        self.layers = [Layer(sz[i], sz[i + 1], nonlin=i != len(nouts) - 1) for i in range(len(nouts))]

    def __call__(self, x: Any) -> Any:
        """The output of the last layer: a Value if it has one neuron, otherwise a list."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(str(layer) for layer in self.layers)}]"
