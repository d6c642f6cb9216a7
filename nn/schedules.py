"""Learning rates by the number of the step, from 0, as `nn.fit(schedule=...)` and `nn.Trainer` take them.

A schedule is any function of that number. Those here give absolute rates, whatever the optimiser's own is.

>>> rate = cosine(0.1, steps=100, warmup=10)
>>> rate(4), rate(10), round(rate(55), 3), rate(100)
(0.05, 0.1, 0.05, 0.0)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from .arguments import real_number, whole_number

Schedule: TypeAlias = Callable[[int], float]


def step(lr: float, every: int, factor: float) -> Schedule:
    """`lr`, multiplied by `factor` after every so many steps: lr * factor ** (step // every).

    Args:
        lr: the first rate, 0 or more.
        every: after how many steps it changes, at least 1.
        factor: 0 or more; 0.1 makes it a tenth.

    Raises:
        TypeError, ValueError: if an argument is no number or out of range.

    >>> [step(1.0, every=2, factor=0.5)(k) for k in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    lr, factor = real_number("lr", lr, least=0.0), real_number("factor", factor, least=0.0)
    every = whole_number("every", every, least=1)
    return lambda k: lr * factor ** (k // every)


def linear(lr: float, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """A line from `lr` to `final`, reached after `steps` steps and kept; before it a line from 0 up to `lr`.

    Args:
        lr: the largest rate, 0 or more.
        steps: after how many steps in all `final` is reached, more than `warmup`.
        warmup: how many steps the rate rises: lr / warmup, 2 lr / warmup, ..., lr.
        final: the last rate, 0 or more.

    Raises:
        TypeError, ValueError: if an argument is no number or out of range.

    >>> [linear(1.0, steps=4)(k) for k in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    return _warmed_up(lr, steps, warmup, final, lambda done: 1.0 - done)


def cosine(lr: float, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """Half a cosine from `lr` to `final` (Loshchilov and Hutter, 2017), reached after `steps` steps and kept.

    Args:
        lr: the largest rate, 0 or more.
        steps: after how many steps in all `final` is reached, more than `warmup`.
        warmup: how many steps the rate rises in a line before: lr / warmup, 2 lr / warmup, ..., lr.
        final: the last rate, 0 or more.

    Raises:
        TypeError, ValueError: if an argument is no number or out of range.

    >>> [round(cosine(1.0, steps=4)(k), 3) for k in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    return _warmed_up(lr, steps, warmup, final, lambda done: (1.0 + math.cos(math.pi * done)) / 2.0)


def _warmed_up(lr: float, steps: int, warmup: int, final: float, shape: Callable[[float], float]) -> Schedule:
    """A rise to `lr`, then `shape` from 1 to 0 between `lr` and `final`."""
    lr, final = real_number("lr", lr, least=0.0), real_number("final", final, least=0.0)
    warmup = whole_number("warmup", warmup, least=0)
    steps = whole_number("steps", steps, least=1)
    if steps <= warmup:
        raise ValueError(f"steps={steps} must be more than warmup={warmup}: it counts all steps")

    def rate(k: int) -> float:
        if k < warmup:
            return lr * ((k + 1) / warmup)
        done = min(1.0, (k - warmup) / (steps - warmup))
        return final + (lr - final) * shape(done)

    return rate
