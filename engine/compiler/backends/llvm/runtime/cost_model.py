"""The cost model: into how many parts to split a step's samples, as many as there are threads or one, by what pays.

The split depends on the program and the number of samples only, never on how busy the machine is: parts are added in
their order, so the same call gives the same numbers every time. What follows are figures of one machine; where they
are wrong by half, the limits are a little high or low.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

from ....plan.plan import Group, Plan
from ..kernels.kernel import Shape

OPERATION = 0.18
"""Nanoseconds that a core takes for an operation on a vector, about, all that surrounds it included."""

FUNCTION = 25
"""Operations that an exp or the like takes."""

HANDING = 3_000.0
"""Nanoseconds that it takes to hand jobs over and to come back together, the call from Python included."""

MOVING = 0.09
"""Nanoseconds for each byte of the parameters, which go from core to core, and so do their gradients."""

MARGIN = 1.5
"""How many times more than this sharing must save to be worth it."""

LONG = 100_000.0
"""Nanoseconds that a call must take for it to pay to wake sleeping threads for it alone."""

LOOK = 25.0
"""Nanoseconds between two looks at something that is waited for."""

_CALL = re.compile(r"\b(?!fabs|floor|ceil|rint|sqrt|copysign)[a-z]\w*\(")


class Split(NamedTuple):
    """How the samples of a step are split.

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

    @property
    def time(self) -> int:
        """How often one may look at a worker in the time that a part takes."""
        return max(1, int(self.cost / self.parts / LOOK))


@dataclass(frozen=True)
class CostModel:
    """What the steps of a program cost, and so how to split them.

    Attributes:
        threads: that may share a step.
        width: numbers in a vector.
        cost: nanoseconds that a sample takes, about.
        least: the smallest number of samples that are shared.

    >>> cost_model = CostModel(threads=2, width=4, cost=100.0, least=50)
    >>> cost_model.split(1000)
    Split(samples=1000, parts=2, span=512, cost=100000.0)
    >>> cost_model.split(10)
    Split(samples=10, parts=1, span=10, cost=1000.0)
    """

    threads: int
    width: int
    cost: float
    least: int

    def split(self, samples: int) -> Split:
        """How to split a step of so many samples."""
        if self.threads == 1 or samples < self.least:
            return Split(samples, 1, samples, samples * self.cost)
        vectors = -(-samples // self.width)
        tile = 4 if vectors >= 16 * self.threads else 1  # products go by four vectors, where there are many
        span = -(-vectors // (self.threads * tile)) * tile * self.width
        return Split(samples, -(-samples // span), span, samples * self.cost)


def cost(plan: Plan, shape: Shape) -> float:
    """Nanoseconds that a sample takes, about."""
    operations = plan.flops() + sum(FUNCTION * group.rows for group in plan.body if calls(group))
    return OPERATION * max(1, operations) / shape.width


def cost_model(cost: float, leaves: int, shape: Shape, threads: int) -> CostModel:
    """The cost model of a program, by what a sample costs and how many leaves there are."""
    lost = HANDING + MOVING * leaves * shape.bits / 8
    saved = cost * (1.0 - 1.0 / threads)  # by each sample
    return CostModel(threads, shape.width, cost, math.ceil(MARGIN * lost / saved) if threads > 1 else 1)


def calls(group: Group) -> bool:
    """Whether its primitive is a function that takes many operations."""
    template = group.primitive.native
    return isinstance(template, str) and bool(_CALL.search(template))
