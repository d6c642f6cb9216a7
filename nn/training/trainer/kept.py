"""A Trainer that one call of `fit` leaves to the next: of a network of this package's own code that is what it was."""

from __future__ import annotations

import time
from typing import Any

from engine import Batch

from ...optimisers.base import Optimizer
from ..steps import LossFunction, Model
from .compiled import Trainer

MOST = 2**25
"""Bytes of samples up to which a Trainer is kept, since it keeps them too."""


def trainer_for(
    kept: list[Trainer],
    model: Model,
    loss: LossFunction,
    optimizer: Optimizer,
    options: dict[str, Any],
    **settings: Any,
) -> Trainer:
    """A Trainer; the one that was kept, if a new one would do the very same.

    So it does where model and loss say all that determines them, and it is what it was when they were compiled. At what
    else may have changed, such as parameters, the optimiser and its memory, a Trainer looks by itself.

    Args:
        kept: the one that was kept, if there is one; it is no more.
        model: what is trained.
        loss: of a batch.
        optimizer: what changes the parameters.
        options: how it is compiled: back end, dtype, threads.
        settings: what else `Trainer` takes: both ways of clipping, and the schedule.
    """
    for trainer in [kept.pop() for _ in kept[:1]]:
        same = trainer.model is model and trainer.loss is loss and trainer._options == options
        if same and trainer.compiled.is_as_described():
            trainer.change(optimizer, **settings)
            trainer._traced = time.perf_counter()  # the next trace is due as late as that of a new one
            return trainer
    return Trainer(model, loss, optimizer, **options, **settings)


def keep(kept: list[Trainer], trainer: Trainer, samples: Batch) -> None:
    """Leave a Trainer of such samples to the next call, if it may be of use there."""
    if trainer.compiled.is_described and sum([getattr(array, "nbytes", MOST) for array in samples.arrays]) <= MOST:
        kept[:] = [trainer]
