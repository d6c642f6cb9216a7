"""The native shuffle is Python's."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compiler.backends.llvm.runtime import shuffle
from engine.compiler.backends.llvm.runtime.shuffle import shuffled


@settings(max_examples=60)
@given(st.integers(0, 3000), st.integers(0, 2**40), st.integers(0, 700), st.integers(0, 4), st.integers(1, 3000))
def test_the_orders_and_the_state_of_python(count: int, seed: int, before: int, times: int, at_once: int) -> None:
    ours, theirs = random.Random(seed), random.Random(seed)
    for source in (ours, theirs):
        source.gauss(0, 1)
        for _ in range(before):
            source.random()
    expected = [list(range(count)) for _ in range(times)]
    for order in expected:
        theirs.shuffle(order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle, "AT_ONCE", at_once)
        assert shuffled(count, ours, times).tolist() == expected
    assert ours.getstate() == theirs.getstate()


def test_another_generator_shuffles_itself() -> None:
    class Reversed(random.Random):
        def shuffle(self, x: list[int]) -> None:
            x[:] = x[::-1]

    assert shuffled(4, Reversed(), 2).tolist() == [[3, 2, 1, 0]] * 2
