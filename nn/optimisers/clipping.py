"""Clipping of gradients before a step: the whole gradient to a norm, or each entry to a bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from engine import Value

from ..arguments import real_number

Clip: TypeAlias = "tuple[float | None, float | None]"
"""The largest norm of the whole gradient, and the largest entry; at most one of them."""


def clip_limits(clip_norm: float | None, clip_value: float | None) -> Clip:
    """The limits of both ways to clip, checked.

    Raises:
        TypeError: if one is not a number.
        ValueError: if both are given, or one is 0 or less.
    """
    if clip_norm is not None and clip_value is not None:
        raise ValueError("clip_norm and clip_value are two ways to clip: choose one")
    limits = {"clip_norm": clip_norm, "clip_value": clip_value}
    for name, given in limits.items():
        if given is not None:
            limits[name] = limit = real_number(name, given)
            if limit <= 0.0:
                raise ValueError(f"{name} must be above 0, not {limit}")
    return limits["clip_norm"], limits["clip_value"]


def clip_gradients(params: Sequence[Value], clip: Clip) -> None:
    """Clip the gradients in the parameters.

    >>> p, q = Value(0.0), Value(0.0)
    >>> p.grad, q.grad = 3.0, 4.0
    >>> clip_gradients([p, q], (None, 3.5))
    >>> p.grad, q.grad
    (3.0, 3.5)
    """
    clip_norm, clip_value = clip
    if clip_norm is not None:
        scale = min(1.0, clip_norm / (math.hypot(*[p.grad for p in params]) + 1e-6))
        for p in params:
            p.grad *= scale
    if clip_value is not None:
        for p in params:
            p.grad = min(max(p.grad, -clip_value), clip_value)  # in this order nan stays nan
