"""The native shuffle is Python's."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compiler.backends.llvm.runtime import shuffle as module
from engine.compiler.backends.llvm.runtime.shuffle import generator_is_as_expected, shuffle


def shuffled(count: int, source: random.Random, rows: int = 1) -> Any:
    """Rows of the integers below `count`, shuffled in an array with room behind each row."""
    room = np.full((rows, count + 3), -1)
    room[:, :count] = np.arange(count)
    shuffle(room[:, :count], source)
    assert (room[:, count:] == -1).all()
    return room[:, :count].tolist()


@settings(max_examples=100)
@given(st.integers(0, 3000), st.integers(0, 2**40), st.integers(0, 1300), st.integers(0, 4))
def test_the_orders_and_the_state_of_python(count: int, seed: int, before: int, times: int) -> None:
    ours, theirs = random.Random(seed), random.Random(seed)
    for source in (ours, theirs):
        source.gauss(0, 1)
        source.getrandbits(32 * before + 1)
    expected = [list(range(count)) for _ in range(times)]
    for order in expected:
        theirs.shuffle(order)
    assert shuffled(count, ours, times) == expected
    assert ours.getstate() == theirs.getstate()


def test_where_a_generator_keeps_its_state_is_known() -> None:
    assert generator_is_as_expected()


def test_a_generator_of_another_layout_shuffles_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "generator_is_as_expected", lambda: False)
    ours, theirs, expected = random.Random(1), random.Random(1), [*range(50)]
    theirs.shuffle(expected)
    assert shuffled(50, ours) == [expected]
    assert ours.getstate() == theirs.getstate()


@pytest.mark.parametrize("name", ["shuffle", "getrandbits", "random"])
def test_a_generator_with_a_method_set_on_it_shuffles_itself(name: str) -> None:
    ours, theirs, expected = random.Random(1), random.Random(1), np.arange(50)
    other = {"shuffle": lambda x: x.sort(), "getrandbits": lambda bits: 1, "random": lambda: 0.5}[name]
    for source in (ours, theirs):
        setattr(source, name, other)
    theirs.shuffle(expected)
    assert shuffled(50, ours) == [expected.tolist()]


def test_another_generator_shuffles_itself() -> None:
    class Reversed(random.Random):
        def shuffle(self, x: Any) -> None:
            x[:] = x[::-1].copy()

    assert shuffled(4, Reversed(), 2) == [[3, 2, 1, 0]] * 2
