"""Functions without parameters: activations by name, softmax and its logarithm, one-hot labels."""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import Any, TypeAlias

import engine
from engine import Primitive, Value, exp, logsumexp, maximum

from ..arguments import class_index, name_of, show, whole_number
from ..elsewhere import explained
from ..rows import as_row, is_row

Activation: TypeAlias = Callable[[Value], Value]


def identity(x: Value) -> Value:
    """The identity activation: the output is the weighted sum itself, as regression with MSE wants it."""
    return x


ACTIVATIONS: dict[str, Activation] = {
    "identity": identity,
    "relu": engine.relu,
    "leaky_relu": engine.leaky_relu,
    "elu": engine.elu,
    "gelu": engine.gelu,
    "silu": engine.silu,
    "sigmoid": engine.sigmoid,
    "logsigmoid": engine.logsigmoid,
    "softplus": engine.softplus,
    "tanh": engine.tanh,
}

_ELSEWHERE = {"linear": "identity", "logistic": "sigmoid", "swish": "silu"}
"""By the name in Keras and scikit-learn, the one here."""


def get_activation(choice: str | Activation) -> Activation:
    """The activation of a name, or a callable that maps one Value to one Value.

    Raises:
        ValueError: if there is none of that name.
        TypeError: if `choice` is neither, or a callable that does not return a Value (`math.tanh` drops the graph).

    >>> get_activation("relu")(Value(-3.0)).data
    0.0
    """
    if isinstance(choice, str):
        if choice == "softmax":
            raise ValueError(
                "softmax cannot be the activation of a single neuron: keep output='identity', train the logits with "
                "cross_entropy, and apply nn.softmax to them where probabilities are wanted"
            )
        if choice not in ACTIVATIONS:
            here = _ELSEWHERE.get(choice)
            remedy = f"here it is {here}" if here else f"choose one of {', '.join(ACTIVATIONS)}"
            raise ValueError(f"no activation is named {choice!r}: {remedy}")
        return ACTIVATIONS[choice]
    if any(choice is known for known in ACTIVATIONS.values()):
        return choice
    if not callable(choice):
        remedy = ': write "identity" for none' if choice is None else ""
        raise TypeError(f"an activation is a name or a callable, not {show(choice)}{remedy}")
    result = choice(Value(0.5))
    if not isinstance(result, Value):
        raise TypeError(
            f"activation {activation_name(choice)} returned {show(result)}, so no gradient could pass: "
            "build it from engine's functions (engine.tanh, not math.tanh)"
        )
    return choice


def as_method(activation: Activation) -> Activation:
    """A primitive as a call of the Value's method, which takes half the time of calling the primitive."""
    if isinstance(activation, Primitive) and activation.method:
        return methodcaller(activation.name)
    return activation


def activation_name(activation: Activation) -> str:
    """The name of an activation in the table, or that of the callable."""
    for name, function in ACTIVATIONS.items():
        if function is activation:
            return name
    return name_of(activation)


@explained
def softmax(logits: Any) -> list[Any]:
    """Probabilities from scores: exp(x) / sum of all exp(x), of a row or of each row of a batch.

    Scores are shifted by their maximum first, so nothing overflows; the shift cancels in value and gradient.

    Args:
        logits: n >= 1 numbers or Values, or a list of such rows.

    Returns:
        As many probabilities, Values if the scores are Values, floats if they are numbers.

    Raises:
        TypeError: if `logits` is not a row.
        ValueError: if it is empty.

    >>> softmax([1e4, 1e4])
    [0.5, 0.5]
    """
    rows = as_row("logits", logits)
    if is_row(rows[0]):
        return [softmax(row) for row in rows]
    top = maximum(rows)
    exponentials = [exp(x - top) for x in rows]
    total = engine.sum(exponentials)
    return [e / total for e in exponentials]


@explained
def log_softmax(logits: Any) -> list[Any]:
    """The logarithms of `softmax(logits)`, accurate where a probability rounds to 0 or 1.

    Args:
        logits: n >= 1 numbers or Values, or a list of such rows.

    Raises:
        TypeError: if `logits` is not a row.
        ValueError: if it is empty.

    >>> log_softmax([0.0, -1e4])
    [0.0, -10000.0]
    """
    rows = as_row("logits", logits)
    if is_row(rows[0]):
        return [log_softmax(row) for row in rows]
    top = maximum(rows)
    shifted = [x - top for x in rows]
    total = logsumexp(shifted)
    return [x - total for x in shifted]


@explained
def one_hot(labels: Any, classes: int) -> list[Any]:
    """One-hot labels ("to categorical"): 1.0 at the index of the class, 0.0 elsewhere.

    Args:
        labels: a class index from 0 to classes - 1 (int, NumPy integer or whole float), or a list of them.
        classes: the number of classes.

    Raises:
        TypeError: if a label is a bool or not a number.
        ValueError: if a label is fractional or nan, `labels` is empty, or `classes` is below 1.
        IndexError: if a label is negative or too large.

    >>> one_hot(2, 3)
    [0.0, 0.0, 1.0]
    >>> one_hot([1, 0], 2)
    [[0.0, 1.0], [1.0, 0.0]]
    """
    if is_row(labels):
        return [one_hot(label, classes) for label in as_row("labels", labels)]
    classes = whole_number("classes", classes, least=1)
    index = class_index(labels, classes)
    return [1.0 if i == index else 0.0 for i in range(classes)]
