"""The program of all nets of one structure.

A copy of the first net of a structure is compiled. From every further net only the numbers are taken: they are written
into the array where the program keeps the copy's parameters, and training starts from there. Nets that differ in
nothing but numbers, settings and batches are trained many to a call, after all of them have been made: if making and
training took turns, each would find the processor's caches full of the other's data.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from engine import Batch, Value

from ..arguments import random_source, whole_number
from ..evaluation.labels import are_texts
from ..evaluation.programs import Options
from ..optimisers.base import Optimizer
from ..training.history import History
from ..training.patience import Patience
from ..training.preparation import prepared
from ..training.steps import LossFunction, Model
from .job import Job
from .structure import Structure, UnknownStructureError
from .trainer import SharedTrainer

Net: TypeAlias = "tuple[Model, LossFunction, Optimizer]"

AT_ONCE = 1 << 20
"""How many passes over the samples are laid out for one call of a program."""

LARGE = 1 << 20
"""Bytes of samples up to which their memory is kept from one call to the next."""

CALL = 0.05
"""About how many seconds a call for many nets may take: Ctrl-C waits that long, and loses that much work."""


class Copy:
    """A private copy of a net of a known structure, free to be changed.

    Attributes:
        values: the Values of the copy, in the order of the structure.
        originals: the Values of the net.
        trainer: a trainer that can go on in another call, with other samples; None if there is none.
    """

    def __init__(self, structure: Structure, net: Net) -> None:
        leaves: dict[int, Any] = {id(value): Value(value.data, value.label) for value in structure.values}
        copied: tuple[Any, LossFunction, Optimizer] = copy.deepcopy(net, leaves)
        self.model, self.loss, self.optimizer = copied
        self.model.train()  # always a module: nothing else has a known structure
        self.values, self.originals = Structure(*copied).values, frozenset(structure.values)
        self.trainer: SharedTrainer | None = None


class SharedProgram:
    """The program of all nets of one structure, for the samples of a call.

    Args:
        first: a copy of the first net.
        X: the samples.
        y: as many labels.
        options: the options of `fit`.
        batch_size: the batch size of the first net.

    Raises:
        Exception: the nets cannot be trained this way.
    """

    def __init__(self, first: Copy, X: Any, y: Any, options: Mapping[str, Any], batch_size: int | None) -> None:
        self._values, self._options = first.values, options
        of_data = {"class_weight": None} | {name: options[name] for name in ("validation", "metrics", "sample_weight")}
        how = Options("auto", options["dtype"], options["threads"])
        net = first.model, X, y, first.loss, first.optimizer
        self._data = prepared(*net, **of_data, seed=0, rng=random_source(0), options=how, fixed=True)
        of_trainer = ("backend", "dtype", "threads", "clip_norm", "clip_value", "schedule")
        settings = {name: options[name] for name in of_trainer}
        if self._data.validation and self._data.validation.acts:
            raise UnknownStructureError("a metric of the user's may read the net that make gave, and not the copy")
        last, first.trainer = first.trainer, None
        self._trainer = last or SharedTrainer(first.model, self._data.loss, first.optimizer, **settings)
        self._batches: dict[int, Batch] = {}
        batch = self._batch(self._data.rows.batch_size(batch_size))
        if not first.originals.isdisjoint(self._trainer._compiled.parameters):
            raise UnknownStructureError("the loss reads parameters of the net that make gave, and not of the copy")
        self._seconds: dict[tuple[int, int], float] = {}  # per net, by epochs and batch size
        self._rooms: dict[tuple[int, int | None], int] = {}  # for nets like the last ones; see `room`
        small = all(getattr(array, "nbytes", math.inf) <= LARGE for array in batch.arrays)
        if small and not are_texts(y):  # a copy has noted the names of texts
            first.trainer = self._trainer

    def _batch(self, size: int) -> Batch:
        """The samples, for batches of that size."""
        if size not in self._batches:
            self._batches[size] = self._trainer._made_ready(*self._data.rows.first, size)
        return self._batches[size]

    def _scores(self) -> dict[str, float]:
        return self._data.validation.scores(epoch=1) if self._data.validation else {}

    # ---- one net

    def row(self, job: Job, numbers: Sequence[float], optimizer: Optimizer) -> dict[str, float]:
        """Train a net of this structure; return loss and scores of its last epoch, or, with patience, of the best.

        Args:
            job: its configuration.
            numbers: the numbers of its Values, in the order of the structure.
            optimizer: the net's own optimiser; the program's optimiser takes over its memory.

        Raises:
            FloatingPointError: a loss or an update is not finite.
            ValueError: a loss is below 0 although this loss function cannot be.
        """
        options, count = self._options, len(self._data.rows)
        epochs = whole_number("epochs", job.epochs, least=1)
        size = self._data.rows.batch_size(job.batch_size)
        patience = options["patience"]
        shuffled = options["shuffle"] and size < count
        rng = random_source(job.seed)
        batch = self._batch(size)
        self._rooms.clear()
        started = time.perf_counter()
        self._trainer.take_over(self._values, numbers, optimizer)

        def train(epochs: int) -> list[float]:
            return self._trainer._epoch_of(batch, size, rng, shuffled, epochs)

        rows = []
        if patience is None:
            most = max(1, AT_ONCE // count)
            for first in range(0, epochs, most):
                losses = train(min(most, epochs - first))
            rows.append({"loss": _mean(losses, count, size), **self._scores()})
        else:
            patient = Patience(patience, options["min_delta"], self._trainer.optimizer)
            for epoch in range(1, epochs + 1):
                rows.append({"epoch": epoch, "loss": _mean(train(1), count, size), **self._scores()})
                if patient.is_over(rows[-1]["validation_loss"]):
                    break
        self._seconds[epochs, size] = time.perf_counter() - started
        return result(rows, patience)

    # ---- many nets in a call

    def room(self, optimizer: Optimizer, job: Job) -> int:
        """How many nets like that one a call may train together; 0 if it must be trained alone.

        Raises:
            TypeError, ValueError: epochs or batch size are not valid.
        """
        new = optimizer._keeper is None and optimizer._own_state[0] == 0 and not any(optimizer._own_state[1])
        plain = type(job.seed) is type(job.epochs) is int and type(job.batch_size) in (int, type(None))
        if not new or not plain or job.seed < 0:
            return 0
        how = job.epochs, job.batch_size
        room = self._rooms.get(how)
        if room is None:
            room = self._rooms[how] = self._room(*how)
        return room if room and self._trainer.stands() else 0

    def _room(self, epochs: int, batch_size: int | None) -> int:
        """The same, provided that nothing has changed since the last net was trained."""
        epochs, size = whole_number("epochs", epochs, least=1), self._data.rows.batch_size(batch_size)
        seconds = self._seconds.get((epochs, size))
        if seconds is None or self._options["patience"] is not None:
            return 0
        if not self._trainer.goes_on(self._batch(size), size, self._values):
            return 0
        return min(max(1, int(CALL / seconds)), AT_ONCE // (epochs * len(self._data.rows)))

    def rows(
        self, jobs: Sequence[Job], numbers: Sequence[Any], settings: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, float] | None]:
        """Train nets that fit in one call, as `row` does; None for a net whose numbers do not stay finite.

        Args:
            jobs: their configurations, which differ in the seed and what `make` takes alone.
            numbers: of each net an array of the numbers of its Values, overwritten with those after training.
            settings: those of its optimiser, which has no memory yet.

        Raises:
            RuntimeError: something that loss or model reads has changed since the last of them was made.
            ValueError: a loss is below 0 although this loss function cannot be.
        """
        began = time.perf_counter()
        job, count = jobs[0], len(self._data.rows)
        size = self._data.rows.batch_size(job.batch_size)
        self._rooms.clear()
        shuffled = self._options["shuffle"] and size < count
        sources = [random_source(job.seed) if shuffled else None for job in jobs]
        losses = self._trainer.each(self._batch(size), size, self._values, numbers, settings, job.epochs, sources)
        found: list[dict[str, float] | None] = []
        for mean, row in zip(_mean(losses.T, count, size).tolist(), numbers):
            if math.isnan(mean):
                found.append(None)
                continue
            if self._data.validation:
                self._trainer.load(self._values, row)
            found.append({"loss": mean, **self._scores()})
        self._seconds[job.epochs, size] = (time.perf_counter() - began) / len(jobs)
        return found


def _mean(losses: Any, count: int, size: int) -> Any:
    """The mean loss of the last epoch, summed as `fit` does: of one net, or of many, given an array of steps x nets."""
    batches, total = -(-count // size), 0.0
    for k, loss in enumerate(losses[-batches:]):
        total += loss * min(size, count - k * size)
    return total / count


def result(rows: Sequence[Mapping[str, float]], patience: int | None) -> dict[str, float]:
    """The row to report: the last one, or, with patience, that of the best epoch."""
    best = History(rows=list(map(dict, rows))).best_epoch if patience is not None else None
    row = rows[best - 1 if best else -1]
    return {name: number for name, number in row.items() if name not in ("epoch", "lr", "seconds")}
