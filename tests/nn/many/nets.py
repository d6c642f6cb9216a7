"""Configurations that the tests of `fit_many` train, and what `fit` makes of them."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest

import nn
from nn.many import program, workbench

X = np.random.default_rng(0).normal(size=(50, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
CONFIGS = [
    {"hidden": hidden, "lr": lr, "momentum": momentum, "seed": seed}
    for hidden in (4, 6)
    for lr, momentum in ((0.05, 0.9), (0.2, 0.0))
    for seed in (1, 2)
]


def make(hidden: int, lr: float, momentum: float, seed: int) -> Any:
    model = nn.MLP(2, [hidden, 2], activation="tanh", seed=seed)
    return model, nn.cross_entropy, nn.SGD(model.parameters(), lr=lr, momentum=momentum)


def spawning() -> Executor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def without_seconds(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: x for name, x in row.items() if name != "seconds"} for row in rows]


def alone(config: dict[str, Any], make: Any = make, X: Any = X, Y: Any = Y, **options: Any) -> dict[str, float]:
    """What `fit` makes of a configuration."""
    model, loss, optimizer = make(**config)
    history = nn.fit(model, X, Y, loss, optimizer, seed=config["seed"], **options)
    row = history.rows[history.best_epoch - 1 if "patience" in options else -1]
    return {name: x for name, x in row.items() if name not in ("epoch", "lr", "seconds")}


def calls_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let as many nets be trained in one call as can be, however long that takes."""
    for module in (program, workbench):
        monkeypatch.setattr(module, "CALL", 1e9)
    monkeypatch.setattr(program.SharedTrainer, "_fresh_until", lambda trainer: trainer._traced_at + 1e9)


def without_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no net be trained by `fit`, which would hide that the program cannot."""
    monkeypatch.setattr(workbench, "fit", None)


def make_line(lr: float, seed: int) -> Any:
    model = nn.MLP(2, [1], seed=seed)
    return model, nn.mse, nn.SGD(model.parameters(), lr)
