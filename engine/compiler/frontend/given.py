"""What stands for plain numbers: inputs, and what is computed from these alone, in a function that may ask their type.

In place of such a symbol the eager function has an int, a float, a scalar of NumPy. `isinstance`, patterns of `match`,
`functools.singledispatch` and abstract classes all ask an object for its `__class__`: there an input says of what type
its number was given, and the graph notes that somebody has asked. The same program is then not taken for other types.
"""

from __future__ import annotations

from typing import Any

from ..errors import refusal
from .asking import asked_by_project
from .conditions import CONDITIONS
from .symbol import Symbol

_FIX = (
    "A compiled function is traced on numbers that have no type yet, but for what it is given itself: ask that, or "
    "compute the same for all types, or convert the numbers outside of the function."
)


class Given(Symbol):
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
        raise AttributeError(f"a Value has no attribute {name!r}", name=name, obj=self)
