"""Epochs of eager steps, node by node, or of the user's own steps."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

from engine import Value

from ...arguments import plain, real_number, show
from ...data.splits import batches
from ..steps import EagerStep, Step
from .task import Done, Epoch, Source, Task


def eager_epochs(task: Task) -> Epoch:
    """Eager steps."""
    step = EagerStep(task.model, task.loss, task.optimizer, clip_norm=task.clip_norm, clip_value=task.clip_value)
    _go_on(step, task)
    return _epochs_of(task, step._made, step._losses_since)


def users_epochs(task: Task, step: Step) -> Epoch:
    """The user's own steps, which must give the loss of each batch as a finite number.

    Raises:
        TypeError: `step` cannot be called: what was to make it has returned something else.
    """
    if not callable(step):
        raise TypeError(
            f"step(model, loss, optimizer) returns what makes a step, a function of X and y, not {show(step)}"
        )
    if isinstance(step, EagerStep) and not step.steps:  # a subclass
        _go_on(step, task)

    def checked(X: Any, y: Any) -> float:
        loss = plain(step(X, y))
        if isinstance(loss, Value):
            raise TypeError(f"a step returns the loss as a number, not {show(loss)}: end it with return loss.data")
        if isinstance(loss, float) and not math.isfinite(loss):
            raise FloatingPointError(
                f"the step returned the loss {loss}, and may have changed the parameters: let it make no update in "
                "that case, lower the learning rate, and look for nan or inf in the data"
            )
        return real_number("the loss that a step returns", loss)

    return _epochs_of(task, checked)


def _go_on(step: EagerStep, task: Task) -> None:
    """Let a new step count from where the training goes on: masks of dropout follow."""
    step.steps, step._ahead = task.done, task.ahead()


def _epochs_of(task: Task, step: Step, losses_since: Callable[[int], list[float]] = lambda done: []) -> Epoch:
    """One call of `step` for each batch.

    Args:
        task: what is to be learned.
        step: makes a step.
        losses_since: called if Ctrl-C ends a step, with the number of those before: its loss, if it was made.
    """
    done = task.done

    def epoch(source: Source) -> Iterator[Done]:
        nonlocal done
        data = task.rows.read() if task.acting.epochs else task.rows.first
        if task.acting.batches:
            data = copy.deepcopy(data)
        parts = list(batches(*data, task.size, task.is_shuffled, source.rng))
        for X, y in parts:
            if task.schedule is not None:
                task.optimizer.lr = real_number("a learning rate", task.schedule(done), least=0.0)
            try:
                part = Done([step(X, y)], [len(X)], len(parts))
            except KeyboardInterrupt as error:
                error.losses = losses_since(done)  # type: ignore[attr-defined]  # for the history
                raise
            done += 1
            yield part

    return epoch
