"""Into how many parts a step's samples are cut: as many as there are threads, or one where sharing would not pay.

The cut depends on the program and the number of samples only, never on how busy the machine is: parts are added in
their order, so the same call gives the same numbers every time.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from ..plan import Group, Plan
from .kernels import Shape

PAYS = 10_000.0
"""Nanoseconds that a step must take in one part to be cut: handing over and adding cost a twentieth of this."""

LONG = 100_000.0
"""Nanoseconds that a call must take for it to pay to wake sleeping threads for it alone."""

_FUNCTION = re.compile(r"\b(?!fabs|floor|ceil|rint|sqrt|copysign)[a-z]\w*\(")


@dataclass(frozen=True, slots=True)
class Cut:
    """How the samples of a step are cut.

    Attributes:
        samples: all of them.
        parts: how many.
        span: samples of a part; the last one has what is left.
        cost: nanoseconds that a step takes in one part, about.
    """

    samples: int
    parts: int
    span: int
    cost: float


@functools.lru_cache
def cut(samples: int, threads: int, shape: Shape, cost: float) -> Cut:
    """How to cut a step.

    Args:
        samples: of the step.
        threads: that may share it.
        shape: of vectors and blocks.
        cost: nanoseconds that a sample takes.

    >>> cut(1000, 2, Shape(64, 4, 64), cost=100.0)
    Cut(samples=1000, parts=2, span=512, cost=100000.0)
    >>> cut(10, 2, Shape(64, 4, 64), cost=100.0)
    Cut(samples=10, parts=1, span=10, cost=1000.0)
    """
    total = samples * cost
    if threads == 1 or total < PAYS:
        return Cut(samples, 1, samples, total)
    vectors = -(-samples // shape.width)
    tile = 4 if vectors >= 16 * threads else 1  # products go by four vectors, where there are many
    span = -(-vectors // (threads * tile)) * tile * shape.width
    return Cut(samples, -(-samples // span), span, total)


def cost(plan: Plan, shape: Shape) -> float:
    """Nanoseconds that a sample takes, about: at two operations per lane, and 40 operations for an exp or the like."""
    operations = plan.flops() + sum(40 * group.rows for group in plan.body if _dear(group))
    return 0.18 * operations / shape.width


def _dear(group: Group) -> bool:
    """Whether its primitive calls a function that takes many operations."""
    return bool(_FUNCTION.search(group.primitive.native if isinstance(group.primitive.native, str) else ""))
