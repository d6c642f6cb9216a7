"""Learning rates by the number of the step, from 0, as `nn.fit(schedule=...)` and `nn.Trainer` take them.

A schedule is any function of that number. Those here give absolute rates, whatever the optimiser's own is; they print
as the call that makes them, compare by value, and can be pickled.

>>> rate = cosine(0.1, steps=100, warmup=10)
>>> rate(4), rate(10), round(rate(55), 3), rate(100)
(0.05, 0.1, 0.05, 0.0)
>>> rate
cosine(lr=0.1, steps=100, warmup=10, final=0.0)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from typing import Any, TypeAlias

from .arguments import real_number, whole_number
from .elsewhere import explained

__all__ = ["cosine", "linear", "step"]

Schedule: TypeAlias = Callable[[int], float]


@explained
def step(lr: float, every: int, factor: float) -> Schedule:
    """`lr`, multiplied by `factor` after every `every` steps: lr * factor ** (step // every).

    Args:
        lr: the first rate, 0 or more.
        every: after how many steps it changes, at least 1.
        factor: 0 or more; 0.1 makes it a tenth.

    Raises:
        TypeError, ValueError: if an argument is not a number or out of range.

    >>> [step(1.0, every=2, factor=0.5)(k) for k in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    return Step(
        real_number("lr", lr, least=0.0),
        whole_number("every", every, least=1),
        real_number("factor", factor, least=0.0),
    )


@explained
def linear(lr: float, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """A straight line from `lr` to `final`, reached after `steps` steps and kept; before it, a rise from 0 to `lr`.

    Args:
        lr: the largest rate, 0 or more.
        steps: after how many steps in all `final` is reached, more than `warmup`.
        warmup: for how many steps the rate rises first: lr / warmup, 2 lr / warmup, ..., lr.
        final: the last rate, 0 or more.

    Raises:
        TypeError, ValueError: if an argument is not a number or out of range.

    >>> [linear(1.0, steps=4)(k) for k in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    return Linear(*_checked(lr, steps, warmup, final))


@explained
def cosine(lr: float, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """Half a cosine from `lr` to `final` (Loshchilov and Hutter, 2017), reached after `steps` steps and kept.

    Args:
        lr: the largest rate, 0 or more.
        steps: after how many steps in all `final` is reached, more than `warmup`.
        warmup: for how many steps the rate rises first: lr / warmup, 2 lr / warmup, ..., lr.
        final: the last rate, 0 or more.

    Raises:
        TypeError, ValueError: if an argument is not a number or out of range.

    >>> [round(cosine(1.0, steps=4)(k), 3) for k in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    return Cosine(*_checked(lr, steps, warmup, final))


def _checked(lr: float, steps: int, warmup: int, final: float) -> tuple[float, int, int, float]:
    lr, final = real_number("lr", lr, least=0.0), real_number("final", final, least=0.0)
    warmup = whole_number("warmup", warmup, least=0)
    steps = whole_number("steps", steps, least=1)
    if steps <= warmup:
        raise ValueError(f"steps={steps} must be more than warmup={warmup}: it counts all steps")
    return lr, steps, warmup, final


# ---- the schedules: dataclasses that can be called ----------------------------------------------------------------


def _number_of(k: Any) -> int:
    """The number of a step, counted from 0."""
    return k if type(k) is int and k >= 0 else whole_number("a step", k, least=0)


@dataclass(frozen=True, repr=False)
class _Rate:
    """Its repr is the call that makes it."""

    def __repr__(self) -> str:
        given = ", ".join(f"{field.name}={x!r}" for field, x in zip(fields(self), astuple(self)))
        return f"{type(self).__name__.lower()}({given})"


@dataclass(frozen=True, repr=False)
class Step(_Rate):
    """See `step`."""

    lr: float
    every: int
    factor: float

    def __call__(self, k: int) -> float:
        """The rate of step `k`."""
        return self.lr * self.factor ** (_number_of(k) // self.every)


@dataclass(frozen=True, repr=False)
class Linear(_Rate):
    """See `linear`."""

    lr: float
    steps: int
    warmup: int
    final: float

    def __call__(self, k: int) -> float:
        """The rate of step `k`."""
        k = _number_of(k)
        if k < self.warmup:
            return self.lr * ((k + 1) / self.warmup)
        done = min(1.0, (k - self.warmup) / (self.steps - self.warmup))
        return self.final + (self.lr - self.final) * self._left(done)

    def _left(self, done: float) -> float:
        """How much of the way from `lr` to `final` is left when a share `done` of the steps after the rise is done."""
        return 1.0 - done


class Cosine(Linear):
    """See `cosine`."""

    def _left(self, done: float) -> float:
        """Half a cosine from 1 to 0."""
        return (1.0 + math.cos(math.pi * done)) / 2.0


FIXED = frozenset({Step, Linear, Cosine})
"""Schedules that compute only with their own numbers, so that the rates of many steps may be asked for at once."""
