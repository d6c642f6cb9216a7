"""Validation: samples held out, what the model makes of them after each epoch, and the best epoch kept."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

from ..arguments import real_number, show, whole_number
from ..data.splits import split_rows
from ..evaluation.columns import nan_at
from ..evaluation.metrics import Accuracy, Metric, OfUser, paired
from ..evaluation.programs import Fixed, LossFunction, Model, Options, programs_of
from ..optimisers.base import Optimizer


class Validation:
    """Scores of samples that nothing is learned from.

    Args:
        model: what is trained.
        X: the samples.
        y: as many labels.
        loss: what it is trained with.
        metrics: by name.
        options: how they are computed.
        fixed: whether samples and labels are the same every time, since no code of the user's runs in between.

    Attributes:
        acts: whether a metric is code of the user's, which may change things.
    """

    def __init__(
        self,
        model: Model,
        X: Any,
        y: Any,
        loss: LossFunction,
        metrics: dict[str, Metric],
        options: Options,
        fixed: bool = False,
    ) -> None:
        self._programs = programs_of(model)
        self._programs.hurry()
        self._X, self._y, self._loss, self._metrics, self._options = X, y, loss, metrics, options
        self.acts = any(isinstance(metric, OfUser) for metric in metrics.values())
        fixed = fixed and not self.acts
        self._fixed = Fixed() if fixed else None
        for metric in metrics.values():
            if fixed and isinstance(metric, Accuracy):
                metric.fix(y)

    def scores(self) -> dict[str, float]:
        """The loss and the metrics, as columns of a history; metrics of outputs that are nan are nan."""
        loss, outputs = self._programs.scored(self._loss, self._X, self._y, self._options, self._fixed)
        judged = nan_at(outputs) is None
        found = {name: metric(self._y, outputs) if judged else math.nan for name, metric in self._metrics.items()}
        return {"validation_loss": loss, **{f"validation_{name}": number for name, number in found.items()}}


def held_out(count: int, share: Any, rng: random.Random, strata: list[Any] | None) -> tuple[list[int], list[int]]:
    """The rows to learn from, and those held out.

    Args:
        count: how many rows there are.
        share: of them to hold out, above 0 and below 1.
        rng: what chooses them.
        strata: for each row a class, each of which gives the same share; None for none.

    Raises:
        TypeError: if the share is no number.
        ValueError: if it is out of range, or leaves no sample on one side.
    """
    share = real_number("validation", share, least=0.0, most=1.0)
    return split_rows(count, share, rng, strata, "validation")


def given_validation(model: Model, validation: Any) -> tuple[Any, Any]:
    """The samples and labels of `validation=(X, y)`, checked.

    Raises:
        TypeError: if it is no pair.
        ValueError: if they differ in length, or are empty.
    """
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise TypeError(
            f"validation is (X, y), or the share of samples to hold out, such as 0.2, not {show(validation)}"
        )
    return paired(*validation)


class Patience:
    """Stops a training that gets no better, and gives the best epoch back, the optimiser's memory included.

    Args:
        epochs: how many may pass without a better validation loss.
        least: by how much it must be better.
        optimizer: whose parameters and memory are kept.
    """

    def __init__(self, epochs: Any, least: float, optimizer: Optimizer) -> None:
        self._epochs = whole_number("patience", epochs, least=1)
        self._least = least
        self._optimizer = optimizer
        self._best, self._waited, self._kept = math.inf, 0, None

    def is_over(self, loss: float) -> bool:
        """Take the validation loss of an epoch in; whether it was the last one."""
        if loss < self._best - self._least or self._kept is None:
            self._best = math.inf if math.isnan(loss) else loss
            self._waited, self._kept = 0, self._state()
        else:
            self._waited += 1
        return self._waited >= self._epochs

    def restore(self) -> None:
        """Parameters and optimiser as they were after the best epoch."""
        if self._kept is not None:
            numbers, state = self._kept
            self._optimizer.take_back()  # or else what has the state now would bring it back later
            for parameter, number in zip(self._optimizer.params, numbers):
                parameter.data = number
            self._optimizer.state = state

    def _state(self) -> Any:
        numbers = [parameter.data for parameter in self._optimizer.params]
        self._optimizer.take_back()
        return numbers, copy.deepcopy(self._optimizer.state)
