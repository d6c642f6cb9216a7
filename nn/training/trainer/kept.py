"""A Trainer that one call of `fit` leaves for the next, which saves compiling the same again."""

from __future__ import annotations

from typing import Any

from engine import Batch

from ...layers.module import Module
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
    """A Trainer: the one that was kept, if a new one would do exactly the same.

    It would if model and loss describe all that determines them, and nothing of that has changed since they were
    compiled. A user's code, which does not describe itself, is traced again, though not on a whole batch. Other
    changes, such as those of parameters, the optimiser and its memory, a Trainer sees by itself.

    Args:
        kept: the Trainer that was kept, if there is one; it is taken out.
        model: what is trained.
        loss: the loss of a batch.
        optimizer: changes the parameters.
        options: how it is compiled: back end, dtype, threads.
        settings: what else `Trainer` takes: both ways of clipping, and the schedule.
    """
    if kept:
        trainer = kept.pop()
        if trainer._would_be_made_of(model, loss, options):
            trainer._take_up(optimizer, **settings)
            return trainer
    return Trainer(model, loss, optimizer, **options, **settings)


def keep(kept: list[Trainer], trainer: Trainer, samples: Batch) -> None:
    """Leave the Trainer of a module, and such samples, for the next call, if they are not large."""
    size = sum([getattr(array, "nbytes", MOST) for array in samples.arrays])
    if isinstance(trainer.model, Module) and size <= MOST:
        kept[:] = [trainer]
