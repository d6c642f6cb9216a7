"""Neuron, Layer, MLP: outputs by hand and against PyTorch, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Constant, Value, compile, tanh
from nn import MLP, Layer, Neuron, predict
from tests.needs import needs


def set_to(module, numbers):
    for parameter, number in zip(module.parameters(), numbers, strict=True):
        parameter.data = number


def test_neuron_by_hand():
    neuron = Neuron(2, activation="relu")
    set_to(neuron, [2.0, -1.0, 0.5])
    out = neuron([3.0, 4.0])
    assert out.data == 2.5
    out.backward()
    assert [p.grad for p in neuron.parameters()] == [3.0, 4.0, 1.0]
    assert neuron([-3.0, 4.0]).data == 0.0


def test_a_neuron_is_one_dot_and_one_activation():
    out = Neuron(3, activation="tanh")([1.0, 2.0, 3.0])
    assert out._op == tanh.symbol
    (product,) = out._prev
    assert len(product._prev) == 3 + 3 + 1
    assert len(Neuron(3, activation="identity")([1.0, 2.0, 3.0])._prev) == 7


def test_layer_and_mlp_always_return_lists():
    assert len(Layer(2, 1)([1.0, 2.0])) == 1
    assert len(Layer(2, 3)([1.0, 2.0])) == 3
    assert isinstance(MLP(2, [3, 1])([1.0, 2.0]), list)


def test_numbers_become_constants_once_for_a_layer():
    layer = Layer(2, 3, activation="identity")
    inputs = [[v for v in out._prev if isinstance(v, Constant)] for out in layer([1.0, 2.0])]
    assert [v.data for v in inputs[0]] == [1.0, 2.0]
    assert all(a is b for row in inputs[1:] for a, b in zip(row, inputs[0], strict=True))


def test_values_as_inputs_receive_gradients():
    x = [Value(1.0), Value(2.0)]
    layer = Layer(2, 1, activation="identity")
    set_to(layer, [3.0, 4.0, 0.0])
    layer(x)[0].backward()
    assert [v.grad for v in x] == [3.0, 4.0]


def test_mlp_activations():
    model = MLP(2, [3, 3, 1], activation="tanh", output="sigmoid")
    assert [repr(layer) for layer in model.layers] == [
        "Layer(2, 3, tanh)",
        "Layer(3, 3, tanh)",
        "Layer(3, 1, sigmoid)",
    ]
    assert repr(MLP(2, [3, 1]).layers[0].neurons[0]) == "Neuron(2, relu)"


def test_a_callable_activation():
    def cube(x):
        return x**3

    neuron = Neuron(1, activation=cube)
    set_to(neuron, [2.0, 0.0])
    assert neuron([1.0]).data == 8.0
    assert repr(neuron) == "Neuron(1, cube)"


def test_numpy_rows_tuples_and_lists_are_alike():
    model = MLP(3, [4, 2], seed=1)
    row = [0.5, -1.0, 2.0]
    expected = [y.data for y in model(row)]
    for x in (tuple(row), np.array(row), np.array(row, dtype=np.float32), np.array([row])[0]):
        assert [y.data for y in model(x)] == expected
    assert [y.data for y in model(np.array([1, 2, 3]))] == [y.data for y in model([1.0, 2.0, 3.0])]


@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6), st.lists(st.floats(-3, 3), min_size=2, max_size=2))
def test_a_layer_is_a_matrix_product(numbers, x):
    layer = Layer(2, 2, activation="tanh")
    set_to(layer, numbers)
    weights = np.array(numbers).reshape(2, 3)
    expected = np.tanh(weights[:, :2] @ np.array(x) + weights[:, 2])
    assert [y.data for y in layer(x)] == pytest.approx(expected, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_gradients_of_an_mlp_against_torch(activation):
    torch = needs("torch")
    model = MLP(3, [5, 4, 2], activation=activation, seed=2)
    x = [0.3, -0.7, 1.1]
    out = model(x)
    (out[0] * 2 + out[1]).backward()

    h = torch.tensor(x, dtype=torch.float64)
    weights = []
    for i, layer in enumerate(model.layers):
        rows = [[p.data for p in neuron.parameters()] for neuron in layer.neurons]
        weights.append(torch.tensor(rows, dtype=torch.float64, requires_grad=True))
        h = weights[-1][:, :-1] @ h + weights[-1][:, -1]
        if i < 2:
            h = getattr(torch, activation)(h)
    (h[0] * 2 + h[1]).backward()
    expected = torch.cat([w.grad.flatten() for w in weights]).tolist()
    assert [p.grad for p in model.parameters()] == pytest.approx(expected, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("make", [lambda: Neuron(2), lambda: Layer(2, 3), lambda: MLP(2, [3, 1])])
@pytest.mark.parametrize("x", [[], [1.0], [1.0, 2.0, 3.0], np.zeros(1)])
def test_inputs_of_the_wrong_length(make, x):
    with pytest.raises(ValueError, match=rf"\(2, .*takes 2 inputs, got {len(x)}"):
        make()(x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            3.0,
            r"Layer\(2, 3, relu\) takes a row of 2 numbers or Values, not float 3.0: a model is called with one sample",
        ),
        ("ab", "not str 'ab'"),
        ({1: 2.0, 2: 3.0}, "not dict"),
        ([1.0, [2.0]], r"Layer\(2, 3, relu\) takes 2 numbers or Values: .*list"),
        ([1.0, "2"], "str"),
        ([1.0, None], "NoneType"),
        ((i for i in (1.0, 2.0)), r"not generator .*: give list\(x\)"),
        ({1: 2.0, 2: 3.0}.values(), r"not dict_values .*: give list\(x\)"),
    ],
)
def test_inputs_of_the_wrong_kind(x, message):
    with pytest.raises(TypeError, match=message):
        MLP(2, [3, 1])(x)


def test_rows_are_taken_one_by_one():
    """A batch, or the positions of a sequence, at any depth."""
    model = MLP(2, [3, 1], activation="tanh", seed=1)
    rows = np.array([[[1.0, 2.0], [3.0, 4.0]], [[0.5, 0.0], [-1.0, 1.0]]])
    assert [[y.data for [y] in sequence] for sequence in model(rows)] == [
        [model(row)[0].data for row in sequence] for sequence in rows
    ]
    with pytest.raises(ValueError, match="takes 2 inputs, got 3"):
        model([[1.0, 2.0], [1.0, 2.0, 3.0]])


def test_without_bias():
    model = MLP(2, [3, 1], bias=False, seed=1)
    assert len(model.parameters()) == 9
    assert [p.data for p in model.parameters()] == [p.data for p in MLP(2, [3, 1], seed=1).parameters() if p.data]
    assert repr(model.layers[0]) == "Layer(2, 3, relu, bias=False)"
    assert repr(model.layers[0].neurons[0]) == "Neuron(2, relu, bias=False)"
    assert model([0.0, 0.0])[0].data == 0.0
    with pytest.raises(TypeError, match="bias must be True or False, not str 'no'"):
        Layer(2, 3, bias="no")


def test_a_neuron_on_its_own_checks_its_inputs_too():
    neuron = Neuron(2)
    set_to(neuron, [1.0, 2.0, 0.0])
    assert neuron(np.array([3.0, 4.0])).data == neuron((3, 4)).data == 11.0
    with pytest.raises(TypeError, match=r"Neuron\(2, relu\) takes a row of 2 numbers or Values, not float 3.0"):
        neuron(3.0)
    with pytest.raises(TypeError, match="of type list"):
        neuron([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Neuron(0), ValueError, "nin must be at least 1, not 0"),
        (lambda: Neuron(2.0), TypeError, "nin must be a whole number, not float 2.0"),
        (lambda: Layer(2, -1), ValueError, "nout must be at least 1, not -1"),
        (lambda: Layer(2, True), TypeError, "nout must be a whole number, not bool True"),
        (lambda: MLP(2, []), ValueError, "nouts is empty"),
        (lambda: MLP(2, 3), TypeError, r"go in one list, as in MLP\(2, \[3, 1\]\)$"),
        (lambda: MLP(2, "3"), TypeError, "nouts must be a list, tuple or array, not str '3'"),
        (lambda: MLP("2", [3]), TypeError, "nin must be a whole number, not str '2'"),
        (lambda: MLP(2, [3, 1.5]), TypeError, "nout must be a whole number, not float 1.5"),
        (lambda: MLP(2, [1], activation="rleu"), ValueError, "no activation is named 'rleu'"),
        (lambda: MLP(2, [1], output=math.tanh), TypeError, "engine.tanh, not math.tanh"),
        (lambda: MLP(2, [1], seed="a"), TypeError, "seed must be a whole number, not str 'a'"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_numpy_sizes():
    assert len(MLP(np.int64(2), np.array([3, 1])).parameters()) == 13


@pytest.mark.parametrize("chosen", ["tanh", tanh])
def test_an_activation_may_be_set_later(chosen):
    layer, made = Layer(2, 3, seed=1), Layer(2, 3, activation="tanh", seed=1)
    x = [0.5, -1.0]
    before = predict(layer, [x])
    layer.activation = chosen
    expected = [math.tanh(sum(w.data * each for w, each in zip(neuron.w, x))) for neuron in layer.neurons]
    assert [y.data for y in layer(x)] == pytest.approx(expected)
    assert predict(layer, [x])[0] == pytest.approx(expected)
    assert predict(layer, [x]) != before
    assert repr(layer) == repr(made)
    assert layer.activation is tanh
    neuron = Neuron(2, seed=1)
    neuron.activation = chosen
    assert repr(neuron) == "Neuron(2, tanh)"
    with pytest.raises(ValueError, match="no activation is named 'tan'"):
        layer.activation = "tan"
    with pytest.raises(TypeError, match="an activation is a name or a callable, not int 3"):
        neuron.activation = 3
    assert neuron.activation is tanh


@pytest.mark.parametrize("name", ["activation", "output"])
def test_an_mlp_has_no_activation_that_could_be_set_later(name):
    """It was set, and the layers kept theirs."""
    model = MLP(2, [3, 1])
    with pytest.raises(AttributeError, match=r"layers have activations, as in model.layers\[-1\].activation"):
        setattr(model, name, "tanh")

    class Own(MLP):
        pass

    setattr(Own(2, [1]), name, "tanh")


def test_a_compiled_layer_says_that_samples_are_rows():
    with pytest.raises(TypeError, match=r"not a single number: samples are rows, one of them is \[x\]"):
        compile(Layer(2, 1, seed=1))([0.5, 1.0])
