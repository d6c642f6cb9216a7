"""The arguments of `fit`, checked: parts that go together, a back end that can."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..arguments import check_takes, first_parameters, known_backend, name_of, plain, show, warn_user
from ..evaluation.rules import called
from ..optimisers.base import check_optimizer
from ..schedules import FIXED
from .history import History
from .mistakes.ownership import check_ownership
from .steps import EagerStep, Model

Callback = Callable[[Any, History, int], Any]
"""A function of the model, the history so far and the number of the epoch; returning True stops the training."""

_GIVEN = ("model", "history", "epoch")
"""What callbacks are called with."""


def check_parts(model: Any, loss: Any, optimizer: Any, schedule: Any, step: Any) -> None:
    """Refuse parts that cannot be trained together.

    Raises:
        TypeError: one of them is of the wrong kind.
        ValueError: the optimiser does not hold the model's parameters, and the step is the user's own.
    """
    called("model", model)
    called("loss", loss)
    check_optimizer(optimizer)
    if schedule is not None and not callable(schedule):
        raise TypeError(
            f"schedule gives the learning rate of each step by its number, and {show(schedule)} cannot be "
            "called: a constant rate is the optimiser's lr"
        )
    if schedule is not None and type(schedule) not in FIXED:
        check_takes("a schedule", schedule, "the number of the step")
    if not callable(step):
        raise TypeError(f"step makes a step from model, loss and optimiser, and {show(step)} cannot be called")
    if not isinstance(step, type):
        check_takes("step, which makes a step,", step, "model", "loss", "optimizer")
    if step is not EagerStep:  # that one makes this check itself, as compiled steps do
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


def check_patience(patience: int | None, min_delta: float, validation: Any) -> None:
    """Refuse patience without validation data, and `min_delta` without patience.

    Raises:
        ValueError: one is given without the other.
    """
    if patience is not None and validation is None:
        raise ValueError("patience watches the validation loss: give validation=(X, y), or a share such as 0.2")
    if patience is None and min_delta:
        raise ValueError(
            f"min_delta={min_delta!r} says what counts as better for patience: give patience, such as 5, too"
        )


def callbacks_of(given: Callback | Iterable[Callback]) -> list[Callback]:
    """The callbacks, checked, in a list.

    Raises:
        TypeError: one cannot be called, or names what it is called with in another order.
    """
    callbacks = list(given) if isinstance(given, Iterable) and not callable(given) else [given]
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(
                f"a callback is called with model, history and epoch, and {show(callback)} cannot be called: "
                "give a function of these"
            )
        check_takes("a callback", callback, *_GIVEN)
        first = first_parameters(callback)
        if any(name in _GIVEN and name != given for name, given in zip(first, _GIVEN)):
            name = name_of(callback)
            raise TypeError(
                f"a callback is called with model, history and epoch, in this order, and {name} takes "
                f"({', '.join(first)}, ...): put its parameters in that order"
            )
    return callbacks


def stops(answer: Any, model: Model) -> bool:
    """Whether a callback returned True, or NumPy's; a warning tells if something else was perhaps meant to stop."""
    answer = plain(answer)
    if answer is not True and getattr(model, "stop_training", False) is True:
        warn_user(
            "model.stop_training is True, and training went on: a callback that returns True stops it", UserWarning
        )
    if (type(answer) in (int, str) and answer) or (type(answer) is float and answer == 1.0):
        warn_user(f"a callback returned {show(answer)}, and training went on: only True stops it", UserWarning)
    return answer is True
