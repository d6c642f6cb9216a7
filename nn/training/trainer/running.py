"""How a Trainer makes steps: one, several on the same samples, or those of an epoch, in as few calls as possible."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from engine import Batch, collector_at_rest, looking_once, new_lock

from ...arguments import Seed, random_source, whole_number
from ...data.tables import note_columns
from ...evaluation.rules import note_other_loss
from ...optimisers.base import Optimizer
from ...purity import is_pure
from ...rows import as_samples
from ..mistakes.ownership import FirstCall
from ..mistakes.targets import warn_of_unreachable
from ..steps import LossFunction, Model
from .preparation import Preparation
from .samples import Samples
from .ways import Way

Order: TypeAlias = "Callable[[Way], Any]"
"""Gives the samples of each step, as a way of making steps takes them."""


class Running(Preparation):
    """What makes the steps of a Trainer, in one call at a time; it takes the arguments of `Preparation`.

    `Trainer.step` needs it (`_first`) only where the short way of the step before will not do. `nn.fit` and
    `nn.fit_many` have samples made ready once, and then train epochs of them.
    """

    def __init__(
        self, model: Model, loss: LossFunction, optimizer: Optimizer, options: dict[str, Any], **settings: Any
    ) -> None:
        super().__init__(model, loss, optimizer, options, **settings)
        self._losses: list[float] = []  # of the steps of the last call that were made and returned
        self._lock = new_lock()  # one call at a time: threads take turns
        self._samples = Samples(self._traces.batch, lambda X, y: note_columns(self.model, X, y))

    def _checked(self, X: Any, y: Any) -> Batch:
        """Samples and labels of the user's loop as a batch; those of `fit` have been looked at."""
        batch = self._samples.checked(X, y)
        if not self.steps:
            warn_of_unreachable(self.model, self.loss, as_samples("y", y))
            note_other_loss(self.model, self.loss)
        return batch

    @collector_at_rest()
    def _first(self, X: Any, y: Any) -> float:
        """Make a step the long way, and prepare the short way for steps like it."""
        self._again, times_set = None, self._times_set
        batch = self._checked(X, y)
        way = self._prepared(batch)
        (loss,) = way(batch, 1, None, self._clip, ())
        watch = self._watch
        assert watch is not None  # made together with the way
        if self._traces.type_guard(batch).narrow:
            self._samples.expect(batch)
        if not (self._traces.type_guard(batch) or self._sample_loss.type_guard):  # native code sees no types
            self._again = way.short_way(lambda: watch.guards(self._fresh_until()), self._samples.copied)
        if self._times_set != times_set:  # by another thread: it counts from the next step on
            self._again = None
        return loss

    def _made_ready(self, X: Any, y: Any, batch_size: int | None = None, first_call: FirstCall | None = None) -> Batch:
        """Compile for samples like these, and make a copy of them ready for `_epoch_of`.

        Args:
            X: the samples.
            y: as many labels.
            batch_size: samples in a step: the loss is examined for this size, and that of a smaller last batch; None
                for all samples.
            first_call: as for `_prepared`.

        Raises:
            TraceError: if model or loss cannot be compiled, or the loss mixes samples.
            TypeError, ValueError: if X and y are not samples and labels.
        """
        with self._lock, looking_once():
            batch = self._samples.checked(X, y).copied()
            size = batch.size
            if batch_size is not None:
                size = min(whole_number("batch_size", batch_size, least=1), size)
            self._look_again(batch, entirely=True)
            for count in {size, batch.size % size or size}:
                self._weigh(batch, count)
            return self._settled(batch, self._prepared(batch, size, first_call))

    def _epoch_of(
        self, batch: Batch, batch_size: int, seed: Seed = None, shuffle: bool = True, epochs: int = 1
    ) -> list[float]:
        """As `epoch`, for samples that `_made_ready` has made ready; several epochs are one call if possible."""
        with self._lock:
            count, size = batch.size, min(batch_size, batch.size)
            source = random_source(seed) if shuffle else None
            if source is None and size == count:
                return self._train(batch, epochs)
            if self._has_steps_alike(batch, size):
                return self._train(batch, 1, lambda way: way.order(count, size, source, epochs), size)
            losses: list[float] = []
            for _ in range(epochs):
                order = self._prepared(batch, size).order(count, size, source)
                for part, samples in ((order[:-1], size), (order[-1:], count % size)):
                    self._train(batch.later(len(losses)), 1, _always(part), samples, losses)
            return losses

    def _has_steps_alike(self, batch: Batch, size: int) -> bool:
        """Whether a smaller last batch, if there is one, combines its samples' losses as the other batches do."""
        rest = batch.size % size
        return not rest or self._structure(batch, rest) == self._structure(batch, size)

    def _steps_of(
        self, batch: Batch, batch_size: int, source: random.Random | None, ready: Callable[[Batch], Batch]
    ) -> Iterator[tuple[float, int]]:
        """The steps of an epoch one by one, so that what is changed in between counts: losses, and numbers of samples.

        Args:
            batch: samples that `_made_ready` has made ready.
            batch_size: samples in a step, of which the last one may have fewer.
            source: the source of random numbers for the order; None for that of the data.
            ready: called before each step, with the batch.
        """
        count, size = batch.size, min(batch_size, batch.size)
        with self._lock:
            order = self._prepared(batch, size).order(count, size, source)
        for k in range(len(order)):
            samples = min(size, count - k * size)
            with self._lock:
                (loss,) = self._train(ready(batch), 1, _always(order[k : k + 1]), samples)
            yield loss, samples

    def _losses_since(self, step: int) -> list[float]:
        """The losses of the steps from number `step` on, made by one call that Ctrl-C has ended."""
        made = self.steps - step
        known = self._losses[:made]
        return known if self._way is None else known + self._way.losses_of_last(made - len(known))

    def _train(
        self,
        batch: Batch,
        steps: int,
        order: Order | None = None,
        size: int | None = None,
        before: list[float] | None = None,
    ) -> list[float]:
        """Make steps, and refuse losses that cannot be.

        Args:
            batch: the samples.
            steps: how many steps on all of them, if there is no order.
            order: the samples of each step.
            size: samples in a step.
            before: losses of earlier steps of the same call, to which those of these are added.

        Returns:
            All these losses.
        """
        losses = self._losses = [] if before is None else before
        first = len(losses)
        try:
            self._make(losses, batch, steps, order, size)
        except FloatingPointError as error:
            error.losses = losses + error.losses  # type: ignore[attr-defined]  # as those of one call
            raise
        self._refuse_low(losses[first:])
        return losses

    def _make(self, losses: list[float], batch: Batch, steps: int, order_of: Order | None, size: int | None) -> None:
        """Make steps, each at the learning rate that the schedule gives, and add their losses."""
        if self._schedule is None:
            way = self._prepared(batch, size)
            losses += way(batch, steps, order_of and order_of(way), self._clip, ())
            return
        order, count, first = None, steps, len(losses)
        while len(losses) - first < count:
            self._optimizer.lr = self._rate(self.steps)  # before the look at the program: it may change something
            way = self._prepared(batch, size)
            if len(losses) == first:
                order = order_of and order_of(way)
                count = steps if order is None else len(order)
                at_once = count > 1 and is_pure(self._schedule)
            rates = [self._rate(self.steps + k) for k in range(count)] if at_once else []
            done, next_ones, before = len(losses) - first, len(rates) or 1, way.made
            part = None if order is None else order[done : done + next_ones]
            try:
                losses += way(batch.later(done), next_ones, part, self._clip, rates)
            finally:
                if rates:
                    self._optimizer.lr = rates[max(0, way.made - before - 1)]


def _always(order: Any) -> Order:
    """That order, whatever the way."""
    return lambda way: order
