"""Random functions in a world that changes at random, beside the eager ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value, compile, where
from tests.needs import INSTALLED, needs

from .cases import Case, judge, looking_at_all

np = needs("numpy")


class World:
    """What a random function reads, and what may happen to it."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.weights = [Value(rng.uniform(-1, 1)) for _ in range(4)]
        self.scales, self.table = [0.5, -1.0, 2.0], {"a": 0.3, "b": -0.7}
        self.array = np.array([0.1, 0.2])
        self.activation: Callable[[Any], Any] = engine.tanh
        self.flag, self.offset = True, 0.25

    def function(self, size: int) -> Callable[[Any], Any]:
        """A function of one sample of two numbers, whose structure is drawn."""
        world, rng = self, random.Random(self.rng.random())
        kinds = [(rng.randrange(11), [rng.randrange(40) for _ in range(3)]) for _ in range(size)]

        def function(x: Any) -> Any:
            known: list[Any] = [*x, *world.weights]
            for kind, places in kinds:
                a, b, c = (known[place % len(known)] for place in places)
                if kind == 0:
                    made = where(a > b, a * c, b)
                elif kind == 1:
                    made = world.activation(a * b)
                elif kind == 2:
                    made = a * world.scales[places[0] % len(world.scales)] + world.offset
                elif kind == 3:
                    made = a.detach() * b
                elif kind == 4:
                    with engine.no_grad():
                        made = engine.sin(a) + b
                elif kind == 5:
                    made = engine.maximum(a, b, c)
                elif kind == 6:
                    made = a - b if world.flag else a + b
                elif kind == 7:
                    made = engine.dot(world.weights, [a] * len(world.weights))
                elif kind == 8:
                    made = engine.grad(a * b * a, a, create_graph=True) * 0.1
                elif kind == 9:
                    made = a * world.table["a"] + float(world.array[1]) * b
                else:
                    made = Value(0.5) * a + float(Value(2.0) * Value(0.25)) * b
                known.append(engine.tanh(made))
            return engine.mean(known) + known[-1] * known[-2]

        return function

    def happens(self, event: int) -> None:
        """Something changes."""
        rng = self.rng
        place = rng.randrange(len(self.weights))
        changes: list[Callable[[], Any]] = [
            lambda: setattr(self.weights[place], "data", rng.uniform(-1, 1)),
            lambda: self.weights.__setitem__(place, Value(self.weights[place].data)),
            lambda: self.weights.append(Value(0.4)),
            lambda: self.scales.__setitem__(0, rng.uniform(-1, 1)),
            lambda: setattr(self, "scales", [rng.uniform(-1, 1)]),
            lambda: self.table.update(a=rng.uniform(-1, 1)),
            lambda: self.array.__setitem__(1, rng.uniform(-1, 1)),
            lambda: setattr(self, "activation", rng.choice([engine.tanh, engine.sin, engine.relu, lambda x: x * x])),
            lambda: setattr(self, "flag", not self.flag),
            lambda: setattr(self, "offset", rng.uniform(-1, 1)),
            lambda: self.weights.reverse(),
            lambda: None,
        ]
        changes[event % len(changes)]()


@pytest.mark.parametrize("backend", INSTALLED)
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 12),
    events=st.lists(st.integers(0, 11), min_size=1, max_size=4),
    under_no_grad=st.booleans(),
)
def test_random_functions_live_as_the_eager_ones(
    backend: str, seed: int, size: int, events: list[int], under_no_grad: bool
) -> None:
    world = World(seed)
    function = world.function(size)
    samples = [[world.rng.uniform(-2, 2) for _ in range(2)] for _ in range(3)]
    case, compiled = Case(function, samples=(samples,)), compile(function, backend=backend)
    if under_no_grad:
        with engine.no_grad():
            compiled(samples)
    with looking_at_all():
        for event in events:
            judge(case, compiled)
            world.happens(event)
        judge(case, compiled)
