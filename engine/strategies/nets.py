"""Small networks, and data for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from ..primitive import lookup
from ..text.elsewhere import explained
from ..value import Value
from .scalars import numbers


class Network:
    """A drawn network of fully connected layers; its repr builds it again.

    Call it with a list of Values or numbers; it gives a list of Values. `parameters()` lists its weights, so it can be
    checked, trained and compared like a module.

    Args:
        layers: for each layer its neurons; for each neuron its weights, then its bias.
        activation: the name of the primitive after each layer but the last.

    Raises:
        ValueError: a neuron does not have one weight for each input and a bias.

    >>> net = Network([[[0.5, 1.0]], [[2.0, 0.0]]], "tanh")
    >>> net([0.0])
    [Value(data=1.5231883119115297, grad=0.0)]
    """

    def __init__(self, layers: Sequence[Sequence[Sequence[float]]], activation: str) -> None:
        self.activation = lookup(activation)
        self.layers = [[[Value(weight) for weight in neuron] for neuron in layer] for layer in layers]
        width = len(self.layers[0][0]) - 1
        for layer in self.layers:
            for neuron in layer:
                if len(neuron) != width + 1:
                    raise ValueError(f"a neuron of {width} inputs has {width} weights and a bias, got {len(neuron)}")
            width = len(layer)

    def parameters(self) -> list[Value]:
        """All weights and biases, layer by layer."""
        return [weight for layer in self.layers for neuron in layer for weight in neuron]

    def named_parameters(self) -> list[tuple[str, Value]]:
        """The same, each with its place as its name."""
        return [
            (f"layers[{i}][{j}][{k}]", weight)
            for i, layer in enumerate(self.layers)
            for j, neuron in enumerate(layer)
            for k, weight in enumerate(neuron)
        ]

    def __call__(self, xs: Sequence[Any]) -> list[Any]:
        """The outputs for one row of inputs."""
        outputs = list(xs)
        dot = lookup("dot")
        for depth, layer in enumerate(self.layers):
            outputs = [dot(neuron[:-1], outputs, neuron[-1]) for neuron in layer]
            if depth + 1 < len(self.layers):
                outputs = [self.activation(output) for output in outputs]
        return outputs

    def __repr__(self) -> str:
        layers = [[[weight.data for weight in neuron] for neuron in layer] for layer in self.layers]
        return f"Network({layers!r}, {self.activation.name!r})"


@explained
def networks(
    inputs: int = 2,
    outputs: int = 1,
    max_layers: int = 3,
    max_width: int = 4,
    activations: Sequence[str] = ("tanh", "relu", "sigmoid", "softplus", "gelu"),
) -> st.SearchStrategy[Network]:
    """Small fully connected networks.

    Args:
        inputs: numbers that a network takes.
        outputs: numbers that it gives.
        max_layers: the largest number of layers.
        max_width: the largest number of neurons in a hidden layer.
        activations: names of primitives of one operand.

    Raises:
        LookupError: no primitive has that name.
        TypeError: `activations` is a single name.
        ValueError: a size is not positive, there are no activations, or one takes several operands.

    >>> from hypothesis import find
    >>> find(networks(inputs=1), lambda net: True)
    Network([[[0.0, 0.0]]], 'tanh')
    """
    for what, size in (("inputs", inputs), ("outputs", outputs), ("max_layers", max_layers), ("max_width", max_width)):
        if size < 1:
            raise ValueError(f"networks() needs a positive number of {what}, got {size!r}")
    if isinstance(activations, str):
        raise TypeError(f"networks() takes a list of activations, got {activations!r}: put it in a list")
    if not activations or any(lookup(name).arity != 1 for name in activations):
        raise ValueError(f"networks() takes names of primitives of one operand as activations, got {activations!r}")

    def layers(hidden: list[int]) -> st.SearchStrategy[Any]:
        sizes = [inputs, *hidden, outputs]
        weight = st.integers(-20, 20).map(lambda tenths: tenths / 10)  # readable numbers
        neurons = [st.lists(weight, min_size=n + 1, max_size=n + 1) for n in sizes[:-1]]
        return st.tuples(*(st.lists(neuron, min_size=m, max_size=m) for neuron, m in zip(neurons, sizes[1:])))

    widths = st.lists(st.integers(1, max_width), max_size=max_layers - 1)
    return st.builds(Network, widths.flatmap(layers), st.sampled_from(list(activations)))


@explained
def datasets(
    features: int = 2, targets: int = 1, classes: int = 0, max_rows: int = 8
) -> st.SearchStrategy[tuple[list[list[float]], list[Any]]]:
    """Inputs and targets, row by row.

    Args:
        features: numbers in a row of inputs.
        targets: numbers in a row of targets, for regression.
        classes: if positive, the number of classes; each target is then the index of one.
        max_rows: the largest number of rows; there is at least one.

    Raises:
        ValueError: a size is not positive.

    >>> from hypothesis import find
    >>> find(datasets(), lambda data: len(data[0]) > 1)
    ([[0.0, 0.0], [0.0, 0.0]], [[0.0], [0.0]])
    >>> find(datasets(classes=3), lambda data: True)
    ([[0.0, 0.0]], [0])
    """
    for what, size in (("features", features), ("targets", targets), ("max_rows", max_rows)):
        if size < 1:
            raise ValueError(f"datasets() needs a positive number of {what}, got {size!r}")
    if classes < 0:
        raise ValueError(f"datasets() needs a positive number of classes, or 0 for regression, got {classes!r}")
    x = st.lists(numbers(), min_size=features, max_size=features)
    y: st.SearchStrategy[Any] = st.lists(numbers(), min_size=targets, max_size=targets)
    row = st.tuples(x, st.integers(0, classes - 1) if classes else y)
    rows = st.lists(row, min_size=1, max_size=max_rows)
    return rows.map(lambda found: ([x for x, _ in found], [y for _, y in found]))
