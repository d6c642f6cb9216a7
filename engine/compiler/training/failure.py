"""Why a step was not made: its loss, or what a parameter would become, is not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NoReturn

from ...value import Value
from ..backends.protocol import Training
from ..backends.update import on_arrays
from ..update import ConfiguredUpdate
from .optimizer import check_finite


def fail(
    training: Training,
    configured: ConfiguredUpdate,
    losses: list[float],
    params: Sequence[Value],
    places: slice | list[int],
) -> NoReturn:
    """Raise the FloatingPointError of a step that was not made; its `losses` are those of the steps before.

    Args:
        training: the training that did not make it; if the loss is finite, it has the gradients.
        configured: the update.
        losses: the losses of the steps before it in the same call, and of that step.
        params: the optimiser's parameters.
        places: their places among the leaves.
    """
    *before, loss = losses
    rates = [configured.lr] if isinstance(configured.lr, float) else configured.lr
    rate = rates[min(len(before), len(rates) - 1)]
    try:
        if math.isfinite(loss):
            _name_parameter(training, configured, len(before), params, places)
        raise lost_loss(loss, rate)
    except FloatingPointError as error:
        error.losses = before  # type: ignore[attr-defined]  # for those who keep a history
        raise


def lost_loss(loss: float, rate: float) -> FloatingPointError:
    """The error of a step whose loss is not finite, which is not made; `rate` is the learning rate."""
    return FloatingPointError(
        f"the loss became {loss}, and the parameters stay as before this batch: lower lr (now {rate:g}) and look for "
        "nan or inf in the data"
    )


def _name_parameter(
    training: Training, configured: ConfiguredUpdate, k: int, params: Sequence[Value], places: slice | list[int]
) -> NoReturn:
    """Name the parameter that update number k of a call would make infinite or nan."""
    import numpy as np

    rule = configured.rule
    arrays = [training.parameters, training.gradient, *[training.memory[memory] for memory in rule.kept]]
    P, G, *memories = [array[places] for array in arrays]
    with np.errstate(all="ignore"):
        norm = float(np.sqrt(G @ G))
        new = on_arrays(rule)(configured.numbers(training.made + 1, norm, k), P, G, *memories)
        check_finite(params, P.tolist(), G.tolist(), [np.broadcast_to(row, P.shape).tolist() for row in new])
    raise FloatingPointError(  # pragma: no cover  # only if NumPy rounds differently from the program
        "an update is not finite; no parameter has changed: lower lr, or clip the gradient"
    )
