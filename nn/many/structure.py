"""The structure of a net: equal for nets that one program can train, which differ in the numbers of their parameters.

It is read column by column, such as all weights of all neurons of a layer at once. Where there is native code, that
goes through nets that are like one that is known in a tenth of the time.
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

_OF_OPTIMIZERS = frozenset({"_params", "settings", "own_state", "keeper"})
"""What every optimiser has, and is none of its structure."""

_data, _label = attrgetter("_data"), attrgetter("_label")


class UnknownStructureError(Exception):
    """A net holds something of which nobody can say whether it is the same in another one."""


class Structure:
    """What a model, its loss and its optimiser are, but for the numbers of parameters and settings.

    Args:
        model: a module.
        loss: of a batch.
        optimizer: of parameters of the model.

    Attributes:
        key: equal for equal structures, as long as one of them is kept.
        values: the Values that the model holds, in the order in which equal structures hold theirs.

    Raises:
        UnknownStructureError: that cannot be told; such nets have programs of their own.
    """

    def __init__(self, model: Any, loss: LossFunction, optimizer: Optimizer) -> None:
        if not (isinstance(model, Module) and type(loss) in _BY_IDENTITY and _is_plain(optimizer)):
            raise UnknownStructureError
        self.values: list[Value] = []
        self._modules: set[type[Module]] = set()
        self._found: list[Any] = [type(optimizer), loss]
        self._kept: list[Any] = []  # so that nothing else gets the ids in the key
        self._open: set[int] = set()  # the ids of what is being read, which would go on for ever if it held itself
        self._enter([model])
        place = dict(zip(self.values, range(len(self.values))))
        same = list(map(place.get, self.values)) if len(place) < len(self.values) else []  # a Value in several places
        updated = list(map(place.get, optimizer.params))
        if None in updated:
            raise UnknownStructureError
        self.key = (*self._found, *updated, *same)
        self._model, self._params, self._loss, self._kind = model, optimizer.params, loss, type(optimizer)

    @property
    def numbers(self) -> list[float]:
        """Those of the values."""
        return list(map(_data, self.values))

    def reader(self) -> Callable[[Any, LossFunction, Optimizer], Any] | None:
        """What reads the numbers of the values of other nets into an array, or None where there is no native code.

        Of a net it gives None if it cannot tell that it has this structure.
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
        """While what the things hold is read: refuse one that holds itself, such as a module whose part knows it."""
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
