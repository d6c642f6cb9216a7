"""Rules of optimisers that are read back from disk are those that were traced; whoever has changed is traced anew."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import engine
import nn
from engine.compiler import update
from engine.compiler.backends.update import on_floats
from engine.compiler.described import records, rules
from engine.compiler.update import Update, form_of
from nn import SGD, Adam, AdamW, Optimizer
from nn.optimisers import adam
from tests.nn.optimisers.examples import RMSprop

P = [engine.Value(1.0)]
OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": SGD(P, lr=0.1),
    "momentum": SGD(P, lr=0.1, momentum=0.9, weight_decay=0.1),
    "dampening": SGD(P, lr=0.1, momentum=0.9, dampening=0.3),
    "nesterov": SGD(P, lr=0.1, momentum=0.9, nesterov=True),
    "adam": Adam(P),
    "adam without a first mean": Adam(P, betas=(0.0, 0.9), weight_decay=0.1),
    "adam without eps": Adam(P, eps=0.0),
    "adamw": AdamW(P, weight_decay=0.1),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))


def found(optimizer: Optimizer, clip: str = "") -> Update:
    return rules.rule_of(optimizer.rule, len(optimizer.memories), form_of(optimizer.settings), clip)


def never(*_: Any) -> Any:
    raise AssertionError("a rule was traced")


def facts(rule: Update) -> tuple[Any, ...]:
    """All that back ends take from it, in words."""
    places = {symbol: k for k, symbol in enumerate([*rule.inputs, *rule.operations])}
    parts = [
        [(s.primitive and s.primitive.name, [places.get(o, o.value) for o in s.operands]) for s in part]
        for part in (rule.once, rule.each)
    ]
    asked = rule.kept, rule.reads_norm, rule.reads_step, rule.bears_rounding, rule.fingerprint
    uniform = [places.get(symbol, symbol.value) for symbol in rule.uniform]
    return parts, asked, uniform, [places.get(symbol, symbol.value) for symbol in rule.results]


@pytest.mark.parametrize("clip", ["", "value", "norm"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_read_back_is_what_was_traced(name: str, clip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer, draw = OPTIMIZERS[name], random.Random(3)
    first = found(optimizer, clip)
    monkeypatch.setattr(rules, "trace_rule", never)
    again = found(optimizer, clip)
    assert again is not first
    assert facts(again) == facts(first)
    numbers = [3.0, 0.1, 0.5, 2.0, *update.values_of(optimizer.settings)]
    rows = [[draw.gauss(0.0, 1.0) for _ in range(5)] for _ in range(2)]
    rows += [[draw.random() for _ in range(5)] for _ in first.kept]
    assert on_floats(again)(numbers, *rows) == on_floats(first)(numbers, *rows)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_settings_of_another_form_have_a_record_of_their_own(name: str) -> None:
    for other in OPTIMIZERS.values():
        found(other)
    assert facts(found(OPTIMIZERS[name])) == facts(update.trace_rule(*arguments(OPTIMIZERS[name])))


def arguments(optimizer: Optimizer) -> tuple[Any, ...]:
    return optimizer.rule, len(optimizer.memories), form_of(optimizer.settings), ""


DAMAGED: dict[str, Any] = {
    "no record": 7,
    "another number of arguments": {"arguments": "two"},
    "an operation that is none": {"arguments": 9, "steps": [["frobnicate", 0]], "results": [0, 1], "fingerprint": ""},
    "a place that is none": {"arguments": 9, "steps": [["neg", 99]], "results": [0, 1], "fingerprint": ""},
    "too few arguments": {"arguments": 1, "steps": [], "results": [0], "fingerprint": ""},
}


@pytest.mark.parametrize("fact", DAMAGED)
def test_a_damaged_record_is_none(fact: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = found(OPTIMIZERS["momentum"])
    monkeypatch.setattr(rules, "recall", lambda *_: DAMAGED[fact])
    assert facts(found(OPTIMIZERS["momentum"])) == facts(first)


def test_a_rule_that_was_changed_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    before = found(OPTIMIZERS["adam"])
    monkeypatch.setattr(adam, "_moved", lambda p, g, mean, mean_square, s: (p - 2.0 * s.lr * g, mean, mean_square))
    assert facts(found(OPTIMIZERS["adam"])) != facts(before)
    monkeypatch.undo()
    assert facts(found(OPTIMIZERS["adam"])) == facts(before)


def test_a_rule_of_the_table_that_was_changed_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    found(OPTIMIZERS["sgd"])
    monkeypatch.setattr(engine.ops, "_half", 0.5, raising=False)
    monkeypatch.setattr(records, "remember", never)
    assert not found(OPTIMIZERS["sgd"]).fingerprint


def test_users_rules_are_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also that of a subclass which has the name of the package's own."""

    class Adam(nn.Adam):
        rule = staticmethod(lambda p, g, mean, mean_square, s: (p - s.lr * g * g, mean, mean_square))

    Adam.rule.__module__, Adam.rule.__qualname__ = nn.Adam.rule.__module__, nn.Adam.rule.__qualname__
    ours, theirs = found(OPTIMIZERS["adam"]), found(Adam(P))
    assert facts(theirs) != facts(ours)
    monkeypatch.setattr(rules, "trace_rule", never)
    for optimizer in (Adam(P), RMSprop(P, lr=0.1)):
        with pytest.raises(AssertionError, match="a rule was traced"):
            found(optimizer)


@pytest.mark.parametrize("asked", [0, 1, 2, 3])
def test_a_rule_that_is_read_back_is_watched(asked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its description at first, and from the second question on by what it reads."""
    found(OPTIMIZERS["adam"])
    around = found(OPTIMIZERS["adam"]).surroundings
    for k in range(asked):
        assert not around.changed() if k % 2 else around.holds_outside(())
    other = (lambda p, g, mean, mean_square, s: (p, mean, mean_square)).__code__
    monkeypatch.setattr(Adam.rule, "__code__", other)
    assert not around.holds_outside(())
