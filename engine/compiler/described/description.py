"""What a function says of itself, by which it is known without a trace.

A function may have an attribute ``described``, which returns its `Description`, or None once the engine's table has
been changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...value import Value
from ..frontend.fingerprint import ENGINE
from ..frontend.reads.objects import attribute_of
from ..values.places import same_objects


@dataclass(frozen=True)
class Description:
    """Everything that determines what a function does, except the numbers of Values.

    Attributes:
        text: equal only for functions that do the same, across processes; it covers their code.
        values: the Values that the function may read, in an order that the text determines.
        requirements: what it may require of its samples: dataclasses or named tuples, by name.
        holds: tells, faster than describing the function again, whether the code, apart from the engine's table, is
            still what the text covers.
    """

    text: str
    values: Sequence[Value]
    requirements: Mapping[str, type]
    holds: Callable[[], bool]

    def is_of(self, other: Description) -> bool:
        """Whether both are equal, and about the same Values."""
        return self.text == other.text and same_objects(self.values, other.values)


def description_of(function: Callable[..., Any]) -> Description | None:
    """The description that a function gives of itself now; None for nearly all functions.

    Once the engine's table is not as it was imported, the function must give none.
    """
    says = attribute_of(function, "described")
    found = says() if callable(says) else None
    return found if isinstance(found, Description) and ENGINE else None
