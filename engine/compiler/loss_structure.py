"""How the loss of a batch is made of the losses of its samples: read off its graph, never sampled.

A compiled program takes the mean of one function over all samples. To see whether a loss is such a mean, times a
constant, it is traced on the outputs and labels of a whole batch. As a linear form it has terms that each read one
sample, equal for all samples up to renaming and with equal weights, and terms that read none, such as penalties. Any
other term that reads several samples mixes them, and the loss is refused.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..primitive import Primitive
from ..text.callers import Source, users_line, written
from ..value import Value
from .errors import TraceError
from .frontend.given.rows import as_rows, refuse_changes
from .frontend.given.types import GivenLabels, TypeGuard
from .frontend.graph import Graph, operations
from .frontend.naming import described
from .frontend.symbol import Symbol
from .frontend.trace import trace
from .passes.differentiate import derivatives
from .passes.linear import Form, linear_form
from .passes.simplify import simplify
from .samples.batch import Batch, Shape, nested

_REMEDY = (
    "A compiled step needs one term for each sample, all with the same formula and weight (a mean, a sum, either times "
    "a constant; a weight may come with its sample), plus terms of parameters alone. Other losses train in eager steps."
)


@dataclass(frozen=True)
class BatchLoss:
    """The loss of a batch: scale * (mean of the losses of its samples) + extra * penalty().

    Attributes:
        scale: 1 for a mean, the number of samples for a sum.
        extra: how many more times the terms that read no sample count: 0 for a mean.
        penalty: computes the sum of these terms from the Values that they read.
        type_guard: the samples and labels whose types the loss asks for, and what these types were.
    """

    scale: float
    extra: float
    penalty: Callable[[], Any] = field(compare=False)
    type_guard: TypeGuard = field(default_factory=TypeGuard, compare=False)


def batch_loss(
    loss: Callable[[Any, Any], Any], output: Any, label: Shape, size: int, given: Batch | None = None
) -> BatchLoss:
    """How a loss is made of the losses of single samples, read off its graph.

    Args:
        loss: a function from lists of outputs and labels, one for each sample, to one Value.
        output: an example of a model's output for one sample: Values in lists, tuples and dicts.
        label: the shape of one label: () for a number, (n,) for a list of n, ...
        size: how many samples the batch has.
        given: samples and labels, in case the loss asks for the types of their numbers.

    Raises:
        TraceError: the loss is not a mean or sum of one term for each sample, or cannot be traced; or it asks for the
            types of labels, and these differ.

    >>> import engine
    >>> def squared(outputs, labels):
    ...     return engine.sum([engine.square(o - y) for o, y in zip(outputs, labels)])
    >>> batch_loss(squared, Value(0.0), (), 32).scale
    32.0
    """
    on_batch, graph = _OnBatch(loss, output, label, given), Graph(simplify, _derivatives)
    try:
        each, rest = _of_samples(graph, on_batch.root(size, graph), on_batch.width, size)
        same, once = _of_samples(graph, _root_of_one(on_batch, size, graph), on_batch.width, 1)
        scale, often = _ratio(each, same, size), _ratio(rest, once, size)
    except _MixedSamples as mixed:
        raise _refusal(on_batch, size, mixed) from None
    scale = (1.0 if often is None else often) if scale is None else scale
    return BatchLoss(scale, 0.0 if often is None else often - scale, partial(_evaluated, once), on_batch.type_guard())


class _OnBatch:
    """A loss as a function of one argument: rows of numbers, one for each sample, the outputs first, then the labels.

    Args:
        loss, output, label, given: as `batch_loss` takes them.

    Attributes:
        function: the loss, which a trace names and searches in place of this object.
        width: how many numbers a sample has.
    """

    def __init__(self, loss: Callable[[Any, Any], Any], output: Any, label: Shape, given: Batch | None) -> None:
        self.function, self._output, self._label = loss, output, label
        self._outputs = _numbers(output)
        self.width = self._outputs + math.prod(label)
        self._given = None if given is None else GivenLabels(given)

    def __call__(self, samples: list[list[Symbol]]) -> Any:
        outputs = [_like(self._output, iter(sample)) for sample in samples]
        labels = [nested(sample[self._outputs :], self._label) for sample in samples]
        rows = self._given.as_rows(labels) if self._given else as_rows(labels, (), lambda: None)
        found = self.function(outputs, rows)
        refuse_changes(rows, labels, described(self.function))
        return found

    def root(self, size: int, graph: Graph, trusted: bool = False) -> Symbol:
        """The loss of that many samples, traced; which labels it asks for their types is noted."""
        types = [*[Value] * self._outputs, *self._given.types] * size if self._given else []
        found = trace(self, [(size, self.width)], lambda: graph, trusted=trusted, types=types)
        if self._given:
            places = [position % self.width - self._outputs for position in found.asked]
            self._given.ask(places, found.surroundings.found.matches)
        if found.shape:
            raise TraceError(
                f"{described(self.function)} returned a list: the loss of a batch is one Value, its mean or sum"
            )
        return found.outputs[0]

    def type_guard(self) -> TypeGuard:
        """The labels that the loss has asked for their types."""
        return self._given.type_guard(described(self.function)) if self._given else TypeGuard()


def _root_of_one(on_batch: _OnBatch, size: int, graph: Graph) -> Symbol:
    """The loss of one sample, in the graph of that of all samples."""
    try:
        return on_batch.root(1, graph, trusted=True)  # it did the same in both runs for all samples
    except TraceError:
        raise
    except Exception as error:
        raise TraceError(
            f"the loss {described(on_batch.function)} takes {size} samples, but for one it raises "
            f"{type(error).__name__}: {error}\n{_REMEDY}"
        ) from error


_UNKNOWN = Primitive(
    "grad", "grad", 2, lambda x, y: math.nan, [lambda z, x, y: None] * 2, ("x", "y"), "", (), method=False
)


def _derivatives(output: Symbol, inputs: Sequence[Symbol]) -> list[Symbol]:
    """The derivatives of a result; unknown ones for parameters, if it reads samples.

    Here outputs are inputs of the loss, and not what the model computes from its parameters.
    """

    def by(x: Symbol) -> Symbol:
        known = output.uniform or not x.uniform
        return derivatives(output, [x])[0] if known else output.graph.make(_UNKNOWN, (output, x))

    return [by(x) for x in inputs]


class _MixedSamples(Exception):  # says in the error message why a loss is not a sum over its samples
    def __init__(self, why: str, symbol: Symbol | None = None) -> None:
        super().__init__(why)
        self.symbol = symbol


def _refusal(on_batch: _OnBatch, size: int, mixed: _MixedSamples) -> TraceError:
    finder = _LineFinder(mixed.symbol)
    if mixed.symbol is not None:
        on_batch.root(size, finder)
    where = f", at {written(finder.line)}" if finder.line else ""
    return TraceError(f"the loss {described(on_batch.function)} mixes the {size} samples: {mixed}{where}\n{_REMEDY}")


def _of_samples(graph: Graph, root: Symbol, width: int, size: int) -> tuple[Form, Form]:
    """The linear form of all samples together, written with the symbols of the first one; and that of the other terms.

    Raises:
        _MixedSamples: there is no such form, or it differs between samples.
    """
    with graph.opened():
        samples, rest = _told_apart(graph, root, width, size)
    first = samples[0]
    for k, other in enumerate(samples):
        if not other and first:
            raise _MixedSamples(f"sample {k} does not count at all")
        if other.keys() != first.keys():
            raise _MixedSamples(f"the term of sample {k} has another formula than the one of sample 0")
        for key, weight in other.items():
            if not _close(weight, first[key], size):
                raise _MixedSamples(f"sample {k} has the weight {weight:g} and sample 0 the weight {first[key]:g}")
    return {key: size * weight for key, weight in first.items()}, rest


def _told_apart(graph: Graph, root: Symbol, width: int, size: int) -> tuple[list[Form], Form]:
    """The linear form of each sample, written with the symbols of the first one; and that of the other terms.

    Raises:
        _MixedSamples: a term reads several samples.
    """
    form = linear_form(graph, root)
    reads = _reading(form, width)
    rest = {key: weight for key, weight in form.items() if reads[key[0]] is None}
    samples: list[Form] = [{} for _ in range(size)]
    renamed: dict[Symbol, Symbol] = {}
    for (term, factors), weight in form.items():
        sample = reads[term]
        if sample == _SEVERAL:
            raise _MixedSamples(f"{_name(term)} is computed from several of them", term)
        if sample is not None:
            mine, key = samples[sample], (_renamed(graph, term, width, renamed), factors)
            mine[key] = mine.get(key, 0.0) + weight
    return samples, rest


_SEVERAL = -1


def _reading(form: Form, width: int) -> dict[Symbol, int | None]:
    """The sample that each symbol under the terms reads: None for none, _SEVERAL for more than one."""
    terms = [term for term, _ in form]
    reads: dict[Symbol, int | None] = {}

    def source(symbol: Symbol) -> int | None:
        if symbol.operands:
            return reads[symbol]
        return symbol.value // width if symbol.kind == "input" else None

    for symbol in operations(terms):
        found = {source(operand) for operand in symbol.operands if not operand.uniform}
        reads[symbol] = None if not found else found.pop() if len(found) == 1 else _SEVERAL
    reads.update((term, source(term)) for term in terms)
    return reads


def _renamed(graph: Graph, term: Symbol, width: int, known: dict[Symbol, Symbol]) -> Symbol:
    """The same expression in terms of the first sample's numbers."""

    def new(symbol: Symbol) -> Symbol:
        if symbol.kind == "input":
            return graph.source("input", symbol.value % width)
        return known.get(symbol, symbol)

    for symbol in operations([term], known):
        assert symbol.primitive is not None
        known[symbol] = (
            symbol if symbol.uniform else graph.make(symbol.primitive, tuple([new(o) for o in symbol.operands]))
        )
    return new(term)


def _ratio(form: Form, unit: Form, size: int) -> float | None:
    """The factor between `unit` and `form`; None if both are empty, or all weights are 0, as a penalty's may be.

    Raises:
        _MixedSamples: there is no such factor.
    """
    if form.keys() != unit.keys():
        raise _MixedSamples("its terms are not those of the loss of one sample")
    if not any((*form.values(), *unit.values())):
        return None
    largest = max(unit, key=lambda key: abs(unit[key]))
    if not all(map(math.isfinite, (*form.values(), *unit.values()))) or not unit[largest]:
        raise _MixedSamples("a sample has the weight 0, or one that is not finite")
    ratio = form[largest] / unit[largest]
    for key, weight in form.items():
        if not _close(weight, ratio * unit[key], size):
            raise _MixedSamples("its terms do not have the weights that they have in the loss of one sample")
    return 1.0 if _close(ratio, 1.0, size) else ratio


def _close(x: float, y: float, terms: int) -> bool:
    """Whether two weights are equal up to the rounding of sums with this many terms."""
    return abs(x - y) <= 4 * (terms + 4) * sys.float_info.epsilon * abs(y)


def _name(symbol: Symbol) -> str:
    return f"{symbol.primitive.name}()" if symbol.primitive else "a term"


class _LineFinder(Graph):
    """The graph of a second trace of the same function, to find the user's line behind a symbol of the first."""

    def __init__(self, symbol: Symbol | None) -> None:
        super().__init__(simplify, _derivatives)
        self._wanted = symbol
        self.line: Source | None = None

    def _add(self, primitive: Primitive | None, *description: Any) -> Symbol:
        made = super()._add(primitive, *description)
        wanted = self._wanted
        if self.line is None and wanted is not None and made.number == wanted.number and primitive is wanted.primitive:
            self.line = users_line()
        return made


def _evaluated(form: Form) -> Any:
    """The sum of terms that read no sample, computed from the Values that they read."""
    known: dict[Symbol, Any] = {}

    def value(symbol: Symbol) -> Any:
        return known[symbol] if symbol.operands else symbol.value

    for symbol in operations([s for term, factors in form for s in (term, *(by for _, by in factors))]):
        assert symbol.primitive is not None
        operands = tuple([value(o) for o in symbol.operands])  # in the table's order already
        known[symbol] = Value.__apply_primitive__(symbol.primitive, operands)
    total: Any = 0.0
    for (term, factors), weight in form.items():
        product = weight * value(term)
        for primitive, by in factors:
            product = primitive(product, value(by))
        total = total + product
    return total


def _numbers(output: Any) -> int:
    """How many numbers an output has."""
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, (list, tuple)) else None
    return 1 if parts is None else sum(map(_numbers, parts))


def _like(output: Any, numbers: Iterator[Any]) -> Any:
    """The next numbers, in lists, tuples and dicts shaped like an output."""
    if isinstance(output, dict):
        return {name: _like(part, numbers) for name, part in output.items()}
    if isinstance(output, (list, tuple)):
        parts = [_like(part, numbers) for part in output]
        return parts if isinstance(output, list) else tuple(parts)
    return next(numbers)
