"""A model that cannot be compiled is trained eagerly from the state it had: what trying has changed is given back."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import nn
from tests.needs import needs

np = needs("numpy")

X = np.random.default_rng(0).normal(size=(10, 3)).tolist()
Y = [int(x[0] > 0) for x in X]
OWN = random.Random()


class Noisy(nn.Module):
    """Adds to each input what is another number at each call."""

    in_all = 0

    def __init__(self, draw: Callable[[Any], float], inside: Any) -> None:
        self.draw, self.inside = draw, inside
        self.generator = np.random.default_rng(7)
        self.calls, self.log, self.counts, self.seen = 0, [0.0], {"calls": 0}, {0}
        self.mean = np.zeros(1)

    def __call__(self, x: Any) -> Any:
        return self.inside([entry + 0.1 * self.draw(self) for entry in x])


def counted(model: Any) -> float:
    model.calls += 1
    return model.calls / 100


def logged(model: Any) -> float:
    model.log.append(model.log[-1] + 0.01)
    return float(model.log[-1])


def in_dict(model: Any) -> float:
    model.counts["calls"] += 1
    return model.counts["calls"] / 100


def in_set(model: Any) -> float:
    model.seen.add(len(model.seen))
    return len(model.seen) / 100


def in_array(model: Any) -> float:
    model.mean += 0.01
    return float(model.mean[0])


def in_class(model: Any) -> float:
    type(model).in_all += 1
    return type(model).in_all / 100


DRAWS: dict[str, Callable[[Any], float]] = {
    "random": lambda _: random.gauss(0.0, 1.0),
    "numpy.random": lambda _: np.random.normal(),
    "a Random": lambda _: OWN.random(),
    "a Generator": lambda model: model.generator.normal(),
    "a counter": counted,
    "a list": logged,
    "a dict": in_dict,
    "a set": in_set,
    "an array": in_array,
    "a class": in_class,
}

INSIDE: dict[str, Callable[[], Any]] = {
    "plain": lambda: nn.MLP(3, [4, 2], activation="tanh", seed=1),
    "dropout": lambda: nn.Sequential(
        nn.Layer(3, 4, "tanh", seed=1), nn.Dropout(0.5, seed=1), nn.Layer(4, 2, "identity", seed=1)
    ),
}


def trained(draw: Callable[[Any], float], inside: Any, backend: str) -> list[Any]:
    random.seed(1)
    np.random.seed(1)  # what old code draws from
    OWN.seed(1)
    Noisy.in_all = 0
    model = Noisy(draw, inside)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nn.EagerWarning)
        history = nn.fit(model, X, Y, nn.cross_entropy, optimizer, 2, batch_size=4, seed=0, backend=backend)
    assert history.backend.startswith("eager")
    state = [random.random(), np.random.random(), OWN.random(), model.generator.random()]  # as above
    return [p.data for p in model.parameters()] + state + [model.calls, model.log, model.counts, model.seen]


@pytest.mark.parametrize("inside", INSIDE.values(), ids=list(INSIDE))
@pytest.mark.parametrize("draw", DRAWS.values(), ids=list(DRAWS))
def test_generators_and_counters_are_where_eager_training_leaves_them(draw: Any, inside: Any) -> None:
    assert trained(draw, inside(), "auto") == trained(draw, inside(), "eager")


@pytest.mark.parametrize("function", [False, True])
def test_masks_are_found_wherever_they_are_drawn(function: bool) -> None:
    """In a module, or by a function that nobody can search."""
    found = []
    for backend in ("eager", "auto"):
        model = INSIDE["dropout"]()
        called = (lambda x, model=model: model(x)) if function else model
        optimizer = nn.SGD(model.parameters(), lr=0.1)
        history = nn.fit(called, X, Y, nn.cross_entropy, optimizer, 2, batch_size=4, seed=0, backend=backend)
        assert history.backend.startswith("eager") is (backend == "eager")
        found.append([p.data for p in model.parameters()])
    assert found[1] == pytest.approx(found[0], rel=1e-12)
