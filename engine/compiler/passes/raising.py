"""Raising: chains of additions that nothing else reads become n-ary sums, and sums of products become dots.

So ``sum(w * x for ...) + b`` written out by hand is the node that ``dot(ws, xs, b)`` gives, and runs as fast.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import is_

from ... import ops
from ..frontend.graph import Graph, operations
from ..frontend.operands import replaced
from ..frontend.symbol import Symbol
from .computation import Computation
from .differentiate import add_up


def raised(computation: Computation) -> Computation:
    """The pass: the same numbers, up to rounding, with sums of many terms and dots in place of chains of two."""
    return computation.replaced(_replacements(computation.graph, computation.roots))


def _replacements(graph: Graph, roots: Sequence[Symbol]) -> dict[Symbol, Symbol]:
    """Each operation under `roots` with its replacement."""
    results = set(roots)
    uses: Counter[Symbol] = Counter(roots)
    parents: dict[Symbol, Symbol] = {}  # of terms: the addition
    symbols = operations(roots)
    for symbol in symbols:
        uses.update(symbol.below)
        if symbol.primitive in _ADDITIONS:
            parents.update(dict.fromkeys(symbol.below, symbol))

    def is_inner(symbol: Symbol) -> bool:
        """Whether it is read only by the addition that it is a term of."""
        once = symbol.primitive in _ADDITIONS and uses[symbol] == 1 and symbol not in results
        return once and symbol in parents

    def terms_of(root: Symbol) -> list[Symbol]:
        terms, stack = [], list(root.operands[::-1])
        while stack:
            term = stack.pop()
            if is_inner(term):
                stack += term.operands[::-1]
            else:
                terms.append(term)
        return terms

    new: dict[Symbol, Symbol] = {}
    for symbol in symbols:
        if symbol.primitive not in _ADDITIONS:
            new[symbol] = rebuilt(graph, symbol, new)
        elif not is_inner(symbol):
            terms = terms_of(symbol)
            is_product = [t.primitive is ops.mul and uses[t] == 1 for t in terms]
            products = [t for t, yes in zip(terms, is_product) if yes]
            if len(products) < 2 and len(terms) == len(symbol.operands):
                new[symbol] = rebuilt(graph, symbol, new)
            else:
                new[symbol] = _sum(graph, [t for t, yes in zip(terms, is_product) if not yes], products, new)
    return new


_ADDITIONS = frozenset({ops.add, ops.sum})


def rebuilt(graph: Graph, symbol: Symbol, new: dict[Symbol, Symbol]) -> Symbol:
    """The same operation on the replacements of its operands."""
    if all(map(is_, map(new.get, symbol.below, symbol.below), symbol.below)):
        return symbol
    assert symbol.primitive is not None
    return graph.make(symbol.primitive, replaced(symbol.operands, new))


def _sum(graph: Graph, terms: Sequence[Symbol], products: Sequence[Symbol], new: dict[Symbol, Symbol]) -> Symbol:
    """Terms plus products; what is uniform is summed apart, once for all samples."""
    plain = [new.get(term, term) for term in terms]
    sums = [
        add_up(graph, part) for part in ([t for t in plain if t.uniform], [t for t in plain if not t.uniform]) if part
    ]
    if len(products) < 2:
        return add_up(graph, sums + [new[p] for p in products])
    pairs = [tuple(new.get(o, o) for o in product.operands) for product in products]
    left, right = zip(*[(y, x) if y.uniform and not x.uniform else (x, y) for x, y in pairs])
    return graph.make(ops.dot, (*left, *right, *([add_up(graph, sums)] if sums else [])))
