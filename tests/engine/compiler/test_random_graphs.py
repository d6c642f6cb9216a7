"""Random functions of parameters and inputs: eager = python = numpy = llvm, for results and all gradients."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value, compile, ops
from tests.engine.compiler.everywhere import close
from tests.needs import INSTALLED

UNARY = [ops.tanh, ops.sin, ops.cos, ops.sigmoid, ops.softplus, ops.relu, ops.abs, ops.square, ops.erf, ops.gelu,
         ops.silu, ops.atan, ops.neg, ops.gaussian, ops.elu, ops.normal_cdf, ops.logsigmoid]  # fmt: skip  # one list
BINARY = [ops.add, ops.sub, ops.mul, ops.hypot, ops.atan2, ops.leaky_relu]
NARY = [ops.sum, ops.mean, ops.maximum, ops.minimum, ops.logsumexp]
PARAMETERS, INPUTS = 4, 3


def random_function(seed: int, size: int) -> tuple[Callable[[list[Any]], list[Any]], list[Value]]:
    """A function of a list of inputs with the structure of `seed`, and the parameters that it reads."""
    parameters = [Value(random.Random(seed + k).uniform(-1.5, 1.5)) for k in range(PARAMETERS)]

    def function(x: list[Any]) -> list[Any]:
        rng = random.Random(seed)
        known: list[Any] = [*x, *parameters, 0.5, -1.0]
        for _ in range(size):
            pick = [rng.choice(known) for _ in range(4)]
            kind = rng.randrange(9)
            if kind < 2:
                made = rng.choice(UNARY)(pick[0])
            elif kind < 4:
                made = rng.choice(BINARY)(*pick[:2])
            elif kind == 4:
                made = rng.choice(NARY)(pick)
            elif kind == 5:
                made = engine.dot(pick[:2], pick[2:], rng.choice(known))
            elif kind == 6:
                made = engine.where(x[0] + pick[0] > pick[1], pick[2], pick[3])
            elif kind == 7:
                made = pick[0] * pick[1] + pick[2] * pick[3] + rng.choice(known) + 1.0
            else:
                made = engine.take(rng.randrange(3), pick)
            known.append(engine.tanh(made) if rng.random() < 0.3 else made)
        # the sum over what nothing else reads too, so that every path counts
        return [engine.mean(known[INPUTS + PARAMETERS :]) + 0.0 * x[0], known[-1] + 0.0 * x[0]]

    return function, parameters


@pytest.mark.parametrize("backend", INSTALLED)
@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 25), batch=st.integers(1, 70))
def test_random_functions_agree_with_the_eager_engine(backend: str, seed: int, size: int, batch: int) -> None:
    function, parameters = random_function(seed, size)
    rng = random.Random(seed)
    samples = [[rng.uniform(-2, 2) for _ in range(INPUTS)] for _ in range(batch)]
    both = compile(function, backend=backend)
    outputs = both(samples)
    loss = compile(lambda x: function(x)[0], backend=backend)
    value, gradients = loss.value_and_grad(samples)
    _, by_inputs = loss.value_and_grad(samples, wrt="inputs")

    values = [[Value(x) for x in sample] for sample in samples]
    results = [function(x) for x in values]
    total = engine.mean([first for first, _ in results])
    scale = max([1.0, *[abs(r.data) for pair in results for r in pair]])
    for found, expected in zip(outputs, results):
        assert all(close(e.data, float(f), scale) for f, e in zip(found, expected))
    assert close(total.data, value, scale)
    expected_gradients = engine.grad(total, loss.parameters)
    top = max([1.0, *map(abs, expected_gradients)])
    assert all(close(e, float(f), top) for f, e in zip(gradients, expected_gradients))
    for found, inputs in zip(by_inputs, values):
        expected_row = engine.grad(total, inputs)
        assert all(close(e, float(f), top) for f, e in zip(found, expected_row))
    assert {id(p) for p in loss.parameters} <= {id(p) for p in parameters}
