"""Evaluates a recorded graph at other numbers, in place of the function.

That takes a fraction of the time of a call, which makes Values. Since the function may branch, and so differ from the
graph elsewhere, it is called itself wherever a line goes farther than before, and always once the two differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from ..numbers import equal_numbers
from ..value import Value
from .estimates.differences import Line
from .foreign.points import NO_VALUE
from .subject import Recording


class Replay:
    """The value of a graph as a function of its coordinates.

    >>> x, y = Value(3.0), Value(4.0)
    >>> root = x * y + x
    >>> from engine.graph import topological_order
    >>> Replay(Recording(root, [x, y], topological_order(root))).value([2.0, 5.0])
    12.0
    """

    def __init__(self, recording: Recording) -> None:
        place: dict[Value, int] = {leaf: k for k, leaf in enumerate(recording.coordinates)}
        fixed = [node for node in recording.nodes if node.primitive is None and node not in place]
        place.update({leaf: k for k, leaf in enumerate(fixed, len(place))})
        self._fixed = [leaf.data for leaf in fixed]
        self._calls: list[tuple[Callable[..., float], int, Callable[[list[float]], Any] | None]] = []
        for node in recording.nodes:
            if node.primitive is not None and node not in place:
                operands = [place[operand] for operand in node.operands]
                place[node] = len(place)
                get = itemgetter(*operands) if len(operands) > 1 else None
                self._calls.append((node.primitive.forward, operands[0], get))
        self._root = place[recording.output]

    def value(self, numbers: Sequence[float]) -> float:
        """The value at other numbers of the coordinates."""
        values = [*numbers, *self._fixed]
        append = values.append
        try:
            for forward, operand, get in self._calls:
                append(forward(values[operand]) if get is None else forward(*get(values)))
        except NO_VALUE:  # raised by a user's primitive
            return math.nan
        return values[self._root]

    def line(self, own: Line, direction: Sequence[float], start: Sequence[float]) -> Line:
        """The function along a line, by the graph as long as it gives the function's own numbers.

        Args:
            own: the function itself along the line.
            direction: one number for each coordinate.
            start: the coordinates where t is 0.
        """
        reached = [0.0, 0.0]  # how far the graph is known to be the function, on either side
        faithful = True

        def at(t: float) -> float:
            nonlocal faithful
            if faithful and -reached[0] <= t <= reached[1]:
                return self.value([x + t * d for x, d in zip(start, direction)])
            found = own(t)
            if faithful:
                faithful = equal_numbers(self.value([x + t * d for x, d in zip(start, direction)]), found)
                reached[t > 0] = abs(t)
            return found

        return at
