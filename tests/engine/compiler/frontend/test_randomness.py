"""The states of generators while a function is traced; `faithful` has the functions that draw numbers."""

from __future__ import annotations

import random

from engine.compiler.frontend.randomness import Generators


def test_a_generator_that_was_advanced_is_put_back() -> None:
    before = random.getstate()
    generators = Generators([])
    with generators.advanced():
        assert random.getstate() != before
    assert random.getstate() == before


def test_a_state_that_was_set_meanwhile_stays() -> None:
    """By another thread, or by the function; then it is told as drawn."""
    before = random.getstate()
    try:
        generators = Generators([])
        with generators.advanced():
            random.seed(3)
            state = random.getstate()
        assert random.getstate() == state
        assert generators.drawn() == ["random"]
    finally:
        random.setstate(before)
