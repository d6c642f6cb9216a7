"""Operations that only traced graphs have: comparisons and their combinations, as the floats 0 and 1, and detach."""

from __future__ import annotations

from collections.abc import Callable

from ... import ops
from ...primitive import Primitive


def _internal(name: str, symbol: str, forward: Callable[..., float], native: str, operands: str = "x y") -> Primitive:
    """An operation that only traced graphs have, and that passes no derivative on."""
    names = tuple(operands.split())
    blocked = [lambda z, *xs: None] * len(names)
    return Primitive(name, symbol, len(names), forward, blocked, names, "", (), method=False, native=native)


LESS = _internal("less", "<", lambda x, y: float(x < y), "1 if x < y else 0")
LESS_EQUAL = _internal("less_equal", "<=", lambda x, y: float(x <= y), "1 if x <= y else 0")
EQUAL = _internal("equal", "==", lambda x, y: float(x == y), "1 if x == y else 0")
NOT_EQUAL = _internal("not_equal", "!=", lambda x, y: float(x != y), "1 if x != y else 0")
BOTH = _internal("both", "and", lambda x, y: float(x != 0.0 and y != 0.0), "x * y")
EITHER = _internal("either", "or", lambda x, y: float(x != 0.0 or y != 0.0), "1 if x + y > 0 else 0")
INVERT = _internal("invert", "not", lambda x: float(x == 0.0), "1 - x", "x")
DETACH = _internal("detach", "detach", lambda x: x, "x", "x")
CONDITIONS = frozenset({LESS, LESS_EQUAL, EQUAL, NOT_EQUAL, BOTH, EITHER, INVERT})
OWN = frozenset({*CONDITIONS, DETACH, *(thing for thing in vars(ops).values() if isinstance(thing, Primitive))})
"""These and the built-in table: all primitives that no user has declared."""
