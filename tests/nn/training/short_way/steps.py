"""Trainers whose steps native code makes by itself, the short way, and how often Python makes one."""

from __future__ import annotations

import math
from types import BuiltinFunctionType
from typing import Any

import nn
from engine import Due
from nn import MLP, SGD, Trainer
from nn.training.trainer.described_watch import DescribedWatch
from nn.training.trainer.model_watch import ModelWatch
from tests.needs import needs

np = needs("numpy")
needs("llvmlite")
RNG = np.random.default_rng(5)
X, CLASSES = RNG.integers(-8, 8, (12, 4)) / 4.0, RNG.integers(0, 3, 12)
TARGETS = RNG.integers(-8, 8, 12) / 4.0
ONE_HOT = np.eye(3)[CLASSES]


def trainer(loss: Any = nn.cross_entropy, dtype: str = "float64", outputs: int = 3, **options: Any) -> Trainer:
    model = MLP(4, [5, outputs], activation="tanh", seed=7)
    return Trainer(model, loss, SGD(model.parameters(), 0.1, momentum=0.5), "llvm", dtype, **options)


def data(t: Trainer) -> list[float]:
    return [p.data for p in t.model.parameters()]


def quick(t: Any) -> bool:
    """Whether they are made without any Python."""
    return t._again is not None and isinstance(t._again.step, BuiltinFunctionType)


def until_quick(t: Any, *samples: Any) -> int:
    """Make steps until they are made so; give how many. What is due by the clock may come in between."""
    for count in range(1, 1000):
        t.step(*samples)
        if quick(t):
            return count
    raise AssertionError("native code never makes a step by itself")


def watch_of(t: Any) -> ModelWatch:
    """What watches its model."""
    watch = t._watch
    assert isinstance(watch, (ModelWatch, DescribedWatch))
    return watch if isinstance(watch, ModelWatch) else watch._watched


def counted(t: Any) -> list[int]:
    """How many steps are made the long way from now on, as a list of one number; time alone brings about none."""
    long, count = t._first, [0]
    watch = watch_of(t)
    watch.due[Due.LOOK] = watch.due[Due.SLOW] = watch.due[Due.FAR] = watch._until = math.inf

    def first(*samples: Any) -> Any:
        count[0] += 1
        return long(*samples)

    t._first = first
    return count
