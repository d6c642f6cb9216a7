"""Training: one loop over random batches."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..arguments import Seed, random_source, real_number, true_or_false, warn_user, whole_number
from ..data.entries import naming_data
from ..data.splits import batches
from ..elsewhere import explained
from ..evaluation.metrics import Metric
from ..evaluation.programs import Options, kept_by
from ..layers.module import Module
from ..optimisers.base import Optimizer, has_rule
from ..purity import is_pure
from ..threads import alone
from .checks import Callback, callbacks_of, check_back_end, check_parts, check_patience, stops
from .epochs.choice import epochs_for
from .epochs.task import Acting, Epoch, Source, Task
from .failures import anomaly_report
from .history import History
from .mistakes.idle import warn_if_idle, warn_of_epochs
from .mistakes.running import besides_parameters, warn_of_changed
from .patience import Patience
from .preparation import noting, prepared
from .progress import Progress, Reporter, Reports, reporting
from .resuming import (
    history_for,
    note_parts,
    note_samples,
    note_state,
    steps_ahead,
    warn_of_an_earlier_best,
    warn_of_others,
)
from .steps import EagerStep, LossFunction, Model, Step
from .validation import Validation


@explained
def fit(
    model: Model,
    X: Any,
    y: Any,
    loss: LossFunction,
    optimizer: Optimizer,
    epochs: int = 10,
    batch_size: int | None = 32,
    *,
    validation: Any = None,
    metrics: str | Metric | Sequence[str | Metric] | None = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    schedule: Callable[[int], float] | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    sample_weight: Any = None,
    class_weight: Mapping[Any, float] | str | None = None,
    callbacks: Callback | Iterable[Callback] = (),
    resume: Any = None,
    shuffle: bool = True,
    seed: Seed = None,
    progress: bool | Reporter = False,
    step: Callable[[Model, LossFunction, Optimizer], Step] = EagerStep,
    backend: str = "auto",
    dtype: str = "float64",
    threads: int = 1,
) -> History:
    """Train a model by gradient descent on random batches of its samples.

    >>> import nn
    >>> model = nn.MLP(1, [1], seed=1)  # 1 number in, 1 neuron
    >>> optimizer = nn.SGD(model.parameters(), lr=0.5)
    >>> X, y = [[0.0], [1.0]], [1.0, 3.0]
    >>> history = nn.fit(model, X, y, nn.mse, optimizer, epochs=60)
    >>> [round(p.data, 3) for p in model.parameters()]  # y = 2x + 1
    [2.0, 1.0]

    `epochs` says how often to go through the data, `batch_size` how many
    samples make a step, and `validation=0.2` which share of them is held out
    to judge by. Ctrl-C ends the training and gives the history so far. The
    guide shows all of it on real data: demos/guide/train.md.

    Args:
        model: a module, or a function from one sample to its output. A module
            is in eval mode for validation, and otherwise in train mode.
        X: a list, array or DataFrame of rows, one for each sample. A module
            remembers names of columns, and refuses others or another order.
        y: as many labels, of the kind that the loss takes; strings are class
            names, sorted into `model.classes`. The order of several columns is
            remembered, too.
        loss: a function from the outputs and labels of a batch to one Value,
            such as `nn.cross_entropy`. A module remembers its name, which
            later tells what the outputs mean.
        optimizer: changes the parameters that it holds; all others are frozen.
            Warnings tell of parameters that neither it nor a module holds, or
            that only a loss that is a module holds, of parts that the loss
            never reads, and of numbers that leave the graph in eager steps
            (whose first batch may be computed twice to find them).
        epochs: how often to go through the data in all, at least once.
        batch_size: samples in a batch, or None for all of them.

        validation: `(X, y)`, or the share to hold out at random from `seed`, of
            each class the same; a nan in it that makes its loss nan is refused.
        metrics: computed on the validation data: names ("accuracy", "top3" and
            so on, "r2", "mae") or functions of labels and outputs. None for
            what suits the loss: accuracy for classes, unless labels name
            several of a sample or give shares; R² for `mse` and `mae`.
        patience: how many epochs may pass without a better validation loss. At
            the end, parameters and optimiser are those of the best epoch; a
            warning tells of plain numbers and layers that have changed since,
            and of callbacks that gave the optimiser other parameters since:
            then not all of them are of one epoch.
        min_delta: by how much the loss must improve for `patience` to start
            over; the best epoch is that of the least loss, however near.

        schedule: the learning rate of each step by its number, from 0, such as
            `nn.schedules.cosine(0.1, steps=500)`. One that reads more than
            numbers and functions may change things as callbacks may; what it
            changes in X and y counts from the next epoch on.
        clip_norm: the largest norm of the whole gradient: a longer one is
            scaled down to it before the step.
        clip_value: the largest entry of the gradient, positive or negative:
            larger ones are cut to it.
        sample_weight: a factor for the loss of each sample, but not for that of
            validation. The loss must be a mean over samples; any other is
            refused, as far as a few samples tell.
        class_weight: such factors by labels, 1 for those left out; or
            "balanced" for the inverse of how many samples each class has.

        callbacks: called after each epoch with model, history and the number of
            the epoch; one that returns True stops. What they change (the model,
            what the loss reads, entries of X and y, but not how many) counts
            from the next epoch on; weights stay as labels were at first.
        resume: a history, or a checkpoint of `nn.load`, to go on from as if
            training had never stopped; `epochs` includes those done before. An
            epoch that Ctrl-C cut short is made again. Refused: another int as
            seed, other layers, another loss, optimiser (but for `lr`), batch
            size, `shuffle`, number or shape of samples. A warning tells of
            other parameters, and of other samples, by eight of them; other
            changes there, and in code, go unnoticed. The rest may be new. With
            `patience` it goes on from the last epoch if any patience is left,
            without from the best one.
        shuffle: False keeps the order of the data, as one batch of all does.
        seed: an int for the same batches every time, or a `random.Random`.
        progress: True for a bar on a terminal and plain lines elsewhere, or a
            function that is given an `nn.Progress` after each batch.

        step: makes the step of the loop from model, loss and optimiser; one of
            your own runs eagerly.
        backend: "llvm", "numpy" or "python" for epochs in compiled code, under
            the rules for functions and trainers (demos/guide/rules.md); "eager"
            for steps on the graph, equal up to rounding; "auto" for the best of
            these: eager, with a warning that says why, if nothing else can be.
            `History.backend` says which it was, and why.
        dtype: "float64" or "float32"; "python" always computes in float64.
        threads: how many may share the samples of a step; see `engine.compile`.

    Returns:
        The history, with a row for each epoch and the losses of all batches.

    Raises:
        TypeError: if an argument is of the wrong kind, or the loss not a Value.
        ValueError: if there is no data, X and y differ in length, a size is
            below 1, the optimiser holds none of the model's parameters, or
            arguments do not go together.
        ImportError: if the back end needs a package that is not installed.
        RuntimeError: if another thread trains some of these parameters.
        FloatingPointError: if the loss becomes nan or infinite. Parameters stay
            as before that batch. The message says which data are not finite,
            and where it began; the error's `history` has the epochs before.
    """
    check_parts(model, loss, optimizer, schedule, step)
    epochs = whole_number("epochs", epochs, least=1)
    min_delta = real_number("min_delta", min_delta, least=0.0)
    true_or_false("shuffle", shuffle)
    threads = whole_number("threads", threads, least=1)
    check_back_end(backend, dtype, threads, step is not EagerStep, bool(clip_norm or clip_value))
    check_patience(patience, min_delta, validation)
    patient = None if patience is None else Patience(patience, min_delta, optimizer)
    after = callbacks_of(callbacks)
    has_own_steps = step is not EagerStep or not has_rule(optimizer)
    acts_in_between = callable(progress) or not (schedule is None or is_pure(schedule))
    acts = acts_in_between or has_own_steps or bool(after)
    history = history_for(resume, epochs, seed, validation)
    rng = random_source(seed)
    data = prepared(
        model,
        X,
        y,
        loss,
        optimizer,
        validation=validation,
        metrics=metrics,
        sample_weight=sample_weight,
        class_weight=class_weight,
        seed=seed,
        rng=rng,
        options=Options("eager" if backend == "eager" else "auto", dtype, threads),
        fixed=not acts,
    )
    if history.random_state is not None and rng is not seed:
        rng.setstate(history.random_state)
    done = len(history.batch_losses)
    beside = besides_parameters(model) if patient and done else None
    noted = noting(model, data.notes, lambda: len(history.batch_losses) > done)
    with (
        alone(optimizer),
        _train_mode(model),
        noted,
        reporting(progress) as reports,
        kept_by(model) as kept,
        naming_data(X, data.rows.labels, data.rows.places, data.rows.classes),
    ):
        task = Task(
            model,
            data.loss,
            optimizer,
            data.rows,
            batch_size,
            shuffle,
            schedule,
            clip_norm,
            clip_value,
            Options(backend, dtype, threads),
            Acting(acts_in_between, acts or (data.validation is not None and data.validation.acts)),
            done,
            partial(steps_ahead, history, optimizer),
            kept,
        )
        note_parts(history, task, loss)
        warn_of_others(history, optimizer)
        note_samples(history, task.rows, None if data.validation is None else data.validation.rows)
        if patient and history.waiting is not None:
            patient.go_on(history.waiting)
        history.numbers = history.waiting = None
        warn_of_epochs(schedule, -(-len(task.rows) // task.size))
        one_epoch, history.backend = epochs_for(task, step, partial(setattr, history, "backend"))
        loop = _Loop(task, history, data.validation, patient, after, reports, has_own_steps, beside)
        try:
            loop.run(one_epoch, epochs, Source(rng, shared=rng is seed))
        except KeyboardInterrupt:
            history.stopped = "interrupted"
    if patient:
        history.waiting = patient.restore()
        warn_of_an_earlier_best(history)
        if loop.beside is not None and history.best_epoch != len(history.losses):
            warn_of_changed(model, loop.beside)
    note_state(history, optimizer)
    return history


@dataclass
class _Loop:
    """The loop over epochs.

    Attributes:
        task: what is to be learned, and how.
        history: what has been done; it grows.
        validation: takes scores after each epoch.
        patient: decides by them when it is enough.
        callbacks: the user's functions, called after each epoch.
        reports: called as training proceeds.
        warned: whether no warning is due that nothing is learned: one was given, or the steps are the user's.
        beside: what a model has besides parameters, before a training goes on, or else after its first epoch.
        scores: of the last epoch.
    """

    task: Task
    history: History
    validation: Validation | None
    patient: Patience | None
    callbacks: Sequence[Callback]
    reports: Reports
    warned: bool
    beside: dict[str, str] | None
    scores: dict[str, float] = field(default_factory=dict)

    def run(self, one_epoch: Epoch, epochs: int, source: Source) -> None:
        """Train the epochs that the history lacks."""
        if self.patient and self.patient.is_at_its_end:
            self.history.stopped = "patience"
        for epoch in range(len(self.history.losses) + 1, epochs + 1):
            if self.history.stopped:
                return
            started = time.perf_counter()
            state = self._train(one_epoch, epoch, epochs, source)
            self._judge(epoch, state.loss, started)
            self.warned = self.warned or warn_if_idle(self.history, self.task.schedule, state.batches)
            if self.reports.epoch is not None:
                self.reports.epoch(state._replace(scores=self.scores, lr=self.task.optimizer.lr))
            self._watch()
            self._call_back(epoch)

    def _train(self, one_epoch: Epoch, epoch: int, epochs: int, source: Source) -> Progress:
        """Make the steps of an epoch; return where training stands after the last one."""
        history, report = self.history, self.reports.batch
        total, seen, batch = 0.0, 0, 0
        source.begin()
        first = len(history.batch_losses)
        try:
            for done in one_epoch(source):
                history.batch_losses += done.losses
                for loss, size in zip(done.losses, done.sizes):
                    total, seen, batch = total + loss * size, seen + size, batch + 1
                    if report is not None:
                        rate = self.task.optimizer.lr
                        report(Progress(epoch, epochs, batch, done.batches, total / seen, self.scores, lr=rate))
        except KeyboardInterrupt as error:
            history.batch_losses += getattr(error, "losses", [])
            raise
        except FloatingPointError as error:
            history.batch_losses += getattr(error, "losses", [])
            raise _failed(error, self.task, history, first, source.state) from error
        history.losses.append(total / seen)
        source.end()
        history.random_state = source.state
        return Progress(epoch, epochs, batch, batch, total / seen)

    def _judge(self, epoch: int, loss: float, started: float) -> None:
        """Take scores, and note the epoch; it counts, without scores, even if Ctrl-C or an error comes meanwhile."""
        history, self.scores = self.history, {}
        try:
            if self.validation is not None:
                watched = not history.backend.startswith("eager")
                self.scores = self.validation.scores(epoch, watched)
        finally:
            row = {"epoch": epoch, "loss": loss, **self.scores, "lr": self.task.optimizer.lr}
            history.rows.append({**row, "seconds": time.perf_counter() - started})

    def _watch(self) -> None:
        """Stop where patience is at its end."""
        if self.patient:
            if self.patient.is_over(self.scores["validation_loss"]):
                self.history.stopped = "patience"
            self.history.waiting = self.patient.waiting
            self.beside = besides_parameters(self.task.model) if self.beside is None else self.beside

    def _call_back(self, epoch: int) -> None:
        """Let the user's callbacks look, change things, or stop."""
        model, history = self.task.model, self.history
        if self.callbacks:  # which may save it
            note_state(history, self.task.optimizer)
        rate = self.task.optimizer.lr
        for callback in self.callbacks:
            if stops(callback(model, history, epoch), model):
                history.stopped = "callback"
        if self.task.schedule is not None and self.task.optimizer.lr != rate and not history.stopped:
            warn_user(
                f"a callback set lr to {self.task.optimizer.lr:g}, and schedule= sets it anew before each step: leave "
                "one of them out",
                UserWarning,
            )
        if self.callbacks:
            _put_in_train_mode(_modules_of(model))


def _failed(error: FloatingPointError, task: Task, history: History, first: int, before: Any) -> FloatingPointError:
    """The error with a report of the batch that it came from, and the history."""
    history.stopped = "nan"
    note_state(history, task.optimizer)
    source = random.Random()
    source.setstate(before)
    places = list(range(len(task.rows)))
    done = len(history.batch_losses)
    batch, _ = list(batches(places, places, task.size, task.is_shuffled, source))[done - first]
    report = anomaly_report(task, batch, task.ahead() + done)
    failed = FloatingPointError(f"{error}\n{report}".rstrip())
    failed.history = history  # type: ignore[attr-defined]  # for whoever catches it
    return failed


@contextmanager
def _train_mode(model: Model) -> Iterator[None]:
    """All of a module in train mode; each part has its own mode again afterwards."""
    modules = _modules_of(model)
    modes = [(module, module.training) for module in modules]
    try:
        _put_in_train_mode(modules)
        yield
    finally:
        for module, mode in modes:
            if module.training is not mode:
                module.training = mode


def _put_in_train_mode(modules: list[Module]) -> None:
    for module in modules:
        if not module.training:  # setting an attribute makes all compiled functions look again
            module.training = True


def _modules_of(model: Model) -> list[Module]:
    return list(model.modules()) if isinstance(model, Module) else []
