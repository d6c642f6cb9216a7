"""Save and load parameters as JSON by path: readable, exact, and nothing in the file is ever executed."""

from __future__ import annotations

import json
import math
import os
from typing import Any

from engine import Value, write_file

from ..arguments import show
from ..layers.module import Module

FORMAT = "stepgrad parameters 1"

# JSON has no numbers for these; every other float is written with the digits that give it back exactly.
NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def save(model: Module, path: str | os.PathLike[str]) -> None:
    """Write the parameters of a model to a file; an existing file is replaced at once or not at all.

    Args:
        model: a module with at least one parameter.
        path: the file, usually `name.json`; its folder must exist.

    Raises:
        TypeError: if `model` is no Module.
        ValueError: if it has no parameters, or two of them have the same path.
        OSError: if the file cannot be written.
    """
    numbers = {name: p.data for name, p in _by_name(model).items()}
    content = {
        "format": FORMAT,
        "parameters": {name: x if math.isfinite(x) else str(x) for name, x in numbers.items()},
    }
    write_file(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def load(model: Module, path: str | os.PathLike[str]) -> None:
    """Read parameters that `save` wrote into a model of the same structure.

    Everything is checked before the first parameter changes, so a wrong file leaves the model as it was.

    Args:
        model: a module with the same parameter paths as the one that was saved.
        path: the file.

    Raises:
        TypeError: if `model` is no Module.
        ValueError: if the file is no checkpoint, holds something that is no number, or other parameters.
        OSError: if the file cannot be read.
    """
    parameters = _by_name(model)
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)} is no JSON file that nn.save wrote: {error}") from error
    stored = content.get("parameters") if isinstance(content, dict) and content.get("format") == FORMAT else None
    if not isinstance(stored, dict):
        raise ValueError(f"{os.fspath(path)} is no checkpoint: its 'format' must be {FORMAT!r}, as nn.save writes it")
    missing, unknown = parameters.keys() - stored.keys(), stored.keys() - parameters.keys()
    if missing or unknown:
        raise ValueError(
            f"{os.fspath(path)} fits another model: {len(missing)} parameters are missing {_some(missing)}, "
            f"{len(unknown)} unknown {_some(unknown)}; build the model with the sizes it was saved with"
        )
    try:
        numbers = {name: _number(name, stored[name]) for name in parameters}
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None
    for name, parameter in parameters.items():
        parameter.data = numbers[name]


def _by_name(model: Module) -> dict[str, Value]:
    if not isinstance(model, Module):
        raise TypeError(f"only an nn.Module has parameters with paths, not {show(model)}")
    named = model.named_parameters()
    if not named:
        raise ValueError(f"{type(model).__name__} has no parameters: keep Values in its attributes")
    parameters = dict(named)
    if len(parameters) != len(named):
        names = [name for name, _ in named]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"two parameters have the same path {_some(twice)}: rename the keys of a dict")
    return parameters


def _number(name: str, stored: Any) -> float:
    if isinstance(stored, str) and stored in NON_FINITE:
        return NON_FINITE[stored]
    if isinstance(stored, bool) or not isinstance(stored, (int, float)):
        raise ValueError(f"parameter {name} is no number but {show(stored)}")
    try:
        number = float(stored)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise ValueError(f"parameter {name} is a number beyond the range of floats")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys come once each: of two the reader could not tell which one counts."""
    content = dict(pairs)
    if len(content) != len(pairs):
        twice = next(key for k, (key, _) in enumerate(pairs) if key in [other for other, _ in pairs[:k]])
        raise ValueError(f"the key {twice!r} stands there twice")
    return content


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON, it is written as a string")


def _some(names: Any) -> str:
    chosen = sorted(names)
    return f"({', '.join(chosen[:3])}{', ...' if len(chosen) > 3 else ''})" if chosen else ""
