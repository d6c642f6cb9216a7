"""The fingerprint of a traced function: equal for equal graphs, in every process, and computed in milliseconds.

By this, the native back end finds on disk what it has compiled for such a graph, without planning it again.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path

from ... import ops
from ...imported import TABLE, digest_of
from ...primitive import Primitive
from .conditions import OWN
from .graph import operations
from .operands import LeafRow, apart, parts
from .symbol import Symbol
from .trace import Trace


def has_template(primitive: Primitive) -> bool:
    """Whether back ends can generate code for it."""
    return primitive.native is not None or primitive in (ops.dot, ops.take)


_TABLE = {p.name: p for p in OWN if has_template(p)}
_NUMBER = {_TABLE[name]: k for k, name in enumerate(sorted(_TABLE))}
_number = attrgetter("number")
_RANGE, _VECTOR = -(2**31), 1 - 2**31
"""Marks of a range of leaves, and of operands that were written before: no symbol has these numbers."""


def fingerprint(trace: Trace) -> str:
    """A digest of the graph and of the engine itself; empty where it could not tell graphs apart.

    So it is for graphs with primitives that a user has declared, whose rules and templates are code that cannot be
    compared, and for all graphs once somebody has replaced a rule, function or template of the table.
    """
    symbols = operations(trace.outputs)
    if not ENGINE or not TABLE.is_unchanged() or not {symbol.primitive for symbol in symbols} <= _NUMBER.keys():
        return ""
    graph = trace.graph
    found = {o for symbol in symbols for o in apart(symbol.operands) if o.kind == "constant"}
    constants = sorted(found.union(o for o in trace.outputs if o.kind == "constant"), key=_number)
    words = array("i", [len(graph.leaves), len(trace.inputs), len(constants), len(trace.outputs)])
    for part in (trace.inputs, constants, trace.outputs):
        words.extend(map(_number, part))
    vectors: dict[int, int] = {}
    for symbol in symbols:
        assert symbol.primitive is not None
        words.extend((symbol.number, _NUMBER[symbol.primitive], len(symbol.operands)))
        for some in parts(symbol.operands):
            words.extend(_written(some, vectors))
    digest = hashlib.sha256(ENGINE.encode())
    digest.update(words)
    digest.update(array("d", [constant.value for constant in constants]))
    return digest.hexdigest()


def _written(operands: LeafRow | tuple[Symbol, ...], vectors: dict[int, int]) -> Iterable[int]:
    """The words for some operands; `vectors` has, by id, the places of those that a layer's neurons share."""
    if type(operands) is LeafRow:
        numbers = operands.numbers
        return (_RANGE, numbers[0], numbers.step, len(numbers)) if isinstance(numbers, range) else numbers
    if id(operands) in vectors:
        return _VECTOR, vectors[id(operands)]
    if len(operands) > 1:
        vectors[id(operands)] = len(vectors)
    return map(_number, operands)


_FOLDER = Path(__file__).parents[2]
ENGINE = digest_of(_FOLDER, [*_FOLDER.glob("*.py"), *(_FOLDER / "compiler").rglob("*.py")])
"""A digest of the engine and its compiler, made at import, when the sources are still those that run."""
