"""Resumed training: whether it is the training that a history belongs to."""

from __future__ import annotations

import copy
import random
import zlib
from array import array
from collections.abc import Mapping
from contextlib import suppress
from numbers import Real
from types import NoneType
from typing import Any

from ..arguments import Seed, counted, show, text_of, warn_user, whole_number
from ..evaluation.columns import shape_of
from ..layers.module import Module
from ..layers.structure import layers_of
from ..losses.weighted import apart
from ..optimisers.base import Optimizer
from ..rows import as_lists
from .epochs.task import Task
from .history import UNKNOWN, History
from .rows import Rows

_NOTED = 8
"""How many parameters tell whether they are those of a history, since training changes nearly all of them; and how many
samples, since another split or order has others in nearly all places."""


def history_for(resume: Any, epochs: int, seed: Seed, validation: Any) -> History:
    """The history to continue: a copy of that of a checkpoint, or a new one.

    Raises:
        TypeError: if `resume` is not a checkpoint or history.
        ValueError: if there is nothing left to do; if the history began with another seed; if the validation is a share
            of samples that would be chosen anew.
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
    if not isinstance(given, int) and not isinstance(validation, (tuple, list, NoneType)):
        raise ValueError(
            "a share would hold out other samples than before: give validation=(X, y), or the int that was the seed "
            "from the beginning"
        )
    history = copy.deepcopy(history)
    history.stopped = None
    if isinstance(given, random.Random):
        history.seed = None
    return history


def note_parts(history: History, task: Task, loss: Any) -> None:
    """Note what a training is made of; one that goes on must be made of the same.

    Args:
        history: its history.
        task: what is to be learned, and how.
        loss: the loss as the user gave it.

    Raises:
        ValueError: it goes on, and is made of something else.
    """
    layers: dict[str, str] = layers_of(task.model) if isinstance(task.model, Module) else {}
    parts = {
        **{f"model.{path}" if path else "model": text for path, text in layers.items()},
        "loss": text_of(loss),
        "optimizer": _text_of_optimizer(task.optimizer),
        "X": f"{counted(len(task.rows), 'sample')} to train with, of shape {shape_of(task.rows.first[0][0])}",
        "batch_size": f"{task.size}",
        "shuffle": f"{task.is_shuffled}",
    }
    before = history.parts or parts
    for name in {**before, **parts}:
        was, found = (each.get(name, "none") for each in (before, parts))
        if was != found:
            raise ValueError(
                f"resume= goes on with a training of {counted(len(history.losses), 'epoch')} with {name}: {was}; here "
                f"it is {found}. Give what it had (nn.load restores models and optimisers), or leave out resume=, and "
                "a new training begins with the parameters as they are"
            )
    history.parts = parts


def note_state(history: History, optimizer: Optimizer) -> None:
    """Note what an optimiser has come to: its settings, which may have been changed, and a few of its parameters."""
    history.parts = {**(history.parts or {}), "optimizer": _text_of_optimizer(optimizer)}
    history.numbers = _some_numbers(optimizer)


def warn_of_others(history: History, optimizer: Optimizer) -> None:
    """Warn if training goes on with other parameters than it ended with, or with an optimiser that has made no step.

    Args:
        history: the history to continue.
        optimizer: what trains the parameters.
    """
    steps = len(history.batch_losses)
    if history.numbers not in (None, _some_numbers(optimizer)):
        warn_user(
            f"training goes on after {counted(steps, 'step')}, from other parameters than those it ended with: unless "
            "they were meant to change, give the model that it trained, or nn.load(model, path, optimizer=optimizer)",
            UserWarning,
        )
    remembers = optimizer.memories and optimizer.settings.get("momentum") != 0.0
    if steps and remembers and not optimizer.steps:
        warn_user(
            f"training goes on after {counted(steps, 'step')}, and this {type(optimizer).__name__} has made none: what "
            "it remembered is gone. Give the one that made them, or nn.load(model, path, optimizer=optimizer)",
            UserWarning,
        )


def steps_ahead(history: History, optimizer: Optimizer) -> int:
    """How many steps an optimiser had made before a training: the masks of dropout go on from there.

    It is noted when they are first drawn, since it takes time to ask an optimiser whose state is in a program.
    """
    if history.ahead is None:
        history.ahead = max(0, optimizer.steps - len(history.batch_losses))
    return history.ahead


def warn_of_an_earlier_best(history: History) -> None:
    """Warn if patience, which came with a later call of `fit`, does not know the best epoch of the training."""
    epoch, known = history.best_epoch, history.waiting
    if epoch and known and history.rows[epoch - 1].get("validation_loss", known["best"]) < known["best"]:
        warn_user(
            f"the best epoch is {epoch}, of which no parameters were kept, as it was trained without patience, or they "
            "were set since: those of the best epoch after it are restored. Give patience= from the beginning",
            UserWarning,
        )


def note_samples(history: History, rows: Rows, held: Rows | None) -> None:
    """Note the samples that are trained with and those of the validation, and warn if training goes on with others.

    Args:
        history: of the training that begins or goes on.
        rows: the samples to train with.
        held: those of the validation; None for none.
    """
    before = history.samples or {}
    history.samples = {"samples": _digest(rows), **({} if held is None else {"validation samples": _digest(held)})}
    for name, digest in history.samples.items():
        if before.get(name, digest) != digest:
            warn_user(
                f"training goes on after {counted(len(history.batch_losses), 'step')}, with other {name} than before: "
                "unless that is on purpose, give the same ones in the same order. With another split, samples "
                "held out now were learned from before, and scores are too good: split by the same seed",
                UserWarning,
            )


def _digest(rows: Rows) -> int:
    """A checksum of a few samples and labels, the same for lists and arrays of any kind.

    It is made of their numbers in float32, since data are often stored with half of the digits.
    """
    X, y = rows.first
    places = range(0, len(rows), -(-len(rows) // _NOTED))
    labels = [y[k] if rows.weights is None else apart(y[k])[0] for k in places]
    return zlib.crc32(_bytes([X[k] for k in places]) + _bytes(labels))


def _bytes(thing: Any) -> bytes:
    """The numbers and texts in lists, arrays or mappings, one after the other; for anything else the name of its class.

    >>> from fractions import Fraction
    >>> _bytes([1, [2.5]]) == _bytes((1.0, 2.5)), _bytes({"a": b"?"})
    (True, b'abytes')
    >>> _bytes([0.0, 0.5]) == _bytes([-0.0, Fraction(1, 2)])
    True
    """
    thing = as_lists(thing)
    thing = [*thing.items()] if isinstance(thing, Mapping) else thing
    parts = thing if isinstance(thing, (list, tuple)) else [thing]
    if {*map(type, parts)} <= {float, int, bool}:
        try:
            return array("f", [part + 0.0 for part in parts]).tobytes()  # -0.0 is 0.0
        except OverflowError:  # an integer beyond all floats
            return repr(parts).encode()
    if parts is thing:
        return b"".join(map(_bytes, parts))
    if isinstance(thing, Real):  # of another kind, such as a long double
        with suppress(OverflowError):
            return _bytes(float(thing))
    return (thing if isinstance(thing, str) else type(thing).__name__).encode()


def _some_numbers(optimizer: Optimizer) -> list[float]:
    params = optimizer.params
    return [p.data for p in params[:: -(-len(params) // _NOTED)]]


def _text_of_optimizer(optimizer: Optimizer) -> str:
    """An optimiser in words, without its rate, which schedules and users change."""
    settings = [f", {name}={value}" for name, value in optimizer.settings.items() if name != "lr"]
    return f"{type(optimizer).__name__} of {counted(len(optimizer.params), 'parameter')}{''.join(settings)}"
