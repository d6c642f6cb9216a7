"""Optimisers, histories and what modules keep besides parameters, as plain data and back, with checks."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any

from engine import Value

from ..arguments import counted, plain, show, true_or_false, whole_number
from ..data.tables import noted_columns
from ..evaluation.labels import classes_of, names_several
from ..evaluation.rules import noted_loss
from ..layers.dropout import Dropout
from ..layers.module import Module
from ..layers.structure import layers_of, numbers_of, rows_of
from ..optimisers.base import Optimizer
from ..training.history import UNKNOWN, History
from .changes import Change

# JSON has no numbers for these; every other float is written with the digits that give it back exactly.
NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def numbers_to_json(data: Any) -> Any:
    """Nested data with strings for floats that JSON does not know, plain numbers for NumPy's, and lists for tuples.

    >>> numbers_to_json({"a": [1.0, math.nan], "b": None})
    {'a': [1.0, 'nan'], 'b': None}
    """
    if isinstance(data, float):
        return data if math.isfinite(data) else str(data)
    if isinstance(data, Mapping):
        return {name: numbers_to_json(item) for name, item in data.items()}
    if isinstance(data, (list, tuple)):
        return [numbers_to_json(item) for item in data]
    number = plain(data)
    return data if type(number) is type(data) else numbers_to_json(number)


def number_of(name: str, stored: Any) -> float:
    """A stored number.

    Raises:
        ValueError: if it is not a number, or beyond the range of floats.
    """
    if type(stored) is float and math.isfinite(stored):
        return stored
    if isinstance(stored, str) and stored in NON_FINITE:
        return NON_FINITE[stored]
    if isinstance(stored, bool) or not isinstance(stored, (int, float)):
        raise ValueError(f"{name} is not a number but {show(stored)}")
    try:
        number = float(stored)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise ValueError(f"{name} is a number beyond the range of floats")
    return number


# ---- modules ----


_NOTES: dict[str, tuple[str, Any, Callable[[Module], Any]]] = {
    "loss": ("_loss", "", noted_loss),
    "classes": ("classes", None, classes_of),
    "columns": ("_columns", None, noted_columns),
    "columns_of_labels": ("_columns_of_labels", None, lambda model: noted_columns(model, "y")),
    "several": ("_several", False, names_several),
}
"""What `fit` notes on a model, by its name in a file: the attribute, what stands for nothing, and what reads it."""


def module_state(model: Module) -> dict[str, Any]:
    """What a model keeps besides its parameters: layers, numbers, loss, classes, columns, the state of its dropouts."""
    found = {
        "layers": layers_of(model),
        "rows": rows_of(model),
        "numbers": numbers_of(model),
        **{name: read(model) for name, (_, _, read) in _NOTES.items()},
        "dropouts": [[module.seed, module.calls] for module in model.modules() if isinstance(module, Dropout)],
    }
    return {name: item for name, item in found.items() if item}


# ---- optimisers ----


def optimizer_state(optimizer: Optimizer, parameters: Mapping[str, Value]) -> dict[str, Any]:
    """An optimiser as plain data, with the paths of its parameters.

    Raises:
        ValueError: if it has a parameter that is not the model's.
    """
    steps, rows = optimizer.state
    return {
        "class": type(optimizer).__name__,
        "settings": numbers_to_json(optimizer.settings),
        "parameters": _paths(optimizer, parameters),
        "steps": steps,
        "memories": {name: numbers_to_json(row) for name, row in zip(optimizer.memories, rows)},
    }


def _paths(optimizer: Optimizer, parameters: Mapping[str, Value]) -> list[str]:
    path = {id(parameter): name for name, parameter in parameters.items()}
    unknown = [place for place, parameter in enumerate(optimizer.params) if id(parameter) not in path]
    if unknown:
        raise ValueError(
            f"parameter {unknown[0]} of the optimiser is not one of the model's: save those that belong together, and "
            "have the model hold what else is trained, as by model.loss = loss"
        )
    return [path[id(parameter)] for parameter in optimizer.params]


def changes_of(
    model: Module, optimizer: Optimizer | None, parameters: Mapping[str, Value], content: Mapping[str, Any]
) -> list[Change]:
    """Check what a file holds besides parameters, and list what it changes in model and optimiser.

    A trained model's loss, classes and columns are replaced, even if the file has none; a file that `save` did not
    write leaves them.

    Raises:
        TypeError, ValueError, KeyError: if it is not what was written, or does not fit.
    """
    notes = {name: content.get(name, empty) for name, (_, empty, _) in _NOTES.items()}
    _check_notes(notes)
    for name in ("layers", "rows", "numbers"):
        if not _is_dict_of(str, content.get(name, {})):
            raise ValueError(f"the {name} are not texts")
    changes: list[Change] = [
        (model, attribute, notes[name])
        for name, (attribute, _, read) in _NOTES.items()
        if notes[name] or (content and read(model))
    ]
    changes += _changes_of_dropouts(model, content.get("dropouts", []))
    if optimizer is not None:
        if content.get("optimizer") is None:
            raise ValueError("there is no optimiser in it: save with optimizer=..., or leave it out here")
        changes += _changes_of_optimizer(optimizer, parameters, content["optimizer"])
    return changes


def _check_notes(notes: Mapping[str, Any]) -> None:
    of_texts = [notes[name] for name in ("classes", "columns", "columns_of_labels")]
    if not isinstance(notes["loss"], str) or not all(names is None or _is_list_of(str, names) for names in of_texts):
        raise ValueError("the loss, the classes or the columns are not texts")
    if len({*(notes["classes"] or ())}) < len(notes["classes"] or ()):
        raise ValueError(f"two classes have the same name: {show(notes['classes'])}")
    true_or_false("several", notes["several"])


def _changes_of_dropouts(model: Module, stored: Sequence[Sequence[Any]]) -> list[Change]:
    dropouts = [module for module in model.modules() if isinstance(module, Dropout)]
    if stored and len(stored) != len(dropouts):
        raise ValueError(f"it has {counted(len(stored), 'Dropout')}, the model {len(dropouts)}")
    counts = [[whole_number("a seed or count of Dropout", number, least=0) for number in pair] for pair in stored]
    changes: list[Change] = []
    for module, (seed, calls) in zip(dropouts, counts):
        changes += [(module, "seed", seed), (module, "calls", calls)]
    return changes


def _changes_of_optimizer(
    optimizer: Optimizer, parameters: Mapping[str, Value], stored: Mapping[str, Any]
) -> list[Change]:
    if stored["class"] != type(optimizer).__name__:
        raise ValueError(f"its optimiser is {stored['class']}, not {type(optimizer).__name__}: give one of that class")
    paths, written = _paths(optimizer, parameters), list(stored["parameters"])
    if sorted(paths) != sorted(written):
        raise ValueError(
            f"its optimiser has {counted(len(written), 'parameter')}, this one {len(paths)}, and not the same ones"
        )
    place = {name: k for k, name in enumerate(written)}
    rows = []
    for name in optimizer.memories:
        row = _numbers(f"memory {name}", stored["memories"][name])
        if row and len(row) != len(written):
            raise ValueError(
                f"memory {name} has {counted(len(row), 'number')} for {counted(len(written), 'parameter')}"
            )
        rows.append([row[place[path]] for path in paths] if row else [])
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"only some of its memories are empty: {', '.join(optimizer.memories)} belong together")
    steps = whole_number("steps", stored["steps"], least=0)
    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in stored["settings"].items()}
    return [(optimizer, "settings", optimizer._changed(settings)), (optimizer, "state", (steps, tuple(rows)))]


# ---- histories ----


def history_of(stored: Any) -> History:
    """A history from plain data.

    Raises:
        TypeError, ValueError, KeyError: if it is not one.
    """
    if not isinstance(stored, dict):
        raise ValueError(f"its history is {show(stored)}")
    rows = [{name: _plain(name, number) for name, number in row.items()} for row in stored["rows"]]
    losses, batch_losses = (_numbers("a loss", stored[name]) for name in ("losses", "batch_losses"))
    epochs = [row.get("epoch") for row in rows]
    if epochs != [*range(1, len(losses) + 1)]:
        raise ValueError(f"its history has {counted(len(losses), 'loss', 'losses')}, and rows of the epochs {epochs}")
    state = _random_state(stored.get("random_state"))
    stopped = stored.get("stopped")
    if not isinstance(stored["backend"], str) or not (stopped is None or isinstance(stopped, str)):
        raise ValueError("its history has a back end or an end that is not text")
    seed = stored.get("seed", UNKNOWN)
    if not isinstance(seed, (int, NoneType)) or isinstance(seed, bool):
        raise ValueError(f"its history has the seed {show(seed)}")
    waiting = _waiting(stored.get("waiting"))
    parts, some, samples = (stored.get(name) for name in ("parts", "numbers", "samples"))
    if not (parts is None or _is_dict_of(str, parts)):
        raise ValueError(f"its history has these parts of a training: {show(parts)}")
    numbers = None if some is None else _numbers("a parameter", some)
    if not (samples is None or _is_dict_of(int, samples)):
        raise ValueError(f"its history has these digests of samples: {show(samples)}")
    ahead = stored.get("ahead", 0)
    if ahead is not None:
        ahead = whole_number("ahead", ahead, least=0)
    return History(
        losses, batch_losses, stored["backend"], rows, stopped, state, waiting, seed, parts, numbers, samples, ahead
    )


def _random_state(stored: Any) -> tuple[Any, ...] | None:
    """The state of a source of random numbers, as its `setstate` takes it."""
    if stored is None:
        return None
    if not isinstance(stored, list) or len(stored) != 3:
        raise ValueError(f"its history has this state of a random source: {show(stored)}")
    version, numbers, gauss = stored
    state = version, tuple(numbers), gauss
    random.Random().setstate(state)  # which refuses what is not a state
    return state


def _waiting(stored: Any) -> dict[str, Any] | None:
    """The state of patience, as `Patience.waiting` gives it."""
    if stored is None:
        return None
    back = stored.get("best_is_back")
    if not (back is None or isinstance(back, str)):
        raise ValueError(f"its history has this digest: {show(back)}")
    memories = [_numbers("a memory", row) for row in stored["memories"]]
    numbers = _numbers("a parameter", stored["numbers"])
    if any(row and len(row) != len(numbers) for row in memories):
        raise ValueError(f"its history has memories of another number of parameters than {len(numbers)}")
    return {
        "best": number_of("the best loss", stored["best"]),
        "to_beat": number_of("the loss to beat", stored.get("to_beat", stored["best"])),
        "waited": whole_number("waited", stored["waited"], least=0),
        "numbers": numbers,
        "steps": whole_number("steps", stored["steps"], least=0),
        "memories": memories,
        **({} if back is None else {"best_is_back": back}),
    }


def _plain(name: str, stored: Any) -> float:
    if name == "epoch":
        return whole_number(name, stored, least=1)
    return number_of(f"{name} in a row of the history", stored)


def _numbers(name: str, stored: Any) -> list[float]:
    return [number_of(name, number) for number in stored]


def _is_list_of(kind: type, thing: Any) -> bool:
    return isinstance(thing, list) and all(isinstance(item, kind) for item in thing)


def _is_dict_of(kind: type, thing: Any) -> bool:
    return isinstance(thing, dict) and all(isinstance(item, kind) for item in thing.values())
