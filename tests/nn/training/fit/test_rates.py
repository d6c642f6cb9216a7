"""Schedules, clipping, and warnings of training that changes nothing."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from tests.needs import needs

from .fitting import BACKENDS, X, Y, network, numbers, trained

np = needs("numpy")


@BACKENDS
def test_schedules_set_absolute_rates(backend):
    rates = nn.schedules.linear(0.1, steps=16, warmup=4)
    _, history = trained(backend, schedule=rates, lr=7.0)
    assert [row["lr"] for row in history.rows] == [rates(k) for k in (3, 7, 11, 15)]
    slow, _ = trained(backend, schedule=lambda k: 0.0)
    assert numbers(slow) == numbers(network())


@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_a_schedule_that_ends_too_early_is_warned_of_once(backend):
    model = nn.MLP(1, [1], seed=1)
    data, optimizer = ([[0.0], [1.0], [2.0]], [1.0, 2.0, 3.0]), nn.SGD(model.parameters(), lr=0.1)
    options = {"epochs": 4, "batch_size": 1, "schedule": nn.schedules.cosine(0.1, 3), "backend": backend}
    with pytest.warns(UserWarning, match=r"epoch 2 changed nothing: .*cosine\(lr=0.1, steps=3.*3 in an epoch") as told:
        nn.fit(model, *data, nn.mse, optimizer, **options)
    assert len(told) == 1


@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_a_loss_that_stays_is_warned_of(backend):
    model = nn.MLP(2, [3, 1], seed=0)
    for parameter in model.layers[0].parameters():
        parameter.data = -1.0  # so that all relus are 0
    for neuron in model.layers[1].neurons:
        neuron.b.data = 2.0
    frozen = nn.SGD(model.layers[0].parameters(), lr=0.1)
    with pytest.warns(UserWarning, match="the loss stays at 1: no gradient reaches the parameters") as told:
        nn.fit(model, [[0.0, 1.0], [1.0, 2.0], [1.0, 1.0]], [1.0, 1.0, 1.0], nn.mse, frozen, 4, 2, backend=backend)
    assert len(told) == 1


def test_the_loss_may_stay_over_an_epoch_at_rate_0(recwarn):
    # A gradient was said to be missing where a warm-up begins with 0 and an epoch is one step.
    model = nn.MLP(1, [1], seed=1)
    data, optimizer = ([[0.0], [1.0]], [1.0, 2.0]), nn.SGD(model.parameters(), lr=0.1)
    nn.fit(model, *data, nn.mse, optimizer, epochs=3, batch_size=None, schedule=lambda k: 0.05 * k, backend="eager")
    assert not recwarn.list


def test_a_loss_of_zero_may_stay(recwarn):
    model = nn.MLP(1, [1], init="zeros")
    nn.fit(model, [[0.0], [1.0]], [0.0, 0.0], nn.mse, nn.SGD(model.parameters(), lr=0.1), epochs=3, backend="eager")
    assert not recwarn.list


@pytest.mark.parametrize("rate", [nn.schedules.cosine(0.1, 12), nn.schedules.linear(0.1, 12, warmup=3), lambda k: 0.0])
def test_a_schedule_that_lasts_or_is_meant_so_is_not(rate, recwarn):
    model = nn.MLP(1, [1], seed=1)
    data, optimizer = ([[0.0], [1.0], [2.0]], [1.0, 2.0, 3.0]), nn.SGD(model.parameters(), lr=0.1)
    nn.fit(model, *data, nn.mse, optimizer, epochs=4, batch_size=1, schedule=rate, backend="eager")
    assert not recwarn.list


@given(st.integers(2, 50), st.integers(0, 9), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_schedules_stay_between_their_ends(steps, warmup, lr, final):
    warmup = min(warmup, steps - 1)
    for make in (nn.schedules.cosine, nn.schedules.linear):
        rate = make(lr, steps, warmup=warmup, final=final)
        found = [rate(k) for k in range(steps + 5)]
        assert all(-1e-15 <= x <= max(lr, final) + 1e-15 for x in found)
        assert found[-1] == pytest.approx(final)
        if warmup:
            assert found[warmup - 1] == lr


@pytest.mark.parametrize(
    "make", [nn.schedules.cosine, nn.schedules.linear, lambda lr, n: nn.schedules.step(lr, n, 0.5)]
)
def test_schedules_are_asked_for_steps(make):
    """Of step -1 a cosine divided by 0, and a step was twice the first rate."""
    rate = make(0.1, 3)
    assert rate(np.int64(2)) == rate(2)
    with pytest.raises(ValueError, match="a step must be at least 0, not -1"):
        rate(-1)
    for wrong in (1.5, math.nan, True, "3", None, np.array([1])):
        with pytest.raises(TypeError, match="a step must be a whole number, not"):
            rate(wrong)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"steps": 3, "warmup": 3}, {"steps": 5, "final": -1.0}])
def test_schedules_refuse(wrong):
    with pytest.raises(ValueError, match=r"steps|final"):
        nn.schedules.cosine(0.1, **wrong)


@pytest.mark.parametrize(
    "rate",
    [
        nn.schedules.step(0.1, every=1, factor=0.5),
        nn.schedules.linear(0.1, 9, warmup=3),
        nn.schedules.cosine(0.1, 9, 3, final=0.01),
    ],
)
def test_a_schedule_says_what_it_is_and_pickles(rate):
    assert eval(repr(rate), vars(nn.schedules)) == rate == pickle.loads(pickle.dumps(rate))
    model = network()
    optimizer = nn.SGD(model.parameters(), lr=1.0)
    trainer = nn.Trainer(model, nn.cross_entropy, optimizer, schedule=rate, backend="python")
    trainer.step(X[:4], Y[:4])
    twin = pickle.loads(pickle.dumps(trainer))
    assert twin.schedule == rate
    twin.step(X[:4], Y[:4])
    assert twin.optimizer.lr == rate(1) != rate(0)


def test_schedules_of_another_kind_or_number_are_not_equal():
    assert nn.schedules.linear(0.1, 9) != nn.schedules.cosine(0.1, 9) != nn.schedules.cosine(0.1, 8)


@BACKENDS
@pytest.mark.parametrize("clip", [{"clip_norm": 0.05}, {"clip_value": 0.01}])
def test_clipping_is_the_same_everywhere(backend, clip):
    def made(choice, **options):
        model = network()
        nn.fit(
            model, X, Y, nn.cross_entropy, nn.SGD(model.parameters(), lr=1.0), 2, 8, seed=1, backend=choice, **options
        )
        return numbers(model)

    np.testing.assert_allclose(made(backend, **clip), made("eager", **clip), rtol=1e-9)
    assert made(backend, **clip) != made(backend)
