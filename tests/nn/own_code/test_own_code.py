"""What is known as the package's own code, and by which description."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import engine
import nn
from engine import Value
from engine.compiler.frontend.reads import walk
from engine.compiler.frontend.reads.surroundings import Surroundings
from nn import MLP, SGD, Layer, Module, Sequential, Trainer, cross_entropy
from nn import own_code as module
from nn.losses import classes
from nn.losses.named import LOSSES
from nn.losses.weighted import weighted
from nn.own_code import own_code, own_loss
from nn.training import batch_loss
from tests.needs import NATIVE, needs
from tests.nn.own_code.changes import CHANGES, OWN, X, Y, plain

np = needs("numpy")
pytestmark = NATIVE


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_user_has_changed_is_not_own_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_code(plain(), cross_entropy) is not None
    model, loss = CHANGES[name](monkeypatch)
    assert own_code(model, loss) is own_code(model, weighted(loss)) is None


def test_what_passes_the_batch_to_the_loss_belongs_to_what_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_loss, "one_value", lambda loss: 2.0 * loss)
    assert own_code(plain(), cross_entropy) is None


@pytest.mark.parametrize("name", OWN)
def test_what_the_package_brings_is_own_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_code(*OWN[name](monkeypatch)) is not None


def test_what_does_something_else_has_another_description(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [own_code(*change(monkeypatch)) for change in OWN.values()]
    texts = [each.text for each in found if each is not None]
    same = [name for name, text in zip(OWN, texts) if text == texts[0]]
    assert same == ["nothing", "other numbers", "neurons in another order"]  # whose Values are found in that order
    assert len({*texts}) == len(OWN) - 2
    assert own_code(plain(), weighted(cross_entropy)).text not in texts
    monkeypatch.setattr(module, "_SOURCE", "another version of this package")
    assert own_code(plain(), cross_entropy).text not in texts
    monkeypatch.setattr(module, "_SOURCE", "")  # no source files to tell
    assert own_code(plain(), cross_entropy) is None


def test_every_layer_and_loss_is_own_code() -> None:
    layers = [nn.Embedding(3, 2), nn.LayerNorm(3), nn.RMSNorm(3), nn.SelfAttention(4, 2), nn.Residual(Layer(2, 2))]
    layers += [nn.Activation("gelu"), nn.Neuron(2, "relu")]
    texts = {own_code(Sequential(layer), nn.mse).text for layer in layers}
    texts |= {own_code(layers[0], loss).text for loss in (nn.mse, nn.mae, nn.bce, nn.bce_with_logits, nn.nll)}
    assert len(texts) == len(layers) + 5


def test_layers_that_differ_in_a_setting_or_in_their_places_have_other_descriptions() -> None:
    """By its description a program is found in the cache: it would compute another layer's outputs."""

    def layer() -> Layer:
        return Layer(2, 2, "identity", seed=1)

    models = [nn.LayerNorm(2), nn.LayerNorm(2, eps=0.1), nn.SelfAttention(4, 1), nn.SelfAttention(4, 2)]
    models += [nn.Embedding(3, 2), nn.Embedding(2, 3), nn.Activation("gelu"), nn.Activation("identity")]
    models += [Sequential(nn.softmax), Sequential(nn.log_softmax), Sequential(layer(), nn.LayerNorm(2))]
    models += [Sequential(nn.LayerNorm(2), layer()), Sequential(Sequential(layer()), layer())]
    models += [Sequential(layer(), Sequential(layer())), Sequential(Sequential(layer(), layer()))]
    assert len({own_code(model, nn.mse).text for model in models}) == len(models)


def test_a_weighted_loss_is_own_code_as_the_loss_itself_is() -> None:
    losses = [*LOSSES.values()]
    assert len({"", *map(own_loss, losses), *(own_loss(weighted(loss)) for loss in losses)}) == 2 * len(losses) + 1
    assert weighted(cross_entropy) is weighted(cross_entropy)
    assert own_loss(weighted(lambda outputs, labels: cross_entropy(outputs, labels))) == ""
    warned_of = MLP(3, [5, 4], activation="tanh", output="tanh", seed=1)  # at each call of the loss
    assert own_code(warned_of, cross_entropy) is own_code(warned_of, weighted(cross_entropy)) is None


def test_programs_that_predict_make_no_other_model() -> None:
    model = plain()
    before = own_code(model, cross_entropy)
    nn.predict(model, X)
    assert "_programs" in vars(model)
    assert own_code(model, cross_entropy).text == before.text


def test_a_loss_that_a_user_has_added_to_the_losses_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    def mine(outputs: Any, labels: Any) -> Any:
        return 2.0 * cross_entropy(outputs, labels)

    monkeypatch.setitem(LOSSES, "mine", mine)
    assert own_loss(mine) == ""
    assert own_loss(cross_entropy) != ""


def test_a_result_as_parameter_a_model_inside_itself_and_dropout_are_not_own_code() -> None:
    model = plain()
    with pytest.warns(UserWarning, match="which nothing trains"):
        model.layers[0].neurons[0].b = Value(1.0) * 2
    assert own_code(model, cross_entropy) is None
    model = plain()
    model.again = model
    assert own_code(model, cross_entropy) is None
    model = plain()
    model.layers.append([model.layers])
    assert own_code(model, cross_entropy) is None
    assert own_code(Sequential(plain(), nn.Dropout(0.5, seed=1)), cross_entropy) is None


def test_code_is_unchanged_where_python_notes_something_of_its_own() -> None:
    """Who reads the annotations of a class or module that has none leaves an empty dict there."""
    owners: list[Any] = [MLP, Module, classes]
    for owner in owners:
        assert owner.__annotations__ is not None
        assert own_loss(cross_entropy)


def test_a_description_that_knows_an_earlier_one_sees_exchanged_and_shared_values() -> None:
    model = plain()
    first = own_code(model, cross_entropy)
    assert first is not None
    again = own_code(model, cross_entropy, known=first.values)
    assert again is not None
    assert again.text == first.text
    assert again.values is first.values, "the same Values are not looked at again"
    neurons = model.layers[0].neurons
    neurons[0].w[0], neurons[1].w[0] = neurons[1].w[0], neurons[0].w[0]
    exchanged = own_code(model, cross_entropy, known=first.values)
    assert exchanged is not None
    assert exchanged.text == first.text
    assert exchanged.values[0] is neurons[0].w[0]
    neurons[0].w[0] = neurons[1].w[0]
    shared = own_code(model, cross_entropy, known=exchanged.values)
    assert shared is not None
    assert shared.text != first.text
    assert len(shared.values) == len(first.values) - 1
    neurons[0].w[0] = Value(1.0) * 2.0
    assert own_code(model, cross_entropy, known=exchanged.values) is None


def test_a_primitive_of_the_users_is_not_own_code_whatever_its_name() -> None:
    declared = engine.declare("tanh_of_a_test", lambda x: 2.0 * x, [lambda z, x: 2.0])
    named = dataclasses.replace(declared, name="tanh")
    try:
        for activation in (declared, named):
            assert own_code(MLP(3, [5, 4], activation=activation, seed=1), cross_entropy) is None
    finally:
        del engine.PRIMITIVES["tanh_of_a_test"]


def test_primitives_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        engine.tanh.native = "x"


def test_a_large_network_that_is_being_trained_can_be_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values whose numbers live elsewhere are as small as others to who looks at what is read."""
    monkeypatch.setattr(walk, "_MOST", 10_000)
    model = MLP(3, [100, 100, 4], seed=1)
    trainer = Trainer(model, cross_entropy, SGD(model.parameters(), lr=0.1), backend="llvm")
    trainer.step(X, Y)
    assert len(model.parameters()) > walk._MOST
    assert len(Surroundings(model).found.holders) > 0
