"""Lowering: what is left are primitives for which back ends have a template."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from ... import ops
from ...modes import always_recorded
from ...primitive import Primitive
from ..frontend.conditions import DETACH
from ..frontend.graph import Graph, operations
from ..frontend.symbol import Symbol
from .computation import Computation
from .raising import Replacements


def _root(x: Symbol) -> Any:
    """The square root as x ** 0.5, which is 0 at -0 and inf at -inf, where sqrt is -0 and nan."""
    return ops.where(x == -inf, inf, ops.sqrt(x + 0.0))


_POWERS: dict[float, Callable[[Symbol], Any]] = {  # of constant exponents, to within 2 ULP of pow, which is slow
    -2.0: lambda x: ops.square(1.0 / x),
    0.0: lambda x: 1.0 + 0.0 * (x > 0.0),  # a number of each sample, as x is, where back ends expect one
    0.5: _root,
    -0.5: lambda x: 1.0 / _root(x),
    1.5: lambda x: _root(x) * abs(x),
    -1.5: lambda x: 1.0 / (_root(x) * abs(x)),
    3.0: lambda x: x * x * x,
    4.0: lambda x: ops.square(ops.square(x)),
}


def lowered(computation: Computation) -> Computation:
    """The pass: the same numbers, only from primitives that have a template, `dot` and `take`.

    Any other primitive becomes what its forward function composes of primitives. If that function needs numbers
    (`math.exp`, an `if`), the primitive stays: a back end that runs Python can still call it.
    """
    new = Replacements(computation.graph)
    _lower(computation.graph, computation.roots, new)
    return computation.replaced(new)


def _lower(graph: Graph, roots: Sequence[Symbol], new: Replacements) -> None:
    """Add the replacements of all operations under `roots` that have none yet."""
    for symbol in operations(roots, new):
        primitive = symbol.primitive
        assert primitive is not None
        parts: Symbol | None = None
        if primitive is DETACH:
            new[symbol] = _first(symbol, new)
        elif primitive is ops.pow and symbol.operands[1].kind == "constant" and symbol.operands[1].value in _POWERS:
            parts = _POWERS[symbol.operands[1].value](_first(symbol, new))
        elif primitive.native is None and primitive not in (ops.dot, ops.take):
            parts = _composed(graph, primitive, [new.get(o, o) for o in symbol.operands])
            if parts is None:
                new[symbol] = new.rebuilt(symbol)
        elif callable(primitive.native):
            parts = graph.lift(primitive.native(*[new.get(o, o) for o in symbol.operands]))
        else:
            new[symbol] = new.rebuilt(symbol)
        if parts is not None:
            _lower(graph, [parts], new)
            new[symbol] = new.get(parts, parts)
        new.setdefault(new[symbol], new[symbol])  # it is lowered already, should something else read it


def _first(symbol: Symbol, new: dict[Symbol, Symbol]) -> Symbol:
    first: Symbol = symbol.operands[0]
    return new.get(first, first)


def _composed(graph: Graph, primitive: Primitive, operands: Sequence[Symbol]) -> Symbol | None:
    """What the forward function makes of symbols; None if it cannot, or makes something else the second time."""
    try:
        with always_recorded():
            first, second = (graph.lift(primitive.forward(*operands)) for _ in range(2))
    except Exception:  # it is the user's code, and may raise anything where it needs floats
        return None
    return first if first is second else None
