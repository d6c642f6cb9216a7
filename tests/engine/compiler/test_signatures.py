"""What is kept of a described function for the next start: all that is read back is what was written, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import Value, compile, traces_of
from engine.compiler import update
from engine.compiler.backends.llvm.jit import cache
from engine.compiler.described import records
from engine.compiler.described.description import Description
from engine.compiler.described.records import recall_signature, remember_signature
from engine.compiler.described.signatures import Signature
from engine.compiler.frontend.graph import Graph
from engine.compiler.passes.differentiate import derivatives
from engine.compiler.passes.simplify import simplify
from engine.ops import _Index


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))


def test_facts_are_read_back() -> None:
    records.remember({"leaves": [1, 2]}, "fact", 3)
    assert records.recall("fact", 3) == {"leaves": [1, 2]}
    assert records.recall("fact", 4) is None
    records.remember(None, "fact", 3)
    assert records.recall("fact", 3) is None


def test_a_fact_that_is_no_json_is_none() -> None:
    cache.write(records._name(("fact",)), b"{", cache.FACT)
    assert records.recall("fact") is None


def test_nothing_is_kept_of_an_engine_that_does_not_know_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    records.remember(7, "fact")
    monkeypatch.setattr(records, "ENGINE", "")
    records.remember(8, "fact")
    assert records.recall("fact") is None
    monkeypatch.undo()


VALUES = [Value(float(k)) for k in range(4)]
DESCRIPTION = Description("a function", VALUES, {}, lambda: True)


def signature(leaves: list[Value], of_requirement: Any = "input") -> Signature:
    graph = Graph(simplify, derivatives)
    symbol = graph.source("input", 0)
    if of_requirement != "input":
        symbol = symbol + 1.0
    return Signature(leaves, 2, (2,), [(_Index(3), (symbol,))], "f")


@pytest.mark.parametrize("places", [[], [0, 1], [0, 1, 2, 3], [2, 0], [3]])
def test_the_leaves_of_a_signature_are_those_in_their_order(places: list[int]) -> None:
    kept = signature([VALUES[k] for k in places])
    remember_signature(DESCRIPTION, [(3,)], kept)
    found = recall_signature(DESCRIPTION, [(3,)])
    assert found is not None
    assert found.is_of(kept)
    assert [VALUES.index(leaf) for leaf in found.leaves] == places
    assert recall_signature(DESCRIPTION, [(4,)]) is None


@pytest.mark.parametrize(
    "kept", [signature([VALUES[0], Value(0.0)]), signature([VALUES[0]], of_requirement="a sum")], ids=["leaf", "sum"]
)
def test_what_cannot_be_told_in_words_is_not_kept(kept: Signature) -> None:
    """A Value that is not described; a requirement of what is computed, which no record can name."""
    remember_signature(DESCRIPTION, [(3,)], kept)
    assert recall_signature(DESCRIPTION, [(3,)]) is None


def test_of_updates_no_more_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that are made anew for each optimiser would fill the memory."""

    def rule_of(rate: float) -> Any:
        return lambda p, g, s: p - rate * g

    monkeypatch.setattr(update, "_MOST", 2)
    monkeypatch.setattr(update, "_known", {})
    for rate in (0.1, 0.2, 0.3):
        update.traced(rule_of(rate), 0, ())
    assert len(update._known) == 1


def test_what_a_remembered_function_reads_is_not_looked_for_where_another_thread_has_traced_it_too() -> None:
    """Both have called it for the first time: nobody has looked yet, and the next call does."""
    compiled = compile(lambda x, y: x * y, backend="python")
    whole, real = compiled.batch([1], [2]), compiled.batch([1.0], [2.0])
    first = traces_of(compiled).traced_again(whole)
    other = traces_of(compile(compiled.function, backend="python")).traced_again(real)
    first.live_trace._surroundings = None  # as of one that was remembered
    first.live_trace.renew(other.live_trace)
    assert first.live_trace._surroundings is None
    assert first.live_trace.type_guard.covers(real)
    first.live_trace.stale()
    assert first.live_trace._surroundings is not None
