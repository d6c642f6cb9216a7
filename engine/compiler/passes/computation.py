"""The record that the passes work on: which symbols of a graph are to be computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from ..frontend.graph import Graph
from ..frontend.symbol import Symbol
from ..frontend.trace import Trace

T = TypeVar("T")


class GradientSum(NamedTuple):
    """``G[targets[k]] += sum over samples of coefficients[k] * upstream``; without coefficients one target, times 1.

    The targets of the weights of a neuron are a range.
    """

    targets: Sequence[int]
    coefficients: tuple[Symbol, ...]
    upstream: Symbol


class GradientLookup(NamedTuple):
    """``G[targets[selector]] += upstream`` for every sample whose selector is 0, 1, ... or len(targets) - 1."""

    selector: Symbol
    upstream: Symbol
    targets: list[int]


def rounds(items: Iterable[tuple[int, T]]) -> list[dict[int, T]]:
    """Items by their numbers, in rounds: one whose number has occurred already goes to a further round.

    >>> rounds([(0, "a"), (1, "b"), (0, "c")])
    [{0: 'a', 1: 'b'}, {0: 'c'}]
    """
    found: list[dict[int, T]] = []
    times: Counter[int] = Counter()
    for number, item in items:
        if times[number] == len(found):
            found.append({})
        found[times[number]][number] = item
        times[number] += 1
    return found


@dataclass(frozen=True)
class Computation:
    """What is to be computed, as symbols of one graph.

    Attributes:
        graph: of all symbols.
        inputs: how many numbers one sample has.
        outputs: the results for each sample; the first one is the loss, if it is differentiated.
        gradients: whether the gradient of the leaves is wanted, summed over the samples.
        wrt: inputs; the derivatives of the weighted loss by these are further outputs.
        sums: what the samples add to G, the accumulators of the gradient; G[k] belongs to leaf k.
        lookups: the same, where an index in the sample selects the accumulator.
        totals: for leaves whose gradient is not just one of these sums, the whole of it, computed after all samples.
    """

    graph: Graph
    inputs: int
    outputs: tuple[Symbol, ...]
    gradients: bool = False
    wrt: tuple[Symbol, ...] = ()
    sums: tuple[GradientSum, ...] = ()
    lookups: tuple[GradientLookup, ...] = ()
    totals: Mapping[int, Symbol] = field(default_factory=dict)

    @classmethod
    def of(cls, trace: Trace, gradients: bool = False, wrt: Sequence[Symbol] = ()) -> Computation:
        """What is wanted of a traced function, before any pass."""
        return cls(trace.graph, len(trace.inputs), tuple(trace.outputs), gradients, tuple(wrt))

    @property
    def roots(self) -> list[Symbol]:
        """All symbols that must be computed."""
        roots = [*self.outputs, *self.totals.values()]
        roots += [symbol for lookup in self.lookups for symbol in (lookup.selector, lookup.upstream)]
        roots += [each.upstream for each in self.sums]
        return roots + [symbol for row in self._coefficients() for symbol in row]

    @property
    def accumulators(self) -> int:
        """How many numbers G has."""
        if not self.gradients:
            return 0
        targets = [each.targets for part in (self.sums, self.lookups) for each in part]
        return max([len(self.graph.leaves), *[1 + max(part) for part in targets]])

    def replaced(self, new: Mapping[Symbol, Symbol]) -> Computation:
        """The same computation, with each symbol replaced that has a replacement."""

        def of(symbol: Symbol) -> Symbol:
            return new.get(symbol, symbol)

        rows = {row: tuple(map(of, row)) for row in self._coefficients()}
        return replace(
            self,
            outputs=tuple(map(of, self.outputs)),
            sums=tuple([GradientSum(s.targets, rows[s.coefficients], of(s.upstream)) for s in self.sums]),
            lookups=tuple(
                [GradientLookup(of(each.selector), of(each.upstream), each.targets) for each in self.lookups]
            ),
            totals={leaf: of(symbol) for leaf, symbol in self.totals.items()},
        )

    def _coefficients(self) -> list[tuple[Symbol, ...]]:
        """Each distinct row of coefficients: the neurons of a layer share one."""
        return list(dict.fromkeys([each.coefficients for each in self.sums]))
