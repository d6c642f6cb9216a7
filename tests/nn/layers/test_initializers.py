"""Initialisers: ranges, spreads, the fitting default, and reproducibility."""

import math
import random
import statistics

import pytest

from nn import INITIALIZERS, MLP, Layer, Neuron
from nn.layers.initializers import get_initializer
from tests.garbage import collections_in

NIN, NOUT = 30, 20
BOUND = {
    "zeros": 0.0,
    "uniform": 1.0,
    "xavier_uniform": math.sqrt(6 / (NIN + NOUT)),
    "he_uniform": math.sqrt(6 / NIN),
}
SPREAD = {"normal": 1.0, "xavier_normal": math.sqrt(2 / (NIN + NOUT)), "he_normal": math.sqrt(2 / NIN)}


def draws(name, count=4000):
    rng = random.Random(5)
    return [INITIALIZERS[name](rng, NIN, NOUT) for _ in range(count)]


@pytest.mark.parametrize("name", BOUND)
def test_uniform_draws_fill_their_range(name):
    weights = draws(name)
    assert max(map(abs, weights)) <= BOUND[name]
    assert max(weights) >= 0.99 * BOUND[name]
    assert min(weights) <= -0.99 * BOUND[name]


@pytest.mark.parametrize("name", SPREAD)
def test_normal_draws_have_their_spread(name):
    weights = draws(name)
    assert statistics.stdev(weights) == pytest.approx(SPREAD[name], rel=0.05)
    assert abs(statistics.fmean(weights)) < SPREAD[name] / 10


def test_uniform_and_normal_forms_have_equal_spread():
    for family in ("xavier", "glorot", "he"):
        uniform, normal = (statistics.stdev(draws(f"{family}_{form}")) for form in ("uniform", "normal"))
        assert uniform == pytest.approx(normal, rel=0.1)


def test_every_entry_is_tested_here():
    assert set(INITIALIZERS) == {*BOUND, *SPREAD, "glorot_uniform", "glorot_normal"}


@pytest.mark.parametrize(
    ("activation", "fitting"),
    [
        ("relu", "he_uniform"),
        ("gelu", "he_uniform"),
        ("tanh", "xavier_uniform"),
        ("identity", "xavier_uniform"),
    ],
)
def test_the_default_fits_the_activation(activation, fitting):
    chosen = Layer(NIN, NOUT, activation=activation, seed=1)
    named = Layer(NIN, NOUT, activation=activation, init=fitting, seed=1)
    assert [p.data for p in chosen.parameters()] == [p.data for p in named.parameters()]


@pytest.mark.parametrize("bad", [math.nan, math.inf, "0.5", None, True])
def test_an_initialiser_that_gives_no_finite_number_is_refused(bad):
    with pytest.raises((ValueError, TypeError), match="a weight that an initialiser gives"):
        Layer(2, 2, init=lambda rng, nin, nout: bad)


def test_biases_start_at_zero_and_weights_do_not():
    for neuron in Layer(3, 4, seed=1).neurons:
        assert neuron.b.data == 0.0
        assert all(w.data != 0.0 for w in neuron.w)


def test_a_seed_gives_the_same_network_and_another_seed_another_one():
    first, second, third = ([p.data for p in MLP(2, [3, 1], seed=seed).parameters()] for seed in (1, 1, 2))
    assert first == second
    assert first != third
    assert len(set(first)) > 8  # neurons differ from one another


def test_without_a_seed_networks_differ_unless_random_is_seeded():
    weights = []
    for _ in range(2):
        random.seed(4)
        weights.append([w.data for w in Neuron(3).w])
    assert weights[0] == weights[1]
    assert weights[0] != [w.data for w in Neuron(3).w]


def test_a_callable_gets_the_fans():
    calls = []

    def record(rng, nin, nout):
        calls.append((nin, nout))
        return 0.5

    layer = Layer(2, 3, init=record)
    assert calls == [(2, 3)] * 6
    assert layer.neurons[2].w[1].data == 0.5


def test_refusals():
    with pytest.raises(ValueError, match="no initialiser is named 'kaiming': choose one of zeros, uniform"):
        get_initializer("kaiming")
    with pytest.raises(TypeError, match=r"not float 0.5"):
        get_initializer(0.5)


def test_weights_are_made_without_collections_of_garbage():
    """A million of them took twice as long: each collection went through all that were there."""
    assert collections_in(lambda: Layer(200, 200, seed=0)) <= 20  # of some four hundred for that many Values
