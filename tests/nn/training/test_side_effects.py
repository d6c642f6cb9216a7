"""Losses with side effects, which compiled code would have only while it is traced: refused, or traced a few times."""

from __future__ import annotations

import io
from typing import Any

import pytest

import nn
from engine import TraceError
from tests.needs import INSTALLED, needs
from tests.nn.training.test_read_from_elsewhere import X, Y, mlp

np = needs("numpy")


class Counting:
    """A loss that warms up by how often it was called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, o: Any, y: Any) -> Any:
        self.calls += 1
        return nn.mse(o, y) * (1.0 if self.calls < 50 else 5.0)


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_loss_that_counts_its_calls_is_refused(backend: str) -> None:
    model = mlp()
    with pytest.raises(TraceError, match=r"changes calls from 1 to 2 whenever it runs, at .*\n.*outside"):
        nn.Trainer(model, Counting(), nn.SGD(model.parameters(), lr=0.05), backend=backend).step(X, Y)


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_loss_that_prints_is_traced_a_few_times(backend: str) -> None:
    model, log = mlp(), io.StringIO()

    def loss(o: Any, y: Any) -> Any:
        print(len(o), file=log)
        return nn.mse(o, y)

    trainer = nn.Trainer(model, loss, nn.SGD(model.parameters(), lr=0.05), backend=backend)
    for _ in range(5):
        trainer.step(X, Y)
    before = log.tell()
    for _ in range(20):
        trainer.step(X, Y)
    assert log.tell() - before < 10 * len("3\n")


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_loss_that_keeps_a_log_is_refused(backend: str) -> None:
    """It had the entries of the trace alone, where eager steps log every call."""
    log, model = list[int](), mlp()

    def loss(o: Any, y: Any) -> Any:
        log.append(len(o))
        return nn.mse(o, y)

    optimizer = nn.SGD(model.parameters(), lr=0.05)
    with pytest.raises(TraceError, match=r"changes log \(list\) whenever it runs"):
        nn.Trainer(model, loss, optimizer, backend=backend).step(X, Y)
    assert not log
    with pytest.warns(nn.EagerWarning, match="changes log"):
        nn.fit(model, X, Y, loss, optimizer, epochs=2, batch_size=None)
    assert log.count(len(X)) >= 2
