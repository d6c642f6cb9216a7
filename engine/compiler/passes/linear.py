"""A result as a linear form: sums, differences, means, dots and factors that read no input are expanded."""

from __future__ import annotations

from collections.abc import Iterator

from ... import ops
from ...ieee import divide
from ...primitive import Primitive
from ..frontend.graph import Graph, operations
from ..frontend.symbol import Symbol

Factor = tuple[Primitive, Symbol]
"""What a term is multiplied (mul) or divided (div) by besides its weight: it reads no input, and is not a constant."""

Factors = tuple[Factor, ...]

Form = dict[tuple[Symbol, Factors], float]
"""The weight of each term with its factors; all constants together are the term 1."""


def linear_form(graph: Graph, root: Symbol) -> Form:
    """The linear form of a symbol; no term is a sum itself, or occurs twice.

    Sums that read no input are kept whole, as terms.

    Args:
        graph: the graph of the symbol, opened: products under a dot become symbols of their own.
        root: the symbol.
    """
    form: Form = {}
    weights: dict[Symbol, dict[Factors, float]] = {root: {(): 1.0}}
    one = graph.constant(1.0)
    for symbol in reversed(operations([root])):
        found = weights.get(symbol)
        parts = None if found is None else [*_parts(graph, symbol)]
        if found is None or not parts:
            continue
        del weights[symbol]
        for part, factor, by in parts:
            mine = weights.setdefault(part, {})
            for factors, weight in found.items():
                key = tuple(sorted((*factors, by), key=lambda each: (each[0].name, each[1].number))) if by else factors
                mine[key] = mine.get(key, 0.0) + weight * factor
    for symbol, found in weights.items():
        for factors, weight in found.items():
            term, size = (one, symbol.value) if symbol.kind == "constant" else (symbol, 1.0)
            form[term, factors] = form.get((term, factors), 0.0) + weight * size
    return {key: weight for key, weight in form.items() if weight or key[0] is not one}


def _parts(graph: Graph, symbol: Symbol) -> Iterator[tuple[Symbol, float, Factor | None]]:
    """The parts of a sum, difference, mean, dot or multiple, each with its factor; nothing for other operations.

    In a dot, a product of two factors that both read inputs is a term of its own.
    """
    primitive, operands = symbol.primitive, symbol.operands
    if symbol.uniform and primitive not in (ops.neg, ops.mul, ops.div):
        return
    if primitive is ops.add or primitive is ops.sum:
        yield from ((x, 1.0, None) for x in operands)
    elif primitive is ops.sub:
        yield operands[0], 1.0, None
        yield operands[1], -1.0, None
    elif primitive is ops.neg:
        yield operands[0], -1.0, None
    elif primitive is ops.mean:
        yield from ((x, 1.0 / len(operands), None) for x in operands)
    elif primitive is ops.mul:
        yield from _multiple(*operands)
    elif primitive is ops.div and operands[1].uniform:
        by = operands[1]
        if by.kind == "constant":
            yield operands[0], divide(1.0, by.value), None
        else:
            yield operands[0], 1.0, (ops.div, by)
    elif primitive is ops.dot:
        for x, y in zip(operands.left, operands.right):
            multiple = [*_multiple(x, y)]
            yield from multiple or [(graph.make(ops.mul, (x, y)), 1.0, None)]
        yield from ((bias, 1.0, None) for bias in operands.bias)


def _multiple(x: Symbol, y: Symbol) -> Iterator[tuple[Symbol, float, Factor | None]]:
    """A product with a factor that reads no input, as a multiple of the other one; nothing if both read inputs."""
    for factor, part in ((x, y), (y, x)):
        if factor.kind == "constant":
            yield part, factor.value, None
            return
        if factor.uniform and not part.uniform:
            yield part, 1.0, (ops.mul, factor)
            return
