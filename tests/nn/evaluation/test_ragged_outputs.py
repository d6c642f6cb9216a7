"""Outputs in rows of several lengths: compiled and eager alike, or refused."""

import random
from typing import ClassVar

import pytest

import engine
import nn
from engine import TraceError
from nn.evaluation.columns import flat
from nn.rows import as_lists
from tests.needs import needs
from tests.nn.evaluation.networks import BACKENDS, X

np = needs("numpy")

AT_ONCE = pytest.mark.usefixtures("compile_at_once")


@AT_ONCE
def test_outputs_of_several_lengths_stay_lists():
    with pytest.warns(nn.EagerWarning):
        found = nn.predict(lambda x: [float(y) for y in x if y > 0], np.array([[1.0, 2.0], [3.0, -1.0]]))
    assert found == [[1.0, 2.0], [3.0]]


class Ragged(nn.Module):
    """A model whose outputs are rows of several lengths, nested in one way of many."""

    WAYS: ClassVar = [
        lambda r: [r[:2], r[2:5], r[5:]],  # as many numbers as 3 rows of 2
        lambda r: [r[:3], [r[3:5], r[5:]]],
        lambda r: [r[0], r[1:]],
        lambda r: [[r[:2], r[2:5], r[5]]],
        lambda r: [r[:4], r[4:]],
        lambda r: r,
        lambda r: r[0],
    ]

    def __init__(self, way):
        self.layer, self.way = nn.Layer(3, 6, "identity", seed=1), way

    def __call__(self, x):
        return self.WAYS[self.way](self.layer(x))


def _agree(found, expected):
    if not isinstance(expected, list):
        assert found == pytest.approx(expected, rel=1e-6)
        return
    assert len(found) == len(expected)
    for part, other in zip(found, expected):
        _agree(part, other)


@AT_ONCE
@BACKENDS
@pytest.mark.parametrize("way", range(len(Ragged.WAYS)))
def test_outputs_in_rows_of_several_lengths(backend, way):
    """predict refused them, and evaluate nested them wrong: a metric of the model's third row was given the second."""
    model, samples, seen = Ragged(way), X[:5].tolist(), []

    def metric(labels, outputs):
        seen.append(outputs)
        return 0.0

    expected = nn.predict(model, samples, backend="eager")
    loss = nn.per_sample(lambda output, label: label + engine.sum(flat([output])))
    for other in [way, (way + 3) % len(Ragged.WAYS), way]:  # with another nesting in between
        model.way = other
        nn.evaluate(model, samples, [0.0] * 5, loss, metric, backend=backend)
        _agree(seen[-1], nn.predict(model, samples, backend="eager"))
    _agree(nn.predict(model, samples, backend=backend), expected)
    _agree(nn.predict(lambda x: model(x), samples, backend=backend), expected)
    of_array = nn.predict(model, X[:5], backend=backend)
    assert isinstance(of_array, list) == (way < 5)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    nn.fit(model, samples, [0.0] * 5, loss, optimizer, 2, validation=(samples, [0.0] * 5), metrics=metric)
    _agree(seen[-1], nn.predict(model, samples, backend="eager"))


@AT_ONCE
@BACKENDS
@pytest.mark.parametrize("form", [np.array, list])
def test_a_sample_among_the_outputs(backend, form):
    """A row of an array has no dtype while a model is compiled: what returned it was refused."""
    layer, samples = nn.Layer(3, 2, "tanh", seed=1), form(X[:4].tolist())
    for model in (lambda x: x, lambda x: [layer(x), x]):
        _agree(
            as_lists(nn.predict(model, samples, backend=backend)), nn.predict(model, X[:4].tolist(), backend="eager")
        )


@AT_ONCE
@BACKENDS
def test_a_model_that_turns_ragged(backend):
    model = Ragged(5)
    nn.predict(model, X, backend=backend)
    model.way = 0
    _agree(nn.predict(model, X, backend=backend), nn.predict(model, X, backend="eager"))


@pytest.mark.parametrize("backend", ["auto", "numpy"])
def test_layers_that_turn_ragged_are_refused_or_run_eagerly(backend):
    """Of layers alone no program expects it."""
    model, samples = nn.Sequential(nn.Layer(3, 6, "identity", seed=1)), [*X[:8].tolist()] * 500
    _agree(nn.predict(model, samples, backend=backend), nn.predict(model, samples, backend="eager"))
    model.layers.append(Ragged.WAYS[0])
    if backend == "numpy":
        with pytest.raises(TraceError, match="returned a ragged list"):
            nn.predict(model, samples, backend=backend)
        return
    with pytest.warns(nn.EagerWarning, match="returned a ragged list"):
        found = nn.predict(model, samples)
    _agree(found, nn.predict(model, samples, backend="eager"))


@AT_ONCE
@pytest.mark.filterwarnings("ignore::nn.EagerWarning")  # that it runs eagerly is what is asked for
@pytest.mark.parametrize("ask", [nn.predict, lambda *given, **named: nn.evaluate(*given, [0.0] * 8, nn.mse, **named)])
def test_what_runs_eagerly_after_all_is_called_as_often(ask):
    """Once more, to see the form of the outputs: numbers drawn after that were others than in eager code."""

    class Noisy(nn.Module):
        def __init__(self):
            self.layer, self.calls = nn.Layer(3, 1, "identity", seed=1), 0

        def __call__(self, x):
            self.calls += 1
            return self.layer(x)[0] + random.random()

    def told(backend, wrap):
        random.seed(0)
        model = Noisy()
        return ask(wrap(model), X[:8], backend=backend), model.calls

    for wrap in (lambda model: model, lambda model: lambda x: model(x)):
        found, expected = told("auto", wrap), told("eager", wrap)
        assert np.array_equal(found[0], expected[0])
        assert found[1] == expected[1]
