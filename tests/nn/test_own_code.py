"""A start from the cache is the start of the function that is there now: a table of ways to change it meanwhile."""

from __future__ import annotations

import copy
import dataclasses
import json
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import engine
import nn
from engine import Value
from engine.compiler import live_trace, loss_structure
from engine.compiler.backends import signatures
from engine.compiler.comparison import single, trials
from engine.compiler.comparison.single import Comparison
from engine.compiler.frontend.reads.surroundings import Surroundings
from engine.imported import TABLE
from nn import MLP, SGD, EagerStep, Layer, Module, Sequential, Trainer, cross_entropy
from nn import own_code as module
from nn.evaluation.means import Means
from nn.evaluation.metrics import is_largest
from nn.evaluation.programs import Options, programs_of
from nn.layers import dense
from nn.losses import classes
from nn.losses.named import LOSSES
from nn.own_code import own_code, own_loss
from nn.training.trainer import sample_loss
from tests.needs import NATIVE, needs

np = needs("numpy")
pytestmark = NATIVE

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(12, 3)), RNG.integers(0, 4, 12)


def plain() -> Any:
    return MLP(3, [5, 4], activation="tanh", seed=1)


Change = Callable[[pytest.MonkeyPatch], tuple[Any, Any]]
"""Gives a model and a loss that are not, or are no more, those that were trained before."""


class SameName(MLP):
    def __call__(self, x: Any) -> Any:
        return [2.0 * out for out in super().__call__(x)]


SameName.__name__, SameName.__qualname__, SameName.__module__ = MLP.__name__, MLP.__qualname__, MLP.__module__


class Silent(MLP):
    """A subclass that changes nothing by itself."""


def doubled(function: Any) -> Any:
    return lambda *arguments: [2.0 * out for out in function(*arguments)]


def method_of_the_class(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    patch.setattr(MLP, "__call__", doubled(MLP.__call__))
    return plain(), cross_entropy


def code_of_a_method(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    def call(self: Any, x: Any) -> Any:
        for layer in self.layers[::-1][::-1]:
            x = [out + out for out in layer(x)]
        return x

    patch.setattr(MLP.__call__, "__code__", call.__code__)
    return plain(), cross_entropy


def a_name_in_the_module_of_the_layers(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    patch.setattr(dense, "affine", doubled(dense.affine))
    return plain(), cross_entropy


def a_builtin_that_is_hidden(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = plain()
    patch.setattr(dense, "zip", lambda *rows: [*zip(*rows)][::-1], raising=False)
    return model, cross_entropy


def a_base_class(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    patch.setattr(Module, "training", True)
    return plain(), cross_entropy


def a_method_of_the_instance(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = plain()
    model.layers[0].__call__ = doubled(model.layers[0])  # which Python does not call
    return model, cross_entropy


def a_hook(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = plain()
    model.hook = print
    return model, cross_entropy


def a_subclass_of_value(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    class Weight(Value):
        __slots__ = ()

    model = plain()
    model.layers[0].neurons[0].b = Weight(0.5)
    return model, cross_entropy


def activation(function: Any) -> Change:
    return lambda _: (MLP(3, [5, 4], activation=function, seed=1), cross_entropy)


def replaced_layer(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    class Mine(Layer):
        def __call__(self, x: Any) -> Any:
            return super().__call__([*x][::-1])

    model = plain()
    model.layers[1] = Mine(5, 4, "identity", seed=3)
    return model, cross_entropy


def a_function_among_layers(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    return Sequential(plain(), lambda out: [2.0 * x for x in out]), cross_entropy


def a_default_of_the_loss(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    patch.setattr(cross_entropy, "__defaults__", ("sum",))
    return plain(), cross_entropy


def what_the_loss_calls(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    inner = classes._cross_entropy
    patch.setattr(classes, "_cross_entropy", lambda logits, y: {0: 1.0, 2: 7.0}.get(y, 1.0) * inner(logits, y))
    return plain(), cross_entropy


def a_copy_of_the_loss(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    names = {**vars(classes), "_row_by_row": lambda *rows: 3.0 * classes._row_by_row(*rows)}
    copied = types.FunctionType(cross_entropy.__code__, names, "cross_entropy", cross_entropy.__defaults__)
    copied.__module__ = cross_entropy.__module__
    return plain(), copied


CHANGES: dict[str, Change] = {
    "a subclass": lambda _: (Silent(3, [5, 4], activation="tanh", seed=1), cross_entropy),
    "a subclass of the same name and module": lambda _: (
        SameName(3, [5, 4], activation="tanh", seed=1),
        cross_entropy,
    ),
    "an activation of the user's": activation(lambda z: engine.tanh(z) + 1.0),
    "a partial activation": activation(partial(engine.leaky_relu, slope=0.2)),
    "a function as the model": lambda _: ((lambda model: lambda x: model(x))(plain()), cross_entropy),
    "a loss of the user's": lambda _: (plain(), lambda outputs, labels: 2.0 * cross_entropy(outputs, labels)),
    "a loss with another setting": lambda _: (plain(), partial(cross_entropy, reduction="sum")),
    "a mean over samples": lambda _: (plain(), nn.per_sample(cross_entropy)),
    **{
        change.__name__.replace("_", " "): change
        for change in (
            method_of_the_class,
            code_of_a_method,
            a_name_in_the_module_of_the_layers,
            a_builtin_that_is_hidden,
            a_base_class,
            a_method_of_the_instance,
            a_hook,
            a_subclass_of_value,
            replaced_layer,
            a_function_among_layers,
            a_default_of_the_loss,
            what_the_loss_calls,
            a_copy_of_the_loss,
        )
    },
}


def tied(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = MLP(3, [4, 4], activation="tanh", seed=1)
    for mine, other in zip(model.layers[1].neurons, model.layers[0].neurons):
        mine.w[:3] = other.w
    return model, cross_entropy


def swapped(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = plain()
    model.layers[1].neurons.reverse()
    return model, cross_entropy


def frozen(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = plain()
    model.layers[0].neurons[0].w[1] = engine.Constant(0.25)
    return model, cross_entropy


OWN: dict[str, Change] = {
    "nothing": lambda _: (plain(), cross_entropy),
    "other numbers": lambda _: (MLP(3, [5, 4], activation="tanh", seed=9), cross_entropy),
    "another activation": lambda _: (MLP(3, [5, 4], activation="relu", seed=1), cross_entropy),
    "another loss": lambda _: (MLP(3, [5, 1], activation="tanh", seed=1), nn.mse),
    "another shape": lambda _: (MLP(3, [6, 4], activation="tanh", seed=1), cross_entropy),
    "without a bias": lambda _: (MLP(3, [5, 4], activation="tanh", seed=1, bias=False), cross_entropy),
    "a layer more": lambda _: (Sequential(plain(), Layer(4, 4, "identity", seed=2)), cross_entropy),
    "shared weights": tied,
    "neurons in another order": swapped,
}
EVERY: dict[str, Change] = {**CHANGES, **OWN, "a constant among the weights": frozen}


@pytest.fixture
def warm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache knows the plain model and its loss, and that its program is right."""
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))
    trained(plain(), cross_entropy)


def trained(model: Any, loss: Any, steps: int = 3) -> list[float]:
    trainer = Trainer(model, loss, SGD(parameters(model), lr=0.1), backend="llvm")
    return [trainer.step(X, Y) for _ in range(steps)]


def parameters(model: Any) -> list[Value]:
    return (model if isinstance(model, Module) else model.__closure__[0].cell_contents).parameters()


@pytest.mark.parametrize("name", EVERY)
def test_a_cached_start_trains_what_is_there_now(name: str, warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    model, loss = EVERY[name](monkeypatch)
    if name == "what the loss calls":
        with pytest.raises(engine.TraceError, match=r"uses a label as an object|was looked up as a key"):
            trained(model, loss)
        return
    own = copy.deepcopy(model) if isinstance(model, Module) else EVERY[name](monkeypatch)[0]
    step, found = EagerStep(own, loss, SGD(parameters(own), lr=0.1)), trained(model, loss)
    assert found == pytest.approx([step(X.tolist(), Y.tolist()) for _ in range(3)], rel=1e-12)


def scored(model: Any, loss: Any, backend: str = "auto") -> list[float]:
    """The loss, and the outputs, as `nn.evaluate` takes its metrics of them."""
    programs_of(model).hurry()
    found, outputs = programs_of(model).scored(loss, X, Y, Options(backend))
    return [found, *np.ravel(outputs).tolist()]


def evaluated(model: Any, loss: Any) -> tuple[Any, list[float] | None]:
    return nn.predict(model, X, backend="llvm"), Means(model, loss, [is_largest], X, Y, Options("auto"))(watched=True)


@pytest.fixture
def warm_evaluation(warm: None) -> None:
    """The cache knows the programs of its evaluation too."""
    evaluated(plain(), cross_entropy)
    scored(plain(), cross_entropy)


@pytest.mark.parametrize("name", EVERY)
def test_a_cached_start_evaluates_what_is_there_now(
    name: str, warm_evaluation: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, loss = EVERY[name](monkeypatch)
    outputs = [[out.data for out in model(x)] for x in X]
    found, means = evaluated(model, loss)
    np.testing.assert_allclose(found, outputs, rtol=1e-12)
    if name in ("what the loss calls", "another loss"):  # labels as keys; no class has a label
        assert means is None
    elif isinstance(model, Module):
        losses = [loss([row], [label]) for row, label in zip(outputs, Y.tolist())]
        right = [row.index(max(row)) == label for row, label in zip(outputs, Y)]
        whole = np.sum(losses) if name in ("a loss with another setting", "a default of the loss") else np.mean(losses)
        assert means == pytest.approx([whole, np.mean(right)], rel=1e-12)


@pytest.mark.filterwarnings("ignore::nn.evaluation.programs.EagerWarning")  # how it is evaluated does not matter here
@pytest.mark.parametrize("name", EVERY)
def test_a_cached_start_scores_what_is_there_now(
    name: str, warm_evaluation: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, loss = EVERY[name](monkeypatch)
    assert scored(model, loss) == pytest.approx(scored(model, loss, "eager"), rel=1e-12)


def test_a_judge_that_was_changed_is_traced(warm_evaluation: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(is_largest, "__code__", (lambda place, outputs: outputs[0] * 0.0 + 0.25).__code__)
    _, means = evaluated(plain(), cross_entropy)
    assert means is not None
    assert means[1] == 0.25


def test_evaluation_starts_without_a_trace(warm_evaluation: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a model that is being trained, too, whose numbers live elsewhere."""
    monkeypatch.setattr(live_trace, "trace", None)
    model = plain()
    trainer = Trainer(model, cross_entropy, SGD(model.parameters(), lr=0.1), backend="llvm")
    trainer.step(X, Y)
    found, means = evaluated(model, cross_entropy)
    assert means is not None
    np.testing.assert_allclose(found, [[out.data for out in model(x)] for x in X], rtol=1e-12)
    assert scored(model, cross_entropy) == pytest.approx(scored(model, cross_entropy, "eager"), rel=1e-12)


def test_a_large_network_that_is_being_trained_can_be_watched() -> None:
    """Values whose numbers live elsewhere are as small as others to who looks at what is read."""
    model = MLP(3, [400, 300, 4], seed=1)
    trainer = Trainer(model, cross_entropy, SGD(model.parameters(), lr=0.1), backend="llvm")
    trainer.step(X, Y)
    assert len(model.parameters()) > 100_000
    assert len(Surroundings(model).found.holders) > 0


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_user_has_changed_is_not_own_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_code(plain(), cross_entropy) is not None
    assert own_code(*CHANGES[name](monkeypatch)) is None


@pytest.mark.parametrize("name", OWN)
def test_what_the_package_brings_is_own_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_code(*OWN[name](monkeypatch)) is not None


def test_what_does_something_else_has_another_description(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [own_code(*change(monkeypatch)) for change in OWN.values()]
    texts = [each.text for each in found if each is not None]
    same = [name for name, text in zip(OWN, texts) if text == texts[0]]
    assert same == ["nothing", "other numbers", "neurons in another order"]  # whose Values are found in that order
    assert len({*texts}) == len(OWN) - 2
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


def test_programs_that_predict_make_no_other_model() -> None:
    model = plain()
    before = own_code(model, cross_entropy)
    nn.predict(model, X)
    assert "_programs" in vars(model)
    assert own_code(model, cross_entropy).text == before.text


def test_sources_that_cannot_be_read_have_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a zip file: then no code is known as the package's own."""

    def unreadable(path: Path) -> bytes:
        raise NotADirectoryError(path)

    assert module._digest() == module._SOURCE != ""
    monkeypatch.setattr(Path, "read_bytes", unreadable)
    assert module._digest() == ""


def test_a_loss_that_a_user_has_added_to_the_losses_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    def mine(outputs: Any, labels: Any) -> Any:
        return 2.0 * cross_entropy(outputs, labels)

    monkeypatch.setitem(LOSSES, "mine", mine)
    assert own_loss(mine) == ""
    assert own_loss(cross_entropy) != ""


def test_what_is_no_leaf_and_what_holds_itself() -> None:
    model = plain()
    with pytest.warns(UserWarning, match="which nothing trains"):
        model.layers[0].neurons[0].b = Value(1.0) * 2
    assert own_code(model, cross_entropy) is None
    model = plain()
    model.again = model
    assert own_code(model, cross_entropy) is None
    assert own_code(Sequential(plain(), nn.Dropout(0.5, seed=1)), cross_entropy) is None


@pytest.mark.parametrize("part", ["forward", "rules", "native"])
def test_a_replaced_rule_of_the_table_has_no_entry_in_the_cache(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code in the cache was made by the old one."""
    traced = engine.compiler.pipeline.trace(lambda x: engine.tanh(x), [()])
    before = engine.compiler.frontend.fingerprint.fingerprint(traced)
    new = {"forward": lambda x: x, "rules": (lambda z, x: 1.0,), "native": "x"}[part]
    monkeypatch.setitem(vars(engine.tanh), part, new)
    assert engine.compiler.frontend.fingerprint.fingerprint(traced) == ""
    assert not TABLE.is_unchanged()
    monkeypatch.undo()
    assert engine.compiler.frontend.fingerprint.fingerprint(traced) == before != ""


def compared(model: Any, loss: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the second net compares at the first step: the mode and the change of each comparison."""
    found = []
    compare = Comparison.__call__

    def noted(self: Any, program: Any, mode: str, sample: Any, numbers: Any, change: Any, known: bool) -> None:
        found.append((mode, change))
        compare(self, program, mode, sample, numbers, change, known)

    with monkeypatch.context() as patch:
        patch.setattr(Comparison, "__call__", noted)
        trained(model, loss)
    return found


def test_code_is_unchanged_where_python_notes_something_of_its_own() -> None:
    """Who reads the annotations of a class or module that has none leaves an empty dict there."""
    owners: list[Any] = [MLP, Module, classes]
    for owner in owners:
        assert owner.__annotations__ is not None
        assert own_loss(cross_entropy)


def test_nothing_is_traced_at_a_cached_start(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a function was traced")

    expected = trained(plain(), cross_entropy, 1)  # a trace is due some time later, and may be at the second step
    monkeypatch.setattr(live_trace, "trace", never)
    monkeypatch.setattr(loss_structure, "trace", never)
    assert trained(plain(), cross_entropy, 1) == expected
    with pytest.raises(AssertionError, match="a function was traced"):
        trained(Silent(3, [5, 4], activation="tanh", seed=1), cross_entropy)
    monkeypatch.setattr(signatures, "ENGINE", "another version of the engine")
    with pytest.raises(AssertionError, match="a function was traced"):
        trained(plain(), cross_entropy)


def test_what_labels_have_to_be_is_remembered_too(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    model = plain()
    trainer = Trainer(model, cross_entropy, SGD(model.parameters(), lr=0.1), backend="llvm")
    trainer.step(X, Y)
    with pytest.raises(IndexError):
        trainer.step(X, Y + 1)
    with pytest.raises(TypeError):
        trainer.step(X, [True] * len(Y))
    with pytest.raises(ValueError, match="whole"):
        trainer.step(X, Y + 0.5)


def test_what_is_remembered_is_looked_at_again(warm: None) -> None:
    model = plain()
    trainer = Trainer(model, cross_entropy, SGD(model.parameters(), lr=0.1), backend="llvm")
    losses = [trainer.step(X, Y)]
    assert "mul" in trainer.explain("differentiate")  # traced when somebody asks
    batch = trainer.compiled.batch(X, Y)
    assert trainer.compiled.is_current(batch)
    model.layers[0].neurons[0].activation = engine.relu
    assert not trainer.compiled.is_current(batch)
    losses += [trainer.step(X, Y) for _ in range(2)]
    own = plain()
    step = EagerStep(own, cross_entropy, SGD(own.parameters(), lr=0.1))
    expected = [step(X.tolist(), Y.tolist())]
    own.layers[0].neurons[0].activation = engine.relu
    assert losses == pytest.approx(expected + [step(X.tolist(), Y.tolist()) for _ in range(2)], rel=1e-12)


def test_what_was_traced_again_once_is_compared_by_its_description(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    traces, trace = 0, live_trace.trace

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal traces
        traces += 1
        return trace(*arguments, **options)

    monkeypatch.setattr(live_trace, "trace", counted)
    model = plain()
    trainer = Trainer(model, cross_entropy, SGD(model.parameters(), lr=0.1))
    trainer.step(X, Y)
    batch = trainer.compiled.batch(X, Y)
    assert [trainer.compiled.is_current(batch) for _ in range(3)] == [True] * 3
    assert traces == 1, "the record is looked at by a trace, and after it all that determines the function"
    model.layers[0].neurons[0].w[0] = Value(1.0)
    assert not trainer.compiled.is_current(batch)
    assert traces == 2


def test_a_function_that_is_another_than_the_record_by_now_cannot_be_explained(warm: None) -> None:
    """Nothing has been traced, and what would be is not what runs."""
    model = plain()
    trainer = Trainer(model, cross_entropy, SGD(model.parameters(), lr=0.1), backend="llvm")
    trainer.step(X, Y)
    model.layers[0].neurons[0].activation = engine.relu
    with pytest.raises(engine.TraceError, match="does something else by now: compile it anew"):
        trainer.explain("trace")


def test_a_record_of_another_function_is_found_out_and_forgotten(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the record ever be a wrong one: the sample that is compared tells."""
    name, own, other = signatures._name, plain(), MLP(3, [5, 4], activation="relu", seed=1)
    texts = {own_code(model, cross_entropy).text for model in (own, other)}
    trained(other, cross_entropy)
    monkeypatch.setattr(signatures, "_name", lambda key: name([part for part in key if part not in texts]))
    trained(MLP(3, [5, 4], activation="relu", seed=1), cross_entropy)

    with pytest.raises(engine.TraceError, match="differs from the eager engine"):
        trained(plain(), cross_entropy)
    assert trained(plain(), cross_entropy) == pytest.approx(trained(plain(), cross_entropy))


@pytest.mark.parametrize("fact", ["[]", "{}", "null", "7", '{"leaves": -1}'])
def test_a_damaged_record_is_none(fact: str, warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = trained(plain(), cross_entropy)
    monkeypatch.setattr(signatures.json, "loads", lambda _: json.JSONDecoder().decode(fact))
    assert trained(plain(), cross_entropy) == expected


@pytest.mark.parametrize("leaves", [[-1], [99], ["0"], [0.5], "all", -3, None])
def test_leaves_that_are_none_are_refused(leaves: Any, warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    description = own_code(plain(), cross_entropy)
    assert description is not None
    fact = {"leaves": leaves, "outputs": 1, "shape": [], "requirements": [], "fingerprint": "f"}
    signatures.remember(fact, "signature", description.text, (3,), ())
    found = signatures.recall_signature(description, [(3,), ()])
    assert found is None or found.leaves == []


def test_a_description_after_another_one_sees_what_was_exchanged() -> None:
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


def mine_too(outputs: Any, labels: Any) -> Any:
    """A loss of the user's."""
    return cross_entropy(outputs, labels)


def test_labels_go_into_the_loss_only(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """So they need not be searched for one that is used as an object where the loss is the package's own."""
    monkeypatch.setattr(single, "LEAST", 0.0)
    monkeypatch.setattr(single, "SHARE", 0.0)
    silent = Silent(3, [5, 4], activation="tanh", seed=1)
    assert compared(silent, cross_entropy, monkeypatch) == [("leaves", None)]
    assert compared(silent, mine_too, monkeypatch) == [("leaves", None), *[("outputs", None)] * len({*Y.tolist()})]
    monkeypatch.setattr(classes, "_relative", classes._relative.__get__)
    assert not own_loss(cross_entropy)


def test_the_structure_of_an_own_loss_is_not_read_off(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_loss, "batch_loss", lambda *_, **__: (_ for _ in ()).throw(AssertionError("read off")))
    trained(Silent(3, [5, 4], activation="tanh", seed=1), cross_entropy, 1)
    trained(nn.Sequential(Silent(3, [5, 4], activation="tanh", seed=1), nn.log_softmax), nn.nll, 1)
    with pytest.raises(AssertionError, match="read off"):
        trained(Silent(3, [5, 4], activation="tanh", seed=1), mine_too)


def test_one_sample_is_compared_at_least(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compared(plain(), cross_entropy, monkeypatch) == [("outputs", None)]
    mine = compared(Silent(3, [5, 4], activation="tanh", seed=1), mine_too, monkeypatch)
    assert mine[0] == ("leaves", None)
    assert len({change for _, change in mine}) == 1 + len(trials.CHANGES)
    assert mine.count(("outputs", None)) >= len(set(Y.tolist())) - 1


def test_a_program_that_disagreed_is_not_taken_for_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(single, "agree", lambda *_: (_ for _ in ()).throw(engine.TraceError("it differs")))
        with pytest.raises(engine.TraceError, match="it differs"):
            trained(plain(), cross_entropy)
    assert compared(plain(), cross_entropy, monkeypatch)[0] == ("leaves", None)
    assert compared(plain(), cross_entropy, monkeypatch) == [("outputs", None)]


def test_results_that_differ_without_a_graph_are_compared_with_it(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of numbers that cancel only the graph tells by how much they may differ."""
    agree, recorded = single.agree, []

    def strict(eager: Any, *others: Any) -> None:
        recorded.append(eager._again().primitive is not None)
        if not recorded[-1]:
            raise engine.TraceError("by more than may be, as far as is known")
        agree(eager, *others)

    expected = trained(plain(), cross_entropy)
    monkeypatch.setattr(single, "agree", strict)
    assert trained(plain(), cross_entropy) == expected
    assert recorded == [False, True]


def test_primitives_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        engine.tanh.native = "x"
