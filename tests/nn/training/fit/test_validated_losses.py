"""Validation by losses of one's own: in compiled code where they are means or sums over samples."""

import math
import warnings

import pytest

import engine
import nn
from nn.evaluation import means
from nn.evaluation.metrics import Accuracy
from nn.evaluation.programs import Options
from nn.training import validation
from nn.training.rows import Rows
from tests.needs import needs

from .fitting import BACKENDS, X, Y, network, numbers, trained

np = needs("numpy")


@BACKENDS
def test_a_loss_that_per_sample_made_is_validated_in_compiled_code(backend):
    """Of no other loss of the user's is it known that it is the mean over the samples."""
    calls = []

    def squared(output, label):
        if not engine.is_traced(output[0]):  # traces come as often as looks are due, by the clock
            calls.append(1)
        return (output[0] - label) ** 2

    def count(epochs, loss):
        calls.clear()
        _, history = trained(backend, model=network(1), loss=loss, validation=(X[:10], Y[:10]), epochs=epochs)
        return len(calls), [row["validation_loss"] for row in history.rows]

    loss = nn.per_sample(squared)
    (few, _), (many, found) = count(2, loss), count(6, loss)
    assert (many - few < 4 * 10) is (backend != "eager")
    assert found == pytest.approx(count(6, nn.mse)[1], rel=1e-9)
    assert found == pytest.approx(count(6, lambda outputs, labels: loss(outputs, labels))[1], rel=1e-9)


def mine(outputs, labels):
    return sum(nn.cross_entropy(*each) for each in zip(outputs, labels)) / len(outputs)


def summed(outputs, labels):
    return engine.sum([nn.cross_entropy(*each) for each in zip(outputs, labels)])


def last_first(outputs, labels):
    """Mixes samples: those of a batch are told apart."""
    return nn.cross_entropy(outputs[0], labels[0]) + 0.5 * nn.cross_entropy(outputs[-1], labels[-1])


@pytest.mark.parametrize("metrics", [(), "accuracy", ("accuracy", "top1")])
@pytest.mark.parametrize("name", ["mean", "sum", "with a penalty", "sum with a penalty", "mixed", "blind"])
def test_a_loss_of_ones_own_is_validated_as_eager_code_does(name, metrics, monkeypatch):
    """In compiled code from some epoch on, where it is a mean or sum over samples."""
    monkeypatch.setattr(validation, "PATIENT", 2)
    model = network(outputs=3)
    weights = model.parameters()

    def penalised(outputs, labels):
        return mine(outputs, labels) + 0.01 * engine.dot(weights, weights)

    def summed_and_penalised(outputs, labels):
        """So that the penalty counts once, and not for each sample."""
        return summed(outputs, labels) + 0.01 * engine.dot(weights, weights)

    def blind(outputs, labels):
        """It does not look at what tells the class."""
        return nn.mse([row[0] for row in outputs], labels)

    penalties = {"with a penalty": penalised, "sum with a penalty": summed_and_penalised}
    loss = {"mean": mine, "sum": summed, "mixed": last_first, "blind": blind, **penalties}[name]
    start, held = numbers(model), (X[:10], Y[:10])
    found = []
    for more in ({}, {"callbacks": lambda *_: None}):  # with a callback the samples may change
        for weight, number in zip(weights, start):
            weight.data = number
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, history = trained("auto", model=model, loss=loss, lr=0.01, validation=held, metrics=metrics, **more)
        found.append(history.to_dict())
    for column in found[0].keys() - {"seconds"}:
        assert found[0][column] == pytest.approx(found[1][column], rel=1e-9)


def test_where_outputs_are_infinite_the_class_is_told_as_ever(monkeypatch):
    monkeypatch.setattr(validation, "PATIENT", 1)
    model = network(outputs=3)
    for neuron in model.layers[0].neurons:
        neuron.b.data = 50.0
    for neuron in model.layers[1].neurons:
        for weight in neuron.w:
            weight.data = 1e308

    def blind(outputs, labels):
        return nn.mse([0.0 * label for label in labels], labels)

    held, metric = (X[:3], [0, 1, 2]), Accuracy(model, None)
    assert np.isinf(nn.predict(model, held[0])).all()
    checked = validation.Validation(model, Rows(*held, 3, ""), blind, {"accuracy": metric}, Options("auto"), fixed=True)
    assert checked.scores(1, watched=True) == {"validation_loss": 5 / 3, "validation_accuracy": 1 / 3}


def test_where_outputs_are_nan_there_is_no_class_though_the_loss_is_a_number(monkeypatch):
    monkeypatch.setattr(validation, "PATIENT", 1)
    net = network(outputs=1)

    class Gap(nn.Module):
        def __call__(self, x):
            return [*net(x), x[0] * 1e308 * 10.0 * 0.0]

    def blind(outputs, labels):
        return nn.mse([row[0] for row in outputs], labels)

    model, held = Gap(), (X[:3], [0, 1, 0])
    metric = Accuracy(model, None)
    checked = validation.Validation(model, Rows(*held, 3, ""), blind, {"accuracy": metric}, Options("auto"), fixed=True)
    found = [*checked.scores(1, watched=True).values()]
    assert found == pytest.approx([nn.score(model, *held, blind), math.nan], nan_ok=True)


@BACKENDS
def test_metrics_beside_accuracy_are_their_own(backend):
    labels = np.arange(30) % 3
    held, metrics = (X[:10], labels[:10]), ["accuracy", "top2"]
    model, history = trained(backend, model=network(3), y=labels, validation=held, metrics=metrics)
    expected = nn.evaluate(model, *held, nn.cross_entropy, metrics=metrics)
    assert expected["top2"] > expected["accuracy"]
    for name in metrics:
        assert history.rows[-1][f"validation_{name}"] == expected[name]


@BACKENDS
def test_a_penalty_counts_in_validation_once(backend):
    """It is added to the mean, and not to each sample."""
    model = network(1)

    def loss(outputs, labels):
        return nn.mse(outputs, labels) + 0.1 * sum(p * p for p in model.parameters())

    _, history = trained(backend, model=model, loss=loss, validation=(X[:9], Y[:9]), epochs=2)
    with engine.no_grad():
        expected = loss([model(x) for x in X[:9]], list(Y[:9])).data
    assert history.rows[-1]["validation_loss"] == pytest.approx(expected, rel=1e-12)


def test_a_loss_of_too_many_samples_to_look_at_is_validated_eagerly(monkeypatch):
    """A graph of all of them would take seconds; without the limit nothing would show but the time."""
    model = network(1)

    def loss(outputs, labels):
        return nn.mse(outputs, labels) * 2.0

    looked, batch_loss = [], engine.batch_loss
    monkeypatch.setattr(engine, "batch_loss", lambda *args, **options: looked.append(1) or batch_loss(*args, **options))
    monkeypatch.setattr(validation, "PATIENT", 1)
    for room, looks in ((5, False), (means.ROOM, True)):
        monkeypatch.setattr(means, "ROOM", room)
        _, history = trained("auto", model=model, loss=loss, validation=(X[:9], Y[:9]), epochs=2)
        with engine.no_grad():
            expected = loss([model(x) for x in X[:9]], list(Y[:9])).data
        assert history.rows[-1]["validation_loss"] == pytest.approx(expected, rel=1e-12)
        assert bool(looked) is looks
