"""What stands for plain numbers: inputs, conditions, and what is computed from these alone, in functions that may ask.

In place of such a symbol the eager function has an int, a float, a scalar of NumPy. `isinstance`, patterns of `match`,
`functools.singledispatch` and abstract classes all ask an object for its `__class__`: there an input says of what type
its number was given, and the graph notes that somebody has asked. The same program is then not taken for other types.
Numbers are keys by what they are, where Values and symbols are keys by identity: sets, dicts and caches are refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ....text.callers import is_ours
from ...errors import FIX_KEY, refusal
from ..conditions import CONDITIONS
from ..symbol import Symbol
from .arithmetic import Arithmetic
from .asking import asked_by_project

_FIX = (
    "A compiled function is traced on numbers that have no type yet, but for what it is given itself: ask that, or "
    "compute the same for all types, or convert the numbers outside of the function."
)


class Given(Arithmetic):
    """A symbol in whose place the eager function has a plain number, or a condition."""

    __slots__ = ()

    @property  # type: ignore[misc]  # what is asked is to be known
    def __class__(self) -> Any:
        """Of what class the number is, for all code but this project's."""
        if asked_by_project():
            return Symbol
        if self.primitive in CONDITIONS:
            return bool
        if self.kind == "input":
            return self.graph.type_of(self)
        raise refusal(f"the function asks for the type of {self!r}, which was computed from its arguments", _FIX)

    def __getattr__(self, name: str) -> Any:
        """Of an attribute that Values lack, and the number may have."""
        if not name.startswith("__") and not asked_by_project():
            kinds = [self.graph.type_of(self)] if self.kind == "input" else [int, float]
            if any(hasattr(kind, name) for kind in kinds):
                raise refusal(f"the function asks {self!r} for its attribute {name}", _FIX)
        if (
            name == "__array_interface__"
        ):  # NumPy asks before it makes an array of it, where a bool becomes one of its own
            self.graph.in_arrays.add(self)
        raise AttributeError(f"a Value has no attribute {name!r}", name=name, obj=self)


class Keyless(Given):
    """The same, in the one run in which it is seen whether somebody looks it up: under a profiler that takes time."""

    __slots__ = ()

    def __hash__(self) -> int:
        """By identity, for this project's code; for all other code a number is a key by what it is."""
        if not is_ours(sys._getframe(1).f_code.co_filename):
            raise refusal(f"{self!r} was looked up as a key", FIX_KEY)
        return object.__hash__(self)


@contextmanager
def may_be_asked(symbols: Sequence[Symbol], again: bool) -> Iterator[None]:
    """While the user's function runs; after it they are ordinary symbols, which take less time.

    Args:
        symbols: some are added inside.
        again: whether it has run before.
    """
    _become(Given if again else Keyless, symbols)
    try:
        yield
    finally:
        _become(Symbol, symbols)


def _become(kind: type[Symbol], symbols: Sequence[Symbol]) -> None:
    for symbol in symbols:
        vars(object)["__class__"].__set__(symbol, kind)
