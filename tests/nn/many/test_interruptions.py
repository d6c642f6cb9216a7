"""Ctrl-C at any moment keeps the rows that are there, and leaves nothing else behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from nn.many import table, workbench

from .nets import CONFIGS, X, Y, make


def test_ctrl_c_keeps_the_rows_that_are_there() -> None:
    def make_pressed(seed: int) -> Any:
        if seed == 2:
            model = nn.MLP(2, [2], seed=seed)

            def loss(outputs: Any, labels: Any) -> Any:
                raise KeyboardInterrupt

            return model, loss, nn.SGD(model.parameters(), lr=0.1)
        return make(2, 0.1, 0.0, seed)

    rows = nn.fit_many(make_pressed, [{"seed": seed} for seed in (1, 2, 3)], X, Y, epochs=1, backend="eager")
    assert [row["error"] for row in rows] == [None, "interrupted", "interrupted"]
    assert np.isfinite(rows[0]["loss"])
    assert np.isnan(rows[2]["loss"])


@pytest.mark.parametrize(
    ("moment", "done"), [("paired", 0), ("weights_of", 0), ("reporting", 0), ("_table", 2), ("_scores", 2)]
)
def test_ctrl_c_at_the_first_and_the_last_moment(moment: str, done: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was raised where no net was being trained: while data were copied, and while the table was made."""
    own, waiting = getattr(table, moment), [KeyboardInterrupt]

    def interrupted(*given: Any) -> Any:
        if waiting:
            raise waiting.pop()
        return own(*given)

    monkeypatch.setattr(table, moment, interrupted)
    rows = nn.fit_many(make, CONFIGS[:2], X, Y, epochs=1)
    assert [row["error"] for row in rows] == [None] * done + ["interrupted"] * (2 - done)


def test_a_call_that_is_interrupted_leaves_nothing() -> None:
    def interrupt(state: nn.Progress) -> None:
        raise KeyboardInterrupt

    nn.fit_many(make, CONFIGS[:2], X, Y, epochs=1)
    assert workbench._left
    rows = nn.fit_many(make, CONFIGS[:2], X, Y, epochs=1, progress=interrupt)
    assert [row["error"] for row in rows] == [None, "interrupted"]
    assert not workbench._left
