"""Compares users' templates of primitives with their forward functions, at more points than samples have."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator

from ...primitive import Primitive
from ..errors import TraceError
from ..frontend.conditions import OWN

_PROBES = (0.0, 1e-3, 0.2, 0.7, 1.0, 1.3, 2.0, 2.5, 7.3, 30.5, 50.0, 1e3)
_MOST = 600  # points for one primitive
_NEAR = 1e-8


def check_templates(primitives: Iterable[Primitive | None]) -> None:
    """Check that what back ends compile for a primitive is what Python computes, at some hundred points of its domain.

    Raises:
        TraceError: the template is another function.
    """
    for primitive in {*primitives} - OWN:
        if primitive is not None and isinstance(primitive.native, str):
            _check(primitive)


def _check(primitive: Primitive) -> None:
    try:
        import numpy as np
    except ImportError:  # then only Python runs, which calls the forward function
        return
    from ..backends.array_templates import apply

    template = apply(primitive)
    for point in _points(primitive):
        try:
            expected = primitive.number(*point)
        except Exception:  # it is the user's code
            continue
        with np.errstate(all="ignore"):
            found = float(template(*map(np.float64, point)))
        if math.isfinite(expected) and not abs(found - expected) <= _NEAR * max(abs(expected), _NEAR):
            numbers = ", ".join(map(repr, point))
            raise TraceError(
                f"the native template of {primitive.name}, {primitive.native!r}, gives {found!r} at ({numbers}), where "
                f"its forward function gives {expected!r}\n"
                "Write a template that computes the same, or leave native= out: the forward function is compiled then."
            )


def _points(primitive: Primitive) -> Iterator[tuple[float, ...]]:
    """Points of the domain: all combinations of the probes, or some of them at random."""
    count = primitive.arity or 3
    numbers = [[x for y in _PROBES for x in {y, -y} if x in domain] for domain in primitive.domains(count)]
    if math.prod(map(len, numbers)) <= _MOST:
        return itertools.product(*numbers)
    draw = random.Random(0).choice
    return (tuple(map(draw, numbers)) for _ in range(_MOST))
