"""What a model has besides its parameters: layers that describe themselves, and numbers of the user's modules."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from engine import Value

from ..rows import as_lists
from .activations import activation_name
from .contents import is_symbolic
from .dropout import Dropout
from .module import Module
from .normalization import LayerNorm, RMSNorm
from .sequential import Sequential


def layers_of(model: Module) -> dict[str, str]:
    """The layers of `nn` in a model by their paths: their sizes and activations; not Dropout, whose rate is free.

    >>> from nn import MLP
    >>> layers_of(MLP(2, [3, 1], activation="tanh"))
    {'layers.0': 'Layer(2, 3, tanh)', 'layers.1': 'Layer(3, 1, identity)'}
    """
    found = _modules_in("", model, set())
    return {path: repr(module) for path, module in found if _describes_itself(module) and type(module) is not Dropout}


def rows_of(model: Module) -> dict[str, str]:
    """What each `Sequential` in a model calls, in order, by its path: functions too, which hold no parameters.

    >>> from nn import Layer, softmax
    >>> rows_of(Sequential(Layer(2, 3), softmax))
    {'': 'Layer, softmax'}
    """
    return {
        path: ", ".join(
            type(stage).__name__ if isinstance(stage, Module) else activation_name(stage)
            for stage in row.layers
            if type(stage) is not Dropout
        )
        for path, row in _modules_in("", model, set())
        if isinstance(row, Sequential)
    }


def numbers_of(model: Module) -> dict[str, str]:
    """Numbers, and rows of numbers, in attributes that methods of the user's modules read: by path, as text.

    Detached Values count as numbers. So does the `eps` of a norm, which older files lack.
    """
    found: dict[str, str] = {}
    for path, module in _modules_in("", model, set()):
        names = _names_read_by(type(module))
        if isinstance(module, (LayerNorm, RMSNorm)):
            names.add("eps")
        for name, item in vars(module).items():
            if name in names and not name.startswith("_") and _are_numbers(item):
                found[f"{path}.{name}" if path else name] = f"{_in_lists(item)}"
    return found


def _modules_in(path: str, module: Module, seen: set[int]) -> Iterator[tuple[str, Module]]:
    """A module and those it holds, each once, with their paths; layers that describe themselves are not entered."""
    if id(module) in seen:
        return
    seen.add(id(module))
    yield path, module
    if not _describes_itself(module):
        for name, child in module.children():
            yield from _modules_in(f"{path}.{name}" if path else name, child, seen)


def _describes_itself(module: Module) -> bool:
    """Whether it is a layer of `nn` whose repr says what it computes."""
    return type(module).__module__.startswith("nn.") and type(module).__repr__ is not Module.__repr__


def _are_numbers(item: Any, depth: int = 4) -> bool:
    """Whether it is a number, or rows of numbers nested no deeper than this, so that a list may hold itself."""
    item = as_lists(item)
    if isinstance(item, (list, tuple)):
        return depth > 0 and all(_are_numbers(part, depth - 1) for part in item)
    if isinstance(item, Value):
        return item.is_detached and not is_symbolic(type(item))
    return isinstance(item, (int, float))


def _in_lists(item: Any) -> Any:
    """Arrays, tuples and NumPy's numbers as lists and Python's numbers, so that equal ones have equal texts."""
    item = as_lists(item)
    if isinstance(item, Value):
        return item.data
    return [_in_lists(part) for part in item] if isinstance(item, (list, tuple)) else item


def _names_read_by(kind: type) -> set[str]:
    """The names in methods of the user's classes, but for `__init__`."""
    own = [vars(base) for base in kind.__mro__ if base.__module__.partition(".")[0] not in ("nn", "builtins")]
    functions = [item for names in own for item in names.values() if isinstance(item, FunctionType)]
    return {name for each in functions if each.__name__ != "__init__" for name in _names_in(each.__code__)}


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:  # of comprehensions and lambdas
        if isinstance(inner, CodeType):
            yield from _names_in(inner)
