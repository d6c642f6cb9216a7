"""What may be set on a Trainer at any time, checked when it is set."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from engine import RepeatedStep

from ...arguments import real_number, show
from ...attributes import Known
from ...evaluation.rules import called, name_of_sample_loss
from ...losses.classes import least_loss, too_low
from ...optimisers.base import Optimizer, check_optimizer
from ...optimisers.clipping import clip_limits
from ..steps import LossFunction, Model


class Settings(Known, ABC):
    """Model, loss, optimiser, clipping and schedule: what is set counts from the next step on."""

    def __init__(
        self,
        model: Model,
        loss: LossFunction,
        optimizer: Optimizer,
        schedule: Callable[[int], float] | None,
        clip_norm: float | None,
        clip_value: float | None,
    ) -> None:
        self._again: RepeatedStep | None = None  # a shorter way to make a step like the last one
        self._times_set = 0
        self._model, self._loss = called("model", model), called("loss", loss)
        self._set_least()
        self._change(optimizer, schedule, clip_norm, clip_value)

    def _change(
        self,
        optimizer: Optimizer,
        schedule: Callable[[int], float] | None,
        clip_norm: float | None,
        clip_value: float | None,
    ) -> None:
        """Set everything besides model and loss."""
        self.optimizer, self.schedule = optimizer, schedule
        self._clip: tuple[float | None, float | None] = (None, None)
        self.clip_norm, self.clip_value = clip_norm, clip_value

    def _has_been_set(self) -> None:
        """Let no step take the short way of the last one, nor of one that another thread is making now."""
        self._times_set += 1
        self._again = None

    def _set_least(self) -> None:
        self._least = least_loss(name_of_sample_loss(getattr(self._loss, "weighs", self._loss)))

    def _refuse_low(self, losses: Sequence[float]) -> None:
        """Refuse losses so low that the outputs cannot be what the loss function takes.

        Raises:
            ValueError: there is one.
        """
        if min(losses, default=math.inf) < self._least:
            raise too_low(min(losses))

    @abstractmethod
    def _begin(self) -> None:
        """Start with the present model and loss."""

    @property
    def model(self) -> Model:
        """What is trained."""
        return self._model

    @model.setter
    def model(self, model: Model) -> None:
        self._model = model
        self._begin()

    @property
    def loss(self) -> LossFunction:
        """What is minimised."""
        return self._loss

    @loss.setter
    def loss(self, loss: LossFunction) -> None:
        self._loss = loss
        self._set_least()
        self._begin()

    @property
    def optimizer(self) -> Optimizer:
        """What changes the parameters."""
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        check_optimizer(optimizer)
        self._optimizer = optimizer
        self._has_been_set()

    @property
    def clip_norm(self) -> float | None:
        """The largest norm of the whole gradient; None for no bound."""
        return self._clip[0]

    @clip_norm.setter
    def clip_norm(self, limit: float | None) -> None:
        self._clip = clip_limits(limit, self._clip[1])
        self._has_been_set()

    @property
    def clip_value(self) -> float | None:
        """The largest entry of the gradient; None for no bound."""
        return self._clip[1]

    @clip_value.setter
    def clip_value(self, limit: float | None) -> None:
        self._clip = clip_limits(self._clip[0], limit)
        self._has_been_set()

    @property
    def schedule(self) -> Callable[[int], float] | None:
        """The learning rate of each step by its number; None for the optimiser's."""
        return self._schedule

    @schedule.setter
    def schedule(self, schedule: Callable[[int], float] | None) -> None:
        if schedule is not None and not callable(schedule):
            raise TypeError(f"schedule must be a function of the step's number, not {show(schedule)}")
        self._schedule = schedule
        self._has_been_set()

    def _rate(self, step: int) -> float:
        """The learning rate that the schedule gives."""
        assert self._schedule is not None
        return real_number("a learning rate", self._schedule(step), least=0.0)
