"""Raising: chains of additions that nothing else reads become n-ary sums, and sums of products become dots.

So ``sum(w * x for ...) + b`` written out by hand is the node that ``dot(ws, xs, b)`` gives, and runs as fast.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter, is_

from ... import ops
from ..frontend.graph import Graph, operations
from ..frontend.operands import replaced
from ..frontend.symbol import Symbol
from .computation import Computation
from .contributions import add_up, sides


def raised(computation: Computation) -> Computation:
    """The pass: the same numbers, up to rounding, with sums of many terms and dots in place of chains of two."""
    return computation.replaced(_replacements(computation.graph, computation.roots))


def _replacements(graph: Graph, roots: Sequence[Symbol]) -> dict[Symbol, Symbol]:
    """Each operation under `roots` with its replacement."""
    summed: set[Symbol] = set()  # the terms of additions
    symbols = operations(roots)
    uses = _uses(roots, symbols)
    for symbol in symbols:
        if symbol.primitive in _ADDITIONS:
            summed.update(symbol.below)

    def is_inner(symbol: Symbol) -> bool:
        """Whether it is an addition that is read just once, as a term of another one."""
        return symbol.primitive in _ADDITIONS and uses[symbol] == 1 and symbol in summed

    def terms_of(root: Symbol) -> list[Symbol]:
        terms, stack = [], list(root.operands[::-1])
        while stack:
            term = stack.pop()
            if is_inner(term):
                stack += term.operands[::-1]
            else:
                terms.append(term)
        return terms

    new = Replacements(graph)
    for symbol in symbols:
        if symbol.primitive not in _ADDITIONS:
            new[symbol] = new.rebuilt(symbol)
        elif not is_inner(symbol):
            terms = terms_of(symbol)
            is_product = [t.primitive is ops.mul and uses[t] == 1 for t in terms]
            products = [t for t, yes in zip(terms, is_product) if yes]
            if len(products) < 2 and len(terms) == len(symbol.operands):
                new[symbol] = new.rebuilt(symbol)
            else:
                new[symbol] = _sum(graph, [t for t, yes in zip(terms, is_product) if not yes], products, new)
    return new


_ADDITIONS = frozenset({ops.add, ops.sum})
_below = attrgetter("below")


def _uses(roots: Sequence[Symbol], symbols: Sequence[Symbol]) -> Counter[Symbol]:
    """How often each operation is read, or is a root; neurons of a layer, which share a tuple, are counted together."""
    uses: Counter[Symbol] = Counter(roots)
    sharing = Counter(map(id, map(_below, symbols)))
    for below in {id(symbol.below): symbol.below for symbol in symbols}.values():
        times = sharing[id(below)]
        for symbol in below:
            uses[symbol] += times
    return uses


class Replacements(dict[Symbol, Symbol]):
    """By each operation of a graph what takes its place, operands first."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._stay: dict[int, tuple[tuple[Symbol, ...], bool]] = {}  # by id some operations, and whether all stay

    def rebuilt(self, symbol: Symbol) -> Symbol:
        """The same operation on the replacements of its operands."""
        if self._all_stay(symbol.below):
            return symbol
        assert symbol.primitive is not None
        return self._graph.make(symbol.primitive, replaced(symbol.operands, self))

    def _all_stay(self, below: tuple[Symbol, ...]) -> bool:
        """Whether none of these operations is replaced; all neurons of a layer ask for the same tuple."""
        known = self._stay.get(id(below))
        if known is None:
            known = self._stay[id(below)] = below, all(map(is_, map(self.get, below, below), below))
        return known[1]


def _sum(graph: Graph, terms: Sequence[Symbol], products: Sequence[Symbol], new: dict[Symbol, Symbol]) -> Symbol:
    """Terms plus products; uniform terms are summed separately, once for all samples."""
    plain = [new.get(term, term) for term in terms]
    parts = [t for t in plain if t.uniform], [t for t in plain if not t.uniform]
    sums = [add_up(graph, part) for part in parts if part]
    if len(products) < 2:
        return add_up(graph, sums + [new[p] for p in products])
    left, right = sides([(new.get(x, x), new.get(y, y)) for x, y in (product.operands for product in products)])
    return graph.dot(left, right, (add_up(graph, sums),) if sums else ())
