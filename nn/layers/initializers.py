"""How weights are drawn: the parameters of a network are initialised at random, reproducibly from a seed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import isfinite, sqrt
from random import Random
from typing import TypeAlias

from engine import Value, collector_at_rest

from ..arguments import real_number, show

Initializer: TypeAlias = Callable[[Random, int, int], float]
"""A function that draws one weight, from a source of random numbers and the layer's numbers of inputs and neurons."""


class Scaled:
    """An initialiser of the table: numbers of one distribution, times a scale that fits the layer.

    Args:
        draw: a function that draws as many numbers from a source as it is asked for.
        scale: a function of the layer's numbers of inputs and neurons.

    >>> Scaled(_uniform, lambda nin, nout: 0.0)(Random(0), 2, 3)
    0.0
    """

    def __init__(self, draw: Callable[[Random, int], list[float]], scale: Callable[[int, int], float]) -> None:
        self._draw, self._scale = draw, scale

    def __call__(self, rng: Random, nin: int, nout: int) -> float:
        """One weight."""
        return self.numbers(rng, nin, nout, 1)[0]

    def numbers(self, rng: Random, nin: int, nout: int, count: int) -> list[float]:
        """`count` weights, the same as from that many calls."""
        scale = self._scale(nin, nout)
        return [scale * number for number in self._draw(rng, count)]


def _zeros(rng: Random, count: int) -> list[float]:
    return [0.0] * count


def _uniform(rng: Random, count: int) -> list[float]:
    """From -1 to 1."""
    draw = rng.random
    return [2.0 * draw() - 1.0 for _ in range(count)]


def _normal(rng: Random, count: int) -> list[float]:
    """Of mean 0 and variance 1."""
    return [rng.gauss(0.0, 1.0) for _ in range(count)]


# Glorot and Bengio (2010) keep the variance of signals and gradients through layers that are linear around 0;
# He et al. (2015) make up for the half of the signal that relu and its relatives cut off.
INITIALIZERS: dict[str, Initializer] = {
    "zeros": Scaled(_zeros, lambda nin, nout: 1.0),
    "uniform": Scaled(_uniform, lambda nin, nout: 1.0),
    "normal": Scaled(_normal, lambda nin, nout: 1.0),
    "xavier_uniform": Scaled(_uniform, lambda nin, nout: sqrt(6.0 / (nin + nout))),
    "xavier_normal": Scaled(_normal, lambda nin, nout: sqrt(2.0 / (nin + nout))),
    "he_uniform": Scaled(_uniform, lambda nin, nout: sqrt(6.0 / nin)),
    "he_normal": Scaled(_normal, lambda nin, nout: sqrt(2.0 / nin)),
}
INITIALIZERS["glorot_uniform"] = INITIALIZERS["xavier_uniform"]
INITIALIZERS["glorot_normal"] = INITIALIZERS["xavier_normal"]

FITTING = dict.fromkeys(("relu", "leaky_relu", "elu", "gelu", "silu"), "he_uniform")
"""The initialiser that fits an activation, by name; all others get `xavier_uniform`."""


def get_initializer(choice: str | Initializer | None, activation: str = "identity") -> Initializer:
    """The initialiser of a name, a callable as it is, or for None the one that fits the activation.

    Args:
        choice: a name of `INITIALIZERS`, a callable `(rng, nin, nout) -> float`, or None.
        activation: the name of the activation of the layer.

    Raises:
        ValueError: if there is none of that name.
        TypeError: if `choice` is neither a name nor a callable.

    >>> get_initializer("zeros")(Random(0), 2, 3)
    0.0
    >>> get_initializer(None, "relu") is INITIALIZERS["he_uniform"]
    True
    """
    if choice is None:
        choice = FITTING.get(activation, "xavier_uniform")
    if callable(choice):
        return choice
    if not isinstance(choice, str):
        raise TypeError(f"an initialiser is a name or a callable (rng, nin, nout) -> float, not {show(choice)}")
    if choice not in INITIALIZERS:
        raise ValueError(f"no initialiser is named {choice!r}: choose one of {', '.join(INITIALIZERS)}")
    return INITIALIZERS[choice]


class _Made(threading.local):
    """How often this thread has made weights: training warns of a model that makes some at every call."""

    count = 0


weights_made = _Made()


def weights(draw: Initializer, rng: Random, nin: int, nout: int, count: int) -> list[Value]:
    """Fresh parameters of a layer with `nin` inputs and `nout` neurons.

    Raises:
        TypeError: if the initialiser gives something that is not a number.
        ValueError: if it gives nan or infinity.

    >>> [w.data for w in weights(INITIALIZERS["zeros"], Random(0), 2, 3, 2)]
    [0.0, 0.0]
    """
    weights_made.count += 1
    with collector_at_rest():
        if isinstance(draw, Scaled):
            return list(map(Value, draw.numbers(rng, nin, nout, count)))
        numbers = [draw(rng, nin, nout) for _ in range(count)]
        if {*map(type, numbers)} != {float} or not isfinite(sum(map(abs, numbers))):
            numbers = [real_number("a weight that an initialiser gives", number) for number in numbers]
        return list(map(Value, numbers))
