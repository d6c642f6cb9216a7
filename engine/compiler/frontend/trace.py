"""Tracing: run the user's function on symbols, twice, and make sure that it is a function of its inputs.

Every operation on Values gives a symbol, and reading the number of a Value from outside is refused. Both runs share one
graph, in which equal expressions are one symbol: so if the second run computes something else, because of a counter or
a changing global, its results are other symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from ...modes import always_recorded, called_for, observed_by
from ...numbers import Requirement
from ..samples.batch import Shape
from ..values.showing import ALONE
from .conditions import DETACH
from .declared import Meaning, written
from .graph import Graph, operations
from .operands import DotOperands, LeafRow, Operands, parts
from .reads.surroundings import Surroundings
from .runs import run
from .symbol import Symbol


@dataclass(frozen=True)
class Trace:
    """A traced function.

    Attributes:
        graph: all symbols; its leaves are the bound Values.
        inputs: the symbols of the numbers of one sample, argument after argument.
        outputs: the results, flattened.
        requirements: each requirement on samples, and the symbols that must meet it.
        shape: the shape of what the function returned: () for one result, (n,) for a list of n, ...
        surroundings: what the function reads from outside besides Values.
        meaning: what the user's primitives in it are composed of.
        asked: the positions of the inputs whose types the function asks for.
        computes: whether it applies operators of plain numbers, whose results depend on their bits, to its inputs.
    """

    graph: Graph
    inputs: list[Symbol]
    outputs: list[Symbol]
    requirements: list[tuple[Requirement, tuple[Symbol, ...]]]
    shape: Shape
    surroundings: Surroundings
    meaning: Meaning
    asked: frozenset[int] = frozenset()
    computes: bool = False

    @property
    def learns(self) -> bool:
        """Whether derivatives of the results reach a bound Value."""
        waiting, seen = list(self.outputs), set[Symbol]()
        while waiting:
            symbol = waiting.pop()
            if symbol.kind == "leaf":
                return True
            if symbol not in seen and symbol.primitive not in (None, DETACH):
                seen.add(symbol)
                for part in parts(symbol.operands):
                    if type(part) is LeafRow:
                        return True
                    waiting += part
        return False


def trace(
    function: Callable[..., Any],
    shapes: Sequence[Shape],
    new_graph: Callable[[], Graph],
    surroundings: Surroundings | None = None,
    trusted: bool = False,
    types: Sequence[Any] = (),
) -> Trace:
    """Trace a function of one sample.

    Args:
        function: a function with one argument per shape.
        shapes: the shape of each argument for one sample: () for a single number, (n,) for a list of n, ...
        new_graph: makes an empty graph.
        surroundings: what the function reads from outside, if that is known already.
        trusted: whether it is known to do the same at every call, and to ask the world outside for nothing: then it
            runs only once, unless it makes Values itself.
        types: the types of a sample's numbers, in case the function asks; empty if there is no sample yet, or the
            function is known not to ask.

    Raises:
        TraceError: it does something that cannot be compiled; the message names the line and the remedy.
    """
    with ALONE, called_for("trace"), always_recorded(), observed_by(None):
        surroundings = surroundings or Surroundings(function)
        around = surroundings.found

        def graph_of_runs() -> Graph:
            graph = new_graph()
            graph.given.types, graph.given.minds_arrays = types, around.minds_arrays
            return graph

        try:
            runs = run(function, shapes, graph_of_runs, surroundings, trusted)
            meaning = Meaning(runs.outputs, new_graph)
        except BaseException:
            around.give_back()
            raise
    surroundings.settle()
    graph, inputs, outputs = runs.graph, runs.inputs, runs.outputs
    computes = graph.given.computes
    requirements, asked = [*graph.requirements], frozenset(graph.given.asked)
    graph.given.types, graph.given.computed = (), set()  # the rules of the table may do anything
    if runs.created or graph.is_leaf_among(runs.made):
        graph, outputs = _without(runs.created, new_graph(), outputs)
        inputs = [graph.source("input", symbol.value) for symbol in inputs]
    graph.settle()
    return Trace(graph, inputs, outputs, requirements, runs.shape, surroundings, meaning, asked, computes)


def _without(created: dict[Symbol, float], graph: Graph, outputs: list[Symbol]) -> tuple[Graph, list[Symbol]]:
    """The same graph with constants in place of the leaves that the function makes anew in every call."""
    new: dict[Symbol, Symbol] = {}
    numbers = {leaf.number for leaf in created}

    def source(symbol: Symbol) -> Symbol:
        if symbol in new:
            return new[symbol]
        if symbol in created:
            return graph.constant(created[symbol])
        if symbol.kind == "leaf":
            return graph.lift(symbol.value)
        return graph.constant(symbol.value) if symbol.kind == "constant" else graph.source(symbol.kind, symbol.value)

    def sources(operands: Operands) -> Operands:
        if type(operands) is DotOperands and type(operands.left) is LeafRow:
            row = graph.row(operands.left.values) if numbers.isdisjoint(operands.left.numbers) else None
            if row is not None:
                return DotOperands(row, tuple(map(source, operands.right)), tuple(map(source, operands.bias)))
        return tuple(map(source, operands))

    for symbol in operations(outputs):
        assert symbol.primitive is not None
        new[symbol] = graph.make(symbol.primitive, sources(symbol.operands))
    return graph, [source(output) for output in outputs]


def is_same(first: Trace, second: Trace) -> bool:
    """Whether two traces are the same operations on the same Values and numbers."""
    both = zip_longest(written(first.outputs), written(second.outputs))
    return first.shape == second.shape and first.meaning == second.meaning and all(a == b for a, b in both)
