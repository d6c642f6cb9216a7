"""A trainer that takes over one net after another, or many for one call, in place of compiling each."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from engine import Batch, Value

from ..optimisers.base import Optimizer
from ..training.trainer.compiled import Trainer
from ..training.trainer.ways import NativeSteps


class SharedTrainer(Trainer):
    """A trainer that goes on with other nets of the same structure."""

    def take_over(self, values: Sequence[Value], numbers: Sequence[float], optimizer: Optimizer) -> None:
        """Start over with another net.

        Args:
            values: the Values of this trainer's model; the same object at every call, so that their places are known.
            numbers: the numbers of the other net in their place.
            optimizer: the other net's optimiser, of the same class and with its parameters in the same order; the
                optimiser of this trainer takes over its settings and its state.
        """
        with self._lock:
            self._again = None
            if self._watch is not None and not self._watch.holds_outside():
                self._traced_at = -math.inf  # to be traced again
            self.load(values, numbers)
            self._optimizer.change(optimizer.settings)
            self._optimizer._keeper = None  # what the last net left there is of no use
            self._optimizer._own_state = optimizer.state
            self.steps = 0
            if self._way is not None:
                self._way.look_outside()

    def load(self, values: Sequence[Value], numbers: Sequence[float]) -> None:
        """Assign numbers to Values of the model."""
        if self._way is not None:
            self._way.load(values, numbers)
        else:
            for value, number in zip(values, numbers):
                value.data = number

    def goes_on(self, batch: Batch, size: int, values: Sequence[Value]) -> bool:
        """Whether the nets of the next moments may be trained in one call, as long as the trainer `stands`."""
        with self._lock:
            alike = self._has_steps_alike(batch, size)  # first: it may leave the way
            way = self._way
            return (
                alike
                and isinstance(way, NativeSteps)
                and self._schedule is None
                and time.perf_counter() < self._fresh_until()
                and self._sized == (batch.shapes, size)
                and way.session.has_no_leaves_but(values)
            )

    def stands(self) -> bool:
        """Whether nothing has changed, as far as one looks between nets."""
        return self._watch is not None and self._watch.holds_outside()

    def each(
        self,
        batch: Batch,
        size: int,
        values: Sequence[Value],
        starts: Any,
        settings: Sequence[Mapping[str, Any]],
        epochs: int,
        sources: Sequence[random.Random | None],
    ) -> Any:
        """Train nets from several starts; see `Session.each`.

        Args:
            batch: the samples.
            size: samples in a step.
            values: as for `take_over`.
            starts: an array of starts x values, overwritten with the numbers after training.
            settings: the optimiser's settings for each net.
            epochs: how often to go through the samples.
            sources: the source of random numbers that shuffles the samples of each net; None leaves them in order.

        Raises:
            RuntimeError: something has changed since the nets were looked at.
            ValueError: a loss is below 0, which this loss function cannot be.
        """
        import numpy as np

        with self._lock:
            way, watch = self._way, self._watch
            if not isinstance(way, NativeSteps) or watch is None or not watch.holds_outside():
                raise RuntimeError("what model or loss read has changed since the nets were made")
            self._again = None
            orders = None
            if size < batch.size:
                orders = [way.order(batch.size, size, source, epochs) for source in sources]
            losses = way.session.each(batch, values, starts, settings, self._clip, epochs, orders)
            self._refuse_low([float(np.fmin.reduce(losses, axis=None))])
            return losses

    def _look_again(self, batch: Batch, entirely: bool = False) -> None:
        """As in any trainer, but trust what `take_over` looks at from net to net: nobody else has the model."""
        way, watch = self._way, self._watch
        if way is not None and watch is not None and self._traced_at > -math.inf:
            if not entirely and time.perf_counter() < self._fresh_until():
                return
            if way.accepts(batch) and self._traces.is_current(batch) and watch.holds_outside():
                self._traced_at = time.perf_counter()
                return
        super()._look_again(batch, entirely)
