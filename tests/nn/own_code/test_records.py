"""What an earlier process has recorded of a function is looked at again before it counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

import engine
from engine import Value
from engine.compiler import live_trace
from engine.compiler.described import records
from nn import MLP, SGD, EagerStep, Trainer, cross_entropy
from nn.own_code import own_code
from tests.needs import NATIVE, needs
from tests.nn.own_code.changes import X, Y, plain, trained

np = needs("numpy")
pytestmark = NATIVE


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
    batch = trainer._compiled.batch(X, Y)
    assert trainer._traces.is_current(batch)
    model.layers[0].neurons[0].activation = engine.relu
    assert not trainer._traces.is_current(batch)
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
    batch = trainer._compiled.batch(X, Y)
    assert [trainer._traces.is_current(batch) for _ in range(3)] == [True] * 3
    assert traces == 1, "the record is looked at by a trace, and after it all that determines the function"
    model.layers[0].neurons[0].w[0] = Value(1.0)
    assert not trainer._traces.is_current(batch)
    assert traces == 2


def test_a_function_that_is_another_than_the_record_by_now_cannot_be_explained(warm: None) -> None:
    """Nothing has been traced, and what would be is not what runs."""
    model = plain()
    trainer = Trainer(model, cross_entropy, SGD(model.parameters(), lr=0.1), backend="llvm")
    trainer.step(X, Y)
    model.layers[0].neurons[0].activation = engine.relu
    with pytest.raises(engine.TraceError, match="does something else by now: compile it again"):
        trainer.explain("trace")


def test_a_record_of_another_function_is_found_out_and_forgotten(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the record ever be a wrong one: the sample that is compared tells."""
    name, own, other = records._name, plain(), MLP(3, [5, 4], activation="relu", seed=1)
    texts = {own_code(model, cross_entropy).text for model in (own, other)}
    trained(other, cross_entropy)
    monkeypatch.setattr(records, "_name", lambda key: name([part for part in key if part not in texts]))
    trained(MLP(3, [5, 4], activation="relu", seed=1), cross_entropy)

    with pytest.raises(engine.TraceError, match="differs from the eager engine"):
        trained(plain(), cross_entropy)
    assert trained(plain(), cross_entropy) == pytest.approx(trained(plain(), cross_entropy))


@pytest.mark.parametrize("fact", ["[]", "{}", "null", "7", '{"leaves": -1}'])
def test_a_damaged_record_is_none(fact: str, warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = trained(plain(), cross_entropy)
    monkeypatch.setattr(records.json, "loads", lambda _: json.JSONDecoder().decode(fact))
    assert trained(plain(), cross_entropy) == expected


@pytest.mark.parametrize("leaves", [[-1], [99], ["0"], [0.5], "all", -3, None])
def test_leaves_that_are_none_are_refused(leaves: Any, warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    description = own_code(plain(), cross_entropy)
    assert description is not None
    fact = {"leaves": leaves, "outputs": 1, "shape": [], "requirements": [], "fingerprint": "f"}
    records.remember(fact, "signature", description.text, (3,), ())
    found = records.recall_signature(description, [(3,), ()])
    assert found is None or found.leaves == []
