"""Values whose numbers live in an array, for as long as nobody looks.

Copying thousands of numbers into Values after every step would take longer than the step. So the Values are lent:
while they are, they have a class that fetches all the numbers back at the first touch of any of them, be it by
``.data``, by the engine or by pickle, and is gone after that.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ...value import Value

_slot = vars(Value)["_data"]  # what the class of lent Values hides; while lent it holds the Loan


class Loan:
    """Numbers of Values in an array.

    Args:
        values: leaves.
        array: as long as they are; the numbers are written here whenever they are taken.
    """

    def __init__(self, values: Sequence[Value], array: Any) -> None:
        self._values, self._array = list(values), array
        self._lock = threading.RLock()
        self.open = False

    def take(self) -> None:
        """Bring the Values' numbers into the array, which is where they live from then on."""
        if self.open:
            return
        with self._lock:
            self._array[:] = [value._data for value in self._values]
            self.open = True  # before, so that an interrupted loan can be given back
            for value in self._values:
                lent = _lent(type(value))
                _slot.__set__(value, self)
                value.__class__ = lent

    def give_back(self) -> None:
        """Bring the array's numbers into the Values, which are ordinary ones from then on."""
        with self._lock:
            if self.open:
                self.open = False
                for value, number in zip(self._values, self._array.tolist()):
                    if type(value) in _own:  # not so for the rest of an interrupted loan
                        value.__class__ = _own[type(value)]
                    _slot.__set__(value, number)


_lent_classes: dict[type[Value], type[Value]] = {}
_own: dict[type[Value], type[Value]] = {}  # the other way


def _lent(kind: type[Value]) -> type[Value]:
    """A class like `kind` whose instances come back at the first touch."""
    if kind in _lent_classes:
        return _lent_classes[kind]

    def read(value: Value) -> float:
        _slot.__get__(value).give_back()
        return value._data

    def write(value: Value, number: float) -> None:
        _slot.__get__(value).give_back()
        value._data = number

    def reduce(value: Value, protocol: Any) -> Any:
        _slot.__get__(value).give_back()
        return value.__reduce_ex__(protocol)

    body = {"__slots__": (), "_data": property(read, write), "__reduce_ex__": reduce, "__doc__": kind.__doc__}
    lent = type(kind.__name__, (kind,), {**body, "__module__": kind.__module__, "__qualname__": kind.__qualname__})
    _lent_classes[kind], _own[lent] = lent, kind
    return lent
