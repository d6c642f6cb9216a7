"""Claims about derivatives: a gradient, as from reverse mode, or slopes along directions, as from forward mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...text.sheet import counted
from .points import Point, numbers_in

__tracebackhide__ = True  # pytest then shows the user's own lines

Arguments = tuple[Any, ...]
Rows = list[list[float]]
"""A row for each output: one derivative for each number of the point."""


@dataclass(frozen=True)
class Reverse:
    """Claims by a function that gives the gradient, or the Jacobian.

    Attributes:
        function: called like the function under test.
    """

    function: Callable[..., Any]
    mode: ClassVar = ""  # what reports add to a name

    def jacobian(self, point: Point, arguments: Arguments, outputs: int) -> Rows:
        """All derivatives there."""
        return point.claims(self.function(*arguments), outputs)


@dataclass(frozen=True)
class Forward:
    """Claims by a function that gives slopes.

    Attributes:
        function: called with the arguments and then, in the same shapes, a direction for each.
    """

    function: Callable[..., Any]
    mode: ClassVar = ", forward"

    def slopes(self, point: Point, arguments: Arguments, direction: Sequence[float], outputs: int) -> list[float]:
        """The slope of each output along a direction.

        Raises:
            ValueError: it gives too few or too many numbers.
        """
        found = numbers_in(self.function(*arguments, *point.placed(direction)))
        if len(found) != outputs:
            many = counted(outputs, "output")
            raise ValueError(f"jvp gave {len(found)} numbers for {many}: give the slope of each, without the value")
        return found

    def jacobian(self, point: Point, arguments: Arguments, outputs: int) -> Rows:
        """All derivatives there, by one call for each number of the point."""
        count = len(point.numbers)
        columns = [
            self.slopes(point, arguments, [float(k == moved) for k in range(count)], outputs) for moved in range(count)
        ]
        return [list(row) for row in zip(*columns)]
