"""Records on disk, beside the native code: signatures of described functions, which later processes need not trace.

A record is found under the description of its function, and forgotten if it turns out to be wrong.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from typing import Any

from ... import ops
from ...value import Value
from ..backends.llvm.jit import cache
from ..frontend.fingerprint import ENGINE
from ..frontend.graph import Graph
from ..passes.differentiate import derivatives
from ..passes.simplify import simplify
from ..samples.batch import Shape
from ..values.places import places_among, same_objects
from .description import Description
from .signatures import Signature


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
        requirements = [
            (kinds[name](*map(_as_tuple, parts)), tuple([inputs.source("input", k) for k in positions]))
            for name, parts, positions in found["requirements"]
        ]
        return Signature(
            _values_at(found["leaves"], description.values),
            int(found["outputs"]),
            tuple(found["shape"]),
            requirements,
            str(found["fingerprint"]),
        )
    except (TypeError, KeyError, IndexError, ValueError):
        return None


def remember_signature(description: Description, shapes: Sequence[Shape], signature: Signature) -> None:
    """Keep a signature, if its Values are described, and its requirements are on inputs themselves."""
    leaves = _places(signature.leaves, description.values)
    kinds = {**_KINDS, **description.requirements}
    requirements = [(type(kind).__name__, _fields(kind), places) for kind, places in signature.placed_requirements()]
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


def _values_at(places: Any, values: Sequence[Value]) -> Sequence[Value]:
    """The leaves at these places among values: the inverse of `_places`.

    Raises:
        IndexError: there is no such place.
    """
    if not isinstance(places, int):
        if places and min(places) < 0:
            raise IndexError
        return [values[k] for k in places]
    if not 0 <= places <= len(values):
        raise IndexError
    return values if places == len(values) else values[:places]


def _fields(requirement: Any) -> list[Any]:
    return list(requirement) if isinstance(requirement, tuple) else list(vars(requirement).values())


def _as_tuple(part: Any) -> Any:
    return tuple(part) if isinstance(part, list) else part
