"""Patience: whether validation still gets better; parameters and the optimiser's memory of the best epoch are kept."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Sequence
from typing import Any

from engine import all_same, lent_numbers

from ..arguments import counted, warn_user, whole_number
from ..optimisers.base import Optimizer


class Patience:
    """Stops a training that gets no better, and gives the best epoch back, the optimiser's memory included.

    Args:
        epochs: how many may pass without a better validation loss.
        least: by how much it must be better; the best epoch is kept even if it is better by less.
        optimizer: whose parameters and memory are kept.
    """

    def __init__(self, epochs: Any, least: float, optimizer: Optimizer) -> None:
        self._epochs = whole_number("patience", epochs, least=1)
        self._least = least
        self._optimizer = optimizer
        self._best, self._waited = math.inf, 0
        self._to_beat = math.inf  # the loss that an epoch must beat by `least` for patience to start over
        self._kept: Any = None  # parameters and memory of the best epoch

    def is_over(self, loss: float) -> bool:
        """Take in the validation loss of an epoch; return whether it was the last epoch."""
        first, loss = self._kept is None, math.inf if math.isnan(loss) else loss
        if first or loss < self._to_beat - self._least:
            self._to_beat, self._waited = loss, 0
        else:
            self._waited += 1
        if first or loss < self._best:
            self._best, self._kept = loss, self._state()
        return self.is_at_its_end

    @property
    def is_at_its_end(self) -> bool:
        """Whether too many epochs have passed without a better loss."""
        return self._waited >= self._epochs

    @property
    def waiting(self) -> dict[str, Any] | None:
        """The state as plain data, for `go_on`, with the numbers of the best epoch; None before the first epoch."""
        return None if self._kept is None else self._written(self._kept)

    def restore(self) -> dict[str, Any] | None:
        """Restore parameters and optimiser as they were after the best epoch; return the state to go on from.

        That is the state before, or, if the optimiser has got other parameters since, that of the best epoch.
        """
        if self._kept is None:
            return None
        last = self._state()
        self._put(self._kept)
        if not all_same(last[0], self._kept[0]):
            warn_user(
                "the optimiser was given other parameters after the best epoch. It holds those of that epoch again, "
                "with the numbers that they had; what else was trained is as after the last epoch: for a model that is "
                "all of one epoch, call fit once for each choice of parameters",
                UserWarning,
            )
            return self._written(self._kept)
        return {**self._written(last), "best_is_back": _digest(self._kept[1])}

    def go_on(self, waiting: dict[str, Any]) -> None:
        """Continue from the state of another training run, as if it had not ended.

        The best epoch that it restored is replaced by its last one. If the parameters have been changed since, training
        continues from these, and what was best before does not count.

        Raises:
            ValueError: if the optimiser has a different number of parameters.
        """
        numbers, here = waiting["numbers"], self._state()
        if len(numbers) != len(here[0]):
            raise ValueError(
                f"the history is one of {counted(len(numbers), 'parameter')}, the optimiser has {len(here[0])}"
            )
        saved = here[0], numbers, (waiting["steps"], tuple([list(row) for row in waiting["memories"]]))
        back = waiting.get("best_is_back")
        if back is not None and back != _digest(here[1]):
            return
        self._best, self._waited = waiting["best"], waiting["waited"]
        self._to_beat = waiting.get("to_beat", self._best)  # which files of earlier versions lack
        self._kept = saved if back is None else here
        if back is not None:
            self._put(saved)

    def _written(self, state: Any) -> dict[str, Any]:
        _, numbers, (steps, memories) = state
        stands = {"best": self._best, "to_beat": self._to_beat, "waited": self._waited}
        return {**stands, "numbers": numbers, "steps": steps, "memories": memories}

    def _put(self, state: Any) -> None:
        parameters, numbers, (steps, memories) = state
        if not all_same(parameters, self._optimizer.params):
            self._optimizer.state = 0, tuple([[] for _ in memories])  # else it may refuse those that come back
            self._optimizer.params = parameters
        for parameter, number in zip(parameters, numbers):
            parameter.data = number
        self._optimizer.state = steps, tuple(map(list, memories))

    def _state(self) -> Any:
        parameters = self._optimizer.params
        lent = lent_numbers(parameters)  # without taking them from the program that trains them
        numbers = [parameter.data for parameter in parameters] if lent is None else lent.tolist()
        steps, memories = self._optimizer.state
        return parameters, numbers, (steps, tuple(map(list, memories)))


def _digest(numbers: Sequence[float]) -> str:
    """A digest of numbers, bit for bit."""
    return hashlib.sha256(array("d", numbers).tobytes()).hexdigest()
