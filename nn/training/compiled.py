"""Training in compiled code: the loop of `fit`, for models and losses that the engine can compile."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from engine import Batch, BatchLoss, OptimizerSettings, Session, compile

from ..arguments import Seed, random_source, real_number, show, whole_number
from ..optimisers.optimisers import SGD, Adam, AdamW, Optimizer
from .sample_loss import SampleLoss
from .steps import LossFunction, Model


class Trainer:
    """A model, a loss and an optimiser, compiled into one program that makes whole steps.

    The numbers of the parameters stay in the program while it trains; `p.data` shows them at any time, and what is
    assigned to it counts from the next step on. Gradients are not stored in the parameters.

    Args:
        model: a module, or a function from one sample to its output.
        loss: a function from the outputs and labels of a batch to one Value, such as `nn.cross_entropy`: the mean or
            sum of one term for each sample, times any constant, plus terms of parameters alone. What it is, is seen in
            its graph for every size of batch; of anything else the error tells which line mixes the samples.
        optimizer: what changes the parameters. SGD, Adam and AdamW run in compiled code; any other gets its
            gradients from there.
        backend: "llvm", "numpy", "python", or "auto" for the best that is installed.
        dtype: "float64" or "float32".
        threads: how many of them may share the samples of a step, in the "llvm" back end; see `engine.compile`.
        clip_norm: the largest norm of the whole gradient: a longer one is scaled to it before the step.
        clip_value: the largest entry of the gradient, positive or negative: larger ones are cut to it.
        schedule: the learning rate of each step by its number, from 0; it is assigned to `optimizer.lr`.

    Raises:
        TypeError: if `optimizer` is no Optimizer, or `threads` no whole number.
        ValueError: if both ways of clipping are asked for, or one with 0 or less; if `threads` is below 1, or more
            than 1 for another back end.
        ImportError: if the back end needs a package that is not installed.

    >>> from nn import MLP, mse
    >>> model = MLP(1, [1], init="zeros")
    >>> trainer = Trainer(model, mse, SGD(model.parameters(), lr=0.25), backend="python")
    >>> trainer.step([[1.0]], [2.0])
    4.0
    >>> model([1.0])[0].data
    2.0
    """

    def __init__(
        self,
        model: Model,
        loss: LossFunction,
        optimizer: Optimizer,
        backend: str = "auto",
        dtype: str = "float64",
        *,
        threads: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        schedule: Callable[[int], float] | None = None,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be an Optimizer, not {show(optimizer)}")
        if clip_norm is not None and clip_value is not None:
            raise ValueError("clip_norm and clip_value are two ways to clip: choose one")
        for name, limit in (("clip_norm", clip_norm), ("clip_value", clip_value)):
            if limit is not None and real_number(name, limit) <= 0.0:
                raise ValueError(f"{name} must be above 0, not {limit}")
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.clip_norm, self.clip_value, self.schedule = clip_norm, clip_value, schedule
        self.steps = 0
        self._sample_loss = SampleLoss(model, loss)
        self._compile = partial(compile, self._sample_loss.function, backend=backend, dtype=dtype, threads=threads)
        self.compiled = self._compile()
        self._session: Session | None = None  # of the samples' shape seen last; None: the optimiser steps itself
        self._shapes: Any = None
        self._sized: Any = None  # shapes, and size of the batches for which samples are weighted
        self._done = 0
        self._keeper: Callable[[Optimizer], None] | None = None  # gives the optimiser's memory back
        self._known: tuple[tuple[float, ...] | None, OptimizerSettings | None] = (None, None)
        self._last: tuple[Any, Any, Batch] | None = None  # what was given, where the program may read it in place
        self._own: Batch | None = None  # else: memory that the program is set up for, to be filled

    def step(self, X: Any, y: Any) -> float:  # as in nn.fit
        """Change the parameters once, by the mean gradient over all samples; give their mean loss before.

        Raises:
            TraceError: if model or loss cannot be compiled, or the loss mixes samples.
            TypeError, ValueError, IndexError: if the samples or labels are not what model and loss take.
            FloatingPointError: if the loss is nan or infinite; the parameters stay as they were.
        """
        return self._train(self._batch(X, y), steps=1)[0]

    __call__ = step

    def run(self, X: Any, y: Any, steps: int) -> list[float]:
        """As many steps on the same samples, in one call; give their losses.

        Raises:
            ValueError: if `steps` is below 1; and as `step`.
        """
        steps = whole_number("steps", steps, least=1)
        return self._train(self._batch(X, y), steps)

    def epoch(
        self,
        X: Any,
        y: Any,
        batch_size: int = 32,
        seed: Seed = None,
        shuffle: bool = True,
    ) -> list[float]:
        """One step for each batch of a random order of the samples, in one call; give their losses.

        Args:
            X: the samples.
            y: as many labels.
            batch_size: samples in a batch; the last one may be smaller.
            seed: an int for the same order every time, or a `random.Random` to draw from; as `nn.batches`.
            shuffle: whether the order is random.

        Raises:
            ValueError: if `batch_size` is below 1; and as `step`.
        """
        size = whole_number("batch_size", batch_size, least=1)
        return self.epoch_of(self._batch(X, y), size, seed, shuffle)

    def prepare(self, X: Any, y: Any, batch_size: int | None = None) -> Batch:
        """Compile for samples like these, and make them ready for `epoch_of`.

        Args:
            X: the samples.
            y: as many labels.
            batch_size: how many a step will take, so that the loss is looked at for this number, and for that of the
                smaller last batch; None for all samples.

        Raises:
            TraceError: if model or loss cannot be compiled, or the loss mixes samples.
            TypeError, ValueError: if X and y are no samples and labels.
        """
        batch = self._batch(X, y)
        size = batch.size
        if batch_size is not None:
            size = min(whole_number("batch_size", batch_size, least=1), size)
        for count in {size, batch.size % size or size}:
            self._weigh(batch, count)
        self._prepare(batch)
        return batch

    def epoch_of(self, batch: Batch, batch_size: int, seed: Seed = None, shuffle: bool = True) -> list[float]:
        """As `epoch`, of samples that `prepare` has made ready."""
        size = min(batch_size, batch.size)
        self._weigh(batch, size)
        if self._shapes != batch.shapes:
            self._prepare(batch)
        make = _order if self._session is None else self._session.order
        order = make(batch.size, batch_size, random_source(seed) if shuffle else None)
        rest = batch.size % size
        if not rest or self._structure(batch, rest) == self._structure(batch, size):
            return self._train(batch, 1, order, size)
        return [*self._train(batch, 1, order[:-1], size), *self._train(batch, 1, order[-1:], rest)]

    def explain(self) -> str:
        """Passes, groups and costs of the program; see `engine.Compiled.explain`.

        Raises:
            RuntimeError: if there was no step yet.
        """
        return self.compiled.explain()

    @property
    def backend(self) -> str:
        """The back end that was taken, and why not a better one; as asked for before the first step."""
        return self.compiled.used

    def _batch(self, X: Any, y: Any) -> Batch:
        if self._last is not None and X is self._last[0] and y is self._last[1]:
            return self._last[2]
        own = self._own
        if own is not None and self._session is not None and own.shapes == self._shapes and own.refill(X, y):
            self._session.check(own)
            return own
        batch = self.compiled.batch(X, y)
        if not batch.size:
            raise ValueError("there are no samples: give at least one")
        views = [_is_view(array, given) for array, given in zip(batch.arrays, (X, y))]
        self._last = (X, y, batch) if all(views) else None  # a copy would not see what is changed in place
        self._own = batch.copied()
        return batch

    def _train(self, batch: Batch, steps: int, order: Any = None, size: int | None = None) -> list[float]:
        if self._sized != (batch.shapes, size or batch.size):
            self._weigh(batch, size or batch.size)
        rates = () if self.schedule is None else self._rates(steps if order is None else len(order), self.schedule)
        settings = self._settings()
        if self._shapes != batch.shapes:
            self._prepare(batch)
        if self._session is None or settings is None:
            return self._through_gradients(batch, steps, order, rates)
        if self.optimizer.keeper is not self._keeper:
            self._done = _import(self.optimizer, self._session)
            self.optimizer.keeper = self._keeper
        if len(rates) > 1:
            settings = replace(settings, lr=rates)
        losses = self._session(batch, settings, self._done, steps, order)
        self._done += len(losses)
        self.steps += len(losses)
        if rates:
            self.optimizer.lr = rates[-1]
        if settings.kind == "adam":
            self.optimizer.steps = self._done  # type: ignore[attr-defined]  # an Adam, as the settings say
        return losses

    def _rates(self, count: int, schedule: Callable[[int], float]) -> tuple[float, ...]:
        """The learning rates of the next steps, the first of them in the optimiser."""
        rates = [real_number("a learning rate", schedule(self.steps + k), least=0.0) for k in range(count)]
        self.optimizer.lr = rates[0]
        return tuple(rates)

    def _prepare(self, batch: Batch) -> None:
        """Compile for samples of another shape."""
        self._session = None
        settings, parameters = self._settings(), self.compiled.bound(batch)
        if settings is not None and {*map(id, self.optimizer.params)} <= {*map(id, parameters)}:
            session = Session(self.compiled, batch, self.optimizer.params, settings.memories)
            self._session = session if session.native else None
            self._keeper = partial(_export, session)
        self._shapes = batch.shapes

    def _structure(self, batch: Batch, size: int) -> BatchLoss:
        """How the loss of so many samples is made of single ones."""
        if self._shapes != batch.shapes:
            self.compiled.bound(batch)  # traced, so that it is known what the model gives
        return self._sample_loss.structure(batch.shapes, size)

    def _weigh(self, batch: Batch, size: int) -> None:
        """Make the program's mean over so many samples the loss of such a batch."""
        if self._sample_loss.weigh(self._structure(batch, size)):
            self.compiled, self._shapes = self._compile(), None
        self._sized = batch.shapes, size

    def _settings(self) -> OptimizerSettings | None:
        """The optimiser's settings; None for one that is not known here."""
        key = _key(self.optimizer)
        if key is None or key != self._known[0]:
            found = None if key is None else _settings_of(self.optimizer)
            if found is not None:
                found = replace(found, clip_norm=self.clip_norm, clip_value=self.clip_value)
                if self._session is not None and len(self._session.memory) != found.memories:
                    self._shapes = None  # momentum was turned on or off: the program's memory is made for the other
            self._known = (key, found)
        return self._known[1]

    def _through_gradients(
        self, batch: Batch, steps: int, order: list[list[int]] | None, rates: Sequence[float]
    ) -> list[float]:
        """The gradients from the program, the steps by the optimiser itself."""
        losses: list[float] = []
        for rows in [None] * steps if order is None else order:
            part = batch if rows is None else batch.rows([row for row in rows if row >= 0])
            loss, gradients = self.compiled.value_and_grad(batch=part)
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss became {loss}: lower lr and look for nan or inf in the data")
            if rates:
                self.optimizer.lr = rates[len(losses)]
            self.optimizer.zero_grad()
            found = dict(zip(self.compiled.parameters, map(float, gradients)))
            for parameter in self.optimizer.params:
                parameter.grad = found.get(parameter, 0.0)
            self._clip()
            self.optimizer.step()
            losses.append(loss)
            self.steps += 1
        return losses

    def _clip(self) -> None:
        """Clip the gradients in the parameters."""
        params = self.optimizer.params
        if self.clip_norm is not None:
            scale = min(1.0, self.clip_norm / (math.hypot(*[p.grad for p in params]) + 1e-6))
            for p in params:
                p.grad *= scale
        if self.clip_value is not None:
            for p in params:
                p.grad = max(-self.clip_value, min(p.grad, self.clip_value))


def _is_view(array: Any, given: Any) -> bool:
    """Whether `array`, made from `given`, has its memory: of a slice, both name the whole array as their base."""
    base = getattr(array, "base", None)
    return array is given or (base is not None and (base is given or base is getattr(given, "base", None)))


def _order(samples: int, size: int, source: random.Random | None) -> list[list[int]]:
    """The samples of each batch, in the order of `nn.batches`; the last one is filled with -1."""
    order, size = list(range(samples)), min(size, samples)
    if source is not None:
        source.shuffle(order)
    order += [-1] * (-samples % size)
    return [order[start : start + size] for start in range(0, len(order), size)]


# ---- the optimisers of nn, as the compiler knows them ----


def _key(optimizer: Optimizer) -> tuple[float, ...] | None:
    """All settings that may be changed between steps; None for another optimiser, subclasses included."""
    if type(optimizer) is SGD:
        o = optimizer
        return o.lr, o.momentum, o.dampening, o.weight_decay, o.nesterov
    if type(optimizer) is Adam or type(optimizer) is AdamW:
        return optimizer.lr, *optimizer.betas, optimizer.eps, optimizer.weight_decay
    return None


def _settings_of(optimizer: Optimizer) -> OptimizerSettings:
    if isinstance(optimizer, SGD):
        o = optimizer
        return OptimizerSettings("sgd", o.lr, o.momentum, o.dampening, o.nesterov, o.weight_decay)
    assert isinstance(optimizer, Adam)
    beta1, beta2 = optimizer.betas
    return OptimizerSettings(
        "adam",
        optimizer.lr,
        weight_decay=optimizer.weight_decay,
        decoupled=isinstance(optimizer, AdamW),
        beta1=beta1,
        beta2=beta2,
        eps=optimizer.eps,
    )


def _import(optimizer: Optimizer, session: Session) -> int:
    """Give the session what the optimiser remembers; how many steps were made."""
    if isinstance(optimizer, SGD):
        session.remember([optimizer.velocity] if optimizer.velocity and optimizer.momentum else [], optimizer.params)
        return int(bool(optimizer.velocity))
    assert isinstance(optimizer, Adam)
    session.remember([optimizer.mean, optimizer.mean_square], optimizer.params)
    return optimizer.steps


def _export(session: Session, optimizer: Optimizer) -> None:
    """Give the optimiser what the session remembers."""
    rows = session.recall(optimizer.params)
    if isinstance(optimizer, SGD):
        optimizer.velocity = rows[0] if rows else optimizer.velocity  # without momentum it is left as it is
    elif isinstance(optimizer, Adam):
        optimizer.mean, optimizer.mean_square = rows
