"""Nets one after the other, of which all that have one structure are trained by one program.

A copy of the first net of a structure is compiled. Of each net only the numbers are taken, into the array where the
program has the parameters of the copy, which is trained again from there. A net of which nobody can say whether the
program is its own, and one whose training fails, goes through `fit`.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeAlias

from engine import Batch, Value, new_lock

from ..arguments import random_source, show, whole_number
from ..evaluation.programs import Options
from ..layers.module import Module
from ..optimisers.base import Optimizer
from ..training.history import History
from ..training.loop import fit
from ..training.preparation import prepared
from ..training.purity import is_pure
from ..training.steps import LossFunction, Model
from ..training.trainer.compiled import Trainer
from ..training.validation import Patience
from .structure import Structure, UnknownStructureError

Net: TypeAlias = "tuple[Model, LossFunction, Optimizer]"

Make: TypeAlias = Callable[..., Net]
"""From the entries of a configuration to a model, a loss and an optimiser."""

KEPT = 16
"""So many structures have their programs at hand."""

AT_ONCE = 1 << 20
"""So many turns of samples are laid out for one call of a program."""


class Workbench:
    """Trains nets on the same data.

    Args:
        make: makes a net.
        X: the samples.
        y: as many labels.
        options: of `fit`, all that `fit_many` takes.
    """

    def __init__(self, make: Make, X: Any, y: Any, options: Mapping[str, Any]) -> None:
        self._make, self._X, self._y, self._options = make, X, y, options
        schedule = options["schedule"]
        # A schedule may read the net that make gave, and not the copy which is trained.
        self._shares = options["backend"] != "eager" and (schedule is None or is_pure(schedule))
        self._last: Structure | None = None
        # By structure a net of it and its program; what was used last is at the end.
        self._known: dict[Any, tuple[Net, SharedProgram | None]] = {}

    def row(self, arguments: Mapping[str, Any], seed: int, epochs: int, batch_size: int | None) -> dict[str, float]:
        """Train a net; give the loss and the scores of its last epoch, or, with patience, of the best one.

        Args:
            arguments: of `make`.
            seed: of the batches.
            epochs: how often to go through the data.
            batch_size: samples in a batch; None for all of them.
        """
        net = self._made(arguments)
        program, structure = self._program(net, batch_size)
        if program is not None and structure is not None:
            try:
                return program.row(structure, net[2], seed, epochs, batch_size)
            except Exception:
                net = self._made(arguments)  # whatever it was, `fit` says it best
        model, loss, optimizer = net
        with put_back(model, optimizer):
            history = fit(model, self._X, self._y, loss, optimizer, epochs, batch_size, seed=seed, **self._options)
        if history.stopped == "interrupted":
            raise KeyboardInterrupt
        return _result(history.rows, self._options["patience"])

    def _made(self, arguments: Mapping[str, Any]) -> Net:
        net = self._make(**arguments)
        if not (isinstance(net, (tuple, list)) and len(net) == 3 and isinstance(net[2], Optimizer)):
            raise TypeError(f"make gives a model, a loss and an optimiser, not {show(net)}")
        model, loss, optimizer = net
        return model, loss, optimizer

    def _program(self, net: Net, batch_size: int | None) -> tuple[SharedProgram | None, Structure | None]:
        """The program for nets of this structure, if there is one."""
        if not self._shares:
            return None, None
        last, known = self._last, self._known
        try:
            structure = self._last = Structure(*net, last)
        except UnknownStructureError:
            return None, None
        if last is not None and structure.key is last.key and last.key in known:
            return known[structure.key][1], structure
        if structure.key in known:
            entry: tuple[Net, SharedProgram | None] = known.pop(structure.key)
        else:
            entry = net, None
            with suppress(Exception):  # it cannot be compiled, or there is a mistake, which `fit` will report
                entry = net, SharedProgram(structure, net, self._X, self._y, self._options, batch_size)
            if len(known) >= KEPT:
                del known[next(iter(known))]
        known[structure.key] = entry
        return entry[1], structure


_being_trained: set[Value] = set()
_lock = new_lock()


@contextmanager
def put_back(model: Model, optimizer: Optimizer) -> Iterator[None]:
    """Inside, a net is trained; afterwards it is as it was, since others may have parameters of it.

    Raises:
        ValueError: one of these is being trained at present, by another thread.
    """
    own = {*optimizer.params, *(model.parameters() if isinstance(model, Module) else ())}
    with _lock:
        if not own.isdisjoint(_being_trained):
            raise ValueError(
                "make gave parameters of another net, which another thread trains at present: make new ones in every "
                "call, or train one net after the other"
            )
        _being_trained.update(own)
    try:
        before = [(value, value.data, value.grad) for value in own]
        state, settings = copy.deepcopy(optimizer.state), optimizer.settings
        try:
            yield
        finally:
            optimizer.state = state
            optimizer.change(settings)
            for value, number, gradient in before:
                value.data, value.grad = number, gradient
    finally:
        with _lock:
            _being_trained.difference_update(own)


class SharedProgram:
    """The program of all nets of one structure.

    Args:
        structure: of the first net.
        net: the first one.
        X: the samples.
        y: as many labels.
        options: of `fit`.
        batch_size: of the first net.

    Raises:
        Exception: the nets cannot be trained in this way.
    """

    def __init__(
        self, structure: Structure, net: Net, X: Any, y: Any, options: Mapping[str, Any], batch_size: int | None
    ) -> None:
        leaves: dict[int, Any] = {id(value): Value(value.data) for value in structure.values}
        copied: tuple[Any, LossFunction, Optimizer] = copy.deepcopy(net, leaves)  # nobody else has it, to change it
        model, loss, optimizer = copied
        model.train()  # a module: of nothing else a structure is known
        self._values, self._options = Structure(model, loss, optimizer).values, options
        of_data = {name: options[name] for name in ("validation", "metrics", "sample_weight", "class_weight")}
        how = Options("auto", options["dtype"], options["threads"])
        self._data = prepared(model, X, y, loss, **of_data, seed=0, rng=random_source(0), options=how, fixed=True)
        of_trainer = ("backend", "dtype", "threads", "clip_norm", "clip_value", "schedule")
        settings = {name: options[name] for name in of_trainer}
        if self._data.validation and self._data.validation.acts:
            raise UnknownStructureError("a metric of the user's may read the net that make gave, and not the copy")
        self._trainer = SharedTrainer(model, self._data.loss, optimizer, **settings)
        self._batches: dict[int, Batch] = {}
        self._batch(self._size(batch_size))
        if not {*structure.values}.isdisjoint(self._trainer.compiled.parameters):
            raise UnknownStructureError("the loss reads parameters of the net that make gave, and not of the copy")

    def _size(self, batch_size: int | None) -> int:
        count = len(self._data.X)
        return count if batch_size is None else min(whole_number("batch_size", batch_size, least=1), count)

    def _batch(self, size: int) -> Batch:
        """The samples, for batches of that size."""
        if size not in self._batches:
            self._batches[size] = self._trainer.prepare(self._data.X, self._data.y, size)
        return self._batches[size]

    def row(
        self, structure: Structure, optimizer: Optimizer, seed: int, epochs: int, batch_size: int | None
    ) -> dict[str, float]:
        """Train a net of this structure; as `Workbench.row`.

        Raises:
            FloatingPointError: a loss or an update is not finite.
        """
        options, data, count = self._options, self._data, len(self._data.X)
        epochs = whole_number("epochs", epochs, least=1)
        size = self._size(batch_size)
        patience, shuffled = options["patience"], options["shuffle"] and size < count
        rng = random_source(seed)
        self._trainer.take_over(self._values, structure.numbers, optimizer)
        train = partial(self._trainer.epoch_of, self._batch(size), size, rng, shuffled)
        scores = data.validation.scores if data.validation else dict[str, float]
        rows = []
        if patience is None:
            most = max(1, AT_ONCE // count)
            for start in range(0, epochs, most):
                losses = train(min(most, epochs - start))
            rows.append({"loss": _mean(losses, count, size), **scores()})
        else:
            patient = Patience(patience, options["min_delta"], self._trainer.optimizer)
            for epoch in range(1, epochs + 1):
                rows.append({"epoch": epoch, "loss": _mean(train(1), count, size), **scores()})
                if patient.is_over(rows[-1]["validation_loss"]):
                    break
        return _result(rows, patience)


class SharedTrainer(Trainer):
    """A trainer that goes on with other nets of the same structure."""

    def take_over(self, values: Sequence[Value], numbers: Sequence[float], optimizer: Optimizer) -> None:
        """Begin with another net.

        Args:
            values: those of this trainer's model; the same object at every call, so that their places are known.
            numbers: what the other net has there.
            optimizer: that of the other net, of the same class and for parameters in the same order; the optimiser
                here takes over its settings and its state.
        """
        with self._lock:
            self._again = None
            if self._watch is not None and not self._watch.holds_outside():
                self._traced = -math.inf  # to be traced again
            if self._way is not None:
                self._way.load(values, numbers)
            else:
                for value, number in zip(values, numbers):
                    value.data = number
            self._optimizer.change(optimizer.settings)
            self._optimizer.keeper = None  # what the last net has left there is of no use
            self._optimizer.own_state = optimizer.state
            self.steps = 0

    def _look_again(self, batch: Batch, entirely: bool = False) -> None:
        """As of any trainer, but for what is looked at from net to net, in `take_over`: nobody else has the model."""
        if entirely or self._watch is None or time.perf_counter() >= self._fresh_until():
            super()._look_again(batch, entirely)


def _mean(losses: Sequence[float], count: int, size: int) -> float:
    """The mean loss of the last epoch, summed as `fit` does it."""
    batches = -(-count // size)
    total = 0.0
    for k, loss in enumerate(losses[-batches:]):
        total += loss * min(size, count - k * size)
    return total / count


def _result(rows: Sequence[Mapping[str, float]], patience: int | None) -> dict[str, float]:
    """What counts in the end: the last row, or, with patience, that of the best epoch."""
    best = History(rows=list(map(dict, rows))).best_epoch if patience is not None else None
    row = rows[best - 1 if best else -1]
    return {name: number for name, number in row.items() if name not in ("epoch", "lr", "seconds")}
