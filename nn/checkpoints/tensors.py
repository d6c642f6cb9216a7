"""Parameters as matrices under PyTorch's names, in .safetensors files, by the library of that name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine import Value

from ..evaluation.columns import flat, shape_of
from ..layers.contents import are_parameters
from ..layers.dense import Layer, Neuron
from ..layers.module import Module

KEY = "stepgrad"
"""The key in the file's metadata under which everything else is saved, as JSON."""


def is_name_of_tensors(path: str | os.PathLike[str]) -> bool:
    """Whether a file name is that of a file of tensors."""
    return Path(path).suffix.lower() == ".safetensors"


def named_tensors(model: Module) -> dict[str, Any]:
    """The parameters of a model, nested in lists, by the names that PyTorch has for them.

    A layer is a `weight` of neurons x inputs and a `bias`; elsewhere an attribute with nested lists of parameters is
    one tensor under its path.

    >>> from nn import MLP
    >>> {name: len(rows) for name, rows in named_tensors(MLP(2, [3, 1])).items()}
    {'layers.0.weight': 3, 'layers.0.bias': 3, 'layers.1.weight': 1, 'layers.1.bias': 1}

    Raises:
        ValueError: one of them is not part of a tensor, such as what a user's class adds to a `Layer`.
    """
    found = dict(_tensors("", model, frozenset()))
    places = {parameter: path for path, parameter in model.named_parameters()}
    known = {*flat([*found.values()])}
    left = [path for parameter, path in places.items() if parameter not in known]
    if left:
        raise ValueError(f"the parameter {left[0]} has no place in a file of tensors: save the model as .json")
    return found


def written(model: Module, beside: str) -> bytes:
    """The content of a file that holds the parameters of a model, and beside them a text.

    Raises:
        ImportError: if the library is not installed.
    """
    np, library = _library()
    arrays = {name: np.array(_numbers(values), np.float64) for name, values in named_tensors(model).items()}
    content: bytes = library.numpy.save(arrays, metadata={KEY: beside})
    return content


def read(model: Module, path: str | os.PathLike[str]) -> tuple[list[tuple[Value, float]], str]:
    """The number of each parameter of a model, and what else is in the file, as text.

    Raises:
        ValueError: if the file holds other tensors, or is not such a file.
        ImportError: if the library is not installed.
        OSError: if it cannot be read.
    """
    _, library = _library()
    wanted = named_tensors(model)
    name = os.fspath(path)
    with open(path, "rb"):
        pass  # the library's own error would not say what is wrong
    try:
        with library.safe_open(path, framework="numpy") as file:
            beside = (file.metadata() or {}).get(KEY, "")
            found = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # it is not a dict
    except Exception as error:
        remedy = "; NumPy has no bfloat16: save its tensors as float32, in PyTorch by .float()"
        told = f"{error}{remedy if 'bfloat16' in str(error) else ''}"
        raise ValueError(f"{name} is not a .safetensors file that can be read: {told}") from error
    missing, unknown = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if missing or unknown:
        raise ValueError(f"{name} fits another model: missing {missing[:3]}, unknown {unknown[:3]}")
    numbers: dict[Value, float] = {}
    for key, values in wanted.items():
        shape, tensor = shape_of(values), found[key]
        if tensor.shape != shape:
            raise ValueError(f"{name}: {key} has the shape {tensor.shape}, the model's has {shape}")
        if tensor.dtype.kind not in "fiu":
            raise ValueError(f"{name}: {key} holds {tensor.dtype}, and a model holds numbers")
        for parameter, number in zip(flat(values), tensor.astype(float).reshape(-1).tolist()):
            other = numbers.setdefault(parameter, number)
            if other != number and (other == other or number == number):
                raise ValueError(
                    f"{name}: {key} has {number!r} for a parameter that the model shares with another tensor, which "
                    f"has {other!r}: load it into a model that has a parameter for each"
                )
    return [*numbers.items()], beside


def _library() -> tuple[Any, Any]:
    try:
        import numpy
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(f".safetensors files need {error.name}: pip install safetensors numpy") from None
    return numpy, safetensors


def _tensors(path: str, item: Any, open_: frozenset[int]) -> Iterator[tuple[str, Any]]:
    """The tensors in a module or container; those whose ids are in `open_` are being read, and not entered again."""
    if id(item) in open_:
        return
    inside, open_ = f"{path}." if path else "", open_ | {id(item)}
    if isinstance(item, Layer):
        yield f"{inside}weight", [neuron.w for neuron in item.neurons]
        biases = [neuron.b for neuron in item.neurons if neuron.b is not None]
        if biases:
            yield f"{inside}bias", biases
    elif isinstance(item, Neuron):
        yield f"{inside}weight", item.w
        if item.b is not None:
            yield f"{inside}bias", item.b
    elif isinstance(item, (Module, dict)):
        for name, child in (vars(item) if isinstance(item, Module) else item).items():
            yield from _tensors(f"{inside}{name}", child, open_)
    elif _is_tensor(item, frozenset()):
        yield path, item
    elif isinstance(item, (list, tuple)):
        for place, child in enumerate(item):
            yield from _tensors(f"{inside}{place}", child, open_)


def _is_tensor(item: Any, open_: frozenset[int]) -> bool:
    """Whether this is a parameter, or rows of them that all have one shape."""
    if isinstance(item, Value):
        return are_parameters([item])
    if not isinstance(item, (list, tuple)) or not item or id(item) in open_:
        return False
    open_ |= {id(item)}
    if not all(_is_tensor(child, open_) for child in item):
        return False
    return len({*map(shape_of, item)}) == 1


def _numbers(values: Any) -> Any:
    return values.data if isinstance(values, Value) else [_numbers(child) for child in values]
