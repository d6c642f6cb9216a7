"""Neuron, Layer and MLP: networks made of scalar nodes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from numbers import Real
from typing import Any

from engine import Value, affine, dot

from ..arguments import Seed, random_source, true_or_false, whole_number
from ..elsewhere import explained, no_attribute
from ..rows import as_inputs, as_row, has_rows, is_row
from .activations import Activation, activation_name, as_method, get_activation
from .initializers import Initializer, get_initializer, weights
from .module import Module


class Neuron(Module):
    """activation(w · x + b): one weight per input and a bias.

    Args:
        nin: the number of inputs.
        activation: a name of `nn.ACTIVATIONS` or a callable from Value to Value.
        init: a name of `nn.INITIALIZERS`, a callable, or None for the one that fits the activation; the bias is 0.
        seed: an int for the same weights every time, or a `random.Random` to draw from.
        nout: the number of neurons in the layer, which Xavier's initialisation takes into account.
        bias: whether there is one.

    Raises:
        TypeError, ValueError: if an argument is of the wrong kind or out of range.

    >>> Neuron(3, activation="tanh", seed=1)
    Neuron(3, tanh)
    """

    def __init__(
        self,
        nin: int,
        activation: str | Activation = "relu",
        init: str | Initializer | None = None,
        seed: Seed = None,
        nout: int = 1,
        bias: bool = True,
    ) -> None:
        nin = whole_number("nin", nin, least=1)
        nout = whole_number("nout", nout, least=1)
        rng = random_source(seed)
        self.activation = get_activation(activation)
        draw = get_initializer(init, activation_name(self.activation))
        self.w = weights(draw, rng, nin, nout, nin)
        self.b = Value(0.0) if true_or_false("bias", bias) else None

    def __setattr__(self, name: str, value: Any) -> None:
        """As for any module; an activation may be set by its name.

        Raises:
            TypeError: weights or a bias are plain numbers, which would not be parameters.
        """
        if name in ("w", "b"):
            number = next((x for x in ([*value] if is_row(value) else [value]) if isinstance(x, Real)), None)
            if number is not None:
                raise TypeError(
                    f"{name} of a neuron holds Values, not numbers such as {number}, which nothing would train: give "
                    f"Value({number}), or set the .data of those that are there"
                )
        super().__setattr__(name, get_activation(value) if name == "activation" else value)

    def __call__(self, x: Any) -> Value:
        """The output for `nin` numbers or Values.

        Raises:
            ValueError: if there are not `nin` of them.
            TypeError: if one is not a number.
        """
        if type(x) is not list or len(x) != len(self.w):  # a layer has made its inputs a list already
            x = as_inputs(self, x, len(self.w))
        return self.activation(dot(self.w, x, self.b))

    def __repr__(self) -> str:
        bias = "" if self.b is not None else ", bias=False"
        return f"Neuron({len(self.w)}, {activation_name(self.activation)}{bias})"


def _neurons(
    nin: int, nout: int, activation: str | Activation, init: str | Initializer | None, rng: random.Random, bias: bool
) -> list[Neuron]:
    """The neurons of a layer, as if made one by one, but with their arguments checked only once."""
    nout = whole_number("nout", nout, least=1)
    neurons = [Neuron(nin, activation, init, rng, nout, bias)]
    chosen = neurons[0].activation
    draw = get_initializer(init, activation_name(chosen))
    numbers = weights(draw, rng, nin, nout, nin * (nout - 1))
    for start in range(0, len(numbers), nin):
        neuron = Neuron.__new__(Neuron)
        own = {"activation": chosen, "w": numbers[start : start + nin], "b": Value(0.0) if bias else None}
        vars(neuron).update(own)  # nobody has it yet: there is no change to announce
        neurons.append(neuron)
    return neurons


class Layer(Module):
    """`nout` neurons that see the same `nin` inputs; the output is always a list.

    Args:
        nin: the number of inputs.
        nout: the number of neurons.
        activation: a name of `nn.ACTIVATIONS` or a callable from Value to Value.
        init: a name of `nn.INITIALIZERS`, a callable, or None for the one that fits the activation.
        seed: an int for the same weights every time, or a `random.Random` to draw from.
        bias: whether each neuron has one.

    Raises:
        TypeError, ValueError: if an argument is of the wrong kind or out of range.

    >>> layer = Layer(2, 3, init="zeros")
    >>> [y.data for y in layer([1.0, 2.0])]
    [0.0, 0.0, 0.0]
    """

    @explained
    def __init__(
        self,
        nin: int,
        nout: int,
        activation: str | Activation = "relu",
        init: str | Initializer | None = None,
        seed: Seed = None,
        bias: bool = True,
    ) -> None:
        rng = random_source(seed)
        self.nin = whole_number("nin", nin, least=1)
        self.neurons = _neurons(self.nin, nout, activation, init, rng, bias)

    @property
    def activation(self) -> Activation:
        """The activation of the first neuron; setting it sets that of all neurons.

        >>> layer = Layer(2, 3)
        >>> layer.activation = "tanh"
        >>> layer
        Layer(2, 3, tanh)
        """
        return self.neurons[0].activation

    @activation.setter
    def activation(self, activation: str | Activation) -> None:
        for neuron in self.neurons:
            neuron.activation = get_activation(activation)

    def __call__(self, x: Any) -> list[Any]:
        """The outputs of all neurons for one sample of `nin` numbers or Values, or for each of several rows of them.

        Raises:
            ValueError: if there are not `nin` of them.
            TypeError: if one is not a number.
        """
        if has_rows(x):
            return [self(row) for row in x]
        inputs = as_inputs(self, x, self.nin)
        sums = affine([neuron.w for neuron in self.neurons], inputs, [neuron.b for neuron in self.neurons])
        shared = self.neurons[0].activation
        quick = as_method(shared)
        return [
            quick(z) if neuron.activation is shared else neuron.activation(z) for neuron, z in zip(self.neurons, sums)
        ]

    def __repr__(self) -> str:
        first = self.neurons[0]
        bias = "" if first.b is not None else ", bias=False"
        return f"Layer({self.nin}, {len(self.neurons)}, {activation_name(first.activation)}{bias})"


class MLP(Module):
    """A multi-layer perceptron: layers in a row, each fed with the outputs of the one before.

    Its parameters are initialised at random. For regression keep the identity activation at the output and
    train with `mse`; for classification keep it too and train with `cross_entropy`, which applies softmax
    itself.

    Args:
        nin: the number of inputs.
        nouts: the sizes of the layers, the last one that of the output.
        activation: that of the hidden layers, a name of `nn.ACTIVATIONS` or a callable from Value to Value.
        output: the activation of the last layer.
        init: a name of `nn.INITIALIZERS`, a callable, or None for the one that fits each layer's activation.
        seed: an int for the same weights every time, or a `random.Random` to draw from.
        bias: whether each neuron has one.

    Raises:
        TypeError, ValueError: if an argument is of the wrong kind or out of range.

    >>> MLP(2, [16, 16, 1], seed=1)
    MLP of 337 parameters
      layers.0: Layer(2, 16, relu)
      layers.1: Layer(16, 16, relu)
      layers.2: Layer(16, 1, identity)
    >>> len(MLP(2, [16, 16, 1])([0.5, -1.0]))
    1
    """

    @explained
    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        activation: str | Activation = "relu",
        output: str | Activation = "identity",
        init: str | Initializer | None = None,
        seed: Seed = None,
        bias: bool = True,
    ) -> None:
        rng = random_source(seed)
        if isinstance(nouts, int):
            raise TypeError(f"the sizes of all layers after the input go in one list, as in MLP(2, [{nouts}, 1])")
        sizes = [nin, *as_row("nouts", nouts)]
        activations = [get_activation(activation)] * (len(sizes) - 2) + [get_activation(output)]
        self.layers = [
            Layer(size, next_size, chosen, init, rng, bias)
            for size, next_size, chosen in zip(sizes, sizes[1:], activations)
        ]

    def __setattr__(self, name: str, value: Any) -> None:
        """As for any module.

        Raises:
            AttributeError: nothing would read it, since activations are those of the layers.
        """
        if name in ("activation", "output") and type(self) is MLP:
            no_attribute(self, name)
        super().__setattr__(name, value)

    def __call__(self, x: Any) -> list[Any]:
        """The outputs of the last layer for one sample of `nin` numbers or Values, or for each of several rows.

        Raises:
            ValueError: if there are not `nin` of them.
            TypeError: if one is not a number.
        """
        for layer in self.layers:
            x = layer(x)
        return x
