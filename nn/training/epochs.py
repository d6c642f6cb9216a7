"""How the steps of an epoch are made: eagerly, or in compiled code, with the masks of dropout if there are any."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from engine import Batch, TraceError, compile

from ..arguments import real_number, warn_user, whole_number
from ..data.splits import batches
from ..evaluation.columns import nested
from ..evaluation.programs import EagerWarning
from ..layers.dropout import Layout, drawing, masked_otherwise
from ..optimisers.base import Optimizer
from .ownership import check_ownership
from .steps import EagerStep, LossFunction, Model, Step
from .trainer.compiled import Trainer
from .trainer.kept import keep, trainer_for


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


@dataclass(frozen=True)
class Task:
    """What is to be learned, and how.

    Attributes:
        model: maps one sample to its output.
        loss: the loss of a batch.
        optimizer: changes the parameters.
        X: the samples.
        y: as many labels.
        rows: the places of these samples in the user's data.
        batch_size: samples in a batch; None for all of them.
        shuffle: whether the order of the samples is random, if a batch does not take all of them.
        schedule: the learning rate of each step by its number.
        clip_norm: the largest norm of the whole gradient.
        clip_value: the largest entry of the gradient.
        done: how many steps were made before.
        meddled: whether the user's code runs between batches: what it changes in X and y counts from the next epoch on.
        kept: what one call of `fit` leaves for the next.
    """

    model: Model
    loss: LossFunction
    optimizer: Optimizer
    X: Any
    y: Any
    rows: Sequence[int]
    batch_size: int | None
    shuffle: bool
    schedule: Callable[[int], float] | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    done: int = 0
    meddled: bool = False
    kept: list[Any] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many samples a batch has; the last one may be smaller."""
        count = len(self.X)
        return count if self.batch_size is None else min(whole_number("batch_size", self.batch_size, least=1), count)

    @property
    def is_shuffled(self) -> bool:
        """Whether an order has to be drawn."""
        return self.shuffle and self.size < len(self.X)


# ---- eager ----


def eager_epochs(task: Task) -> Epoch:
    """Eager steps, node by node."""
    step = EagerStep(task.model, task.loss, task.optimizer, clip_norm=task.clip_norm, clip_value=task.clip_value)
    step.steps = task.done
    return epochs_of(task, step.made)


def epochs_of(task: Task, step: Step) -> Epoch:
    """One call of `step` for each batch."""
    done = task.done

    def epoch(source: Source) -> Iterator[Done]:
        nonlocal done
        data = copy.deepcopy((task.X, task.y)) if task.meddled else (task.X, task.y)
        parts = list(batches(*data, task.size, task.is_shuffled, source.rng))
        for X, y in parts:
            if task.schedule is not None:
                task.optimizer.lr = real_number("a learning rate", task.schedule(done), least=0.0)
            loss = step(X, y)
            done += 1
            yield Done([loss], [len(X)], len(parts))

    return epoch


# ---- compiled ----


class Acting(NamedTuple):
    """Whether the user's code, which may change things, runs after each batch or after each epoch."""

    batches: bool
    epochs: bool


def best_epochs(
    task: Task, backend: str, dtype: str, threads: int, acting: Acting, tell: Callable[[str], None]
) -> tuple[Epoch, str]:
    """Compiled epochs, or eager ones if that fails and `backend` is "auto"; and the name of the back end.

    Args:
        task: what is to be learned.
        backend: "auto", "llvm", "numpy" or "python".
        dtype: "float64" or "float32".
        threads: how many may share a step.
        acting: when the user's code runs in between.
        tell: called with the name of the back end if it changes later.

    Raises:
        TraceError: if `backend` is not "auto" and model or loss cannot be compiled.
    """

    def again(task: Task, reason: str = "") -> tuple[Epoch, str]:
        return compiled_epochs(task, backend, dtype, threads, acting)

    def again_or_eager(task: Task, reason: str = "") -> tuple[Epoch, str]:
        try:
            return again(task)
        except Exception as error:
            return _eager_instead(task, str(error))

    if backend != "auto":
        epochs, name = again(task)
        return _or_others(task, epochs, [again], tell), name
    epochs, name = again_or_eager(task)
    return _or_others(task, epochs, [again_or_eager, _eager_instead], tell), name


def _eager_instead(task: Task, reason: str) -> tuple[Epoch, str]:
    return _with_a_warning(eager_epochs(task), reason), f"eager: {reason}"


def _or_others(
    task: Task, epochs: Epoch, others: Sequence[Callable[[Task, str], tuple[Epoch, str]]], tell: Callable[[str], None]
) -> Epoch:
    """These epochs, replaced by others once the model has been changed into something they are not made for.

    Args:
        task: what is to be learned.
        epochs: compiled epochs.
        others: functions of a task and the reason that make other epochs, with the name of the back end; each is tried
            in turn.
        tell: called with the new name.
    """
    done = task.done

    def epoch(source: Source) -> Iterator[Done]:
        nonlocal epochs, done
        first, waiting = done, iter(others)
        while True:
            try:
                for part in epochs(source):
                    done += len(part.losses)
                    yield part
                return
            except TraceError as error:
                make, reason = next(waiting, None) if done == first else None, str(error)
                if make is None:
                    raise
            source.rng.setstate(source.state)
            task.kept.clear()
            epochs, name = make(replace(task, done=done), reason)
            tell(name)

    return epoch


def _with_a_warning(epochs: Epoch, reason: str) -> Epoch:
    """These epochs, with a warning after the first batch: if eager code fails too, its own error says what is wrong."""
    waiting = [reason]

    def epoch(source: Source) -> Iterator[Done]:
        for done in epochs(source):
            if waiting:
                warn_user(f"fit trains in eager steps, which take longer: {waiting.pop()}", EagerWarning)
            yield done

    return epoch


def compiled_epochs(task: Task, backend: str, dtype: str, threads: int, acting: Acting) -> tuple[Epoch, str]:
    """All steps of an epoch in one call of a program, or one call for each batch; and the name of its back end.

    Raises:
        TraceError: if model or loss cannot be compiled.
        TypeError, ValueError: if a program cannot take the samples and labels.
    """
    options = {"backend": backend, "dtype": dtype, "threads": threads}
    settings = {"schedule": task.schedule, "clip_norm": task.clip_norm, "clip_value": task.clip_value}

    def trainer_of(model: Model) -> Trainer:
        trainer = trainer_for(task.kept, model, task.loss, task.optimizer, options, **settings)
        trainer.steps = task.done
        return trainer

    try:
        return _plain(task, trainer_of, acting)
    except TraceError:
        layout = _layout(task)
        if not layout.units:
            raise
    return _masked(task, trainer_of, layout, acting)


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
        compiled.trace(compiled.batch(task.X[:1]))
    return layout


def _plain(task: Task, trainer_of: Callable[[Model], Trainer], acting: Acting) -> tuple[Epoch, str]:
    trainer = trainer_of(task.model)

    def samples() -> Batch:
        return trainer.prepare(task.X, task.y, task.size)

    data = samples()
    keep(task.kept, trainer, data)
    return _in_calls(task, trainer, data, samples, acting), trainer.backend


def _masked(task: Task, trainer_of: Callable[[Model], Trainer], layout: Layout, acting: Acting) -> tuple[Epoch, str]:
    """For a model with dropout, whose masks are further inputs of each sample, drawn by the program."""
    import numpy as np

    from .reach import look_at_program

    check_ownership(task.model, task.loss, task.optimizer)  # the trainer has no module to look at
    count, units, shape = len(task.X), len(layout.units), np.shape(task.X)[1:]
    width = math.prod(shape)

    def of_row(row: list[Any]) -> Any:
        masks = Layout(row[width:])
        with drawing(masks):
            output = task.model(nested(row[:width], shape))
        if masks.units != layout.units:
            raise masked_otherwise()
        return output

    trainer = trainer_of(of_row)

    def samples() -> Batch:
        rows = np.ones((count, width + units))
        rows[:, :width] = np.asarray(task.X, float).reshape(count, width)
        rows[: task.size] = layout.masks(width).drawn(rows[: task.size])  # of which some are compared
        return trainer.prepare(rows, task.y, task.size)

    known = samples()
    if not task.done:
        look_at_program(task.model, task.optimizer, trainer.compiled, known, of_row)

    def masked(batch: Batch) -> Batch:
        return replace(batch, masks=layout.masks(width, trainer.steps))  # by what the layers are just now

    return _in_calls(task, trainer, known, samples, acting, masked), trainer.backend


def _in_calls(
    task: Task,
    trainer: Trainer,
    known: Batch,
    samples: Callable[[], Batch],
    acting: Acting,
    ready: Callable[[Batch], Batch] = lambda batch: batch,
) -> Epoch:
    """Epochs in one call each, or one call for each batch.

    Args:
        task: what is to be learned.
        trainer: makes the steps.
        known: the samples.
        samples: reads them again, where somebody may have changed them, or anything else.
        acting: who acts in between.
        ready: makes samples ready for a call.
    """
    size = task.size

    def current() -> Batch:
        return samples() if acting.epochs and trainer.steps > task.done else known

    def epoch(source: Source) -> Iterator[Done]:
        data = ready(current())
        yield _counted(trainer.epoch_of(data, size, source.rng, task.is_shuffled), data.size, size, data.size)

    def batch_by_batch(source: Source) -> Iterator[Done]:
        data, order = current(), _order(task, source.rng)
        for start in range(0, data.size, size):
            batch = ready(data.rows(order[start : start + size]))
            yield _counted(trainer.epoch_of(batch, size, None, False), batch.size, size, data.size)

    return batch_by_batch if acting.batches else epoch


def _order(task: Task, rng: random.Random) -> list[int]:
    """The samples in the order of an epoch, as `batches` draws it."""
    order = list(range(len(task.X)))
    if task.is_shuffled:
        rng.shuffle(order)
    return order


def _counted(losses: list[float], samples: int, size: int, whole: int) -> Done:
    """The losses of some batches of `size` out of the whole data set, with the number of samples in each."""
    last = len(losses) - 1
    return Done(losses, [size] * last + [samples - last * size], -(-whole // size))
