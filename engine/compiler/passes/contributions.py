"""Contributions to adjoints: products of a coefficient and an upstream adjoint, gathered into sums, dots and layers.

The contributions to a node's adjoint are gathered at the end into one n-ary dot of coefficients and upstream adjoints.
So the backward pass of a layer is a matrix product like its forward pass, without any rule for layers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from ... import ops
from ..frontend.conditions import EITHER
from ..frontend.graph import Graph
from ..frontend.operands import LeafRow, first_column
from ..frontend.symbol import Symbol
from .computation import GradientSum
from .coverage import covers


class Contribution(NamedTuple):
    """A term ``coefficient * upstream`` of an adjoint (None: 1), present only where `reached` holds (None: always)."""

    coefficient: Symbol | None
    upstream: Symbol
    reached: Symbol | None = None


class Layer:
    """The dots of a layer, each of its own row of leaves with the same inputs, and their adjoints.

    All of them have been added by the time that the adjoint of an input is gathered.
    """

    def __init__(self) -> None:
        self.rows: list[Sequence[int]] = []  # the numbers of the leaves
        self.adjoints: list[Symbol] = []
        self.conditions: list[Symbol | None] = []  # where they have a contribution

    def add(self, row: Sequence[int], adjoint: Symbol, reached: Symbol | None) -> None:
        """Add a dot: the numbers of its leaves, its adjoint, and where that has a contribution."""
        self.rows.append(row)
        self.adjoints.append(adjoint)
        self.conditions.append(reached)

    @cached_property
    def reached(self) -> Symbol | None:
        """Where any of the dots has a contribution; None if everywhere."""
        return anywhere(self.conditions)

    def sums(self, inputs: tuple[Symbol, ...]) -> Iterable[GradientSum]:
        """The gradient of the weights; samples without a contribution add nothing, whatever their inputs are."""
        if self.reached is not None:
            inputs = tuple([selected(x, self.reached) for x in inputs])
        return [GradientSum(row, inputs, adjoint) for row, adjoint in zip(self.rows, self.adjoints)]

    @cached_property
    def upstreams(self) -> tuple[Symbol, ...]:
        """The adjoints of the dots."""
        return tuple(self.adjoints)

    def column(self, k: int) -> Sequence[int]:
        """The k-th number of each row."""
        first = self._first
        if first is None:
            return [row[k] for row in self.rows]
        shift = self.rows[0][k] - first.start
        return range(first.start + shift, first.stop + shift, first.step)

    @cached_property
    def _first(self) -> range | None:
        return first_column(self.rows)


class Column(NamedTuple):
    """What a layer contributes to the adjoint of its k-th input."""

    layer: Layer
    k: int

    def factors(self, graph: Graph) -> tuple[LeafRow, tuple[Symbol, ...]]:
        """The coefficients, and the adjoints that they are multiplied by."""
        return LeafRow(graph, self.layer.column(self.k)), self.layer.upstreams


Contributions = dict[Symbol, list["Contribution | Column"]]


def gather(graph: Graph, contributions: Sequence[Contribution | Column]) -> tuple[Symbol, Symbol | None]:
    """The sum of the contributions as a symbol, and where there is any (None: everywhere)."""
    columns = [c for c in contributions if isinstance(c, Column)]
    single = [c for c in contributions if isinstance(c, Contribution)]
    reached = anywhere([*[c.reached for c in single], *[column.layer.reached for column in columns]])
    terms = [c.upstream for c in single if c.coefficient is None]
    for uniform in (True, False):  # apart, so that the matrix of uniform coefficients is a matrix product
        pairs = [(c.coefficient, c.upstream) for c in single if c.coefficient is not None]
        pairs = [(a, b) for a, b in pairs if (a.uniform or b.uniform) is uniform]
        left: LeafRow | tuple[Symbol, ...] = ()
        right: tuple[Symbol, ...] = ()
        if uniform and len(columns) == 1 and not pairs:
            left, right = columns[0].factors(graph)
        elif uniform:
            pairs += [pair for column in columns for pair in zip(*column.factors(graph))]
        if pairs:
            left, right = sides(pairs)
        if len(right) == 1:
            terms.append(graph.make(ops.mul, (left[0], right[0])))
        elif right:
            terms = [graph.dot(left, right, (add_up(graph, terms),) if terms else ())]
    return add_up(graph, terms), reached


def selected(term: Symbol, reached: Symbol) -> Symbol:
    """A term where it is a contribution, and 0 elsewhere."""
    return term.graph.make(ops.where, (reached, term, term.graph.constant(0.0)))


def anywhere(conditions: Sequence[Symbol | None]) -> Symbol | None:
    """The disjunction of the conditions; None if it is known to hold everywhere, as it does if one of them is None."""
    found = [condition for condition in dict.fromkeys(conditions) if condition is not None]
    if not found or any(condition is None for condition in conditions) or covers(found[0].graph, found):
        return None
    return functools.reduce(lambda a, b: a.graph.make(EITHER, (a, b)), found)


def sides(products: Sequence[tuple[Symbol, Symbol]]) -> tuple[tuple[Symbol, ...], tuple[Symbol, ...]]:
    """The left and right factors of a dot: a factor that is uniform goes to the left."""
    left, right = zip(*[(b, a) if b.uniform and not a.uniform else (a, b) for a, b in products])
    return left, right


def add_up(graph: Graph, terms: Sequence[Symbol]) -> Symbol:
    """The sum of at least one symbol."""
    if len(terms) == 1:
        return terms[0]
    return graph.make(ops.add if len(terms) == 2 else ops.sum, tuple(terms))
