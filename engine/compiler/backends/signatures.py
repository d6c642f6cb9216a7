"""Signatures of functions that describe themselves, kept on disk so that later processes need not trace them.

A function may have an attribute ``described``, which returns its `Description`, or None once the engine's table has
been changed. Under that description the signature of its trace is kept on disk, beside the code, and found there by
later processes. When a trace is due the description is compared; if it has changed, the signature is forgotten, and the
function is traced.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ... import ops
from ...numbers import Requirement
from ...value import Value
from ..frontend.fingerprint import ENGINE, fingerprint
from ..frontend.graph import Graph
from ..frontend.reads.objects import attribute_of
from ..frontend.symbol import Symbol
from ..frontend.trace import Trace
from ..passes.differentiate import derivatives
from ..passes.simplify import simplify
from ..samples.batch import Shape
from ..values.places import places_among, same_objects
from .llvm.jit import cache


@dataclass(frozen=True)
class Description:
    """Everything that determines what a function does, except the numbers of Values.

    Attributes:
        text: equal only for functions that do the same, across processes; it covers their code.
        values: the Values that the function may read, in an order that the text determines.
        requirements: what it may require of its samples: dataclasses or named tuples, by name.
        holds: says whether the code, apart from the engine's table, is still what the text covers, faster than
            describing the function again.
    """

    text: str
    values: Sequence[Value]
    requirements: Mapping[str, type]
    holds: Callable[[], bool]

    def is_of(self, other: Description) -> bool:
        """Whether both are equal, and about the same Values."""
        return self.text == other.text and same_objects(self.values, other.values)


def described(function: Callable[..., Any]) -> Description | None:
    """The description that a function gives of itself now; None for nearly all functions.

    There must be none once the engine's table is not as it was imported; that is up to the function.
    """
    says = attribute_of(function, "described")
    found = says() if callable(says) else None
    return found if isinstance(found, Description) and ENGINE else None


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

    def _described(self) -> Any:
        return self.fingerprint, self.outputs, self.shape, _positions(self.requirements)


def _in(graph: Graph, symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """The same inputs in that graph, so that their own graph need not be kept."""
    if any(symbol.kind != "input" for symbol in symbols):
        return symbols
    return tuple([graph.source("input", symbol.value) for symbol in symbols])


def _positions(requirements: Sequence[tuple[Requirement, tuple[Symbol, ...]]]) -> list[Any]:
    """Each requirement with the positions of its inputs; None if one is on something computed from inputs."""
    return [(kind, [s.value if s.kind == "input" else None for s in symbols]) for kind, symbols in requirements]


# ---- on disk ---------------------------------------------------------------------------------------------------------


def recall(*key: Any) -> Any:
    """What was remembered under a key of strings and numbers, as JSON; None if nothing was."""
    stored = cache.read(_name(key), cache.FACT) if ENGINE else None
    try:
        return None if stored is None else json.loads(stored)
    except ValueError:
        return None


def remember(fact: Any, *key: Any) -> None:
    """Keep a fact under a key; None to forget what is kept there."""
    if ENGINE:
        cache.write(_name(key), json.dumps(fact, separators=(",", ":")).encode(), cache.FACT)


def _name(key: Sequence[Any]) -> str:
    return cache.key(f"{ENGINE} {platform.python_implementation()} {platform.python_version()} {key!r}")


def recall_signature(description: Description, shapes: Sequence[Shape]) -> Signature | None:
    """The signature of a described function for samples of these shapes, if it was remembered."""
    found, kinds = recall("signature", description.text, *shapes), {**_KINDS, **description.requirements}
    try:
        inputs = Graph(simplify, derivatives)
        places, values = found["leaves"], description.values
        first = isinstance(places, int)
        leaves = values if places == len(values) else values[:places] if first else [values[k] for k in places]
        if len(leaves) != places if first else places and min(places) < 0:
            return None
        return Signature(
            leaves,
            int(found["outputs"]),
            tuple(found["shape"]),
            [
                (
                    kinds[name](*map(_as_tuple, parts)),
                    tuple([inputs.source("input", k) for k in positions]),
                )
                for name, parts, positions in found["requirements"]
            ],
            str(found["fingerprint"]),
        )
    except (TypeError, KeyError, IndexError, ValueError):
        return None


def remember_signature(description: Description, shapes: Sequence[Shape], signature: Signature) -> None:
    """Keep a signature, if its Values are described, and its requirements are on inputs themselves."""
    leaves = _places(signature.leaves, description.values)
    kinds = {**_KINDS, **description.requirements}
    requirements = [(type(kind).__name__, _fields(kind), places) for kind, places in _positions(signature.requirements)]
    plain = all(kinds.get(type(kind).__name__) is type(kind) for kind, _ in signature.requirements)
    if not (plain and signature.fingerprint) or leaves is None or any(None in places for *_, places in requirements):
        return
    fact = {
        "leaves": leaves,
        "outputs": signature.outputs,
        "shape": signature.shape,
        "requirements": requirements,
        "fingerprint": signature.fingerprint,
    }
    remember(fact, "signature", description.text, *shapes)


def forget_signature(description: Description, shapes: Sequence[Shape]) -> None:
    """Forget the signature of a described function."""
    remember(None, "signature", description.text, *shapes)


_KINDS: dict[str, type] = {ops._Index.__name__: ops._Index}


def _places(leaves: Sequence[Value], values: Sequence[Value]) -> list[int] | int | None:
    """The places of leaves among values, or their number if they are the first in order; None if one is missing."""
    if leaves is values or same_objects(leaves, values[: len(leaves)]):
        return len(leaves)
    return places_among(leaves, values)


def _fields(requirement: Any) -> list[Any]:
    return list(requirement) if isinstance(requirement, tuple) else list(vars(requirement).values())


def _as_tuple(part: Any) -> Any:
    return tuple(part) if isinstance(part, list) else part
