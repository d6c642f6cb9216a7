"""Which models and losses are this package's own code, as it was imported.

Of these it is known, and tested, that they do at every call what they do while they are traced: no label is a key, no
branch hangs on a number. What a user has written, subclassed, replaced or changed is not among them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from engine import Imported, Primitive, Value

from ..layers.module import Module
from ..losses.named import LOSSES

_CODE = Imported("nn.arguments", "nn.layers", "nn.losses")
_PLAIN = frozenset({int, float, bool, str, type(None)})


def is_own_code(model: Any, loss: Callable[..., Any]) -> bool:
    """Whether a model and a loss consist of layers and losses of this package, all unchanged.

    >>> from nn import MLP, Sequential, mse
    >>> is_own_code(MLP(2, [3, 1]), mse), is_own_code(MLP(2, [3, 1], activation=lambda z: z * z), mse)
    (True, False)
    >>> is_own_code(Sequential(MLP(2, [3]), sum), mse), is_own_code(MLP(2, [1]), lambda o, y: mse(o, y))
    (False, False)
    """
    return any(loss is own for own in LOSSES.values()) and _is_own(model) and _CODE.is_unchanged()


def _is_own(thing: Any) -> bool:
    kind = type(thing)
    if issubclass(kind, Module):
        parts = [part for name, part in vars(thing).items() if name != "_programs"]  # which no layer reads
        return _CODE.defines(kind) and all(map(_is_own, parts))
    if kind is list or kind is tuple:
        return {*map(type, thing)} == {Value} or all(map(_is_own, thing))
    if kind is FunctionType:
        return _CODE.defines(thing)
    return kind in _PLAIN or kind is Value or kind is Primitive
