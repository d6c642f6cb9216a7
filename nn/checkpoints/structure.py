"""The layers of a model as they describe themselves, to warn when a file is read into different ones."""

from __future__ import annotations

from typing import Any

from ..arguments import warn_user
from ..layers.dropout import Dropout
from ..layers.module import Module


def layers_of(model: Module) -> dict[str, str]:
    """The layers of `nn` in a model by their paths: their sizes and activations; not Dropout, whose rate is free.

    >>> from nn import MLP
    >>> layers_of(MLP(2, [3, 1], activation="tanh"))
    {'layers.0': 'Layer(2, 3, tanh)', 'layers.1': 'Layer(3, 1, identity)'}
    """
    found: dict[str, str] = {}
    _describe("", model, found, set())
    return found


def _describe(path: str, module: Module, found: dict[str, str], seen: set[int]) -> None:
    if id(module) in seen:
        return
    seen.add(id(module))
    kind = type(module)
    if kind.__module__.startswith("nn.") and kind.__repr__ is not Module.__repr__:
        if kind is not Dropout:
            found[path] = repr(module)
        return
    for name, child in module.children():
        _describe(f"{path}.{name}" if path else name, child, found, seen)


def warn_of_other_layers(model: Module, saved: Any, file: str) -> None:
    """Warn if a model's layers differ from the saved ones: with the same parameters it computes something else.

    Args:
        model: the model that was loaded into.
        saved: what `layers_of` gave for the saved one.
        file: the name of the file.
    """
    own = layers_of(model)
    others = [path for path in own if saved.get(path, own[path]) != own[path]]
    if others:
        path = others[0]
        more = f", and {len(others) - 1} more" if others[1:] else ""
        warn_user(
            f"{file} was saved with {saved[path]} at {path or 'the top'}, where the model has {own[path]}{more}: with "
            "the same parameters it computes something else",
            UserWarning,
        )
