"""Save and load networks: JSON by path, readable and exact, or a .safetensors file; nothing in them is executed."""

from __future__ import annotations

import errno
import json
import os
import re
import reprlib
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import Value, collector_at_rest, write_file

from ..arguments import counted, listed, show, warn_user
from ..elsewhere import explained
from ..layers.contents import are_parameters
from ..layers.held import values_in
from ..layers.module import Module
from ..layers.structure import layers_of, numbers_of, rows_of
from ..optimisers.base import Optimizer, check_optimizer
from ..threads import refuse_elsewhere, trained_elsewhere
from ..training.history import History
from . import tensors
from .changes import make_all
from .state import changes_of, history_of, module_state, number_of, numbers_to_json, optimizer_state

FORMAT = "stepgrad parameters 1"
_OTHERS = {
    **dict.fromkeys((".pt", ".pth"), "PyTorch"),
    **dict.fromkeys((".h5", ".hdf5", ".keras"), "Keras"),
    **dict.fromkeys((".pkl", ".pickle"), "pickle"),
    **dict.fromkeys((".npy", ".npz"), "NumPy"),
    ".joblib": "joblib",
    ".onnx": "ONNX",
}
"""By the ending of a file, whose format it is."""

_A_LINE_EACH = ",\n ", ": "
"""Separators that put each number on its own line, ten times as fast as `indent`, which is written in Python."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds besides the parameters.

    Attributes:
        path: the file.
        history: the course of the training; None if it was not saved.
        loss: the name of the loss that the model was trained with; "" if there is none.
        classes: the names of its classes; None if they are indices.
        has_optimizer: whether the file holds an optimiser's state.
    """

    path: str
    history: History | None = None
    loss: str = ""
    classes: list[str] | None = None
    has_optimizer: bool = False

    def __repr__(self) -> str:
        parts = [self.path]
        if self.history is not None:
            parts.append(counted(len(self.history.losses), "epoch"))
        if self.loss:
            parts.append(f"trained with {self.loss}")
        if self.has_optimizer:
            parts.append("with its optimiser")
        return f"Checkpoint({', '.join(parts)})"


@explained
@collector_at_rest()
def save(
    model: Module,
    path: str | os.PathLike[str],
    *,
    optimizer: Optimizer | None = None,
    history: History | None = None,
) -> None:
    """Write a model to a file; an existing file is replaced at once or not at all.

    It warns if the model holds Values where no parameters are, such as in a plain object: the file leaves them out.

    Args:
        model: a module with at least one parameter.
        path: the file: `name.json`, or `name.safetensors` for matrices under PyTorch's names, such as
            `layers.0.weight`; its folder must exist.
        optimizer: an optimiser to save too, with its memories, so that training can go on.
        history: a history to save too, for `nn.fit(resume=...)` to go on after it.

    Raises:
        TypeError: if `model` is not a Module, `optimizer` not an Optimizer or `history` not a History.
        ValueError: if it has no parameters, two of them have the same path, or the optimiser has other parameters; if
            rows of the history hold what is no number; if the file is named as one of another format, such as
            `model.pt`.
        ImportError: if a .safetensors file is asked for and its library is not installed.
        OSError: if the file cannot be written.
        RuntimeError: if another thread trains the model, whose numbers would be those of several steps: save in a
            callback of its `fit`.

    >>> import tempfile
    >>> from nn import MLP
    >>> model, other = MLP(2, [1], seed=1), MLP(2, [1], seed=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, folder + "/model.json")
    ...     checkpoint = load(other, folder + "/model.json")
    >>> [p.data for p in other.parameters()] == [p.data for p in model.parameters()]
    True
    """
    _refuse_exchanged("save", model, path)
    _refuse_other_formats(path)
    parameters = _by_name(model)
    _warn_of_left_out(model, parameters)
    if optimizer is not None:
        check_optimizer(optimizer)
    if history is not None and not isinstance(history, History):
        raise TypeError(f"history must be a History, as nn.fit gives it, not {show(history)}")
    with _at_rest(parameters, optimizer):
        beside = module_state(model)
        if optimizer is not None:
            beside["optimizer"] = optimizer_state(optimizer, parameters)
        if history is not None:
            beside["history"] = numbers_to_json(vars(history))
            history_of(beside["history"])  # which refuses what load would refuse, such as texts in its rows
        if tensors.is_name_of_tensors(path):
            written = tensors.written(model, json.dumps(beside, allow_nan=False))
        else:
            numbers = {name: numbers_to_json(p.data) for name, p in parameters.items()}
            content = {"format": FORMAT, "parameters": numbers, **beside}
            written = (json.dumps(content, separators=_A_LINE_EACH, allow_nan=False) + "\n").encode()
    write_file(path, written)


@contextmanager
def _at_rest(parameters: dict[str, Value], optimizer: Optimizer | None) -> Iterator[None]:
    """A context that reads what is to be saved: numbers that are the same before and after it have not changed inside.

    Raises:
        RuntimeError: another thread trains the parameters, in `fit` or in a loop of its own.
    """

    def numbers() -> list[bytes]:  # as bytes, of which nan equals itself
        rows = optimizer.state[1] if optimizer is not None else ()
        return [array("d", row).tobytes() for row in ([p.data for p in parameters.values()], *rows)]

    refuse_elsewhere("a file", parameters.values)
    before = numbers()
    yield
    if numbers() != before:
        raise trained_elsewhere("a file")


def _refuse_exchanged(function: str, model: Any, path: Any) -> None:
    """Raise a TypeError if model and path are swapped, or the path is none."""
    if isinstance(model, (str, os.PathLike)):
        raise TypeError(f"{function} takes the model, then the path: write nn.{function}(model, {os.fspath(model)!r})")
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"the path of a file is text or a path, not {show(path)}")


def _refuse_other_formats(path: str | os.PathLike[str]) -> None:
    owner = _OTHERS.get(Path(path).suffix.lower())
    if owner is not None:
        raise ValueError(
            f"{os.fspath(path)!r} is named as a file of {owner}, which save does not write: end it in .json, or in "
            ".safetensors, which other libraries read too"
        )


@explained
@collector_at_rest()
def load(model: Module, path: str | os.PathLike[str], *, optimizer: Optimizer | None = None) -> Checkpoint:
    """Read what `save` wrote into a model of the same structure, and into an optimiser of the same kind.

    It warns if a layer of `nn` differs from the saved one, in its activation for example, if a `Sequential` calls other
    functions, or if plain numbers differ that methods of your modules read, such as running means: a file holds only
    Values. Everything is checked before the first number changes, so a wrong file leaves all as it was, and so does
    Ctrl-C.

    Args:
        model: a module with the same parameter paths as the one that was saved.
        path: the file.
        optimizer: an optimiser of the same class, which takes over the saved one's settings and memories.

    Returns:
        What else the file holds, for `nn.fit(resume=...)`.

    Raises:
        TypeError: if `model` is not a Module.
        ValueError: if the file is not a checkpoint, holds what is not a number, or other parameters; if there is
            no optimiser in it, or another kind.
        ImportError: if it is a .safetensors file and the library is not installed.
        OSError: if the file cannot be read.
        RuntimeError: if another thread is in a `fit` with these parameters.
    """
    _refuse_exchanged("load", model, path)
    parameters = _by_name(model)
    if optimizer is not None:
        check_optimizer(optimizer)
    refuse_elsewhere("what is loaded", parameters.values)
    name = os.fspath(path)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        # Reading it may block, or never end.
        raise OSError(errno.EINVAL, "only a regular file is read, and this is a pipe or a device", name)
    if tensors.is_name_of_tensors(path):
        values, text = tensors.read(model, path)
        content = {"format": FORMAT, **_parsed(text.encode(), name)} if text else {}  # of a file from elsewhere
    else:
        content = _parsed(Path(path).read_bytes(), name)
        values = _numbers(parameters, content, name)
    try:
        history = None if content.get("history") is None else history_of(content["history"])
        beside = changes_of(model, optimizer, parameters, content)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{name} holds what nn.save does not write: {type(error).__name__}: {error}") from None
    make_all([*((parameter, "data", number) for parameter, number in values), *beside])
    _warn_of_other_layers(layers_of(model), content.get("layers", {}), name)
    _warn_of_other_layers(rows_of(model), content.get("rows", {}), name)
    _warn_of_other_numbers(model, content.get("numbers", {}), name)
    loss, classes = content.get("loss", ""), content.get("classes")
    return Checkpoint(name, history, loss, classes, content.get("optimizer") is not None)


def _parsed(written: bytes, name: str) -> dict[str, Any]:
    try:
        content = json.loads(written.decode(), parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is not a JSON file that nn.save wrote: {error}") from error
    return content if isinstance(content, dict) else {}


def _numbers(parameters: dict[str, Value], content: dict[str, Any], name: str) -> list[tuple[Value, float]]:
    """The number of each parameter."""
    stored = content.get("parameters") if content.get("format") == FORMAT else None
    if not isinstance(stored, dict):
        raise ValueError(f"{name} is not a checkpoint: its 'format' must be {FORMAT!r}, as nn.save writes it")
    missing, unknown = parameters.keys() - stored.keys(), stored.keys() - parameters.keys()
    if missing or unknown:
        raise ValueError(
            f"{name} fits another model: of its parameters {len(missing)} are missing{listed(sorted(missing))}, "
            f"and {len(unknown)} are unknown{listed(sorted(unknown))}; build the model with the sizes it was saved with"
        )
    try:
        return [(p, number_of(f"parameter {path}", stored[path])) for path, p in parameters.items()]
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _warn_of_left_out(model: Module, parameters: dict[str, Value]) -> None:
    """Warn of leaves in plain objects of a module, which are not among its parameters, so that a file lacks them."""
    own = {*parameters.values()}
    found = {
        value: name for name, value in values_in(model, methods=False) if value not in own and are_parameters([value])
    }
    if found:
        warn_user(
            f"the file leaves out {counted(len(found), 'Value')} of {type(model).__name__}"
            f"{listed(found.values())}: parameters are in attributes of an nn.Module, or in lists "
            "and dicts there, and not in other objects, sets or functions",
            UserWarning,
        )


def _warn_of_other_layers(own: dict[str, str], saved: dict[str, str], file: str) -> None:
    """Warn if a model's layers differ from the saved ones, as it computes something else with the same parameters.

    Args:
        own: what `layers_of` or `rows_of` gives for the model that was loaded into.
        saved: what it gave for the saved one.
        file: the name of the file.
    """
    if other := _first_other(own, saved):
        path, more = other
        warn_user(
            f"{file} was saved with {saved[path]} at {path or 'the top'}, where the model has {own[path]}{more}: with "
            "the same parameters it computes something else",
            UserWarning,
        )


def _warn_of_other_numbers(model: Module, saved: Any, file: str) -> None:
    """Warn if plain numbers that a user's module reads, such as running means, are not those it was saved with."""
    own = numbers_of(model)
    if other := _first_other(_whole(own), _whole(saved)):
        path, more = other
        warn_user(
            f"{file} was saved with {path} = {reprlib.repr(saved[path])[1:-1]}, where the model has "
            f"{reprlib.repr(own[path])[1:-1]}{more}: a file has only the parameters. Set plain numbers by hand, or "
            "make Values of them, and leave these out of the optimiser",
            UserWarning,
        )


def _whole(numbers: dict[str, str]) -> dict[str, str]:
    """The texts of numbers, the same for 3.0 as for 3, which are equal."""
    return {path: re.sub(r"\.0\b", "", text) for path, text in numbers.items()}


def _first_other(own: dict[str, str], saved: dict[str, str]) -> tuple[str, str] | None:
    """The first path whose text is not the saved one, and how many more there are; None if there is none."""
    others = [path for path in own if saved.get(path, own[path]) != own[path]]
    if not others:
        return None
    return others[0], f", and {len(others) - 1} more" if others[1:] else ""


def _by_name(model: Module) -> dict[str, Value]:
    if not isinstance(model, Module):
        raise TypeError(f"only an nn.Module has parameters with paths, not {show(model)}: give the model itself")
    named = model.named_parameters()
    if not named:
        raise ValueError(f"{type(model).__name__} has no parameters: keep Values in its attributes")
    parameters = dict(named)
    if len(parameters) != len(named):
        twice = sorted(name for name, count in Counter(name for name, _ in named).items() if count > 1)
        raise ValueError(f"two parameters have the same path{listed(twice)}: rename the keys of a dict")
    return parameters


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which every key comes once: of two equal ones, nobody knows which counts."""
    content = dict(pairs)
    if len(content) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"it has the key {twice!r} twice")
    return content


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON, it is written as a string")
