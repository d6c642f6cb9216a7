"""Runs the user's function on symbols, twice: a function of its inputs computes the same again."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from types import CodeType
from typing import Any

from ...numbers import is_number
from ...process.threads import others_run
from ...text.callers import Source, raised_at
from ...value import Value
from ..errors import FIX_KEY, TraceError, refusal
from ..samples.batch import Shape
from .differences import Difference, compared
from .given.numbers import Given, may_be_asked
from .given.rows import FIX_CHANGED, Row, as_rows, refuse_changes
from .graph import Graph
from .naming import described
from .randomness import Drawn, Generators
from .reads.moved import collecting, moved
from .reads.surroundings import Surroundings
from .symbol import Symbol
from .watching import Watch, watched
from .world.hook import FIX_TYPE, refused

_ATTEMPTS = 4  # while other threads run; a function that draws does so in each attempt

_FIX_DIFFERENCE = (
    "A compiled function must depend only on its arguments and on Values: not on random numbers, counters or changing "
    "globals, nor on a number that it gets from a Value in a roundabout way. Pass what changes as an argument."
)
_FIX_WRITTEN = (
    "A compiled function runs only while it is traced, not at each call, so all calls would read the same. Change it "
    "outside of the function, between calls, or pass it as an argument."
)
_FIX_ITERATOR = (
    "A compiled function would keep the entries that it got while it was traced: take them outside, and pass them as "
    "arguments."
)

_OF_A_NUMBER = re.compile(rf"(?=.*\b{Given.__name__}\b).*\b(subscriptable|iterable|len)\b")  # in Python's own errors
_EACH_ENTRY = (
    "each entry of an argument is a sample, here a single number. For samples that are rows give a list of rows, [x] "
    "for one row x, and for none an array of shape (0, width)"
)


def run(
    function: Callable[..., Any],
    shapes: Sequence[Shape],
    new_graph: Callable[[], Graph],
    surroundings: Surroundings,
    trusted: bool,
) -> Runs:
    """Run a function, for arguments as `Runs` and `Runs.make` take them.

    If random numbers were drawn while other threads run, it is run again, since one of these may have drawn them.

    Raises:
        TraceError: as by `Runs.make`, or it draws random numbers.
    """
    attempts = 0
    while True:
        attempts += 1
        runs = Runs(function, shapes, new_graph, surroundings)
        try:
            runs.make(trusted)
            return runs
        except Drawn as drawn:
            surroundings.found.give_back()
            if attempts == _ATTEMPTS or not others_run():
                raise drawn.generators.refusal(drawn.names, runs._run) from None


class Runs:
    """Runs of a function on the symbols of one graph.

    Args:
        function: a function with one argument per shape.
        shapes: the shape of each argument.
        new_graph: makes an empty graph.
        surroundings: what the function reads.

    Attributes:
        graph, inputs, outputs, shape: as in `Trace`.
        made: the Values that the function made in the first run.
        created: the leaves that the function makes anew in every run, with their numbers.
    """

    made: set[Value]
    outputs: list[Symbol]
    shape: Shape

    def __init__(
        self,
        function: Callable[..., Any],
        shapes: Sequence[Shape],
        new_graph: Callable[[], Graph],
        surroundings: Surroundings,
    ) -> None:
        self._function, self._shapes, self._new_graph = function, shapes, new_graph
        self._surroundings, self._around = surroundings, surroundings.found
        self.graph = graph = new_graph()
        self.inputs: list[Symbol] = []
        self.created: dict[Symbol, float] = {}
        self._arguments = [_argument(graph, shape, self.inputs) for shape in shapes]
        self._forms = graph.given.types[len(self.inputs) :] or [()] * len(shapes)

    def make(self, trusted: bool) -> None:
        """Run it twice; only once if it is trusted to do the same.

        Raises:
            TraceError: it does something that cannot be traced, or computes something else in the second run.
            Drawn: random numbers were drawn, by the function or by another thread.
        """
        for name, code in self._around.iterators:
            raise refusal(
                f"{self._name} reads from {name}, which gives something else at every read",
                _FIX_ITERATOR,
                source=_first_line(code),
            )
        for name, code in self._around.aliases:
            raise refusal(f"{self._name} reads type by another name, {name}", FIX_TYPE, source=_first_line(code))
        try:
            self._make(trusted)
        except Difference as difference:
            line = Runs(self._function, self._shapes, self._new_graph, self._surroundings)._line_of_difference()
            raise refusal(
                f"{self._name} computes something else when it is called again: {difference}",
                _FIX_DIFFERENCE,
                source=line,
            ) from None

    @property
    def _name(self) -> str:
        return described(self._function)

    def _make(self, trusted: bool = False) -> None:
        around = self._around
        generators = Generators(around.generators)
        with generators.untouched():
            self.made, self.outputs, self.shape = self._run()
            if trusted and self.made.isdisjoint(self.graph.leaves):
                return
            leaves, before = len(self.graph.leaves), self._surroundings.as_now()
            with generators.advanced():
                made, outputs, shape = self._run(disturbed=True)
            changed = collecting(before, self._surroundings.as_now)
            if not changed and not before.is_same():
                changed = before.changed_number() or moved(before, self.made | made)
        if shape != self.shape:
            raise Difference(f"results of shape {self.shape}, then {shape}")
        self.created = compared(self.outputs, outputs, self.made, made)
        if changed:
            raise refusal(f"{self._name} changes {changed} whenever it runs", _FIX_WRITTEN)
        del self.graph.leaves[leaves:]

    def _line_of_difference(self) -> Source | None:
        """Run it twice more, and return the line of the first operation that differs."""
        lines = self.graph.lines = {}
        try:
            self._make()
        except Difference as difference:
            return next((lines[symbol] for symbol in difference.symbols if symbol in lines), None)
        except Exception:  # it has been refused already
            pass
        return None

    def _run(self, disturbed: bool = False) -> tuple[set[Value], list[Symbol], Shape]:
        """Run it once; return the Values that it has made, its results, and their shape.

        Args:
            disturbed: whether the engine itself finds other numbers in Values, and questions to the world outside are
                refused.
        """
        around = self._around
        self.graph.given.retyped.clear()
        asking = refused(around.tests_truth, around.tests_identity) if disturbed else nullcontext()
        asked = may_be_asked(self.graph.given.symbols, disturbed)
        with self.graph.opened(), asked, watched(self.graph, disturbed) as watch, asking:
            arguments = self._copied_arguments()
            outputs, shape = _results(self._function, arguments, watch)
            refuse_changes(arguments, self._arguments, self._name)
        return watch.made, outputs, shape

    def _copied_arguments(self) -> list[Any]:
        """Copies of the arguments, which the function may change without changing these."""
        first, asked = len(self.inputs), self.graph.given.asked
        if self._around.matches:
            asked.update(first + k for k, form in enumerate(self._forms) if form)
        return [
            as_rows(argument, form, partial(asked.add, first + k))
            for k, (argument, form) in enumerate(zip(self._arguments, self._forms))
        ]


def _first_line(code: CodeType | None) -> Source | None:
    return (code.co_filename, code.co_firstlineno) if code else None


def _argument(graph: Graph, shape: Shape, inputs: list[Symbol]) -> Any:
    if not shape:
        inputs.append(graph.source("input", len(inputs)))
        return inputs[-1]
    return [_argument(graph, shape[1:], inputs) for _ in range(shape[0])]


def _results(function: Callable[..., Any], arguments: Sequence[Any], watch: Watch) -> tuple[list[Symbol], Shape]:
    results: list[Symbol] = []
    try:
        shape = _collect(function(*arguments), results, watch.graph, function)
    except Exception as error:
        if isinstance(error, KeyError) and error.args and isinstance(error.args[0], Symbol):
            raise refusal(f"{error.args[0]} was looked up as a key", FIX_KEY, source=raised_at(error)) from None
        if watch.refusals and error is not watch.refusals[0]:
            raise watch.refusals[0] from error
        if isinstance(error, ValueError) and "read-only" in str(error):
            name, source = described(function), raised_at(error)
            raise refusal(f"{name} writes into an array that it is given", FIX_CHANGED, source=source) from error
        if type(error) is TypeError and _OF_A_NUMBER.search(str(error)):
            raise TypeError(f"{error}: {_EACH_ENTRY}") from error
        raise
    if watch.refusals:
        raise watch.refusals[0]
    return results, shape


def _collect(found: Any, results: list[Symbol], graph: Graph, function: Callable[..., Any]) -> Shape:
    """Append to `results` all that a function returned, in nested lists or alone; return its shape."""
    if isinstance(found, (list, tuple, Row)):
        shapes = [_collect(part, results, graph, function) for part in found]
        if not shapes:
            raise TraceError(f"{described(function)} returned an empty list: return a Value or a list of Values")
        if shapes.count(shapes[0]) != len(shapes):
            raise TraceError(
                f"{described(function)} returned a ragged list, whose parts have the shapes {sorted(set(shapes))}: "
                "a compiled function returns rows of one length"
            )
        return (len(shapes), *shapes[0])
    if not isinstance(found, (Symbol, Value)) and not is_number(found):
        raise TraceError(
            f"{described(function)} returned {found!r} of type {type(found).__name__}: "
            "a compiled function returns a Value or a list of Values, nested or not"
        )
    results.append(graph.lift(found))
    return ()
