"""The layers of a model as they describe themselves: what else it has besides its parameters."""

from __future__ import annotations

from .dropout import Dropout
from .module import Module


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
