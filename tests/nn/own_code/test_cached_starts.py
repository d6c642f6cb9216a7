"""A start from the cache is the start of the function that is there now: a table of ways to change it meanwhile."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import engine
import nn
from engine.compiler import live_trace, loss_structure, update
from engine.compiler.described import records, rules
from engine.imported import TABLE, Imported
from nn import SGD, EagerStep, Layer, Module, Trainer, cross_entropy
from nn.evaluation.metrics import is_largest
from tests.needs import NATIVE, needs
from tests.nn.own_code.changes import CHANGES, EVERY, Silent, X, Y, evaluated, parameters, plain, scored, trained
from tests.nn.training.changes.reference import Eager

np = needs("numpy")
pytestmark = NATIVE


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


def _replaced_leaf(trainer: Any) -> None:
    trainer.model.layers[0].neurons[0].w[1] = engine.Value(0.25)
    trainer.optimizer.params = trainer.model.parameters()


def _replaced_layer(trainer: Any) -> None:
    trainer.model.layers[1] = Layer(5, 4, "identity", seed=3)
    trainer.optimizer.params = trainer.model.parameters()


def _other_activation(trainer: Any) -> None:
    for neuron in trainer.model.layers[0].neurons:
        neuron.activation = engine.relu


def _code(function: Any, other: Any) -> Any:
    return lambda trainer, patch: patch.setattr(function, "__code__", other.__code__)


LATER: dict[str, Any] = {
    "nothing": lambda trainer, patch: None,
    "a parameter": lambda trainer, patch: _replaced_leaf(trainer),
    "a layer": lambda trainer, patch: _replaced_layer(trainer),
    "an activation": lambda trainer, patch: [
        setattr(n, "activation", engine.relu) for n in trainer.model.layers[0].neurons
    ],
    "neurons in another order": lambda trainer, patch: trainer.model.layers[1].neurons.reverse(),
    "a method of the class": lambda trainer, patch: CHANGES["method of the class"](patch),
    "the code of a method": lambda trainer, patch: CHANGES["code of a method"](patch),
    "a default of the loss": lambda trainer, patch: CHANGES["a default of the loss"](patch),
    "the code of the rule": _code(SGD.rule, lambda p, g, velocity, s: (p - 2.0 * s.lr * g, velocity)),
    "the rule": lambda trainer, patch: patch.setattr(
        SGD, "rule", staticmethod(lambda p, g, velocity, s: (p - s.lr * g * abs(g), velocity))
    ),
    "a step of its own": lambda trainer, patch: patch.setattr(SGD, "step", _shrinking),
    "a setting": lambda trainer, patch: setattr(trainer.optimizer, "momentum", 0.5),
}


def _shrinking(optimizer: Any) -> None:
    for p in optimizer.params:
        p.data *= 0.75


@pytest.mark.parametrize("how", ["steps", "epochs"])
@pytest.mark.parametrize("before", [0, 1, 2, 3])
@pytest.mark.parametrize("name", LATER)
def test_what_changes_after_a_cached_start_counts_from_the_next_step(
    name: str, before: int, how: str, warm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first step too, when only the description is compared, and before the second, when a watch begins.

    The code of this package's own functions is compared from time to time only, so before the first step for certain.
    """
    if "code" in name and before:
        return
    found: list[Any] = []
    for make in (Eager, Trainer):
        model = plain()
        trainer: Any = make(model, cross_entropy, SGD(model.parameters(), lr=0.1))
        batch = None if make is Eager else trainer._made_ready(X, Y)

        def steps(count: int, trainer: Any = trainer, batch: Any = batch) -> None:
            for _ in range(count):
                if how == "steps" or batch is None:
                    trainer.step(X, Y)
                else:
                    trainer._epoch_of(batch, len(X), shuffle=False)

        steps(before)
        with monkeypatch.context() as patch:
            LATER[name](trainer, patch)
            steps(2)
        found.append([p.data for p in model.parameters()])
    assert found[1] == pytest.approx(found[0], rel=1e-9, abs=1e-12)


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


def test_nothing_is_traced_at_a_cached_start(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a function was traced")

    expected = trained(plain(), cross_entropy, 1)  # a trace is due some time later, and may be at the second step
    monkeypatch.setattr(update, "_known", {})
    monkeypatch.setattr(rules, "trace_rule", never)
    monkeypatch.setattr(live_trace, "trace", never)
    monkeypatch.setattr(loss_structure, "trace", never)
    assert trained(plain(), cross_entropy, 1) == expected
    with pytest.raises(AssertionError, match="a function was traced"):
        trained(Silent(3, [5, 4], activation="tanh", seed=1), cross_entropy)
    monkeypatch.setattr(records, "ENGINE", "another version of the engine")
    with pytest.raises(AssertionError, match="a function was traced"):
        trained(plain(), cross_entropy)


def test_own_code_is_looked_at_once_at_a_cached_start(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Imported] = []
    is_same = Imported._is_same
    monkeypatch.setattr(Imported, "_is_same", lambda code: looks.append(code) or is_same(code))
    monkeypatch.setattr(update, "_known", {})
    model = plain()
    trainer = Trainer(model, cross_entropy, SGD(model.parameters(), lr=0.1))
    trainer._made_ready(X, Y)
    assert len(looks) == len({*map(id, looks)}) == 3  # the table, layers and losses, rules
    trainer.step(X, Y)
    assert len(looks) > 3  # a look counts for one start


def test_a_weighted_loss_starts_without_a_trace(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fitted() -> list[float]:
        model = plain()
        return nn.fit(
            model, X, Y, cross_entropy, SGD(model.parameters(), lr=0.1), seed=1, class_weight="balanced"
        ).losses

    expected = fitted()
    monkeypatch.setattr(live_trace, "trace", None)
    monkeypatch.setattr(loss_structure, "trace", None)
    assert fitted() == expected


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
