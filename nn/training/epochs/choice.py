"""Which epochs a task has: compiled ones as long as that is possible, and eager ones otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from engine import TraceError

from ...arguments import warn_user
from ...evaluation.programs import EagerWarning, programs_of
from ...optimisers.base import Optimizer
from ..steps import EagerStep, LossFunction, Model, Step
from .compiled import compiled_epochs
from .eager import eager_epochs, users_epochs
from .task import Done, Epoch, Source, Task

MakeStep: TypeAlias = Callable[[Model, LossFunction, Optimizer], Step]
"""Makes the step of the loop from model, loss and optimiser."""

Made: TypeAlias = "tuple[Epoch, str]"
"""Epochs, and the name of the back end that makes their steps."""


def epochs_for(task: Task, step: MakeStep, tell: Callable[[str], None]) -> Made:
    """Compiled epochs, or, if that fails and the back end may be any, eager ones; and the name of the back end.

    Args:
        task: what is to be learned.
        step: makes the step: one of the user's own runs eagerly.
        tell: called with the name of the back end if it changes later.

    Raises:
        TraceError: if model or loss cannot be compiled, and the back end was asked for.
    """
    if step is not EagerStep:
        return users_epochs(task, step(task.model, task.loss, task.optimizer)), "eager"
    if task.options.backend == "eager":
        return eager_epochs(task), "eager"
    if task.options.backend != "auto":
        return _until_changed(task, compiled_epochs(task), [_compiled], tell)
    return _until_changed(task, _compiled_or_eager(task), [_compiled_or_eager, _eager_instead], tell)


def _compiled(task: Task, reason: str = "") -> Made:
    return compiled_epochs(task)


def _compiled_or_eager(task: Task, reason: str = "") -> Made:
    try:
        return compiled_epochs(task)
    except Exception as error:
        return _eager_instead(task, str(error))


def _eager_instead(task: Task, reason: str) -> Made:
    return _with_a_warning(eager_epochs(task), task, reason), f"eager: {reason}"


def _until_changed(
    task: Task, made: Made, others: Sequence[Callable[[Task, str], Made]], tell: Callable[[str], None]
) -> Made:
    """These epochs, replaced by others once the model has been changed into something they are not made for.

    Args:
        task: what is to be learned.
        made: the first epochs.
        others: functions of a task and the reason that make other epochs; each is tried in turn.
        tell: called with the name of another back end.
    """
    epochs, name = made
    done = task.done

    def epoch(source: Source) -> Iterator[Done]:
        nonlocal epochs, done
        first, waiting = done, iter(others)
        while True:
            try:
                for part in epochs(source):
                    yield part  # at once: if Ctrl-C came before, its losses would be lost
                    done += len(part.losses)
                return
            except TraceError as error:
                make = next(waiting, None) if done == first else None
                if make is None:
                    raise
                reason = str(error)
            source.rng.setstate(source.state)
            task.kept.clear()
            rows = replace(task.rows)  # reads samples and labels anew, as they may have been changed, too
            epochs, name = make(replace(task, done=done, rows=rows), reason)
            tell(name)

    return epoch, name


def _with_a_warning(epochs: Epoch, task: Task, reason: str) -> Epoch:
    """These epochs, with a warning after the first batch: if eager code fails too, its own error says what is wrong.

    It is the only one: validation, which cannot be compiled for the same reason, gives none of its own.
    """
    waiting = [reason]

    def epoch(source: Source) -> Iterator[Done]:
        for done in epochs(source):
            if waiting:
                warn_user(f"fit trains in eager steps, which take longer: {waiting.pop()}", EagerWarning)
                programs_of(task.model).warned = True
            yield done

    return epoch
