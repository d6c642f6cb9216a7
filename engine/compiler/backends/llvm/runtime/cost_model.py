"""The cost model: whether to split a step's samples into as many parts as there are threads, or into one.

The split depends only on the program and the number of samples, never on how busy the machine is: parts are added in
order, so the same call gives the same numbers every time. The figures below were measured on one machine; where they
are off by half, the limits are only a little too high or low.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from ....plan.plan import Plan
from ..ir.templates import calls
from ..kernels.shape import Shape

OPERATION = 0.18
"""About how many nanoseconds a core takes for an operation on a vector, with everything around it."""

FUNCTION = 25
"""How many operations an exp or the like takes."""

HANDING = 3_000.0
"""Nanoseconds for handing jobs over and joining again, the call from Python included."""

MOVING = 0.09
"""Nanoseconds for each byte of the parameters, which go from core to core, as do their gradients."""

MARGIN = 1.5
"""How many times these costs must be saved for sharing to be worth it."""

LONG = 100_000.0
"""Nanoseconds that a call must take to be worth waking sleeping threads for it alone."""

LOOK = 25.0
"""Nanoseconds between two looks at what one waits for."""


class Split(NamedTuple):
    """How the samples of a step are split.

    Attributes:
        samples: how many samples.
        parts: how many parts.
        span: samples in a part; the last part has what is left.
        cost: about how many nanoseconds a step takes in one part.
    """

    samples: int
    parts: int
    span: int
    cost: float

    @property
    def time(self) -> int:
        """How many looks at a worker fit into the time of a part."""
        return max(1, int(self.cost / self.parts / LOOK))


@dataclass(frozen=True)
class CostModel:
    """What the steps of a program cost, and so how to split them.

    Attributes:
        threads: how many may share a step.
        width: numbers in a vector.
        cost: about how many nanoseconds a sample takes.
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
        """How to split a step with that many samples."""
        if self.threads == 1 or samples < self.least:
            return Split(samples, 1, samples, samples * self.cost)
        vectors = -(-samples // self.width)
        tile = 4 if vectors >= 16 * self.threads else 1  # products go by four vectors, where there are many
        span = -(-vectors // (self.threads * tile)) * tile * self.width
        return Split(samples, -(-samples // span), span, samples * self.cost)


def cost(plan: Plan, shape: Shape) -> float:
    """About how many nanoseconds a sample takes."""
    operations = plan.flops() + sum(FUNCTION * group.rows for group in plan.body if calls(group.primitive))
    return OPERATION * max(1, operations) / shape.width


def cost_model(cost: float, leaves: int, shape: Shape, threads: int) -> CostModel:
    """The cost model of a program, from the cost of a sample and the number of leaves."""
    lost = HANDING + MOVING * leaves * shape.bits / 8
    saved = cost * (1.0 - 1.0 / threads)  # by each sample
    return CostModel(threads, shape.width, cost, math.ceil(MARGIN * lost / saved) if threads > 1 else 1)
