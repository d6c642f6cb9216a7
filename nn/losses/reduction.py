"""From the losses of samples to one number: mean and sum, and losses of one sample turned into losses of a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import engine
from engine import Value, mean

from ..arguments import name_of, show
from ..elsewhere import instead_of
from ..rows import as_row, is_row, same_length

# A loss is a Value if its predictions are Values and a float if they are numbers; with "none" a list of them.
Loss: TypeAlias = Any

REDUCTIONS: dict[str, Callable[[list[Loss]], Loss]] = {"mean": mean, "sum": engine.sum}


def per_sample(loss: Callable[[Any, Any], Loss], reduction: str = "mean") -> Callable[[Any, Any], Loss]:
    """Turn a loss of one sample into one of a batch, as `nn.fit` and `nn.Trainer` take it.

    Evaluation in compiled code needs to know that a loss is the mean over the samples, and of these it knows. Where
    `loss` is one of nn's, such as `nn.cross_entropy` for each position of a sequence, outputs mean what they mean to
    it: classes, probabilities and the metrics that `nn.fit` takes follow from that.

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
        try:
            losses = [loss(output, label) for output, label in zip(rows, targets)]
        except TypeError as error:
            raise needs_per_sample(error, loss, rows[0], targets[0]) or error from error.__cause__
        return reduced(losses, reduction)

    _reductions[of_batch] = reduction
    return of_batch


_reductions: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
"""The reductions of the losses that `per_sample` made."""


def is_per_sample(loss: Any) -> bool:
    """Whether a loss is a mean over samples that `per_sample` made.

    >>> is_per_sample(per_sample(abs)), is_per_sample(per_sample(abs, "sum")), is_per_sample(abs)
    (True, False, False)
    """
    return isinstance(loss, FunctionType) and _reductions.get(loss) == "mean"


def of_one_sample(loss: Any) -> Any:
    """The loss of one sample from which `per_sample` made this one; None if it did not make it.

    >>> of_one_sample(per_sample(abs, "sum")) is abs, of_one_sample(abs)
    (True, None)
    """
    made: Any = loss if isinstance(loss, FunctionType) and loss in _reductions else None
    return made and made.__wrapped__


def takes(loss: Callable[[Any, Any], Any], output: Any, label: Any) -> bool:
    """Whether a loss gives a number for these."""
    try:
        return isinstance(loss(output, label), (Value, float))
    except Exception:  # whatever the user's function does not take
        return False


def needs_per_sample(error: Exception, loss: Callable[[Any, Any], Any], output: Any, label: Any) -> TypeError | None:
    """The error to raise if a loss fails because it takes numbers, and a sample has rows.

    None if it takes no numbers, or if output and label differ in length: a remedy would leave some of them out.

    Args:
        error: what the loss raised for the rows.
        loss: a function of the output and the label of one sample, it seems.
        output: the output of a sample.
        label: its label.
    """
    size, has_row = len(output) if is_row(output) else 0, is_row(label)
    alike = len(label) == size if has_row else size == 1
    if not size or not alike or not takes(loss, output[0], label[0] if has_row else label):
        return None
    sample = "sum(loss(o, t) for o, t in zip(output, label))"
    if size == 1:
        sample = "loss(output[0], label[0])" if has_row else "loss(output[0], label)"
    return TypeError(
        f"the output of a sample is a list, here of {size}, and {name_of(loss)} seems to take numbers: it raised "
        f"{type(error).__name__}: {error}\nGive nn.per_sample(lambda output, label: {sample})"
    )


def check_reduction(reduction: str) -> None:
    """Raise a ValueError unless a reduction is known; other libraries have weights in its place."""
    if not isinstance(reduction, str) or (reduction != "none" and reduction not in REDUCTIONS):
        remedy = f": for weights {instead_of('weight', ['reduction'])}" if is_row(reduction) else ""
        raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)} or none, not {show(reduction)}{remedy}")


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
