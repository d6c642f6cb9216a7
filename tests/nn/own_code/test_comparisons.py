"""How much of a cached program is compared with the eager engine at its start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import engine
import nn
from engine.compiler.comparison import single, trials
from engine.compiler.comparison.single import Comparison
from nn import cross_entropy
from nn.losses import classes
from nn.own_code import own_loss
from nn.training.trainer import sample_loss
from tests.needs import NATIVE, needs
from tests.nn.own_code.changes import Silent, Y, plain, trained

np = needs("numpy")
pytestmark = NATIVE


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
