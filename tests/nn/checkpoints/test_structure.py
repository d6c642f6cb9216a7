"""A file is read into the layers that it was saved from, or a warning says which are others."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import pytest

import nn
from engine import Value, no_grad
from tests.needs import needs

np = needs("numpy")


class Twice(nn.Module):
    """Modules in a module of the user's, one of them in two places, and itself."""

    def __init__(self, activation: str) -> None:
        self.parts: dict[str, Any] = {"a": nn.Neuron(2, activation), "b": [nn.MLP(2, [2], output=activation)]}
        self.again, self.me = self.parts["a"], self

    def __call__(self, x: Any) -> Any:
        return self.parts["b"][0](x)


OTHERS: dict[str, tuple[Any, Any, str]] = {
    "hidden activation": (
        nn.MLP(2, [3, 2], "tanh"),
        nn.MLP(2, [3, 2], "relu"),
        r"saved with Layer\(2, 3, tanh\) at layers.0, where the model has Layer\(2, 3, relu\): ",
    ),
    "all of them": (
        nn.MLP(2, [3, 3, 1], "tanh"),
        nn.MLP(2, [3, 3, 1], "relu", output="sigmoid"),
        r"Layer\(2, 3, relu\), and 2 more: ",
    ),
    "the model is a layer": (
        nn.Layer(2, 1, "tanh"),
        nn.Layer(2, 1),
        r"at the top, where the model has Layer\(2, 1, relu",
    ),
    "a function between": (
        nn.Sequential(nn.Layer(2, 2), nn.Activation("tanh")),
        nn.Sequential(nn.Layer(2, 2), nn.Activation("sigmoid")),
        r"saved with Activation\(tanh\)",
    ),
    "a function at the end": (
        nn.Sequential(nn.Layer(2, 2)),
        nn.Sequential(nn.Layer(2, 2), nn.softmax),
        "saved with Layer at the top, where the model has Layer, softmax: ",
    ),
    "an epsilon": (
        nn.Sequential(nn.LayerNorm(2), nn.RMSNorm(2)),
        nn.Sequential(nn.LayerNorm(2, eps=0.5), nn.RMSNorm(2, eps=0.1)),
        r"saved with layers.0.eps = 1e-05, where the model has 0.5, and 1 more: ",
    ),
    "heads": (nn.SelfAttention(4, heads=2), nn.SelfAttention(4, heads=1), r"heads=2.*heads=1"),
    "inside of a module of one's own": (Twice("tanh"), Twice("relu"), r"Neuron\(2, tanh\) at parts.a.*and 1 more"),
}


@pytest.mark.parametrize("ending", ["json", "safetensors"])
@pytest.mark.parametrize(("saved", "model", "message"), OTHERS.values(), ids=OTHERS)
def test_other_layers_are_warned_of(saved: Any, model: Any, message: str, ending: str, tmp_path: Path) -> None:
    if ending == "safetensors":
        needs("safetensors")
    file = tmp_path / f"model.{ending}"
    nn.save(saved, file)
    with pytest.warns(UserWarning, match=message) as told:
        nn.load(model, file)
    assert (len(told), told[0].filename) == (1, __file__)
    assert [p.data for p in model.parameters()] == [p.data for p in saved.parameters()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.load(saved, file)


@pytest.mark.parametrize("change", ["rate", "mode", "old file"])
def test_what_computes_the_same_is_silent(change: str, tmp_path: Path) -> None:
    saved, model = (nn.Sequential(nn.Layer(2, 2), nn.Dropout(p)) for p in (0.5, 0.1 if change == "rate" else 0.5))
    nn.save(saved, tmp_path / "model.json")
    if change == "mode":
        model.eval()
    if change == "old file":
        content = json.loads((tmp_path / "model.json").read_text())
        assert content.pop("layers") == {"layers.0": "Layer(2, 2, relu)"}
        assert len(content.pop("dropouts")) == 1
        (tmp_path / "model.json").write_text(json.dumps(content))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.load(model, tmp_path / "model.json")


def test_a_file_that_does_not_say_the_epsilon_of_a_norm_is_right_for_any(tmp_path: Path) -> None:
    """It was said to have the usual one, and training did not go on from it."""
    model = nn.Sequential(nn.Layer(2, 2, seed=1), nn.LayerNorm(2, eps=1e-3), nn.Layer(2, 1, "identity", seed=2))
    optimizer, data = nn.SGD(model.parameters(), lr=0.01), ([[0.0, 1.0], [2.0, 1.0]], [1.0, 0.0])
    history = nn.fit(model, *data, nn.mse, optimizer, epochs=1)
    nn.save(model, tmp_path / "model.json", optimizer=optimizer, history=history)
    content = json.loads((tmp_path / "model.json").read_text())
    assert content.pop("numbers") == {"layers.1.eps": "0.001"}
    layers = {"layers.0": "Layer(2, 2, relu)", "layers.1": "LayerNorm(2)", "layers.2": "Layer(2, 1, identity)"}
    assert content["layers"] == layers  # as files had it before they said more
    (tmp_path / "model.json").write_text(json.dumps(content))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saved = nn.load(model, tmp_path / "model.json", optimizer=optimizer)
        assert len(nn.fit(model, *data, nn.mse, optimizer, epochs=2, resume=saved).losses) == 2


@pytest.mark.parametrize("name", ["layers", "rows", "numbers"])
@pytest.mark.parametrize("texts", [["Layer"], {"layers.0": 3}, "Layer", None])
def test_layers_and_numbers_that_are_no_texts_are_refused(name: str, texts: Any, tmp_path: Path) -> None:
    nn.save(nn.MLP(2, [1]), tmp_path / "model.json")
    content = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**content, name: texts}))
    with pytest.raises(ValueError, match=f"the {name} are not texts"):
        nn.load(nn.MLP(2, [1]), tmp_path / "model.json")


class Centred(nn.Module):
    """A layer on samples less their running mean, as of a BatchNorm."""

    def __init__(self, size: int, seed: int) -> None:
        self.layer, self.seed = nn.Layer(size, 1, "identity", seed=seed), seed
        self.mean, self.count = [0.0] * size, np.int64(0)

    def __call__(self, x: Any) -> Any:
        if self.training:
            self.count += 1
            self.mean = [mean + (float(each) - mean) / self.count for mean, each in zip(self.mean, x)]
        return self.layer([each - mean for each, mean in zip(x, self.mean)])


@pytest.mark.parametrize("ending", ["json", "safetensors"])
def test_running_numbers_that_a_file_lacks_are_warned_of(ending: str, tmp_path: Path) -> None:
    """Only parameters come back: predictions were those of a mean of 0."""
    if ending == "safetensors":
        needs("safetensors")
    own, other = Centred(2, seed=1), Centred(2, seed=2)
    nets = [nn.Sequential(own), nn.Sequential(other)]
    X = [[1.0, 2.0], [3.0, 4.0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.save(nets[0], tmp_path / f"new.{ending}")
        nn.load(nets[1], tmp_path / f"new.{ending}")  # the seeds differ, which nothing but __init__ reads
    for x in X:
        nets[0](x)
    nn.save(nets[0], tmp_path / f"model.{ending}")
    told = r"layers\.0\.mean = \[2\.0, 3\.0\], where the model has \[0\.0, 0\.0\], and 1 more: a file has only the par"
    with pytest.warns(UserWarning, match=told) as found:
        nn.load(nets[1], tmp_path / f"model.{ending}")
    assert (len(found), found[0].filename) == (1, __file__)
    other.mean, other.count = own.mean, own.count
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.load(nets[1], tmp_path / f"model.{ending}")
    assert nn.predict(nets[1], X) == nn.predict(nets[0], X)


@pytest.mark.parametrize("kept", [lambda scale: scale.detach(), no_grad()(lambda scale: scale * 1.0)])
def test_constants_of_a_graph_that_a_file_lacks_are_warned_of(kept: Any, tmp_path: Path) -> None:
    class Scaled(nn.Module):
        def __init__(self, by: float) -> None:
            self.layer, self.scale = nn.Layer(2, 1, seed=0), kept(Value(by))

        def __call__(self, x: Any) -> Any:
            return self.layer([each * self.scale for each in x])

    model = Scaled(2.0)
    optimizer = nn.SGD([*model.parameters(), model.scale], lr=0.0)
    nn.Trainer(model, nn.mse, optimizer).step([[1.0, 2.0]], [0.5])  # which lends them
    nn.save(model, tmp_path / "model.json")
    with pytest.warns(UserWarning, match=r"was saved with scale = 2.0, where the model has 3.0: a file has"):
        nn.load(Scaled(3.0), tmp_path / "model.json")


@pytest.mark.parametrize(("saved", "own"), [(3.0, 3), (3, 3.0), ([0, 10.0], [0.0, 10])])
def test_equal_numbers_of_other_types_are_no_others(saved: Any, own: Any, tmp_path: Path) -> None:
    class Scaled(nn.Module):
        def __init__(self, scale: Any) -> None:
            self.layer, self.scale = nn.Layer(2, 1, seed=0), scale

        def __call__(self, x: Any) -> Any:
            return [each * np.sum(self.scale) for each in self.layer(x)]

    nn.save(Scaled(saved), tmp_path / "model.json")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.load(Scaled(own), tmp_path / "model.json")
    with pytest.warns(UserWarning, match=r"where the model has 3\.01: a file"):
        nn.load(Scaled(3.01), tmp_path / "model.json")


class Tied(nn.Module):
    """Two layers, with the same parameters or each with its own."""

    def __init__(self, tied: bool) -> None:
        self.first, self.last = nn.Layer(2, 2, seed=0), nn.Layer(2, 2, seed=1)
        if tied:
            self.last.neurons = self.first.neurons

    def __call__(self, x: Any) -> Any:
        return self.last(self.first(x))


@pytest.mark.parametrize("saved", [True, False])
@pytest.mark.parametrize("number", [0.5, math.nan])
def test_tensors_of_shared_parameters_agree(saved: bool, number: float, tmp_path: Path) -> None:
    """Of two that differ the last one was taken."""
    needs("safetensors")
    model, other = Tied(saved), Tied(True)
    model.first.neurons[0].w[0].data = model.last.neurons[0].w[0].data = number
    nn.save(model, tmp_path / "model.safetensors")
    if saved:
        nn.load(other, tmp_path / "model.safetensors")
        assert [*map(repr, other([1.0, 2.0]))] == [*map(repr, model([1.0, 2.0]))]
        return
    before = [p.data for p in other.parameters()]
    with pytest.raises(ValueError, match=r"last.weight has \S+ for a parameter that the model shares with another"):
        nn.load(other, tmp_path / "model.safetensors")
    assert [p.data for p in other.parameters()] == before


@pytest.mark.parametrize(("first", "last"), [(0.5, math.nan), (math.nan, 0.5)])
def test_a_nan_for_a_shared_parameter_is_another_number(first: float, last: float, tmp_path: Path) -> None:
    """Of a number and a nan the number was taken, if it came first."""
    needs("safetensors")
    apart = Tied(False)
    for mine, others in zip(apart.last.parameters(), apart.first.parameters()):
        mine.data = others.data
    apart.first.neurons[0].w[0].data, apart.last.neurons[0].w[0].data = first, last
    nn.save(apart, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="a parameter that the model shares with another tensor"):
        nn.load(Tied(True), tmp_path / "model.safetensors")
