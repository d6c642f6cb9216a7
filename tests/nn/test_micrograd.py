"""nn.micrograd against micrograd itself: the same script, the same seed, the same network and losses."""

import inspect
import random

import pytest

import engine
from engine import Value
from nn import micrograd
from tests.needs import needs

theirs = needs("micrograd.nn")
their_engine = needs("micrograd.engine")


def test_one_size_is_no_list():
    with pytest.raises(TypeError, match=r"go in one list, as in MLP\(2, \[16, 1\]\)"):
        micrograd.MLP(2, 16)


def moons(count=20):
    rng = random.Random(0)
    return [([rng.uniform(-1, 1), rng.uniform(-1, 1)], rng.choice([-1, 1])) for _ in range(count)]


def training(value, network, steps=5):
    """micrograd's demo, word for word but for its plots."""
    random.seed(1337)
    model = network.MLP(2, [16, 16, 1])  # 2-layer neural network
    X, y = zip(*moons(), strict=True)
    losses_seen = []
    for k in range(steps):
        inputs = [list(map(value, xrow)) for xrow in X]

        # forward the model to get scores
        scores = list(map(model, inputs))

        # svm "max-margin" loss
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        # L2 regularization
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss

        # also get accuracy
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores, strict=True)]
        losses_seen.append((total_loss.data, sum(accuracy)))

        # backward
        model.zero_grad()
        total_loss.backward()

        # update (sgd)
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
    return losses_seen, [p.data for p in model.parameters()]


def test_micrograds_demo_gives_the_same_losses_and_parameters():
    ours, our_parameters = training(engine.Value, micrograd)
    expected, expected_parameters = training(their_engine.Value, theirs)
    assert [hits for _, hits in ours] == [hits for _, hits in expected]
    assert [loss for loss, _ in ours] == pytest.approx([loss for loss, _ in expected], rel=1e-10)
    assert our_parameters == pytest.approx(expected_parameters, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("sizes", [(3, [4, 4, 1]), (2, [2]), (1, [1])])
def test_the_same_seed_gives_the_same_network(sizes):
    networks = []
    for network in (micrograd, theirs):
        random.seed(7)
        networks.append(network.MLP(*sizes))
    ours, other = networks
    assert [p.data for p in ours.parameters()] == [p.data for p in other.parameters()]
    assert repr(ours) == repr(other)
    assert random.random() == (random.seed(7), theirs.MLP(*sizes), random.random())[-1]


@pytest.mark.parametrize("name", ["Neuron", "Layer", "MLP"])
def test_signatures(name):
    ours, expected = (inspect.signature(getattr(network, name)) for network in (micrograd, theirs))
    assert [(p.name, p.default, p.kind) for p in ours.parameters.values()] == [
        (p.name, p.default, p.kind) for p in expected.parameters.values()
    ]


def test_names_of_micrograd():
    neuron = micrograd.Neuron(2, nonlin=False)
    assert neuron.parameters() == [*neuron.w, neuron.b]
    assert neuron.nonlin is False
    assert isinstance(neuron, micrograd.Module)
    layer = micrograd.Layer(2, 3, nonlin=False)
    assert repr(layer) == "Layer of [LinearNeuron(2), LinearNeuron(2), LinearNeuron(2)]"
    model = micrograd.MLP(2, [3, 1])
    assert repr(model.layers[0].neurons[0]) == "ReLUNeuron(2)"
    assert repr(model.layers[1].neurons[0]) == "LinearNeuron(3)"


def test_a_single_output_is_unwrapped():
    assert isinstance(micrograd.Layer(2, 1)([1.0, 2.0]), Value)
    assert isinstance(micrograd.MLP(2, [3, 1])([1.0, 2.0]), Value)
    assert len(micrograd.MLP(2, [3, 2])([1.0, 2.0])) == 2


def test_zero_grad():
    model = micrograd.MLP(2, [1])
    model([1.0, 2.0]).backward()
    assert [p.grad for p in model.parameters()] == [1.0, 2.0, 1.0]
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0, 0.0, 0.0]


def test_the_wrong_number_of_inputs():
    with pytest.raises(ValueError, match="2"):
        micrograd.MLP(2, [1])([1.0])
