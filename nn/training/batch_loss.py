"""The loss of a batch: what the user's function makes of outputs and labels, checked."""

from __future__ import annotations

from numbers import Real
from typing import Any

from engine import Value

from ..arguments import plain, show
from ..evaluation.programs import LossFunction
from ..evaluation.rules import name_of_loss
from ..losses.reduction import needs_per_sample, of_one_sample, takes


def scored(loss: LossFunction, outputs: list[Any], labels: list[Any]) -> Any:
    """The loss of a batch, or whatever else the function returns.

    Raises:
        TypeError: if the function takes a single sample instead of a batch, or the model returned nothing.
    """
    if outputs[0] is None:
        raise TypeError("the model returned None: end its __call__ with return and the outputs")
    try:
        return loss(outputs, labels)
    except Exception as error:
        if of_one_sample(loss) is not None or takes(loss, outputs[:1], labels[:1]):
            raise
        if not takes(loss, outputs[0], labels[0]):
            if name_of_loss(loss):  # whose errors say what they take
                raise
            raise needs_per_sample(error, loss, outputs[0], labels[0]) or error from error.__cause__
        name = getattr(loss, "__name__", "the loss")
        raise TypeError(
            f"a loss takes the outputs and labels of a batch, and {name} seems to take those of one sample: for a "
            f"batch it raised {type(error).__name__}: {error}\nGive nn.per_sample({name}), its mean over the samples"
        ) from error


def one_value(loss: Any) -> Value:
    """The loss of a batch, checked.

    Raises:
        TypeError: if it is not one Value.
    """
    if not isinstance(loss, Value):
        remedy = "reduce it to mean or sum"
        if loss is None:
            remedy = "the function returns nothing"
        elif isinstance(plain(loss), Real):
            remedy = "compute it from the outputs, with the engine's functions"
        raise TypeError(f"the loss of a batch must be one Value, not {show(loss)}: {remedy}")
    return loss


def nothing_to_learn(loss: LossFunction) -> ValueError:
    """The error to raise if a loss depends on no parameter."""
    return ValueError(
        f"{getattr(loss, '__name__', 'the loss')} depends on none of the optimiser's parameters: compute it from the "
        "outputs of the model themselves, and not from their numbers (.data, float(), detach())"
    )
