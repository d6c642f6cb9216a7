"""Module: parameters are found wherever attributes hold them, each once, with stable paths."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from engine import Constant, Value, compile, tanh
from nn import MLP, Layer, Module, modes
from tests.interrupting import Pressed
from tests.needs import needs


@pytest.mark.parametrize("use", [lambda model: model[0], lambda model: model[-1], list])
def test_a_module_is_no_list_of_its_layers(use):
    with pytest.raises(TypeError, match=r"^MLP has no items: .* as in model\.layers\[0\] and len\(model\.layers\) of"):
        use(MLP(2, [1]))
    assert MLP(2, [1])  # is true, as any object
    assert np.array([MLP(2, [1])], dtype=object).shape == (1,)


class Box(Module):
    """Holds what it is given."""

    def __init__(self, **contents):
        vars(self).update(contents)


def test_paths_of_an_mlp():
    names = [name for name, _ in MLP(3, [4, 2]).named_parameters()]
    assert len(names) == 3 * 4 + 4 + 4 * 2 + 2
    assert names[:5] == [
        "layers.0.neurons.0.w.0",
        "layers.0.neurons.0.w.1",
        "layers.0.neurons.0.w.2",
        "layers.0.neurons.0.b",
        "layers.0.neurons.1.w.0",
    ]
    assert "layers.0.neurons.3.w.2" in names
    assert names[-1] == "layers.1.neurons.1.b"


def test_parameters_are_leaf_values_in_containers_of_any_kind():
    values = [Value(float(i)) for i in range(6)]
    box = Box(
        one=values[0],
        rows=[(values[1], values[2]), []],
        named={"a": values[3], "deep": {"b": [values[4]]}},
        inner=Box(x=values[5]),
        number=3.0,
        constant=Constant(1.0),
        result=values[0] * 2,
        text="abc",
        nothing=None,
    )
    assert box.named_parameters() == [
        ("one", values[0]),
        ("rows.0.0", values[1]),
        ("rows.0.1", values[2]),
        ("named.a", values[3]),
        ("named.deep.b.0", values[4]),
        ("inner.x", values[5]),
    ]
    assert all(a is b for a, b in zip(box.parameters(), values))


def test_a_shared_parameter_or_module_appears_once_under_its_first_path():
    shared = Value(1.0)
    inner = Box(x=shared)
    box = Box(first=inner, again=inner, also=[shared])
    assert [name for name, _ in box.named_parameters()] == ["first.x"]


def test_equal_values_are_not_the_same_parameter():
    assert len(Box(a=Value(1.0), b=Value(1.0)).parameters()) == 2


def test_modules_that_hold_each_other():
    parent, child = Box(x=Value(1.0)), Box(y=Value(2.0))
    parent.child, child.parent = child, parent
    assert [name for name, _ in parent.named_parameters()] == ["x", "child.y"]
    assert "..." in repr(parent)


def test_arrays_of_values():
    array = np.array([[Value(1.0), Value(2.0)]], dtype=object)
    box = Box(w=array, data=np.zeros(3))
    assert [name for name, _ in box.named_parameters()] == ["w.0.0", "w.0.1"]
    assert box.parameters()[0] is array[0, 0]


def test_a_parameter_of_an_activation_is_found_once():
    class Prelu(Module):
        def __init__(self):
            self.slope = Value(0.1)

        def __call__(self, x):
            return self.slope * x

    layer = Layer(2, 3, activation=Prelu())
    assert len(layer.parameters()) == 3 * 3 + 1


def test_zero_grad():
    model = MLP(2, [2, 1], activation="tanh", seed=1)
    model([1.0, 2.0])[0].backward()
    assert any(p.grad != 0.0 for p in model.parameters())
    model.zero_grad()
    assert all(p.grad == 0.0 for p in model.parameters())


def test_repr_shows_the_structure():
    assert repr(MLP(2, [3, 1], activation="tanh")) == (
        "MLP of 13 parameters\n  layers.0: Layer(2, 3, tanh)\n  layers.1: Layer(3, 1, identity)"
    )
    assert repr(Box(net=MLP(1, [1]), scale=[Value(1.0), Value(2.0)])) == (
        "Box of 4 parameters\n  net: MLP of 2 parameters\n    layers.0: Layer(1, 1, identity)\n  scale: 2"
    )
    assert repr(Module()) == "Module of 0 parameters"


def test_deep_copies_and_pickles_are_independent_and_equal():
    model = MLP(2, [2, 1], activation=tanh, seed=1)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert [p.data for p in twin.parameters()] == [p.data for p in model.parameters()]
        assert twin([1.0, 2.0])[0].data == model([1.0, 2.0])[0].data
        assert not {*map(id, twin.parameters())} & {*map(id, model.parameters())}
        assert repr(twin) == repr(model)


contents = st.recursive(
    st.builds(Value, st.floats(-1, 1)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        | st.builds(lambda x: Box(x=x), inner)
    ),
    max_leaves=12,
)


def resolve(item, path):
    for name in path.split("."):
        if isinstance(item, Module):
            item = getattr(item, name)
        else:
            item = item[name] if isinstance(item, dict) else item[int(name)]
    return item


@given(contents)
def test_every_path_leads_to_its_parameter(item):
    box = Box(item=item)
    named = box.named_parameters()
    assert len({name for name, _ in named}) == len(named)
    assert all(resolve(box, name) is value for name, value in named)
    assert list(map(id, box.parameters())) == [id(value) for _, value in named]


def test_each_module_is_visited_once():
    shared = Layer(2, 2, seed=1)
    box = Box(first=shared, again=[shared])
    assert [type(module).__name__ for module in box.modules()] == ["Box", "Layer", "Neuron", "Neuron"]


def test_what_holds_no_parameter_is_not_described():
    assert repr(Box(w=Value(1.0), constant=Constant(2.0), result=Value(1.0) * 2)) == "Box of 1 parameter\n  w: 1"


def test_an_attribute_that_is_deleted_counts():
    """What is compiled looks again, and so sees that the bias has gone."""

    class Line(Module):
        bias = 0.0

        def __init__(self):
            self.w = Value(2.0)

        def __call__(self, x):
            return x * self.w + self.bias

    model = Line()
    model.bias = 5.0
    compiled = compile(model, backend="python")
    assert list(compiled([1.0])) == [7.0]
    del model.bias
    assert list(compiled([1.0])) == [2.0]


def test_in_a_notebook_it_is_a_table():
    html = Box(net=MLP(2, [3, 1]), scale=[Value(1.0), Value(2.0)], constant=Constant(1.0))._repr_html_()
    assert "Box of 15 parameters" in html
    for part, what, count in (("net", "MLP of 13 parameters", "13"), ("scale", "parameters of its own", "2")):
        cells = "".join(f"<td style='text-align:left'>{cell}</td>" for cell in (part, what, count))
        assert f"<tr>{cells}</tr>" in html
    assert "constant" not in html


def test_ctrl_c_while_eval_mode_begins_leaves_modules_in_train_mode(monkeypatch):
    model = MLP(1, [1])
    monkeypatch.setattr(modes, "_evaluating", Pressed(modes._evaluating))
    with pytest.raises(KeyboardInterrupt), modes.evaluating():
        pass
    assert model.training
    with modes.evaluating():
        assert not model.training


def test_attributes_that_another_thread_sets_meanwhile_do_not_disturb():
    """As the first prediction does, which keeps its programs with the model: here at each switch of threads."""
    model = MLP(2, [2, 1])

    class Meanwhile(list):
        def __iter__(self):
            vars(model)[f"_kept{len(vars(model))}"] = None
            return super().__iter__()

    vars(model)["own"] = Meanwhile([Value(1.0)])
    assert len(model.parameters()) == len(model.named_parameters()) == 10
    assert len(list(model.modules())) == 6


def circular(kind: str) -> Any:
    """A model whose parts know it, or with a container that holds itself."""
    model = MLP(2, [3, 1], seed=1)
    held: Any = {"the model": model, "parts": [model.layers, model], "list": [], "dict": {}}[kind]
    if kind == "list":
        held.append(held)
    elif kind == "dict":
        held["itself"] = held
    for part in (model, *model.layers):
        vars(part)["back"] = held
    return model


@pytest.mark.parametrize("kind", ["the model", "parts", "list", "dict"])
def test_modules_and_containers_that_hold_each_other(kind: str, tmp_path: Any) -> None:
    """Each is entered once, wherever a module is walked through: no walk relies on the limit of recursion."""
    model, plain = circular(kind), MLP(2, [3, 1], seed=1)
    assert [value.data for value in model.parameters()] == [value.data for value in plain.parameters()]
    assert {value for _, value in model.named_parameters()} == {*model.parameters()}
    assert [type(module) for module in model.modules()] == [type(module) for module in plain.modules()]
    assert repr(model).startswith("MLP of 13 parameters")
    assert nn.summary(model, [0.5, 1.0]).parameters == nn.summary(plain, [0.5, 1.0]).parameters == 13
    X, y = [[0.5, 1.0], [1.0, -1.0]], [1.0, 0.0]
    losses = [
        nn.fit(model, X, y, nn.mse, nn.SGD(model.parameters(), 0.1), 3, backend=backend, seed=1).losses
        for model, backend in ((circular(kind), "auto"), (circular(kind), "eager"), (plain, "auto"))
    ]
    assert losses[0] == losses[2] == pytest.approx(losses[1])
    for name in ("model.json", "model.safetensors"):
        if name.endswith("tensors"):
            needs("safetensors")
        nn.save(model, tmp_path / name)
        other = circular(kind)
        nn.load(other, tmp_path / name)
        assert [value.data for value in other.parameters()] == [value.data for value in model.parameters()]


@pytest.mark.parametrize("name", ["weight", "weights", "kernel", "bias", "biases"])
def test_attributes_by_which_other_libraries_hold_parameters(name):
    """They were set, and nothing read them."""
    model = MLP(2, [1], seed=0)
    for part in (model, model.layers[0], model.layers[0].neurons[0]):
        with pytest.raises(AttributeError, match=rf"no attribute '{name}': .*parameters\(\)"):
            setattr(part, name, [[1.0, 2.0]])
    nn.LayerNorm(2).weight = [Value(1.0), Value(2.0)]
    with pytest.raises(TypeError, match="weight of Embedding holds parameters, not numbers"):  # it stayed untrained
        nn.Embedding(3, 2).weight = np.ones((3, 2))
