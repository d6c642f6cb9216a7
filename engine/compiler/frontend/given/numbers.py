"""Symbols for plain numbers: inputs, conditions, and what is computed only from these, in functions that may ask.

In place of such a symbol the eager function has an int, a float or a NumPy scalar. `isinstance`, patterns of `match`,
`functools.singledispatch` and abstract classes all ask an object for its `__class__`: there an input answers with the
type of its number, and the graph notes that, so that the program is not used for other types.

Numbers are keys by value, whereas Values and symbols are keys by identity: so sets, dicts and caches are refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ....text.callers import is_ours, is_users
from ...errors import FIX_KEY, refusal
from ..conditions import CONDITIONS
from ..symbol import Symbol
from .arithmetic import Arithmetic
from .asking import asked_by_project
from .kinds import is_float, is_in_array, is_of_numpy

_FIX = (
    "While a function is compiled only its arguments have types, and what it computes has none yet: ask an argument, "
    "compute the same for all types, or convert the numbers outside of the function."
)
_FIX_ARRAY = (
    "NumPy converts numbers to types of its own, and an array of whole numbers cuts off the fractions of what is "
    "written into it. Give floats, as with X.astype(float)."
)
_OF_ARRAYS = frozenset({"dtype", "itemsize", "nbytes"})


class Given(Arithmetic):
    """A symbol in whose place the eager function has a plain number, or a condition."""

    __slots__ = ()

    @property  # type: ignore[misc]  # to know that it was asked for
    def __class__(self) -> Any:
        """The class of the number, for all code except this project's."""
        if asked_by_project():
            return Symbol
        if self in self.graph.given.retyped or not (self.kind == "input" or self.primitive in CONDITIONS):
            raise refusal(f"the function asks for the type of {self!r}, which was computed from its arguments", _FIX)
        if self.kind == "input":
            kind: Any = self.graph.given.type_of(self)
        else:
            kind = sys.modules["numpy"].bool_ if is_of_numpy(self) else bool
        if kind in (bool, int, float) and is_in_array(self):
            raise refusal(f"the function asks for the type of {self!r}, and puts it into an array", _FIX_ARRAY)
        return kind

    def __getattr__(self, name: str) -> Any:
        """An attribute that Values lack, but the number may have."""
        if not name.startswith("__") and not asked_by_project():
            is_given = self.kind == "input" and self not in self.graph.given.retyped
            kinds = [self.graph.given.type_of(self)] if is_given else [int, float]
            if name == "real" and bool not in kinds and self.primitive not in CONDITIONS:
                return self  # NumPy asks for it in norms
            if any(hasattr(kind, name) for kind in kinds):
                raise refusal(f"the function asks {self!r} for its attribute {name}", _FIX)
        if name == "__array_interface__":  # NumPy asks before it makes an array of it
            frame: Any = sys._getframe(1)
            while is_ours(frame.f_code.co_filename):  # that of a row of which it makes the array
                frame = frame.f_back
            asking = frame.f_code
            if is_users(asking.co_filename) and not _OF_ARRAYS.isdisjoint(asking.co_names):
                raise refusal(f"the function asks an array of {self!r} for the type of its numbers", _FIX)
            if self.graph.given.minds_arrays and not is_float(self):
                raise refusal(f"{self!r}, not a float, in an array that is changed or asked for its type", _FIX_ARRAY)
            self.graph.given.in_arrays.add(self)  # where a bool becomes NumPy's own
        raise AttributeError(f"a Value has no attribute {name!r}", name=name, obj=self)


class UnhashableGiven(Given):
    """The same, but refused as a key: in the first run, since the profiler of the second would make that slow."""

    __slots__ = ()

    def __hash__(self) -> int:
        """By identity, for this project's code; refused to any other, for which a number is a key by value."""
        if not is_ours(sys._getframe(1).f_code.co_filename):
            raise refusal(f"{self!r} was looked up as a key", FIX_KEY)
        return object.__hash__(self)


# In Python's own errors, such as: 'number' object is not subscriptable.
Given.__name__ = UnhashableGiven.__name__ = "number"


@contextmanager
def may_be_asked(symbols: Sequence[Symbol], again: bool) -> Iterator[None]:
    """A context for a run of the user's function, after which they are ordinary symbols again, which are faster.

    Args:
        symbols: symbols of plain numbers; more may be added inside.
        again: whether the function has run before.
    """
    _become(Given if again else UnhashableGiven, symbols)
    try:
        yield
    finally:
        _become(Symbol, symbols)


def _become(kind: type[Symbol], symbols: Sequence[Symbol]) -> None:
    for symbol in symbols:
        vars(object)["__class__"].__set__(symbol, kind)
