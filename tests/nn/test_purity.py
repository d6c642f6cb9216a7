"""Which functions are seen to compute only."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import pytest

import nn
from nn.purity import is_pure

RATE, RATES = 0.1, [0.1]
COUNTED = 0


def other(k: int) -> float:
    return min(RATE, 1.0 / (1 + k)) if k else itself(k + 1)


def itself(k: int) -> float:
    return itself(k - 1) if k > 1 else math.cos(k)


def counting(k: int) -> float:
    global COUNTED
    COUNTED += 1
    return 0.1


def importing(k: int) -> float:
    import nn as module

    return 0.1 * len(module.LAYERS)


def outer() -> Callable[[int], float]:
    count = 0

    def inner(k: int) -> float:
        nonlocal count
        count += 1
        return 0.1

    return inner


def attributes(k: int) -> float:
    return 0.1 * len(other.__dict__)


PURE: list[Any] = [
    lambda k: 0.1,
    lambda k: RATE * 0.9**k,
    lambda k, lr=0.1: lr / (1 + k),
    lambda k: math.exp(-k) + float(max(k, 2)),
    other,
    nn.schedules.step(0.1, every=2, factor=0.5),
    nn.schedules.linear(0.1, steps=9, warmup=2),
    nn.schedules.cosine(0.1, steps=9),
]
UNSEEN: list[Any] = [
    lambda k: RATES[0],
    lambda k: RATES.pop(),
    lambda k, rates=RATES: rates[0],
    lambda k: (lambda: RATE)(),
    lambda k: len(input()),
    lambda k: eval("RATES.pop()"),
    lambda k: other.__globals__["RATES"][0],
    functools.partial(other),
    counting,
    importing,
    outer(),
    attributes,
]


@pytest.mark.parametrize("function", PURE)
def test_what_computes_only(function: Any) -> None:
    assert is_pure(function)


@pytest.mark.parametrize("function", UNSEEN)
def test_what_reads_or_changes_other_things_or_may(function: Any) -> None:
    assert not is_pure(function)
