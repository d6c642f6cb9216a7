"""From the losses of samples to one number: mean and sum, and losses of one sample turned into losses of a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Any, TypeAlias
from weakref import WeakSet

import engine
from engine import mean

from ..arguments import as_row, is_row, same_length, show
from ..elsewhere import instead_of

# A loss is a Value if its predictions are Values and a float if they are numbers; with "none" a list of them.
Loss: TypeAlias = Any

REDUCTIONS: dict[str, Callable[[list[Loss]], Loss]] = {"mean": mean, "sum": engine.sum}


def per_sample(loss: Callable[[Any, Any], Loss], reduction: str = "mean") -> Callable[[Any, Any], Loss]:
    """Turn a loss of one sample into one of a batch, as `nn.fit` and `nn.Trainer` take it.

    Evaluation in compiled code needs to know that a loss is the mean over the samples, and knows it of these.

    Args:
        loss: a function from the output and the label of one sample to one Value.
        reduction: "mean", "sum" or "none", over the samples.

    Returns:
        A function from the outputs and labels of a batch.

    Raises:
        TypeError: if `loss` cannot be called.
        ValueError: if the reduction is unknown; and from the function, if outputs and labels differ in number.

    >>> from engine import Value, relu
    >>> margin = per_sample(lambda output, label: relu(1 - label * output[0]))
    >>> margin([[Value(0.5)], [Value(3.0)]], [1, -1]).data
    2.25
    """
    if not callable(loss):
        raise TypeError(f"per_sample() takes a function of an output and a label, not {show(loss)}")
    check_reduction(reduction)

    @functools.wraps(loss)
    def of_batch(outputs: Any, labels: Any) -> Loss:
        rows, targets = as_row("outputs", outputs), as_row("labels", labels)
        same_length("output", rows, "label", targets)
        return reduced([loss(output, label) for output, label in zip(rows, targets)], reduction)

    if reduction == "mean":
        _means.add(of_batch)
    return of_batch


_means: WeakSet[Any] = WeakSet()


def is_per_sample(loss: Any) -> bool:
    """Whether a loss is a mean over samples that `per_sample` made.

    >>> is_per_sample(per_sample(abs)), is_per_sample(per_sample(abs, "sum")), is_per_sample(abs)
    (True, False, False)
    """
    return isinstance(loss, FunctionType) and loss in _means


def check_reduction(reduction: str) -> None:
    """Raise a ValueError unless a reduction is known; other libraries have weights in its place."""
    if not isinstance(reduction, str) or (reduction != "none" and reduction not in REDUCTIONS):
        told = f": for weights {instead_of('weight', ['reduction'])}" if is_row(reduction) else ""
        raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)} or none, not {show(reduction)}{told}")


def reduced(losses: Loss, reduction: str) -> Loss:
    """The losses of all places, however nested, as one; a single loss, or any with "none", stays as it is."""
    if reduction == "none" or not isinstance(losses, list):
        return losses
    flat = list(_flat(losses))
    return flat[0] if len(flat) == 1 else REDUCTIONS[reduction](flat)


def _flat(losses: Iterable[Loss]) -> Iterator[Loss]:
    for loss in losses:
        if isinstance(loss, list):
            yield from _flat(loss)
        else:
            yield loss
