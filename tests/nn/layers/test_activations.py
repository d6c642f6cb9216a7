"""Activations by name, softmax and its logarithm, one-hot labels."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value, relu
from nn import ACTIVATIONS, log_softmax, one_hot, softmax
from nn.layers.activations import activation_name, get_activation

rows = st.lists(st.floats(-50, 50), min_size=1, max_size=8)


def exact_softmax(xs):
    with mpmath.workdps(50):
        exponentials = [mpmath.exp(mpmath.mpf(x)) for x in xs]
        return [e / mpmath.fsum(exponentials) for e in exponentials]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_name(name):
    activation = get_activation(name)
    assert get_activation(activation) is activation
    assert activation_name(activation) == name
    x = Value(0.7)
    result = activation(x)
    result.backward()
    assert isinstance(result, Value)
    assert x.grad > 0.0


def test_activation_values():
    def at(name, x):
        return get_activation(name)(Value(x)).data

    assert at("identity", -2.0) == -2.0
    assert at("relu", -2.0) == 0.0
    assert at("tanh", 0.5) == pytest.approx(math.tanh(0.5), rel=1e-15)
    assert at("sigmoid", 0.0) == 0.5


def test_a_callable_of_ones_own():
    def cube(x):
        return x**3

    assert get_activation(cube) is cube
    assert activation_name(cube) == "cube"
    assert activation_name(relu) == "relu"
    assert activation_name(engine.atan) == "atan"  # as what engine.declare adds


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        ("Relu", ValueError, "no activation is named 'Relu': choose one of identity, relu"),
        ("softmax", ValueError, r"keep output='identity'.*cross_entropy"),
        (3, TypeError, "a name or a callable, not int 3"),
        ("linear", ValueError, "no activation is named 'linear': here it is identity$"),
        (None, TypeError, 'a name or a callable, not NoneType None: write "identity" for none$'),
        (math.tanh, TypeError, "activation tanh returned float .*engine.tanh, not math.tanh"),
    ],
)
def test_activations_refused(choice, error, message):
    with pytest.raises(error, match=message):
        get_activation(choice)


def test_softmax_by_hand():
    assert softmax([0.0, math.log(3.0)]) == pytest.approx([0.25, 0.75], rel=1e-15)


@given(rows)
def test_softmax_sums_to_one(xs):
    assert math.fsum(softmax(xs)) == pytest.approx(1.0, abs=1e-15)


@given(rows, st.integers(-1000, 1000))
def test_softmax_does_not_change_under_a_shift(xs, shift):
    xs = [round(x * 8) / 8 for x in xs]  # so that the shifted numbers are exact
    shifted = [x + shift for x in xs]
    assert softmax(shifted) == softmax(xs)
    assert log_softmax(shifted) == log_softmax(xs)


@given(rows)
def test_softmax_against_exact_results(xs):
    expected = exact_softmax(xs)
    assert softmax(xs) == pytest.approx([float(p) for p in expected], rel=5e-14)
    with mpmath.workdps(50):
        logs = [float(mpmath.log(p)) for p in expected]
    assert log_softmax(xs) == pytest.approx(logs, rel=1e-13, abs=5e-14)


@pytest.mark.parametrize(
    ("xs", "expected"),
    [
        ([1e4, 1e4], [0.5, 0.5]),
        ([1e300, 1e300], [0.5, 0.5]),
        ([1e308, -1e308], [1.0, 0.0]),
        ([-1e4, -1e4 - 1000.0], [1.0, 0.0]),
        ([0.0, -math.inf], [1.0, 0.0]),
        ([5.0], [1.0]),
    ],
)
def test_softmax_at_extremes(xs, expected):
    assert softmax(xs) == expected


def test_log_softmax_keeps_what_softmax_rounds_away():
    assert log_softmax([1000.0, 0.0])[1] == -1000.0
    assert softmax([1000.0, 0.0])[1] == 0.0


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=5), st.data())
def test_gradients_are_those_of_the_formula(xs, data):
    chosen = data.draw(st.integers(0, len(xs) - 1))
    p = [float(q) for q in exact_softmax(xs)]
    values = [Value(x) for x in xs]
    softmax(values)[chosen].backward()
    expected = [p[chosen] * ((i == chosen) - p[i]) for i in range(len(xs))]
    assert [v.grad for v in values] == pytest.approx(expected, rel=1e-12, abs=1e-15)
    values = [Value(x) for x in xs]
    log_softmax(values)[chosen].backward()
    expected = [(i == chosen) - p[i] for i in range(len(xs))]
    assert [v.grad for v in values] == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_a_batch_is_told_by_nesting():
    batch = [[0.0, 1.0], [2.0, 2.0]]
    assert softmax(batch) == [softmax(row) for row in batch]
    assert log_softmax(np.array(batch)) == [log_softmax(row) for row in batch]


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_softmax_refuses(function):
    with pytest.raises(ValueError, match="logits is empty"):
        function([])
    with pytest.raises(TypeError, match=r"logits must be a list, tuple or array, not float 1.0"):
        function(1.0)


@given(st.integers(1, 20), st.data())
def test_one_hot(classes, data):
    labels = data.draw(st.lists(st.integers(0, classes - 1), min_size=1))
    encoded = one_hot(labels, classes)
    assert [row.index(1.0) for row in encoded] == labels
    assert all(sum(row) == 1.0 and len(row) == classes for row in encoded)
    assert one_hot(np.array(labels), classes) == encoded


@pytest.mark.parametrize(
    ("labels", "classes", "error", "message"),
    [
        (3, 3, IndexError, "class 3 is out of range"),
        ([0, -1], 3, IndexError, "class -1 is out of range"),
        (0.5, 3, ValueError, "not 0.5"),
        (True, 3, TypeError, "bool True"),
        ([], 3, ValueError, "labels is empty"),
        (0, 0, ValueError, "classes must be at least 1"),
        (0, 2.5, TypeError, "classes must be a whole number"),
    ],
)
def test_one_hot_refuses(labels, classes, error, message):
    with pytest.raises(error, match=message):
        one_hot(labels, classes)
