"""Random models, losses and calls: compiled training takes the eager course, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
import nn
from engine import TraceError
from nn import SGD, Adam, AdamW, Trainer
from tests.needs import INSTALLED

Loss = Callable[[Any, Any], Any]

# What a sample's output and label make, and the labels that this takes.
TERMS: dict[str, tuple[Callable[[Any, Any], Any], tuple[float, ...]]] = {
    "mse": (lambda o, y: nn.mse(o, y), (-1.0, 0.5, 2.0)),
    "mae": (lambda o, y: nn.mae(o, y), (-1.0, 0.5, 2.0)),
    "hinge": (lambda o, y: nn.hinge(o[:1], y), (-1.0, 1.0)),
    "hinge of bits": (lambda o, y: nn.hinge(o[:1], 2 * y - 1), (0.0, 1.0)),
    "bce": (lambda o, y: nn.bce_with_logits(o[:1], y), (0.0, 0.25, 1.0)),
    "classes": (lambda o, y: nn.cross_entropy([*o, 0.5], y), (0.0, 1.0)),
    "pinball": (lambda o, y: engine.where(o[0] > y, o[0] - y, 3 * (y - o[0])), (-1.0, 0.5, 2.0)),
    "table": (lambda o, y: engine.take(y, [1.0, 3.0]) * engine.softplus(-o[0]), (0.0, 1.0)),
    "object": (lambda o, y: (3.0 if y in {1.0} else 1.0) * engine.softplus(-o[0]), (0.0, 1.0)),
}
REDUCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "mean": engine.mean,
    "sum": engine.sum,
    "sum / 7": lambda terms: engine.sum(terms) / 7,
    "running mean": lambda terms: _running(terms),
    "root": lambda terms: engine.sqrt(engine.mean(terms) + 0.5),
    "largest": engine.maximum,
    "first two": lambda terms: engine.mean(terms[:2]),
    "weights": lambda terms: engine.sum([term / (k + 1) for k, term in enumerate(terms)]),
    "all but the smallest": lambda terms: engine.mean(terms) - engine.minimum(terms) / len(terms),
}
OPTIMIZERS: list[Callable[[Any], Any]] = [
    lambda p: SGD(p, lr=0.05, momentum=0.9),
    lambda p: SGD(p, lr=0.05, weight_decay=0.01),
    lambda p: Adam(p, lr=0.02),
    lambda p: AdamW(p, lr=0.02, weight_decay=0.1),
]
SEPARABLE = ("mean", "sum", "sum / 7", "running mean")


def _running(terms: list[Any]) -> Any:
    found = 0.0
    for k, term in enumerate(terms):
        found = found + (term - found) / (k + 1)
    return found


def loss_of(term: str, reduction: str, penalty: float, model: Any) -> Loss:
    weights = model.parameters()[:3]

    def loss(outputs: Any, labels: Any) -> Any:
        found = REDUCTIONS[reduction]([TERMS[term][0](o, y) for o, y in zip(outputs, labels)])
        return found + penalty * engine.sum([w * w for w in weights]) if penalty else found

    return loss


@settings(max_examples=25)
@given(st.data())
def test_compiled_training_is_eager_training_or_refused(data: st.DataObject) -> None:
    draw = data.draw
    term, reduction = draw(st.sampled_from([*TERMS])), draw(st.sampled_from([*REDUCTIONS]))
    activation, penalty = draw(st.sampled_from(["tanh", "relu", "gelu"])), draw(st.sampled_from([0.0, 0.1]))
    size = draw(st.integers(1, 6))
    number = st.floats(-2, 2).map(lambda x: round(x, 3))
    # A sample of zeros leaves relu its bias alone, 0 or 1e-18 as a sum was rounded: either side of the kink.
    sample = st.lists(number, min_size=2, max_size=2).filter(any)
    samples = draw(st.lists(sample, min_size=size, max_size=size))
    labels = draw(st.lists(st.sampled_from(TERMS[term][1]), min_size=size, max_size=size))
    calls = draw(st.lists(st.integers(1, size), min_size=1, max_size=4))  # the sizes of the batches
    changes = draw(st.sampled_from(["nothing", "lr", "parameter", "momentum"]))
    optimizer, seed = draw(st.sampled_from(OPTIMIZERS)), draw(st.integers(0, 3))
    backend = draw(st.sampled_from(INSTALLED[:2]))  # how code is made of a graph is tested elsewhere

    def course(choice: str) -> list[float]:
        model = nn.MLP(2, [3, 1], activation=activation, seed=seed)
        made = optimizer(model.parameters())
        loss = loss_of(term, reduction, penalty, model)
        step: Any = nn.EagerStep(model, loss, made) if choice == "eager" else Trainer(model, loss, made, choice)
        found = []
        for k, count in enumerate(calls):
            if k and changes == "lr":
                made.lr = 0.01 * k
            elif k and changes == "parameter":
                model.parameters()[k].data = 0.3 * k
            elif k and changes == "momentum" and isinstance(made, SGD):
                made.momentum = 0.5
            found.append(step(samples[:count], labels[:count]))
        return [*found, *[p.data for p in model.parameters()]]

    expected = course("eager")
    try:
        found = course(backend)
    except TraceError:
        assert reduction not in SEPARABLE or term == "object"  # refusing is no way out
        return
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-10)
