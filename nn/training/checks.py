"""The arguments of `fit`, checked: parts that go together, a back end that can, the history to continue."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable
from typing import Any

from ..arguments import Seed, check_takes, counted, known_backend, show, whole_number
from ..evaluation.rules import called
from ..optimisers.base import Optimizer
from ..schedules import FIXED
from .history import UNKNOWN, History
from .ownership import check_ownership
from .steps import EagerStep, Model

Callback = Callable[[Model, History, int], Any]
"""A function of the model, the history so far and the number of the epoch; returning True stops the training."""


def check_parts(model: Any, loss: Any, optimizer: Any, schedule: Any, step: Any) -> None:
    """Refuse parts that cannot be trained together.

    Raises:
        TypeError: one of them is of the wrong kind.
        ValueError: the optimiser does not hold the model's parameters, and the step is the user's own.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be an Optimizer, such as SGD(model.parameters(), lr=0.1), not {show(optimizer)}"
        )
    called("model", model)
    called("loss", loss)
    if schedule is not None and not callable(schedule):
        raise TypeError(
            f"schedule gives the learning rate of each step by its number, and {show(schedule)} cannot be "
            "called: a rate that stays is the optimiser's lr"
        )
    if schedule is not None and type(schedule) not in FIXED:
        check_takes("a schedule", schedule, "the number of the step")
    if not callable(step):
        raise TypeError(f"step makes a step from model, loss and optimiser, and {show(step)} cannot be called")
    if step is not EagerStep:  # which looks by itself, as compiled steps do
        check_ownership(model, loss, optimizer)


def check_back_end(backend: str, dtype: str, threads: int, own_step: bool, clips: bool) -> None:
    """Refuse a back end that does not exist, or cannot do what is asked of it.

    Raises:
        ValueError: there is no such back end, or the other arguments do not go with it.
    """
    known_backend(backend)
    if dtype not in ("float64", "float32"):
        raise ValueError(f"dtype must be 'float64' or 'float32', not {dtype!r}")
    if own_step and (backend not in ("auto", "eager") or clips):
        raise ValueError(
            f"a step of your own runs eagerly and clips itself: leave out backend={backend!r} and clip_..."
        )
    if backend == "eager" and (threads > 1 or dtype != "float64"):
        raise ValueError(
            f'eager steps run on one thread in float64: leave out threads={threads} and dtype, or take backend="llvm"'
        )


def callbacks_of(given: Callback | Iterable[Callback]) -> list[Callback]:
    """The callbacks, checked, in a list.

    Raises:
        TypeError: one cannot be called.
    """
    callbacks = list(given) if isinstance(given, Iterable) and not callable(given) else [given]
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(
                f"a callback is called with model, history and epoch, and {show(callback)} cannot be called"
            )
        check_takes("a callback", callback, "model", "history", "epoch")
    return callbacks


def history_for(resume: Any, epochs: int, seed: Seed) -> History:
    """The history to continue: a copy of that of a checkpoint, or a new one.

    Raises:
        TypeError: if `resume` is not a checkpoint or history.
        ValueError: if there is nothing left to do; if the history began with another seed.
    """
    given = seed if seed is None or isinstance(seed, random.Random) else whole_number("seed", seed, least=0)
    if resume is None:
        return History(seed=given if isinstance(given, int) else None)
    history = getattr(resume, "history", resume)
    if history is None:
        raise TypeError(f"{resume!r} has no history to go on after: save it with nn.save(..., history=history)")
    if not isinstance(history, History):
        raise TypeError(
            f"resume takes a checkpoint with a history, as nn.load gives it, or a History, not {show(resume)}"
        )
    if len(history.losses) >= epochs:
        raise ValueError(
            f"done already: {counted(len(history.losses), 'epoch')}; epochs={epochs} counts those too, give more"
        )
    if isinstance(given, int) and history.seed not in (given, UNKNOWN):
        began = "no int as seed" if history.seed is None else f"seed={history.seed}"
        raise ValueError(
            f"training began with {began} and goes on in its order, where seed={given} would change nothing: leave it "
            f"out, or give random.Random({given}) for another order"
        )
    history = copy.deepcopy(history)
    history.stopped = None
    if isinstance(given, random.Random):
        history.seed = None
    return history
