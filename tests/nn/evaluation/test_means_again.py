"""Means of the same samples again: what the compiled function notes of itself is no change."""

from __future__ import annotations

import pytest

import nn
from engine.compiler.frontend.reads.surroundings import Surroundings
from nn.evaluation.means import Means
from nn.evaluation.metrics import is_largest
from nn.evaluation.programs import Options
from tests.needs import NATIVE


@NATIVE
@pytest.mark.parametrize("known", [False, True])
def test_a_repeated_evaluation_takes_a_quick_look(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looked at everything in every epoch, in a process that had nothing in the cache."""
    if not known:
        monkeypatch.setattr("engine.compiler.described.self_description.recall_signature", lambda *_: None)
    looks, entirely = list[Surroundings](), Surroundings.changed_at_all

    def changed_at_all(self: Surroundings) -> bool:
        looks.append(self)
        return entirely(self)

    monkeypatch.setattr(Surroundings, "changed_at_all", changed_at_all)
    model = nn.MLP(3, [4, 2], "tanh", seed=1)
    X, y = [[0.1 * k, -0.2, 0.3] for k in range(9)], [0, 1, 1] * 3
    means = Means(model, nn.cross_entropy, [is_largest], X, y, Options("auto"))
    *_, first = [means(True) for _ in range(6)]
    looks.clear()
    assert [means(True) for _ in range(3)] == 3 * [first]
    assert not looks
    model.layers[0].neurons[0].activation = nn.MLP(1, [1, 1], "relu").layers[0].neurons[0].activation
    assert means(True) != first
    assert looks


@NATIVE
def test_the_first_evaluation_of_a_known_program_is_not_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its description has told that it is what it was; to look for all that it reads would take milliseconds."""
    looks, renew = list[Surroundings](), Surroundings.renew

    def renewed(self: Surroundings) -> None:
        looks.append(self)
        renew(self)

    X, y = [[0.1 * k, -0.2, 0.3] for k in range(9)], [0, 1, 1] * 3

    def of_a_new_net() -> Means:
        return Means(nn.MLP(3, [5, 2], "tanh", seed=1), nn.cross_entropy, [is_largest], X, y, Options("auto"))

    expected = of_a_new_net()(True)
    means = of_a_new_net()
    monkeypatch.setattr(Surroundings, "renew", renewed)
    assert means(True) == expected
    assert not looks
    assert means(True) == expected
    assert looks
