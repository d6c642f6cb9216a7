"""Tracing: run the user's function on symbols, twice, and make sure that it is a function of its inputs.

Every operation on Values gives a symbol, and reading the number of a Value from outside is refused. Both runs share one
graph, in which equal expressions are one symbol: so if the second run is not the same computation, because of a counter
or a changing global, it shows as a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from types import CodeType
from typing import Any

from ...modes import always_recorded, called_for, observed_by
from ...numbers import Requirement, is_number
from ...text.callers import Source, raised_at
from ...value import Value
from ..errors import FIX_KEY, TraceError, refusal
from ..samples.batch import Shape
from ..values.showing import ALONE
from .conditions import DETACH
from .declared import Meaning, written
from .given.numbers import may_be_asked
from .given.rows import Row, as_rows, refuse_changes
from .graph import Graph, operations
from .operands import DotOperands, LeafRow, Operands, parts
from .randomness import Generators
from .reads import outside
from .reads.found import Found
from .reads.lengths import prolonged
from .reads.objects import attribute_of
from .reads.surroundings import Surroundings
from .symbol import Symbol
from .watching import Watch, watched

_FIX_DIFFERENCE = (
    "A compiled function must depend on its arguments and on Values only: no random numbers, counters or changing "
    "globals, and no number that it gets from a Value in a roundabout way. Pass what changes as an argument."
)
_FIX_WRITTEN = (
    "A compiled function runs while it is traced and not at each call, and so reads one number for all of them. Change "
    "that outside of the function, between the calls, or pass it as an argument."
)
_FIX_ITERATOR = (
    "A compiled function would keep the entries that it got while it was traced: take them outside, and pass them as "
    "arguments."
)


@dataclass(frozen=True)
class Trace:
    """A traced function.

    Attributes:
        graph: all symbols; its leaves are the bound Values.
        inputs: the symbols of the numbers of one sample, argument after argument.
        outputs: the results, those of nested lists in one row.
        requirements: each requirement on samples, and the symbols that must meet it.
        shape: the shape of what the function returned: () for one result, (n,) for a list of n, ...
        surroundings: what the function reads from outside besides Values.
        meaning: what the user's own primitives in it are composed of.
        asked: the positions of the inputs whose types the function asks for.
        computes: whether it applies operators of plain numbers, which depend on their bits, to its inputs.
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
    def single(self) -> bool:
        """Whether the function returned a single result, not a list."""
        return not self.shape

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
        surroundings: what the function reads from outside, if that has been found already.
        trusted: whether it is known to do the same at every call, and to ask nothing of the world outside: then it runs
            once, unless it makes Values of its own.
        types: the types of a sample's numbers, in case the function asks; empty if nothing is given yet, or nobody
            asks.

    Raises:
        TraceError: it does something that cannot be compiled; the message names the line and the remedy.
    """
    with ALONE, called_for("trace"), always_recorded(), observed_by(None):
        surroundings = surroundings or Surroundings(function)

        def new_runs() -> _Runs:
            graph = new_graph()
            graph.given.types, graph.given.minds_arrays = types, surroundings.found.minds_arrays
            return _Runs(function, shapes, graph, surroundings.found)

        runs = new_runs()
        try:
            _make(runs, new_runs, trusted)
            meaning = Meaning(runs.outputs, new_graph)
        except BaseException:
            surroundings.found.give_back()
            raise
    surroundings.settle()
    graph, inputs, outputs = runs.graph, runs.inputs, runs.outputs
    computes = graph.given.computes
    requirements, asked = [*graph.requirements], frozenset(graph.given.asked)
    graph.given.types, graph.given.computed = (), set()  # the rules of the table may do what they like
    if runs.created or graph.is_leaf_among(runs.made):
        graph, outputs = _without(runs.created, new_graph(), outputs)
        inputs = [graph.source("input", symbol.value) for symbol in inputs]
    graph.settle()
    return Trace(graph, inputs, outputs, requirements, runs.shape, surroundings, meaning, asked, computes)


def _make(runs: _Runs, again: Callable[[], _Runs], trusted: bool) -> None:
    """Run a function twice, or once.

    Args:
        runs: the runs of the function.
        again: makes further runs, to find the line where it has computed something else.
        trusted: see `trace`.

    Raises:
        TraceError: it does something that cannot be compiled.
    """
    try:
        runs.make(trusted)
    except _Difference as difference:
        raise refusal(
            f"{described(runs.function)} computes something else when it is called again: {difference}",
            _FIX_DIFFERENCE,
            source=_line_of_difference(again()),
        ) from None


class _Runs:
    """Runs of a function on the symbols of one graph.

    Attributes:
        graph, inputs, outputs, shape: as in Trace.
        made: the Values that the function made in the first run.
        created: the leaves that it makes anew in every run, with their numbers.
    """

    def __init__(self, function: Callable[..., Any], shapes: Sequence[Shape], graph: Graph, around: Found) -> None:
        self.function, self.graph, self._around = function, graph, around
        self.inputs: list[Symbol] = []
        self.created: dict[Symbol, float] = {}
        self._arguments = [_argument(graph, shape, self.inputs) for shape in shapes]
        self._forms = graph.given.types[len(self.inputs) :] or [()] * len(shapes)

    def make(self, trusted: bool = False) -> None:
        """Run it twice, and once more if lists grow with every run; only once if it is trusted to do the same.

        Raises:
            TraceError: it does something that cannot be traced, or draws random numbers.
            _Difference: it computes something else in another run.
        """
        around = self._around
        for name, code in around.iterators:
            raise refusal(
                f"{described(self.function)} reads from {name}, which goes on", _FIX_ITERATOR, source=_of(code)
            )
        for name, code in around.aliases:
            raise refusal(f"{described(self.function)} reads type as {name}", outside.FIX_TYPE, source=_of(code))
        generators = Generators(around.generators)
        with generators.untouched(self._run):
            self.made, self.outputs, self.shape = self._run()
            if trusted and self.made.isdisjoint(self.graph.leaves):
                return
            leaves, numbers, sizes = len(self.graph.leaves), around.numbers(), around.sizes()
            with generators.advanced():
                again = [self._run(disturbed=True)]
            written, growing = around.written(numbers), around.growing(sizes)
            if growing:  # their length may decide once they are longer
                with prolonged(growing):
                    again.append(self._run())
        for made, outputs, shape in again:
            if shape != self.shape:
                raise _Difference(f"results of shape {self.shape}, then {shape}")
            self.created = _compare(self.outputs, outputs, self.made, made)
        if written:
            raise refusal(f"{described(self.function)} changes {written} whenever it runs", _FIX_WRITTEN)
        del self.graph.leaves[leaves:]

    def _run(self, disturbed: bool = False) -> tuple[set[Value], list[Symbol], Shape]:
        around = self._around
        asking = outside.refused(around.tests_truth, around.tests_identity) if disturbed else nullcontext()
        asked = may_be_asked(self.graph.given.symbols, disturbed)
        with self.graph.opened(), asked, watched(self.graph, disturbed) as watch, asking:
            arguments = self._copied_arguments()
            outputs, shape = _run(self.function, arguments, watch)
            refuse_changes(arguments, self._arguments, described(self.function))
        return watch.made, outputs, shape

    def _copied_arguments(self) -> list[Any]:
        """The arguments, in lists of their own."""
        first, asked = len(self.inputs), self.graph.given.asked
        if self._around.matches:
            asked.update(first + k for k, form in enumerate(self._forms) if form)
        return [
            as_rows(argument, form, partial(asked.add, first + k))
            for k, (argument, form) in enumerate(zip(self._arguments, self._forms))
        ]


def _of(code: CodeType | None) -> Source | None:
    return (code.co_filename, code.co_firstlineno) if code else None


def _line_of_difference(runs: _Runs) -> Source | None:
    """The line of the first operation that differs in the second run; found by running it twice more."""
    runs.graph.lines = {}
    try:
        runs.make()
    except _Difference as difference:
        return next((runs.graph.lines[symbol] for symbol in difference.symbols if symbol in runs.graph.lines), None)
    except Exception:  # it has been refused already
        pass
    return None


def _argument(graph: Graph, shape: Shape, inputs: list[Symbol]) -> Any:
    if not shape:
        inputs.append(graph.source("input", len(inputs)))
        return inputs[-1]
    return [_argument(graph, shape[1:], inputs) for _ in range(shape[0])]


def _run(function: Callable[..., Any], arguments: Sequence[Any], watch: Watch) -> tuple[list[Symbol], Shape]:
    results: list[Symbol] = []
    try:
        shape = _collect(function(*arguments), results, watch.graph, function)
    except Exception as error:
        if isinstance(error, KeyError) and error.args and isinstance(error.args[0], Symbol):
            raise refusal(f"{error.args[0]} was looked up as a key", FIX_KEY, source=raised_at(error)) from None
        if watch.refusals and error is not watch.refusals[0]:
            raise watch.refusals[0] from error
        raise
    if watch.refusals:
        raise watch.refusals[0]
    return results, shape


def _collect(found: Any, results: list[Symbol], graph: Graph, function: Callable[..., Any]) -> Shape:
    """Append to the results all of a function in nested lists; return their shape."""
    if isinstance(found, (list, tuple, Row)):
        shapes = [_collect(part, results, graph, function) for part in found]
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
    results.append(graph.lift(found))
    return ()


def described(function: Callable[..., Any]) -> str:
    """A function in a message: its name, and where it is defined."""
    code, name = attribute_of(function, "__code__"), name_of(function)
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if isinstance(code, CodeType) else name


def name_of(function: Callable[..., Any]) -> str:
    """The name of a function, or of the class of an object with a `__call__`."""
    name = attribute_of(function, "__qualname__")
    return name if isinstance(name, str) else type(function).__qualname__


class _Difference(Exception):  # what differs, for an error message
    symbols: Sequence[Symbol] = ()  # those that differ, and what is computed from them


def _compare(first: list[Symbol], second: list[Symbol], made: set[Value], again: set[Value]) -> dict[Symbol, float]:
    """Compare two traces; return the leaves that the function itself makes in every run, with their numbers.

    Raises:
        _Difference: the traces differ in anything else.
    """
    created: dict[Symbol, float] = {}
    stack = [(a, b, b) for a, b in zip(first, second)]
    seen: set[tuple[Symbol, Symbol]] = set()

    def difference(text: str) -> _Difference:
        found = _Difference(text)
        found.symbols = b, user, a
        return found

    while stack:
        a, b, user = stack.pop()
        if a is b or (a, b) in seen:
            continue
        seen.add((a, b))
        if a.kind == b.kind == "leaf" and a.value is not b.value:
            number, other = a.value._data, b.value._data
            if (number != other and number == number) or a.value not in made or b.value not in again:
                raise difference(f"a Value that holds {number!r}, then one that holds {other!r}")
            created[a] = number
        elif a.primitive is not b.primitive or len(a.operands) != len(b.operands) or a.kind:
            raise difference(f"{a!r}, then {b!r}")
        for mine, other in zip(parts(a.operands), parts(b.operands)):
            if not (type(mine) is LeafRow and mine == other):
                stack += [(x, y, b) for x, y in zip(mine, other)]
    return created


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
    ends = object()
    both = zip_longest(written(first.outputs), written(second.outputs), fillvalue=ends)
    return first.shape == second.shape and first.meaning == second.meaning and all(a == b for a, b in both)
