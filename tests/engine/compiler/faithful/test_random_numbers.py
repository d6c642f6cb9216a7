"""Random numbers are refused, and their states given back."""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from engine import TraceError, Value, compile
from engine.compiler.frontend.runs import Runs
from tests.needs import needs

from .cases import Case, equal, refused

np = needs("numpy")
_global_random = random.Random(5)
_global_generator = np.random.default_rng(5)
_own_random, _own_numpy = random.Random(1), np.random.RandomState(1)


class _Holder:
    def __init__(self) -> None:
        self.source = random.Random(3)


_holder = _Holder()
DRAWS: dict[str, Callable[[], float]] = {
    "random.random": lambda: random.random(),
    "random.shuffle": lambda: random.shuffle([1, 2]) or 0.0,
    "np.random.rand": lambda: float(np.random.rand()),
    "a global Random": lambda: _global_random.random(),
    "a global Generator": lambda: float(_global_generator.random()),
    "a global RandomState": lambda: float(_own_numpy.random_sample()),
    "an attribute": lambda: _holder.source.random(),
    "a default": lambda source=_own_random: source.random(),
    "in a list": functools.partial(lambda sources: sources[0].random(), [random.Random(7)]),
    "a bound method": random.Random(8).random,
}


@refused
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_draw(draw: Callable[[], float]) -> Case:
    """In some way that two runs do not tell: it is rounded to nothing."""
    return Case(lambda x: x + 0.0 * draw() if draw() < 2.0 else -x)


def _as_it_was(source: Any, get: str, put: str, draw: str) -> Callable[[], float]:
    """Draws, and gives the state back by itself: nothing has changed, but the number hangs on the state."""

    def drawn() -> float:
        state = getattr(source, get)()
        number = float(getattr(source, draw)())
        getattr(source, put)(state)
        return number

    return drawn


_copied = random.Random(9)
REPEATED: dict[str, Callable[[], float]] = {
    "random": _as_it_was(random, "getstate", "setstate", "random"),
    "np.random": _as_it_was(np.random, "get_state", "set_state", "rand"),
    "a Random": _as_it_was(random.Random(10), "getstate", "setstate", "random"),
    "a RandomState": _as_it_was(np.random.RandomState(11), "get_state", "set_state", "random_sample"),
    "a copy": lambda: copy.copy(_copied).random(),
    "the state": lambda: float(_copied.getstate()[1][-1]),
    "a copy of a Generator": lambda: float(copy.deepcopy(_global_generator).random()),
}


@refused
@pytest.mark.parametrize("draw", REPEATED.values(), ids=REPEATED)
def test_a_draw_after_which_all_is_as_it_was(draw: Callable[[], float]) -> Case:
    return Case(lambda x: x * draw())


@equal
def test_a_random_number_drawn_outside() -> Case:
    w, noise = Value(0.5), random.Random(1).random()
    return Case(lambda x: w * x + noise)


@equal
def test_an_unused_generator_within_reach() -> Case:
    w = Value(0.5)
    return Case(lambda x, source=_own_random: w * x)


def test_random_states_are_given_back() -> None:
    states = random.getstate(), np.random.get_state()[1].tolist(), _global_random.getstate()
    for draw in (random.random, np.random.rand, _global_random.random):
        with pytest.raises(TraceError, match="random"):
            compile(lambda x: x + 0.0 * draw(), backend="python")([1.0])  # noqa: B023  # it is called at once
    assert (random.getstate(), np.random.get_state()[1].tolist(), _global_random.getstate()) == states


def test_what_another_thread_draws_meanwhile_is_no_fault_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was refused, and as the state was given back, the next to draw got the same number again."""
    random.seed(3)
    expected, drawn = [random.random() for _ in range(2)], []
    random.seed(3)
    w, run = Value(2.0), Runs._run

    def with_a_draw(self: Runs, disturbed: bool = False) -> Any:
        if not drawn:
            drawn.append(pool.submit(random.random).result())
        return run(self, disturbed)

    monkeypatch.setattr(Runs, "_run", with_a_draw)
    with ThreadPoolExecutor(1) as pool:
        assert compile(lambda x: w * x, backend="python")([1.5]) == [3.0]
        drawn.append(random.random())
        with pytest.raises(TraceError, match=r"drew random numbers.*: compile.lambda(.|\n)*Or another thread"):
            compile(lambda x: x * random.random(), backend="python")([1.0])
    assert drawn == expected
