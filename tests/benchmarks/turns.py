"""Turns: the contenders of a benchmark, one after the other, many times."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def in_turns(contenders: Iterable[T], rounds: int) -> Iterator[T]:
    """Each contender once in a round, in random order.

    In a fixed order their turns may keep step with whatever else the host does from time to time: of two contenders
    that were the same program, one was a fifth faster throughout.
    """
    everybody, source = [*contenders], random.Random(0)
    for _ in range(rounds):
        yield from source.sample(everybody, len(everybody))
