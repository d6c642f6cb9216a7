"""Losses at infinite, enormous and missing numbers: every back end gives what eager code gives, values and gradients.

Eager values are held to PyTorch's where that is installed, but for limits that it misses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

import engine
import nn
from engine import Value
from tests.needs import INSTALLED, needs

INF, NAN = math.inf, math.nan
SPECIAL = [INF, -INF, NAN, 1e308, -1e308, 0.0, -0.0]
NUMBERS = [[x] for x in (*SPECIAL, 0.5, 2.0, -3.0)]
ROWS: list[list[float]] = [[*row] for row in product([*SPECIAL, 1.0], [0.0, INF, -INF, NAN, 1e308], [1.0, -INF])]


LOGARITHMS = [row for row in ROWS if not any(0.0 < x < INF for x in row)]


@dataclass(frozen=True)
class Loss:
    """A function of scores and a label, at all of some scores.

    Attributes:
        function: to be compiled.
        labels: None for a function without one.
        scores: for each call.
        peer: what PyTorch calls it.
    """

    function: Callable[[Any, Any], Any]
    labels: list[Any]
    scores: list[list[float]]
    peer: Callable[[Any, Any, Any], Any] | None = None


def cross_entropy_of(torch: Any, x: Any, y: Any) -> Any:
    label = torch.tensor(y) if isinstance(y, int) else torch.tensor(y, dtype=x.dtype)
    return torch.nn.functional.cross_entropy(x, label)


def pairwise(name: str) -> Callable[[Any, Any, Any], Any]:
    return lambda torch, x, y: getattr(torch.nn.functional, name)(x[0], torch.tensor(y, dtype=x.dtype))


LOSSES = {
    "cross_entropy": Loss(nn.cross_entropy, [0, 2], ROWS, cross_entropy_of),
    "cross_entropy of one-hot rows": Loss(nn.cross_entropy, [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], ROWS),
    "cross_entropy of rows": Loss(nn.cross_entropy, [[0.2, 0.3, 0.5]], ROWS, cross_entropy_of),
    "nll": Loss(nn.nll, [0, [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]], LOGARITHMS),
    "nll of log_softmax": Loss(lambda o, y: nn.nll(nn.log_softmax(o), y), [0, [0.2, 0.3, 0.5]], ROWS),
    "logsumexp": Loss(lambda o, _: engine.logsumexp(o), [None], ROWS, lambda torch, x, _: torch.logsumexp(x, 0)),
    "softmax": Loss(lambda o, _: nn.softmax(o)[0], [None], ROWS, lambda torch, x, _: torch.softmax(x, 0)[0]),
    "log_softmax": Loss(
        lambda o, _: nn.log_softmax(o)[0], [None], ROWS, lambda torch, x, _: torch.log_softmax(x, 0)[0]
    ),
    "bce_with_logits": Loss(
        lambda o, y: nn.bce_with_logits(o[0], y),
        [0.0, 1.0, 0.25],
        NUMBERS,
        pairwise("binary_cross_entropy_with_logits"),
    ),
    "bce": Loss(lambda o, y: nn.bce(o[0], y), [0.0, 1.0, 0.25], NUMBERS),
    "hinge": Loss(lambda o, y: nn.hinge(o[0], y), [-1.0, 1.0], NUMBERS),
    "mse": Loss(lambda o, y: nn.mse(o[0], y), [0.0, 2.0], NUMBERS, pairwise("mse_loss")),
    "mae": Loss(lambda o, y: nn.mae(o[0], y), [0.0, 2.0], NUMBERS, pairwise("l1_loss")),
}
ALL = pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))


def eager(loss: Loss, scores: list[float], label: Any) -> list[float]:
    """Value and gradient; nan where the loss refuses the scores."""
    values = [Value(x) for x in scores]
    try:
        result = loss.function(values, label)
    except ValueError:
        return [NAN] * (1 + len(values))
    return [float(result), *engine.grad(result, values)]


@ALL
@pytest.mark.parametrize("backend", INSTALLED)
def test_every_back_end_gives_what_eager_code_gives(loss: Loss, backend: str) -> None:
    values = [Value(-0.25 * k) for k in range(len(loss.scores[0]))]
    compiled = engine.compile(lambda y: loss.function(values, y), backend=backend)
    for label in loss.labels:
        sample = [0.0 if label is None else label]
        compiled.value_and_grad(sample)  # traced at ordinary numbers
        for scores in loss.scores:
            for value, number in zip(values, scores):
                value.data = number
            result, gradients = compiled.value_and_grad(sample)
            by = {id(value): float(slope) for value, slope in zip(compiled.parameters, gradients)}
            found = [float(result), *[by.get(id(value), 0.0) for value in values]]
            assert found == pytest.approx(eager(loss, scores, label), rel=1e-12, abs=1e-15, nan_ok=True), scores


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.peer])
def test_values_are_those_of_pytorch_or_the_limit(name: str) -> None:
    torch = needs("torch")
    loss = LOSSES[name]
    assert loss.peer is not None
    for label, scores in product(loss.labels, loss.scores):
        if 1e308 in map(abs, scores):
            continue  # PyTorch's differences overflow
        expected = float(loss.peer(torch, torch.tensor(scores, dtype=torch.float64), label))
        found = eager(loss, scores, label)[0]
        if math.isnan(expected) and not any(map(math.isnan, scores)):
            assert math.isnan(found) or found in LIMITS.get(name, ()), (scores, label)
        else:
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-15, nan_ok=True), (scores, label)


LIMITS = {
    "bce_with_logits": (0.0, INF),  # PyTorch takes 0 * inf
    "cross_entropy": (INF,),  # another class has all of the probability
    "cross_entropy of rows": (INF,),
}


@pytest.mark.parametrize("backend", ["eager", *INSTALLED])
def test_probabilities_that_training_brings_out_of_range_end_it_with_the_remedy(backend: str) -> None:
    """A line in place of a sigmoid, which begins between 0 and 1: the loss of a probability of -0.02 has no meaning."""
    model = nn.MLP(1, [1], seed=1)
    for parameter in model.parameters():
        parameter.data = 0.3
    with pytest.raises(
        (ValueError, FloatingPointError), match=r"a probability is from 0 to 1, not -.*use bce_with_logits"
    ):
        nn.fit(model, [[0.5], [0.2], [0.9]], [0, 0, 1], nn.bce, nn.SGD(model.parameters(), 0.5), 50, backend=backend)
