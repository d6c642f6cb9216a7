"""The structure of a net: equal for nets that one program can train, which differ in the numbers of their parameters.

It is read column by column, such as all weights of all neurons of a layer at once, so that a net of some hundred
parameters takes some ten microseconds.
"""

from __future__ import annotations

from itertools import chain, groupby
from operator import attrgetter, is_
from types import BuiltinFunctionType, FunctionType
from typing import Any

from engine import Primitive, Value

from ..layers.module import Module
from ..optimisers.base import Optimizer, has_rule
from ..training.steps import LossFunction

_PLAIN = (int, float, bool, str, bytes, complex, type(None))
_BY_IDENTITY = (FunctionType, BuiltinFunctionType, Primitive, type)

numbers_of = attrgetter("_data")


class UnknownStructureError(Exception):
    """A net holds something of which nobody can say whether it is the same in another one."""


class Structure:
    """What a model, its loss and its optimiser are, but for the numbers of parameters and settings.

    Args:
        model: a module.
        loss: of a batch.
        optimizer: of parameters of the model.
        like: another one, which is told to be equal sooner than by its key.

    Attributes:
        key: equal for equal structures, as long as one of the models is kept.
        values: the Values that the model holds, in the order in which equal structures hold theirs.

    Raises:
        UnknownStructureError: that cannot be told; such nets have programs of their own.
    """

    def __init__(self, model: Any, loss: LossFunction, optimizer: Optimizer, like: Structure | None = None) -> None:
        if not (isinstance(model, Module) and type(loss) in _BY_IDENTITY and has_rule(optimizer)):
            raise UnknownStructureError
        self.values: list[Value] = []
        self._found: list[Any] = [type(optimizer), loss]
        self._enter([model])
        self._updated: list[Any]
        self.key: tuple[Any, ...]
        if like is not None and self._is_like(like, optimizer):
            self._updated, self.key = like._updated, like.key
            return
        place = dict(zip(self.values, range(len(self.values))))
        same = list(map(place.get, self.values)) if len(place) < len(self.values) else []  # a Value in several places
        self._updated = list(map(place.get, optimizer.params))
        if None in self._updated:
            raise UnknownStructureError
        self.key = (*self._found, *self._updated, *same)

    def _is_like(self, other: Structure, optimizer: Optimizer) -> bool:
        """Whether it is equal, where the optimiser has all Values: then each is in one place, as it has each once."""
        values, order = self.values, other._updated
        return (
            len(order) == len(values) == len(other.values) == len(optimizer.params)
            and self._found == other._found
            and all(map(is_, map(values.__getitem__, order), optimizer.params))
        )

    @property
    def numbers(self) -> list[float]:
        """Those of the values."""
        return list(map(numbers_of, self.values))

    def _enter(self, things: list[Any]) -> None:
        """Note what there is in the same place of several things of one kind."""
        kinds, found = set(map(type, things)), self._found
        found.append(len(things))
        if len(kinds) > 1:
            for _, run in groupby(things, type):
                self._enter(list(run))
            return
        for kind in kinds:
            found.append(kind)
            if kind is Value:
                self.values += things
            elif kind is list or kind is tuple:
                found += map(len, things)
                self._enter(list(chain.from_iterable(things)))
            elif kind is dict:
                self._enter_dicts(things)
            elif issubclass(kind, Module):
                self._enter_dicts(list(map(vars, things)))
            elif kind in _PLAIN:
                found += map(repr, things)  # 0.0 is not -0.0, and nan is nan
            elif kind in _BY_IDENTITY:
                found += map(id, things)
            else:
                raise UnknownStructureError

    def _enter_dicts(self, dicts: list[dict[Any, Any]]) -> None:
        if len(set(map(tuple, dicts))) > 1:
            for one in dicts:
                self._enter_dicts([one])
            return
        names = list(dicts[0])
        if not set(map(type, names)).issubset(_PLAIN):
            raise UnknownStructureError
        self._found.append(repr(names))
        for name in names:
            self._enter([one[name] for one in dicts])
