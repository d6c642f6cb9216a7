"""Tracing: run the user's function on symbols, twice, and make sure that it is a function of its inputs.

Every operation on Values gives a symbol, and numbers of Values from outside are refused where they are read. Both runs
share one graph, in which equal expressions are one symbol: whatever is not the same computation in the second one,
because of a counter or a changing global, shows as a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from ...modes import always_recorded, called_for, observed_by
from ...numbers import Requirement, is_number
from ...text.callers import raised_at
from ...value import Value
from ..batch import Shape
from ..errors import TraceError, refusal
from ..showing import ALONE
from .graph import Graph, operations
from .symbol import Symbol
from .watching import Watch, watched

_FIX_KEY = (
    "While a function is compiled its inputs have no numbers yet, and Values are keys by identity. "
    "Use take(index, values), with the values in a list, or where(x == a, ..., ...)."
)


@dataclass(frozen=True)
class Trace:
    """A traced function.

    Attributes:
        graph: all symbols; its leaves are the bound Values.
        inputs: the symbols of the numbers of one sample, argument after argument.
        outputs: the results, those of nested lists in one row.
        requirements: what samples have to be, and the symbols that have to be it.
        shape: of what the function returned: () for one result, (n,) for a list of n, ...
    """

    graph: Graph
    inputs: list[Symbol]
    outputs: list[Symbol]
    requirements: list[tuple[Requirement, tuple[Symbol, ...]]]
    shape: Shape

    @property
    def single(self) -> bool:
        """Whether the function returned one result and no list."""
        return not self.shape


def trace(function: Callable[..., Any], shapes: Sequence[Shape], new_graph: Callable[[], Graph]) -> Trace:
    """Trace a function of one sample.

    Args:
        function: takes one argument per shape.
        shapes: of each argument for one sample: () for a single number, (n,) for a list of n, ...
        new_graph: gives an empty graph.

    Raises:
        TraceError: it does what cannot be compiled; the message names the line and the remedy.
    """
    graph = new_graph()
    inputs: list[Symbol] = []
    arguments = [_argument(graph, shape, inputs) for shape in shapes]
    with ALONE, graph.opened(), called_for("trace"), always_recorded(), observed_by(None):
        with watched(graph) as first:
            outputs, shape = _run(function, arguments, first)
        leaves = len(graph.leaves)
        with watched(graph, disturbed=True) as second:
            again, shape_again = _run(function, arguments, second)
    try:
        if shape != shape_again:
            raise _Difference(f"results of shape {shape}, then {shape_again}")
        created = _compare(outputs, again, first.made, second.made)
    except _Difference as difference:
        raise TraceError(
            f"{described(function)} computes something else when it is called again: {difference}. A compiled function "
            "must depend on its arguments and on Values only: no random numbers, counters or changing globals, and no "
            "number that it gets from a Value in a roundabout way; pass what changes as an argument"
        ) from None
    requirements = [*graph.requirements]
    if created or any(leaf.value in first.made for leaf in graph.leaves):
        graph, outputs = _without(created, new_graph(), outputs)
        inputs = [graph.source("input", symbol.value) for symbol in inputs]
    else:
        del graph.leaves[leaves:]
    return Trace(graph, inputs, outputs, requirements, shape)


def _argument(graph: Graph, shape: Shape, inputs: list[Symbol]) -> Any:
    if not shape:
        inputs.append(graph.source("input", len(inputs)))
        return inputs[-1]
    return [_argument(graph, shape[1:], inputs) for _ in range(shape[0])]


def _run(function: Callable[..., Any], arguments: Sequence[Any], watch: Watch) -> tuple[list[Symbol], Shape]:
    copies = [_copied(argument) for argument in arguments]  # the function may change its lists
    results: list[Symbol] = []

    def collect(found: Any) -> Shape:
        """Append all results in nested lists; give their shape."""
        if isinstance(found, (list, tuple)):
            shapes = [collect(part) for part in found]
            if not shapes:
                raise TraceError(f"{described(function)} returned an empty list: return a Value or a list of Values")
            if shapes.count(shapes[0]) != len(shapes):
                raise TraceError(
                    f"{described(function)} returned a ragged list, its parts have the shapes {sorted(set(shapes))}: a "
                    "compiled function returns rows of one length"
                )
            return (len(shapes), *shapes[0])
        if not isinstance(found, (Symbol, Value)) and not is_number(found):
            raise TraceError(
                f"{described(function)} returned {found!r} of type {type(found).__name__}: "
                "a compiled function returns a Value or a list of Values, nested or not"
            )
        results.append(watch.graph.lift(found))
        return ()

    try:
        shape = collect(function(*copies))
    except Exception as error:
        if isinstance(error, KeyError) and error.args and isinstance(error.args[0], Symbol):
            raise refusal(f"{error.args[0]} was looked up as a key", _FIX_KEY, source=raised_at(error)) from None
        if watch.refusals and error is not watch.refusals[0]:
            raise watch.refusals[0] from error
        raise
    if watch.refusals:
        raise watch.refusals[0]
    return results, shape


def _copied(argument: Any) -> Any:
    return [_copied(part) for part in argument] if isinstance(argument, list) else argument


def described(function: Callable[..., Any]) -> str:
    """A function for a message: its name, and where it stands."""
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", repr(function))
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code else name


class _Difference(Exception):  # noqa: N818  # what differs, for the message of an error
    pass


def _compare(first: list[Symbol], second: list[Symbol], made: set[Value], again: set[Value]) -> dict[Symbol, float]:
    """Walk both traces; give the leaves that the function itself makes in every run, with their numbers.

    Raises:
        _Difference: the traces differ in anything else.
    """
    created: dict[Symbol, float] = {}
    stack = list(zip(first, second))
    seen: set[tuple[Symbol, Symbol]] = set()
    if len(first) != len(second):
        raise _Difference(f"{len(first)} results, then {len(second)}")
    while stack:
        pair = a, b = stack.pop()
        if a is b or pair in seen:
            continue
        seen.add(pair)
        if a.kind == b.kind == "leaf" and a.value is not b.value:
            number, other = a.value._data, b.value._data
            if (number != other and number == number) or a.value not in made or b.value not in again:
                raise _Difference(f"a Value that holds {number!r}, then one that holds {other!r}")
            created[a] = number
        elif a.primitive is not b.primitive or len(a.operands) != len(b.operands) or a.kind:
            raise _Difference(f"{a!r}, then {b!r}")
        stack += zip(a.operands, b.operands)
    return created


def _without(created: dict[Symbol, float], graph: Graph, outputs: list[Symbol]) -> tuple[Graph, list[Symbol]]:
    """The same graph with constants in place of the leaves that are made anew in every call."""
    new: dict[Symbol, Symbol] = {}

    def source(symbol: Symbol) -> Symbol:
        if symbol in new:
            return new[symbol]
        if symbol in created:
            return graph.constant(created[symbol])
        if symbol.kind == "leaf":
            return graph.lift(symbol.value)
        return graph.constant(symbol.value) if symbol.kind == "constant" else graph.source(symbol.kind, symbol.value)

    for symbol in operations(outputs):
        assert symbol.primitive is not None
        new[symbol] = graph.make(symbol.primitive, tuple([source(o) for o in symbol.operands]))
    return graph, [source(output) for output in outputs]


def is_same(first: Trace, second: Trace) -> bool:
    """Whether two traces are the same operations on the same Values and numbers."""
    place: dict[Symbol, int] = {}  # of the operations of both, in an order that depends on the graph alone

    def name(symbol: Symbol) -> Any:
        if symbol.operands:
            return place[symbol]
        if symbol.kind == "leaf":
            return symbol.kind, id(symbol.value)
        return symbol.kind, symbol.value.hex() if isinstance(symbol.value, float) else symbol.value

    def written(trace: Trace) -> Iterator[Any]:
        for k, symbol in enumerate(operations(trace.outputs)):
            place[symbol] = k
            yield symbol.primitive, *map(name, symbol.operands)
        yield (trace.shape, *map(name, trace.outputs))

    ends = object()
    return all(a == b for a, b in zip_longest(written(first), written(second), fillvalue=ends))
