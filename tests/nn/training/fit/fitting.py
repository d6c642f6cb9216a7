"""Small networks and data that the tests of `fit` train."""

import warnings

import pytest

import nn
from tests.needs import INSTALLED, needs

np = needs("numpy")
BACKENDS = pytest.mark.parametrize("backend", ["eager", *INSTALLED])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2))
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)


def network(outputs=2, seed=1):
    return nn.MLP(2, [4, outputs], activation="tanh", seed=seed)


def trained(backend="eager", *, model=None, samples=X, y=Y, loss=nn.cross_entropy, lr=0.05, epochs=4, **options):
    model = model or network()
    options = {"batch_size": 8, "seed": 3, **options}
    optimizer = nn.Adam(model.parameters(), lr=lr)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "training goes on after .*, and this Adam has made none")
        history = nn.fit(model, samples, y, loss, optimizer, epochs, backend=backend, **options)
    return model, history


def numbers(model):
    return [p.data for p in model.parameters()]


def with_dropout():
    return nn.Sequential(
        nn.Layer(2, 6, "tanh", seed=1),
        nn.Dropout(0.5, seed=4),
        nn.Layer(6, 2, "identity", seed=2),
        nn.Dropout(0.1, seed=5),
    )
