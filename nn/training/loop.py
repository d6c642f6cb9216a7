"""Training: one loop over random batches, and what to ask a trained model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..arguments import Seed, random_source, show, whole_number
from ..data.splits import batches
from ..evaluation.rules import name_of_loss
from ..layers.module import Module
from ..optimisers.base import Optimizer
from .progress import Progress, Reporter, reporting
from .steps import EagerStep, LossFunction, Model, Step


@dataclass
class History:
    """The course of a training.

    Attributes:
        losses: the mean loss of each epoch, while its batches were being learned.
        batch_losses: the loss of each batch before its update.
        backend: what made the steps: "eager", or the compiler's back end; and why no other one.
    """

    losses: list[float] = field(default_factory=list)
    batch_losses: list[float] = field(default_factory=list)
    backend: str = "eager"

    def __repr__(self) -> str:
        if not self.losses:
            return "History of 0 epochs"
        return f"History of {len(self.losses)} epochs, loss {self.losses[0]:.4g} -> {self.losses[-1]:.4g}"


def fit(
    model: Model,
    X: Any,
    y: Any,
    loss: LossFunction,
    optimizer: Optimizer,
    epochs: int = 10,
    batch_size: int | None = 32,
    *,
    shuffle: bool = True,
    seed: Seed = None,
    progress: bool | Reporter = False,
    step: Callable[[Model, LossFunction, Optimizer], Step] = EagerStep,
    backend: str = "eager",
    threads: int = 1,
) -> History:
    """Train a model by stochastic gradient descent on random batches of the data.

    With `batch_size=None` every step is gradient descent on the whole dataset.

    Args:
        model: a module, or a function from one sample to its output.
        X: the samples, a list or array of rows.
        y: as many labels, as the loss takes them.
        loss: a function from the outputs and labels of a batch to one Value, such as `nn.cross_entropy`.
        optimizer: what changes the parameters, such as `nn.SGD(model.parameters(), lr=0.1)`.
        epochs: how often to go through the data, at least once.
        batch_size: samples in a batch, or None for all of them.
        shuffle: whether the batches of each epoch are random; otherwise they keep the order of the data.
        seed: an int for the same batches every time, or a `random.Random` to draw from.
        progress: True for a bar on a terminal and plain lines elsewhere, or a callable that takes an
            `nn.Progress` after each batch.
        step: makes the step of the loop from model, loss and optimiser; the default runs on the engine's
            graph.
        backend: "eager" for that step; "llvm", "numpy" or "python" for whole epochs in compiled code, with the same
            batches and the same numbers up to rounding; "auto" for the best of these, and eager steps, with a warning
            that says why, where model or loss cannot be compiled. `History.backend` tells which one it was, and why.
        threads: how many of them may share the samples of a step, in the "llvm" back end; see `engine.compile`.

    Returns:
        The losses of all epochs and batches.

    Raises:
        TypeError: if an argument is of the wrong kind, or the loss is not one Value.
        ValueError: if there is no data, X and y differ in length, a size is below 1, or the optimiser holds
            none of the model's parameters, or both `step` and `backend` are given, or `threads` for a back end that
            has only one.
        ImportError: if the back end needs a package that is not installed.
        FloatingPointError: if the loss becomes nan or infinite; the parameters stay as before that batch (as before
            that epoch in compiled code).

    >>> from nn import MLP, SGD, mse
    >>> model = MLP(1, [1], seed=1)
    >>> optimizer = SGD(model.parameters(), lr=0.5)
    >>> history = fit(model, [[0.0], [1.0]], [1.0, 3.0], mse, optimizer, epochs=60)
    >>> [round(p.data, 3) for p in model.parameters()]
    [2.0, 1.0]
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be an Optimizer, such as SGD(model.parameters(), lr=0.1), not {show(optimizer)}"
        )
    for name, function in (("model", model), ("loss", loss)):
        if not callable(function):
            raise TypeError(f"{name} must be a callable, not {show(function)}")
    if isinstance(model, Module) and not {*map(id, model.parameters())} & {*map(id, optimizer.params)}:
        raise ValueError("the optimiser holds none of this model's parameters: give it model.parameters()")
    if isinstance(model, Module):
        vars(model)["_loss"] = name_of_loss(loss)  # which tells what its outputs mean
    epochs = whole_number("epochs", epochs, least=1)
    rng = random_source(seed)
    if backend != "eager" and step is not EagerStep:
        raise ValueError(f"a step of your own runs eagerly: leave out backend={backend!r} or step")
    if backend == "eager" and whole_number("threads", threads, least=1) > 1:
        raise ValueError(f'eager steps run on one thread: leave out threads={threads}, or take backend="llvm"')
    history = History()
    one_epoch = _eager(step(model, loss, optimizer))
    if backend != "eager":
        compiled, history.backend = _compiled(model, X, y, loss, optimizer, batch_size, backend, threads)
        one_epoch = compiled or one_epoch
    with reporting(progress) as report:
        for epoch in range(1, epochs + 1):
            total, seen = 0.0, 0
            for batch, (count, size, batch_loss) in enumerate(one_epoch(X, y, batch_size, shuffle, rng), start=1):
                total += batch_loss * size
                seen += size
                history.batch_losses.append(batch_loss)
                report(Progress(epoch, epochs, batch, count, total / seen))
            history.losses.append(total / seen)
    return history


Epoch: TypeAlias = Callable[[Any, Any, "int | None", bool, Any], Iterator[tuple[int, int, float]]]
"""Of data, batch size, whether to shuffle, random numbers: for each batch how many there are, its size, its loss."""


def _eager(update: Step) -> Epoch:
    def one_epoch(X: Any, y: Any, batch_size: int | None, shuffle: bool, rng: Any) -> Iterator[tuple[int, int, float]]:
        parts = list(batches(X, y, batch_size, shuffle, rng))
        for batch_x, batch_y in parts:
            yield len(parts), len(batch_x), update(batch_x, batch_y)

    return one_epoch


def _compiled(
    model: Model,
    X: Any,
    y: Any,
    loss: LossFunction,
    optimizer: Optimizer,
    batch_size: int | None,
    backend: str,
    threads: int,
) -> tuple[Epoch | None, str]:
    """Epochs in compiled code and the name of the back end, or None and why there is no such thing."""
    from engine import TraceError

    from .compiled import Trainer

    trainer = Trainer(model, loss, optimizer, backend, threads=threads)
    try:
        data = trainer.prepare(X, y, batch_size)
    except TraceError as error:
        if backend != "auto":
            raise
        warnings.warn(f"fit trains in eager steps, which take longer: {error}", stacklevel=3)
        return None, f"eager: {error}"

    def one_epoch(_: Any, __: Any, batch_size: int | None, shuffle: bool, rng: Any) -> Iterator[tuple[int, int, float]]:
        size = data.size if batch_size is None else whole_number("batch_size", batch_size, least=1)
        losses = trainer.epoch_of(data, size, rng, shuffle)
        for k, batch_loss in enumerate(losses):
            yield len(losses), min(size, data.size - k * size), batch_loss

    return one_epoch, trainer.backend
