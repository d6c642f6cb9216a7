"""What stands where parameters are expected, and would not be trained: told of, or refused."""

import copy
import pickle

import numpy as np
import pytest

import nn
from engine import Constant, Value, no_grad, tanh
from engine import sum as sum_of
from nn import MLP, Layer, Module


@pytest.mark.parametrize(
    "item", [nn.Layer(2, 1, seed=0), [nn.Layer(2, 1, seed=0)], Value(0.5)], ids=["", "list", "Value"]
)
def test_what_the_body_of_a_class_holds_is_no_parameter_and_told(item):
    """It was shared by all instances, and trained by none."""
    with pytest.warns(UserWarning, match=r"head of Body belongs to the class, .*Set self.head in __init__") as told:
        body = type("Body", (nn.Module,), {"head": item, "size": 3, "half": Constant(0.5)})
    assert len(told) == 1
    assert body().parameters() == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: [Value(0.0)] * 3,
        lambda: [[Value(0.0)] * 3 for _ in range(2)],
        lambda: [[], [Value(0.0)] * 3],
    ],
)
def test_a_list_of_one_value_several_times_over_is_told_of(make):
    """`[Value(0.0)] * 3` is one parameter, where three are meant."""

    class Linear(Module):
        def __init__(self):
            self.w, self.b = make(), Value(0.0)

    told = r"w of Linear holds one Value 3 times, which stay equal: write \[Value\(...\) for _ in range\(3\)\]"
    with pytest.warns(UserWarning, match=told) as found:
        Linear().parameters()
    assert len(found) == 1


def test_parameters_that_are_shared_on_purpose_are_none_of_these():
    class Tied(Module):
        def __init__(self):
            shared = Value(1.0)
            self.first, self.again, self.pair = shared, shared, [shared, Value(2.0)]
            self.layers = [Layer(2, 2)] * 2
            self.single = [shared]
            self.table = [[Value(3.0), Value(4.0)], [Value(5.0)]]

    assert len(Tied().parameters()) == 11


class Slope(Module):
    """Has a parameter, a list of them, and what is none."""

    def __init__(self):
        self.w, self.row, self.seen, self.rate = Value(1.0), [Value(2.0), Value(3.0)], None, 0.5


@pytest.mark.parametrize("name", ["w", "row"])
def test_numbers_in_the_place_of_parameters_are_refused(name):
    """The model went on with a constant, and the optimiser with what nothing read."""
    model = Slope()
    for numbers in (0.5, np.float64(0.5), [0.5, 1.0], (1, 2), np.ones(2), [[0.5], [1.0]]):
        with pytest.raises(
            TypeError, match=rf"{name} of Slope holds parameters, not numbers such as .*: set their .data"
        ):
            setattr(model, name, numbers)
    assert len(model.parameters()) == 3


@pytest.mark.parametrize(
    ("name", "update"),
    [
        ("w", lambda w: w - 0.1 * w.grad),
        ("row", lambda row: [w * 2 for w in row]),
        ("w", lambda w: w.detach()),
        ("row", no_grad()(lambda row: [w * 2 for w in row])),
    ],
)
def test_results_in_the_place_of_parameters_are_told_of(name, update):
    """`w = w - rate * w.grad` is no update: it was among the parameters no more."""
    model = Slope()
    origin = r"(the result of|what detach\(\) or no_grad\(\) gave)"
    told = rf"{name} of Slope holds parameters, and is set to {origin}.*: change parameters by their .data"
    with pytest.warns(UserWarning, match=told) as found:
        setattr(model, name, update(getattr(model, name)))
    assert found[0].filename == __file__


def test_other_attributes_and_other_parameters_may_be_set():
    model = Slope()
    model.w, model.row, model.seen, model.rate = Value(2.0), [Value(1.0)], model.w * 2, 0.25
    model.seen, model.row = model.w * 3, []
    model.w = None
    del model.row
    model.row = [1.0, 2.0]


@pytest.mark.parametrize("part", ["weight", "row"])
def test_a_number_among_weights_is_told_of(part, recwarn):
    """`neuron.w[0] = 0.5` took the weight out of the training."""
    model = nn.MLP(2, [2], seed=0) if part == "weight" else nn.Embedding(3, 2, seed=0)
    assert len(model.parameters()) == 6
    assert not recwarn.list
    row = model.layers[0].neurons[1].w if part == "weight" else model.weight[1]
    row[0] = np.float64(0.5)
    with pytest.warns(
        UserWarning, match=r"the number 0.5 stands among the weights of a layer, .* set the \.data"
    ) as told:
        model.parameters()
    assert [warning.filename for warning in told] == [__file__]


def test_numbers_beside_values_are_the_users_own_affair(recwarn):
    class Polynomial(nn.Module):
        def __init__(self):
            self.coefficients = [1.0, Value(0.5), Value(0.0)]

    model = Polynomial()
    assert len(model.parameters()) == 2
    model.coefficients = [2.0, Value(0.5)]
    assert len(model.parameters()) == 1
    assert not recwarn.list


class Keeping(Module):
    """Keeps what it has computed, as one does to look at it."""

    def __init__(self, keep):
        self.layer, self.keep, self.kept = Layer(2, 2, "tanh", seed=0), keep, {"first": Value(0.5)}

    def __call__(self, x):
        h = self.layer(x)
        self.kept["h"] = self.keep(h)
        return h


KEPT = {
    "outputs": lambda h: h,
    "a number": lambda h: h[0],
    "pairs of other nodes": lambda h: [(h[0] + 1.0, tanh(h[1])), (2.0 - h[0], h[1] ** 2)],
    "one of many operands": lambda h: {"sum": sum_of(h)},
    "an array": lambda h: np.array(h, dtype=object),
    "detached ones": lambda h: [value.detach() for value in h],
}


CALLS = {
    "a call": lambda model: model([0.1, 0.2]),
    "no_grad": no_grad()(lambda model: model([0.1, 0.2])),
    "predict": lambda model: nn.predict(model, [[0.1, 0.2]]),
    "eager score": lambda model: nn.score(model, [[0.1, 0.2]], [[0.0, 0.0]], nn.mse, backend="eager"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("keep", KEPT.values(), ids=KEPT)
def test_what_a_model_keeps_of_a_call_is_no_parameter(keep, call, tmp_path):
    """Under no_grad results were among the parameters, and no new model could load what was saved."""
    model, new = Keeping(keep), Keeping(keep)
    names = [name for name, _ in model.named_parameters()]
    call(model)
    for each in (model, copy.deepcopy(model)):
        assert [name for name, _ in each.named_parameters()] == names
        assert len(each.parameters()) == len(names) == 7
    assert "kept: 1" in repr(model)
    assert len(nn.SGD(model.parameters(), lr=0.1).params) == 7
    model.kept["first"].data = 0.75
    for file in (tmp_path / "model.json", tmp_path / "model.safetensors"):
        nn.save(model, file)
        new.kept["first"].data = 0.0
        nn.load(new, file)
        assert new.kept["first"].data == 0.75


def test_a_detached_value_among_weights_is_told_of_and_an_optimiser_takes_it_when_it_is_named():
    model = MLP(2, [1], seed=0)
    (neuron,) = model.layers[0].neurons
    neuron.w[1] = kept = neuron.w[1].detach()
    with pytest.warns(UserWarning, match=r"w.1 is not a parameter but what detach\(\) or no_grad\(\) gave: .*Value"):
        assert kept not in {*model.parameters()}
    optimizer = nn.SGD([kept], lr=0.5)
    (kept * kept).backward()
    optimizer.step()
    assert kept.data == 0.0
    for again in (copy.copy(kept), pickle.loads(pickle.dumps(kept))):
        assert again.is_detached
