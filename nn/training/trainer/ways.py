"""Two ways to make compiled steps: wholly in the program, or by the optimiser itself with the program's gradients."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

from engine import Batch, Compiled, Guards, RepeatedStep, Session, Traces, Value, lost_loss

from ...optimisers.base import Optimizer, has_rule, make_step
from ...optimisers.clipping import Clip, clip_gradients
from .sample_loss import Shape


class Way:
    """A way to make steps on samples of one shape, with one optimiser.

    Attributes:
        made: how many were made.
    """

    made: int

    def __init__(self, shapes: tuple[Shape, ...], optimizer: Optimizer) -> None:
        self.shapes, self.optimizer = shapes, optimizer
        self._params, self._has_rule = optimizer.params, has_rule(optimizer)

    def holds(self, shapes: tuple[Shape, ...], optimizer: Optimizer) -> bool:
        """Whether it is for samples of these shapes, and optimiser and parameters are the same."""
        return (
            shapes == self.shapes
            and optimizer is self.optimizer
            and optimizer.params is self._params
            and has_rule(optimizer) is self._has_rule
        )

    def is_of(self, traces: Traces) -> bool:
        """Whether its steps are those of a compiled function, known by its traces, as it is now."""
        return True

    def accepts(self, batch: Batch) -> bool:
        """Whether the samples have the shapes of the program."""
        return batch.shapes == self.shapes

    def are_right(self, batch: Batch) -> bool:
        """Whether labels have been checked once and for all.

        Raises:
            TypeError, ValueError, IndexError: they are not what the loss takes.
        """
        return False

    def short_way(
        self, guards: Callable[[], Guards], copied: Callable[[Any, Any], Batch | None]
    ) -> RepeatedStep | None:
        """A faster way to make single steps like the last one, if there is one; see `Session.short_way`."""
        return None

    def end_short_way(self) -> None:
        """Stop the faster way."""

    def load(self, values: Sequence[Value], numbers: Sequence[float]) -> None:
        """Assign numbers to Values, wherever they live now; `values` must be the same object at every call."""
        for value, number in zip(values, numbers):
            value.data = number

    def look_outside(self) -> None:
        """Check whether what the optimiser's rule reads has changed; see `Session`."""

    def order(self, samples: int, size: int, source: random.Random | None, epochs: int = 1) -> Any:
        """The samples of each batch, in the order of `nn.batches`; the last one of an epoch is filled with -1."""
        found, size = [], min(size, samples)
        for _ in range(epochs):
            order = list(range(samples))
            if source is not None:
                source.shuffle(order)
            order += [-1] * (-samples % size)
            found += [order[start : start + size] for start in range(0, len(order), size)]
        return found

    def losses_of_last(self, count: int) -> list[float]:
        """The losses of the first `count` steps of the last call, which Ctrl-C may have ended."""
        raise NotImplementedError(f"{type(self).__name__} must keep the losses of its last call")  # each way does

    def __call__(self, batch: Batch, steps: int, order: Any, clip: Clip, rates: Sequence[float]) -> list[float]:
        """Make steps; return their losses.

        Args:
            batch: the samples.
            steps: how many steps on all samples, if there is no order.
            order: the samples of each step.
            clip: the bounds of the gradient.
            rates: the learning rate of each step; empty for the optimiser's own.

        Raises:
            FloatingPointError: a loss or an update is not finite: that step is not made, those before it are; the
                error's `losses` are theirs.
        """
        raise NotImplementedError(f"{type(self).__name__} must say how it makes steps")  # each way does


class NativeSteps(Way):
    """Whole steps in the program, which holds parameters and memories meanwhile.

    Attributes:
        session: makes them.
    """

    def __init__(self, session: Session, shapes: tuple[Shape, ...], optimizer: Optimizer) -> None:
        super().__init__(shapes, optimizer)
        self.session = session

    @property
    def made(self) -> int:  # type: ignore[override]  # counted where the steps are made
        """How many were made."""
        return self.session.made

    def is_of(self, traces: Traces) -> bool:
        """Whether the session is that of the function as it is now."""
        return self.session.is_of(traces)

    def are_right(self, batch: Batch) -> bool:
        """Whether the session has found the labels right."""
        self.session.accept(batch)
        return True

    def short_way(
        self, guards: Callable[[], Guards], copied: Callable[[Any, Any], Batch | None]
    ) -> RepeatedStep | None:
        """What makes single steps like the last one; see `Session.short_way`."""
        return self.session.short_way(guards, copied)

    def end_short_way(self) -> None:
        """Stop the faster way."""
        self.session.end_short_way()

    def load(self, values: Sequence[Value], numbers: Sequence[float]) -> None:
        """Assign numbers to Values in one array; see `Session.load`."""
        self.session.load(values, numbers)

    def look_outside(self) -> None:
        """Let the session do so."""
        self.session.look_outside()

    def order(self, samples: int, size: int, source: random.Random | None, epochs: int = 1) -> Any:
        """The samples of each batch, as an array."""
        return self.session.order(samples, size, source, epochs)

    def losses_of_last(self, count: int) -> list[float]:
        """Those that the session has kept."""
        return self.session.losses_of_last(count)

    def __call__(self, batch: Batch, steps: int, order: Any, clip: Clip, rates: Sequence[float]) -> list[float]:
        """Make steps; see `Way`."""
        return self.session(batch, self.session.configured(*clip, rates), steps, order)


class GradientSteps(Way):
    """Steps by the optimiser itself, with the program's gradients."""

    def __init__(self, compiled: Compiled, shapes: tuple[Shape, ...], optimizer: Optimizer) -> None:
        super().__init__(shapes, optimizer)
        self._compiled, self.made = compiled, 0
        self._losses: list[float] = []  # of the last call's steps, noted before each is made

    def losses_of_last(self, count: int) -> list[float]:
        """Those that were noted."""
        return self._losses[:count]

    def __call__(self, batch: Batch, steps: int, order: Any, clip: Clip, rates: Sequence[float]) -> list[float]:
        """Make steps; see `Way`."""
        losses, before = list[float](), self.made
        self._losses = losses
        try:
            for k, rows in enumerate(repeat(None, steps) if order is None else order):
                if rates:
                    self.optimizer.lr = rates[k]
                part = batch if rows is None else batch.rows([row for row in rows if row >= 0])
                self._step(part.drawn(k), clip)
        except FloatingPointError as error:
            error.losses = losses[: self.made - before]  # type: ignore[attr-defined]  # for those who keep a history
            raise
        return losses

    def _step(self, batch: Batch, clip: Clip) -> None:
        optimizer = self.optimizer
        loss, gradients = self._compiled.value_and_grad(batch=batch)
        if not math.isfinite(loss):
            raise lost_loss(loss, optimizer.lr)
        optimizer.zero_grad()
        for parameter, gradient in zip(self._compiled.parameters, gradients):
            parameter.grad += float(gradient)
        clip_gradients(optimizer.params, clip)
        self._losses.append(loss)
        make_step(optimizer, self, "made")
