"""Primitives that users have declared: what their functions are composed of, which depends on what they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any

from ...primitive import Primitive
from ..errors import TraceError
from .conditions import OWN
from .graph import Graph, operations
from .operands import LeafRow, Operands, parts
from .symbol import Symbol
from .watching import watched


class Meaning:
    """What the functions of the user's primitives below some symbols are composed of now.

    Two are equal if they are the same operations on the same Values and numbers.

    Args:
        outputs: the symbols.
        new_graph: makes an empty graph.

    Raises:
        TraceError: one of the functions reads the number of a Value, which may have changed at the next call.
    """

    def __init__(self, outputs: Sequence[Symbol], new_graph: Callable[[], Graph]) -> None:
        used = {(s.primitive, len(s.operands)): None for s in operations(outputs) if s.primitive not in OWN}
        self._graphs = [new_graph() for _ in used]  # they keep their Values, which are compared by identity, alive
        self._written = [
            [primitive, *_written(primitive, count, graph)]
            for (primitive, count), graph in zip(used, self._graphs)
            if primitive is not None
        ]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Meaning) and self._written == other._written


def _written(primitive: Primitive, count: int, graph: Graph) -> Iterator[Any]:
    """What each function makes of symbols; None if it needs numbers, since then Python calls it for every sample."""
    operands = tuple(graph.source("input", k) for k in range(count))
    forward = primitive.native if callable(primitive.native) else primitive.forward
    calls = [(forward, operands), *((rule, (graph.make(primitive, operands), *operands)) for rule in primitive.rules)]
    for function, arguments in calls:
        with watched(graph):
            _check(function, len(arguments))
            yield _composed(function, arguments, graph)


def _check(function: Callable[..., Any], count: int) -> None:
    """Call a function with plain numbers, so that any number of a Value that it reads is one from outside."""
    try:
        function(*[0.5] * count)
    except TraceError:
        raise
    except Exception:  # it needs other numbers
        return


def _composed(function: Callable[..., Any], arguments: Sequence[Symbol], graph: Graph) -> list[Any] | None:
    try:
        made = function(*arguments)
        return list(written([graph.lift(one) for one in (made if isinstance(made, (list, tuple)) else [made])]))
    except Exception:  # the user's code may raise anything if it needs floats
        return None


def written(outputs: Sequence[Symbol]) -> Iterator[Any]:
    """The operations, in an order that depends only on the graph: Values by identity, numbers exactly."""
    place: dict[Symbol, int] = {}

    def name(symbol: Symbol) -> Any:
        if symbol.operands:
            return place[symbol]
        if symbol.kind == "leaf":
            return symbol.kind, id(symbol.value)
        return symbol.kind, symbol.value.hex() if isinstance(symbol.value, float) else symbol.value

    def names(operands: Operands) -> Iterator[Any]:
        for part in parts(operands):
            yield from zip(repeat("leaf"), map(id, part.values)) if type(part) is LeafRow else map(name, part)

    for k, symbol in enumerate(operations(outputs)):
        place[symbol] = k
        yield symbol.primitive, *names(symbol.operands)
    yield tuple(map(name, outputs))
