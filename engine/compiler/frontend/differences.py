"""Whether two runs of a function have computed the same, as symbols of one graph."""

from __future__ import annotations

from ...numbers import same_number
from ...value import Value
from .operands import LeafRow, parts
from .symbol import Symbol


class Difference(Exception):  # caught within this package, which makes an error for the user of it
    """Two runs differ.

    Args:
        what: what differs.
        symbols: those that differ, and what is computed from them.
    """

    def __init__(self, what: str, *symbols: Symbol) -> None:
        super().__init__(what)
        self.symbols = symbols


def compared(first: list[Symbol], second: list[Symbol], made: set[Value], again: set[Value]) -> dict[Symbol, float]:
    """Compare the results of two runs; return the leaves that the function makes in every run, with their numbers.

    Raises:
        Difference: they differ in anything else.
    """
    created: dict[Symbol, float] = {}
    stack = [(a, b, b) for a, b in zip(first, second)]
    seen: set[tuple[Symbol, Symbol]] = set()
    while stack:
        a, b, user = stack.pop()
        if a is b or (a, b) in seen:
            continue
        seen.add((a, b))
        if a.kind == b.kind == "leaf" and a.value is not b.value:
            number, later = a.value._z, b.value._z
            if not same_number(number, later) or a.value not in made or b.value not in again:
                raise Difference(f"a Value that holds {number!r}, then one that holds {later!r}", b, user, a)
            created[a] = number
        elif a.primitive is not b.primitive or len(a.operands) != len(b.operands) or a.kind:
            raise Difference(f"{a!r}, then {b!r}", b, user, a)
        for mine, other in zip(parts(a.operands), parts(b.operands)):
            if not (type(mine) is LeafRow and mine == other):
                stack += [(x, y, b) for x, y in zip(mine, other)]
    return created
