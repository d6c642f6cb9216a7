"""Epochs of steps in compiled code, with the masks of dropout if there are any."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from engine import Batch, TraceError, compile, traces_of

from ...evaluation.columns import nested
from ...layers.dropout import Layout, drawing, masked_otherwise
from ..mistakes.ownership import FirstCall, check_ownership
from ..mistakes.reach import look_at_program
from ..steps import Model
from ..trainer.compiled import Trainer
from ..trainer.kept import keep, trainer_for
from .task import Done, Epoch, Source, Task


def compiled_epochs(task: Task) -> tuple[Epoch, str]:
    """All steps of an epoch in one call of a program, or one call for each batch; and the name of its back end.

    Raises:
        TraceError: if model or loss cannot be compiled.
        TypeError, ValueError: if a program cannot take the samples and labels.
    """
    options = task.options._asdict()
    settings = {"schedule": task.schedule, "clip_norm": task.clip_norm, "clip_value": task.clip_value}

    def trainer_of(model: Model) -> Trainer:
        trainer = trainer_for(task.kept, model, task.loss, task.optimizer, options, **settings)
        trainer.steps = task.done
        return trainer

    first_call = FirstCall(task.model)
    try:
        return _plain(task, trainer_of, first_call)
    except TraceError:
        layout = _layout(task)
        if not layout.units:
            raise
    return _masked(task, trainer_of, first_call, layout)


class _Counted(Exception):  # not an error: it ends a trace
    """All entries that a model masks in one sample have been counted."""


def _layout(task: Task) -> Layout:
    """Which entries the model masks, as far as it can be traced.

    They are counted in a trace that is made to fail: after it, all that the model's code has changed is restored.
    """
    layout = Layout()

    def counted(x: Any) -> None:
        with drawing(layout):
            task.model(x)
        raise _Counted

    compiled = compile(counted, backend="python")
    with suppress(_Counted, TraceError):
        traces = traces_of(compiled)
        traces.trace(traces.batch(task.rows.first[0][:1]))
    return layout


def _plain(task: Task, trainer_of: Callable[[Model], Trainer], first_call: FirstCall) -> tuple[Epoch, str]:
    trainer = trainer_of(task.model)

    def samples(X: Any, y: Any) -> Batch:
        return trainer._made_ready(X, y, task.size, first_call)

    data = samples(*task.rows.first)
    keep(task.kept, trainer, data)
    return _in_calls(task, trainer, data, samples), trainer.backend


def _masked(
    task: Task, trainer_of: Callable[[Model], Trainer], first_call: FirstCall, layout: Layout
) -> tuple[Epoch, str]:
    """For a model with dropout, whose masks are further inputs of each sample, drawn by the program."""
    import numpy as np

    X, _ = task.rows.first
    count, units, shape = len(X), len(layout.units), np.shape(X)[1:]
    width = math.prod(shape)

    def of_row(row: list[Any]) -> Any:
        masks = Layout(row[width:])
        with drawing(masks):
            output = task.model(nested(row[:width], shape))
        if masks.units != layout.units:
            raise masked_otherwise()
        return output

    trainer = trainer_of(of_row)

    def samples(X: Any, y: Any) -> Batch:
        check_ownership(task.model, task.loss, task.optimizer)  # the trainer has no module to look at
        rows = np.ones((count, width + units))
        rows[:, :width] = np.asarray(X, float).reshape(count, width)
        rows[: task.size] = layout.masks(width).drawn(rows[: task.size])  # of which some are compared
        return trainer._made_ready(rows, y, task.size, first_call)

    known, ahead = samples(*task.rows.first), task.ahead()
    if not task.done:
        look_at_program(task.model, task.loss, task.optimizer, trainer._compiled, known, of_row)

    def masked(batch: Batch) -> Batch:
        step = ahead + trainer.steps
        return replace(batch, masks=layout.masks(width, step))  # by the layers' present p and seed

    return _in_calls(task, trainer, known, samples, masked), trainer.backend


def _in_calls(
    task: Task,
    trainer: Trainer,
    known: Batch,
    samples: Callable[[Any, Any], Batch],
    ready: Callable[[Batch], Batch] = lambda batch: batch,
) -> Epoch:
    """Epochs in one call each, or one call for each batch.

    Args:
        task: what is to be learned.
        trainer: makes the steps.
        known: the samples.
        samples: makes them ready anew, if they, or anything else, may have been changed.
        ready: makes samples ready for a call.
    """
    size = task.size

    def current() -> Batch:
        return samples(*task.rows.read()) if task.acting.epochs and trainer.steps > task.done else known

    def epoch(source: Source) -> Iterator[Done]:
        data, before = ready(current()), trainer.steps
        try:
            losses = trainer._epoch_of(data, size, source.rng, task.is_shuffled)
            sizes = [size] * (len(losses) - 1)
            done = Done(losses, [*sizes, data.size - sum(sizes)], len(losses))
        except KeyboardInterrupt as error:
            error.losses = trainer._losses_since(before)  # type: ignore[attr-defined]  # for the history
            raise
        yield done

    def batch_by_batch(source: Source) -> Iterator[Done]:
        data, before = current(), trainer.steps
        rng = source.rng if task.is_shuffled else None
        try:
            for loss, samples in trainer._steps_of(data, size, rng, ready):
                done = Done([loss], [samples], -(-data.size // size))
                before += 1
                yield done
        except KeyboardInterrupt as error:
            error.losses = trainer._losses_since(before)  # type: ignore[attr-defined]  # as above
            raise

    return batch_by_batch if task.acting.batches else epoch
