"""The signature of a traced function: the little that running its program needs of the trace, which is large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...numbers import Requirement
from ...value import Value
from ..frontend.fingerprint import fingerprint
from ..frontend.graph import Graph
from ..frontend.symbol import Symbol
from ..frontend.trace import Trace
from ..passes.differentiate import derivatives
from ..passes.simplify import simplify
from ..samples.batch import Shape
from ..values.places import same_objects


@dataclass(frozen=True)
class Signature:
    """What running a program needs of its trace.

    Attributes:
        leaves: the Values that the function reads, in the order of first use.
        outputs: how many results there are.
        shape: the shape of what the function returns.
        requirements: each requirement on samples, and the symbols that must meet it.
        fingerprint: the fingerprint of the graph.
    """

    leaves: Sequence[Value]
    outputs: int
    shape: Shape
    requirements: list[tuple[Requirement, tuple[Symbol, ...]]]
    fingerprint: str

    @classmethod
    def of(cls, trace: Trace, values: Sequence[Value] = ()) -> Signature:
        """The signature of a trace. Its leaves are usually the described values, and then the same list."""
        leaves: Sequence[Value] = trace.graph.leaves
        leaves = values if same_objects(leaves, values) else leaves
        own = Graph(simplify, derivatives)
        requirements = [(kind, _in(own, symbols)) for kind, symbols in trace.requirements]
        return cls(leaves, len(trace.outputs), trace.shape, requirements, fingerprint(trace))

    def is_of(self, other: Signature) -> bool:
        """Whether both are equal, and about the same Values."""
        return self._described() == other._described() and same_objects(self.leaves, other.leaves)

    def placed_requirements(self) -> list[tuple[Requirement, list[int | None]]]:
        """Each requirement with the positions of its inputs; None where it is on something computed from inputs."""
        return [
            (requirement, [symbol.value if symbol.kind == "input" else None for symbol in symbols])
            for requirement, symbols in self.requirements
        ]

    def _described(self) -> Any:
        return self.fingerprint, self.outputs, self.shape, self.placed_requirements()


def _in(graph: Graph, symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """The same inputs in that graph, so that their own graph need not be kept."""
    if any(symbol.kind != "input" for symbol in symbols):
        return symbols
    return tuple([graph.source("input", symbol.value) for symbol in symbols])
