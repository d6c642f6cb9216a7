"""What the loop of `fit` and the makers of its steps both know: the task, batches that are done, and their source."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from ...evaluation.programs import Options
from ...optimisers.base import Optimizer
from ..rows import Rows
from ..steps import LossFunction, Model


class Acting(NamedTuple):
    """Whether the user's code, which may change things, runs after each batch or after each epoch."""

    batches: bool
    epochs: bool


@dataclass(frozen=True)
class Task:
    """What is to be learned, and how.

    Attributes:
        model: maps one sample to its output.
        loss: the loss of a batch.
        optimizer: changes the parameters.
        rows: the samples and their labels.
        batch_size: samples in a batch; None for all of them.
        shuffle: whether the order of the samples is random, if a batch does not take all of them.
        schedule: the learning rate of each step by its number.
        clip_norm: the largest norm of the whole gradient.
        clip_value: the largest entry of the gradient.
        options: how steps are compiled.
        acting: when the user's code runs in between; what it changes in X and y counts from the next epoch on.
        done: how many steps of the training were made before.
        ahead: tells how many steps the optimiser had made before the training, from where masks of dropout go on.
        kept: what one call of `fit` leaves for the next.
    """

    model: Model
    loss: LossFunction
    optimizer: Optimizer
    rows: Rows
    batch_size: int | None
    shuffle: bool
    schedule: Callable[[int], float] | None
    clip_norm: float | None
    clip_value: float | None
    options: Options
    acting: Acting
    done: int
    ahead: Callable[[], int]
    kept: list[Any]

    @property
    def size(self) -> int:
        """How many samples a batch has; the last one may be smaller."""
        return self.rows.batch_size(self.batch_size)

    @property
    def is_shuffled(self) -> bool:
        """Whether an order has to be drawn."""
        return self.shuffle and self.size < len(self.rows)


class Done(NamedTuple):
    """Batches that are done.

    Attributes:
        losses: the loss of each batch before its update.
        sizes: the number of samples in each.
        batches: how many batches an epoch has.
    """

    losses: list[float]
    sizes: list[int]
    batches: int


class Source:
    """Where the batches of a training are drawn from.

    Args:
        rng: the random numbers.
        shared: whether others may draw some between two epochs.

    Attributes:
        state: that of the random numbers when the present epoch began.
    """

    def __init__(self, rng: random.Random, shared: bool) -> None:
        self.rng, self._shared = rng, shared
        self.state = rng.getstate()

    def begin(self) -> None:
        """Note that an epoch begins."""
        if self._shared:
            self.state = self.rng.getstate()

    def end(self) -> None:
        """Note that the epoch is over."""
        self.state = self.rng.getstate()


Epoch: TypeAlias = Callable[[Source], Iterator[Done]]
"""Makes the steps of an epoch, whose batches are drawn from a source of random numbers."""
