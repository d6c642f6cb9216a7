"""Samples, a network for them, and the back ends to evaluate it on."""

import pytest

import nn
from tests.needs import INSTALLED, needs

np = needs("numpy")

BACKENDS = pytest.mark.parametrize("backend", ["eager", "auto", *INSTALLED])
X = np.random.default_rng(0).normal(size=(40, 3))


def network(*outputs, seed=1, **named):
    return nn.MLP(3, [5, *outputs], activation="tanh", seed=seed, **named)
