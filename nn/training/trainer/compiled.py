"""`Trainer`: what users see of whole steps in compiled code; `running` beside it makes them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import FunctionType
from typing import Any

from ...arguments import Seed, counted, name_of, whole_number
from ...data.entries import naming_data, with_entries
from ...elsewhere import explained, missing, with_remedy
from ...optimisers.base import Optimizer
from ..steps import LossFunction, Model
from .pickling import refuse_unnamed
from .running import Running


@missing
class Trainer(Running):
    """A model, a loss and an optimiser as one program that makes whole steps.

    >>> import nn
    >>> model = nn.MLP(1, [1], init="zeros")  # 1 number in, 1 neuron
    >>> optimizer = nn.SGD(model.parameters(), lr=0.25)
    >>> trainer = nn.Trainer(model, nn.mse, optimizer)
    >>> trainer.step([[1.0]], [2.0])  # a batch of one; the loss before the step
    4.0
    >>> model([1.0])[0].data
    2.0

    `step` makes one step, `run` several on the same samples, and `epoch` one
    for each batch of the samples; `nn.fit` is the whole training. Parameters
    stay yours: `p.data` shows a number at any time, `p.grad` is the gradient
    of the last step (or the one before, if its loss was not finite). Whatever
    you assign or replace, in parameters, optimiser, model or loss, counts from
    the next step on; demos/guide/rules.md says what is seen later, or not.

    Threads take turns at one trainer. Two trainers that share parameters must
    not step in two threads at a time: steps of one are lost.

    Args:
        model: a module, or a function from one sample to its output.
        loss: a function from the outputs and labels of a batch to one Value,
            such as `nn.cross_entropy`: the mean or sum of a term for each
            sample, times any constant, plus terms of parameters alone. That is
            read off its graph for every batch size; the error for any other
            names the line that mixes the samples.
        optimizer: changes the parameters. One that is declared as a rule, as
            nn's are, runs in compiled code; one with a `step` of its own gets
            its gradients from there.
        backend: "llvm", "numpy", "python", or "auto" for the best installed.
        dtype: "float64" or "float32"; "python" always computes in float64.
        threads: how many may share the samples of a step; see `engine.compile`.
        clip_norm: the largest norm of the whole gradient: a longer one is
            scaled to it before the step.
        clip_value: the largest entry of the gradient, positive or negative:
            larger ones are cut to it.
        schedule: the learning rate of each step by its number, from 0; it is
            assigned to `optimizer.lr`.

    Raises:
        TypeError: if `optimizer` is not an Optimizer, or `threads` not a whole
            number.
        ValueError: if there is no such `backend`; if both ways of clipping are
            asked for, or one with 0 or less; if `threads` is below 1, or above
            1 for another back end than "llvm".
        ImportError: if the back end needs a package that is not installed.
    """

    @explained
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
        if backend == "eager":
            raise ValueError(
                "a Trainer compiles: eager steps are those of nn.EagerStep(model, loss, optimizer), and of nn.fit(..., "
                "backend='eager')"
            )
        options = {"backend": backend, "dtype": dtype, "threads": threads}
        limits = {"clip_norm": clip_norm, "clip_value": clip_value}
        super().__init__(model, loss, optimizer, options, schedule=schedule, **limits)

    # ---- training ----

    @with_remedy("write step(X, y), or epoch(X, y) or run(X, y, steps) for several steps")
    def step(self, X: Any, y: Any) -> float:  # as in nn.fit
        """Make one step, by the mean gradient; return the mean loss before it.

        Args:
            X: the samples, a list, array or DataFrame of rows.
            y: as many labels.

        Raises:
            TraceError: if model or loss cannot be compiled, or the loss mixes
                samples.
            TypeError, ValueError, IndexError: if the samples or labels are
                not what model and loss take.
            ValueError: if the loss is `nll` and below 0, which outputs that
                are log-probabilities never give (the step has been made);
                if the optimiser holds none of the model's parameters, or
                those of a part that was replaced.
            FloatingPointError: if the loss, or a parameter after the update,
                is nan or infinite; parameters, optimiser and counts are as
                before that step. Its `losses` are those of the steps before
                it in this call.
        """
        try:
            tried = again = self._again if self._schedule is None else None
            if again is not None:
                loss = again.step(X, y)
                if loss is not None:
                    if loss < self._least:
                        self._refuse_low([loss])
                    return loss
            with self._lock:
                if self._schedule is not None:
                    self._optimizer.lr = self._rate(self.steps)
                again = self._again  # perhaps another by now, made in another thread
                loss = None if again is None or again is tried else again.step(X, y)
                loss = self._first(X, y) if loss is None else loss
            self._refuse_low([loss])
            return loss
        except (TypeError, ValueError, FloatingPointError) as error:
            raise with_entries(error, X, y) from error.__cause__

    __call__ = step

    @explained
    def run(self, X: Any, y: Any, steps: int) -> list[float]:
        """Make several steps on the same samples; return their losses.

        Args:
            X: the samples.
            y: as many labels.
            steps: how many.

        Raises:
            ValueError: if `steps` is below 1; and as `step`.
        """
        steps = whole_number("steps", steps, least=1)
        with self._lock, naming_data(X, y):
            return self._train(self._checked(X, y), steps)

    @explained
    def epoch(self, X: Any, y: Any, batch_size: int = 32, seed: Seed = None, shuffle: bool = True) -> list[float]:
        """Make a step for each batch, in random order; return their losses.

        Args:
            X: the samples.
            y: as many labels.
            batch_size: samples in a batch; the last one may be smaller.
            seed: an int for the same order every time, or a
                `random.Random` to draw from, as for `nn.batches`.
            shuffle: whether the order is random.

        Raises:
            ValueError: if `batch_size` is below 1; and as `step`.
        """
        size = whole_number("batch_size", batch_size, least=1)
        with self._lock, naming_data(X, y):
            return self._epoch_of(self._checked(X, y), size, seed, shuffle)

    def explain(self, stage: str = "") -> str:
        """The program's groups and costs, or what one stage made of the loss.

        Args:
            stage: such as "trace" or "plan"; see `engine.Compiled.explain`.
                Without it, a report on the whole.

        Raises:
            RuntimeError: if there was no step yet.
            ValueError: if there is no such stage.
        """
        return self._compiled.explain(stage)

    @property
    def backend(self) -> str:
        """The back end, and why not a better one; at first the one asked for."""
        return self._compiled.used

    # ---- showing and copying it ----

    def __repr__(self) -> str:
        loss = name_of(self.loss)
        kind, model = type(self._optimizer).__name__, type(self.model).__name__
        return f"<Trainer of {model} with {loss} and {kind} after {counted(self.steps, 'step')} ({self.backend})>"

    def __reduce__(self) -> tuple[Any, ...]:
        """What pickle stores: what the trainer was made of, and how many steps it has made; a copy compiles anew.

        Raises:
            PicklingError: model, loss or schedule is a function that cannot be found by its name.
        """
        refuse_unnamed(model=self.model, loss=self.loss, schedule=self._schedule)
        return _restored, (self.model, self.loss, self._optimizer, self._made_with(), self.steps)

    def __deepcopy__(self, memo: dict[int, Any]) -> Trainer:
        """A trainer of copies of model and optimiser.

        Raises:
            TypeError: the model is a function, whose copy would read the same parameters.
        """
        if isinstance(self.model, FunctionType):
            raise TypeError(
                "a Trainer of a function cannot be copied, since its parameters are not known: use an nn.Module"
            )
        model, optimizer = copy.deepcopy((self.model, self._optimizer), memo)
        return _restored(model, self.loss, optimizer, self._made_with(), self.steps)

    def _made_with(self) -> dict[str, Any]:
        """The settings, as they are now."""
        limits = {"clip_norm": self.clip_norm, "clip_value": self.clip_value}
        return {**self._options, **limits, "schedule": self._schedule}


def _restored(model: Model, loss: LossFunction, optimizer: Optimizer, settings: dict[str, Any], steps: int) -> Trainer:
    """A trainer from a pickle or copy."""
    trainer = Trainer(model, loss, optimizer, **settings)
    trainer.steps = steps
    return trainer
