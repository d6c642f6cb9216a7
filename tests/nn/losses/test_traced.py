"""The formulas of losses that are traced, on labels of every kind: the numbers and gradients of the eager ones."""

import math

import pytest

import engine
import nn
from engine import Value
from tests.needs import INSTALLED, needs

LOGITS = [[0.3, -1.2, 2.0], [1e4, 0.0, -1e4], [-math.inf, 0.5, 1.0], [0.5, -math.inf, 0.25], [0.0, 0.0, 0.0]]
SURE = [[40.0, 0.0, -3.0], [0.0, 40.0, -3.0], [0.0, -3.0, 40.0]]  # losses and gradients of 4e-18 have all their digits
ROWS = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.2, 0.3, 0.5], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]


def same(a, b, least=0.0):
    return a == b or math.isclose(a, b, rel_tol=1e-12, abs_tol=least) or (math.isnan(a) and math.isnan(b))


def compare(loss, outputs, label, least=1e-15):
    """One sample, eager and traced, with the gradient with respect to a bias on every output."""
    biases = [Value(0.0) for _ in outputs]

    def f(x, y):
        return loss([each + bias for each, bias in zip(x, biases)], y)

    expected = f(outputs, label)
    slopes = engine.grad(expected, biases)
    compiled = engine.compile(f, backend="python")
    (value,) = compiled([outputs], [label])
    assert same(value, expected.data), (outputs, label)
    compiled.backward([outputs], [label])
    for bias, slope in zip(biases, slopes):
        assert same(bias.grad, slope, least), (outputs, label)


@pytest.mark.parametrize("logits", [*LOGITS, *SURE])
@pytest.mark.parametrize("target", [0, 1, 2])
def test_cross_entropy_of_classes(logits, target):
    compare(nn.cross_entropy, logits, target, least=1e-30)


@pytest.mark.parametrize("logits", [*LOGITS, *SURE])
@pytest.mark.parametrize("target", ROWS)
def test_cross_entropy_of_probabilities(logits, target):
    compare(nn.cross_entropy, logits, target, least=1e-30 if 1.0 in target else 1e-15)


@pytest.mark.parametrize("target", [0, 2, *ROWS])
def test_nll(target):
    compare(nn.nll, [-0.3, -1.5, -2.5], target)


@pytest.mark.parametrize("loss", [nn.mse, nn.mae, nn.bce_with_logits])
@pytest.mark.parametrize("label", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("output", [-2.0, 0.25, 1e4])
def test_of_one_output(loss, label, output):
    compare(loss, [output], label)


@pytest.mark.parametrize("label", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("output", [0.25, 0.75])
def test_bce(label, output):
    compare(nn.bce, [output], label)


@pytest.mark.parametrize("label", [-1, 1])
@pytest.mark.parametrize("output", [-2.0, 0.25, 3.0])
def test_hinge(label, output):
    compare(nn.hinge, [output], label)


@pytest.mark.parametrize("logits", LOGITS)
def test_cross_entropy_of_one_class_for_all_samples(logits):
    """The label is a number of the function's, and no argument."""
    compare(lambda outputs, _: nn.cross_entropy(outputs, 1), logits, 0)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize(
    "loss",
    [
        lambda w: nn.bce(w[0], 1),
        lambda w: nn.bce([w[0], w[1]], [0, 0.3]),
        lambda w: nn.cross_entropy(w[:3], 1),
        lambda w: nn.cross_entropy([0.7, w[0], w[1]], 0),
        lambda w: nn.cross_entropy(w[:3], [0.2, 0.3, 0.5]),
        lambda w: nn.nll([-x for x in w[:3]], 2),
        lambda w: engine.take(w[3], w[:3]),
    ],
)
def test_of_parameters_themselves(loss, backend):
    """A parameter has no number either while a function is traced; the label is a number of the function's."""
    w = [Value(number) for number in (0.25, 0.5, 0.125, 1.0)]
    compiled = engine.compile(lambda x: loss(w) * x, backend=backend)
    for numbers in ((0.25, 0.5, 0.125, 1.0), (0.75, 0.125, 0.5, 2.0)):
        for value, number in zip(w, numbers):
            value.data, value.grad = number, 0.0
        expected = loss(w)
        slopes = engine.grad(expected, w[:3])
        assert same(float(compiled([1.0])[0]), expected.data)
        compiled.backward([1.0])
        assert all(same(value.grad, slope, 1e-15) for value, slope in zip(w, slopes))


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("digits", ["float16", "float32"])
@pytest.mark.parametrize(
    ("loss", "outputs", "labels"),
    [
        (nn.bce_with_logits, [[0.5], [1e4], [-1e4], [2.0]], [0.0, 1.0, 0.0, 0.25]),
        (nn.bce, [[0.5], [1.0], [0.0], [0.75]], [0.0, 1.0, 0.0, 0.25]),
        (nn.hinge, [[0.5], [-1.0]], [1.0, -1.0]),
        (nn.mse, [[0.5], [-1.0]], [1.0, 0.25]),
        (nn.cross_entropy, [[0.5, 2.0], [-1.0, 0.0]], [1.0, 0.0]),
        (nn.cross_entropy, [[0.5, 2.0], [-1.0, 0.0]], [[0.25, 0.75], [0.0, 1.0]]),
        (nn.nll, [[-0.5, -2.0], [-1.0, -3.0]], [[0.25, 0.75], [0.0, 1.0]]),
    ],
)
def test_labels_of_few_digits_are_those_of_floats(loss, outputs, labels, digits, backend):
    """As PyTorch's users write them; binary cross-entropy was refused, since it asked whether 1 - label is 0."""
    labels = needs("numpy").array(labels, digits)
    compiled = engine.compile(lambda x, y: loss(x, y), backend=backend)
    assert compiled(outputs, labels) == pytest.approx([loss(x, y) for x, y in zip(outputs, labels.tolist())], rel=1e-12)
