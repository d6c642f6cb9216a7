"""The benchmark runs, and its contenders do the same work."""

from __future__ import annotations

import pytest

import nn
from tests.benchmarks import eager
from tests.needs import needs


def test_the_contenders_learn_alike() -> None:
    weights = [p.data for p in nn.MLP(2, eager.SIZES, seed=2).parameters()]
    neural, operators = eager.neural_step(weights), eager.operators_step(weights)
    losses = [(neural(), operators()) for _ in range(3)]
    assert all(a == pytest.approx(b, rel=1e-12) for a, b in losses)
    assert losses[-1][0] < losses[0][0]


def test_the_table_shows_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    needs("micrograd")
    eager.main(["--rounds", "1", "--chain", "1000"])
    text = capsys.readouterr().out
    for figure in (
        "collector on, micrograd",
        "collector off, micrograd",
        "nn.MLP",
        "operators only",
        "after forward",
        "after backward",
        "1,000",
        "import engine",
    ):
        assert figure in text
