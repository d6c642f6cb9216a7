"""Sequential and Residual: modules in a row, and around a shortcut; Activation: a function between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arguments import show
from ..rows import is_row, same_length
from .activations import ACTIVATIONS, activation_name, get_activation
from .activations import Activation as Function
from .module import Module


class Sequential(Module):
    """Modules or functions in a row, each called with the output of the one before.

    Args:
        layers: the modules or functions, in order.

    Raises:
        TypeError: if one of them cannot be called.
        ValueError: if there is none.

    >>> from nn import Layer, softmax
    >>> Sequential(Layer(2, 3, bias=False, seed=1), Layer(3, 1, "identity", seed=2))
    Sequential of 10 parameters
      layers.0: Layer(2, 3, relu, bias=False)
      layers.1: Layer(3, 1, identity)
    >>> Sequential(Layer(2, 3, seed=1), softmax)
    Sequential of 9 parameters
      layers.0: Layer(2, 3, relu)
      layers.1: softmax
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        if not layers:
            raise ValueError("Sequential() of no layers: give at least one")
        for place, layer in enumerate(layers):
            if isinstance(layer, type):
                raise TypeError(
                    f"layer {place} of Sequential is the class {layer.__name__}: make one, {layer.__name__}(...)"
                )
            if not callable(layer):
                remedy = ": write Sequential(*layers)" if isinstance(layer, (list, tuple)) else ""
                remedy = f': write Activation("{layer}")' if isinstance(layer, str) else remedy
                raise TypeError(f"layer {place} of Sequential is not a module or function but {show(layer)}{remedy}")
        self.layers = list(layers)

    def __call__(self, x: Any) -> Any:
        """The output of the last layer."""
        layer: Any = None
        try:
            for layer in self.layers:
                x = layer(x)
        except (AttributeError, TypeError) as error:
            name = getattr(layer, "__name__", "")
            if name in ACTIVATIONS and is_row(x):
                raise TypeError(
                    f'Sequential calls {name} with a row, and it takes one number: write Activation("{name}")'
                ) from error
            raise
        return x

    def _stages(self) -> dict[str, Callable[[Any], Any]]:
        """The layers by their paths, functions included."""
        return {f"layers.{place}": layer for place, layer in enumerate(self.layers)}

    def _functions(self) -> list[str]:
        stages = self._stages().items()
        return [f"{path}: {activation_name(layer)}" for path, layer in stages if not isinstance(layer, Module)]


class Residual(Module):
    """x + inner(x), elementwise (He et al., 2015): the gradient has a way around the inner module.

    Args:
        inner: a module or function whose output has the shape of its input.

    Raises:
        TypeError: if it cannot be called.

    >>> from nn import Layer
    >>> [y.data for y in Residual(Layer(2, 2, init="zeros"))([1.0, 2.0])]
    [1.0, 2.0]
    """

    def __init__(self, inner: Callable[[Any], Any]) -> None:
        if not callable(inner):
            raise TypeError(f"Residual takes a module or function, not {show(inner)}")
        self.inner = inner

    def __call__(self, x: Any) -> Any:
        """The sum of input and output.

        Raises:
            ValueError: if their shapes differ.
        """
        return _added(x, self.inner(x))


class Activation(Module):
    """An activation as a layer of its own, for rows nested to any depth.

    Args:
        function: a name of `nn.ACTIVATIONS` or a callable from Value to Value.

    Raises:
        TypeError, ValueError: if `function` is neither.

    >>> from engine import Value
    >>> [y.data for y in Activation("relu")([Value(-1.0), Value(2.0)])]
    [0.0, 2.0]
    """

    def __init__(self, function: str | Function) -> None:
        self.function = get_activation(function)

    def __call__(self, x: Any) -> Any:
        """The function applied to every entry."""
        return [self(item) for item in x] if is_row(x) else self.function(x)

    def __repr__(self) -> str:
        return f"Activation({activation_name(self.function)})"


def _added(x: Any, y: Any) -> Any:
    if is_row(x) and is_row(y):
        x, y = list(x), list(y)
        same_length("Residual input", x, "module output", y)
        return [_added(a, b) for a, b in zip(x, y)]
    if is_row(x) or is_row(y):
        raise ValueError(f"Residual adds an input {show(x)} to an output {show(y)}: their shapes must be the same")
    return x + y
