"""The structure of a net: equal for nets that one program can train, since only their parameters' numbers differ.

It is read column by column: all weights of all neurons of a layer at once, for example. Native code, where there is
any, reads nets that are like a known one in a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, groupby
from operator import attrgetter
from types import BuiltinFunctionType, FunctionType
from typing import Any

from engine import Primitive, TreeReader, Value

from ..layers.module import Module
from ..optimisers.base import Optimizer, has_rule
from ..training.steps import LossFunction

_PLAIN = (int, float, bool, str, bytes, complex, type(None))
_BY_IDENTITY = (FunctionType, BuiltinFunctionType, Primitive, type)

_OF_OPTIMIZERS = frozenset({"_params", "settings", "_own_state", "_keeper"})
"""Attributes of every optimiser that are not part of its structure."""

_z, _label = attrgetter("_z"), attrgetter("_label")


class UnknownStructureError(Exception):
    """A net holds something that cannot be compared with what another net holds."""


class Structure:
    """What a model, its loss and its optimiser are, apart from the numbers of parameters and settings.

    Attributes:
        key: equal for equal structures, as long as one of them is kept.
        values: the Values that the model holds, in the order in which equal structures hold theirs.

    Raises:
        UnknownStructureError: the structure cannot be determined; such nets have programs of their own.
    """

    def __init__(self, model: Any, loss: LossFunction, optimizer: Optimizer) -> None:
        if not (isinstance(model, Module) and type(loss) in _BY_IDENTITY and _is_plain(optimizer)):
            raise UnknownStructureError
        self.values: list[Value] = []
        self._modules: set[type[Module]] = set()
        self._found: list[Any] = [type(optimizer), loss]
        self._kept: list[Any] = []  # keeps the ids in the key from being used again
        self._open: set[int] = set()  # ids of what is being read, to find an object that holds itself
        self._enter([model])
        place = dict(zip(self.values, range(len(self.values))))
        same = list(map(place.get, self.values)) if len(place) < len(self.values) else []  # a Value in several places
        updated = list(map(place.get, optimizer.params))
        if None in updated:
            raise UnknownStructureError
        self.key = (*self._found, *updated, *same)
        self.values = [*dict.fromkeys((*optimizer.params, *self.values))]
        self._model, self._params, self._loss, self._kind = model, optimizer.params, loss, type(optimizer)

    @property
    def numbers(self) -> Any:
        """The numbers of the values, in an array."""
        import numpy as np

        return np.array(list(map(_z, self.values)))

    def reader(self) -> Callable[[Any, LossFunction, Optimizer], Any] | None:
        """A function that reads the numbers of another net into an array; None where there is no native code.

        It returns None for a net that it cannot tell to have this structure.
        """
        try:
            tree = TreeReader(self._model, self._modules, self.values, self._params)
        except (ImportError, RuntimeError, ValueError):
            return None
        own_loss, own_kind = self._loss, self._kind

        def read(model: Any, loss: LossFunction, optimizer: Optimizer) -> Any:
            if loss is own_loss and type(optimizer) is own_kind and _is_plain(optimizer):
                return tree.numbers(model, optimizer.params)
            return None

        return read

    def _enter(self, things: list[Any]) -> None:
        """Note what several things of one kind hold in the same place."""
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
                if set(map(_label, things)) != {None}:  # the model may read them
                    found += map(_label, things)
            elif kind is list or kind is tuple:
                found += map(len, things)
                with self._opened(things):
                    self._enter(list(chain.from_iterable(things)))
            elif kind is dict:
                with self._opened(things):
                    self._enter_dicts(things)
            elif issubclass(kind, Module) and kind.__basicsize__ == Module.__basicsize__:  # all is in its attributes
                self._modules.add(kind)
                with self._opened(things):
                    self._enter_dicts(list(map(vars, things)))
            elif kind in _PLAIN:
                found += map(repr, things)  # 0.0 is not -0.0, and nan is nan
            elif kind in _BY_IDENTITY:
                found += map(id, things)
                self._kept += things
            else:
                raise UnknownStructureError

    @contextmanager
    def _opened(self, things: list[Any]) -> Iterator[None]:
        """While the content of things is read: refuse one that holds itself, such as a module known to its part."""
        ids = set(map(id, things))
        if not self._open.isdisjoint(ids):
            raise UnknownStructureError
        self._open |= ids
        yield
        self._open -= ids

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


def _is_plain(optimizer: Optimizer) -> bool:
    """Whether its steps are those of the rule of its class."""
    return has_rule(optimizer) and _OF_OPTIMIZERS.issuperset(vars(optimizer))
