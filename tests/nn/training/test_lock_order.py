"""Threads that train parts of the same parameters cannot wait for each other: who has a loan's lock waits for none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import nn
from engine import compile
from nn import MLP, SGD, Trainer
from nn.training.trainer.model_watch import ModelWatch
from tests.needs import needs

np = needs("numpy")
needs("llvmlite")

RNG = np.random.default_rng(2)
X, Y = RNG.normal(size=(12, 3)), RNG.normal(size=12)
_held = threading.local()
_wrong: list[tuple[str, ...]] = []


class Watched:
    """A reentrant lock that notes whether its thread has another one when it waits for it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def acquire(self, *how: Any, **named: Any) -> bool:
        mine = _held.__dict__.setdefault("locks", [])
        if mine and self not in mine:
            _wrong.append(tuple(map(repr, mine)))
        taken = self._lock.acquire(*how, **named)
        if taken:
            mine.append(self)
        return taken

    def release(self) -> None:
        _held.locks.remove(self)
        self._lock.release()

    __enter__ = acquire

    def __exit__(self, *error: Any) -> None:
        self.release()


@pytest.fixture(autouse=True)
def watched_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    _wrong.clear()
    for backend in ("llvm.variants", "array_training"):
        new = f"engine.compiler.backends.{backend}.new_lock"
        monkeypatch.setattr(new, lambda awaited=False: Watched() if awaited else threading.RLock())
    monkeypatch.setattr("engine.compiler.values.lending.new_lock", Watched)


def test_a_look_at_numbers_that_another_loan_has_holds_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    others, model, looks = MLP(3, [1], seed=2), MLP(3, [1], seed=1), [0]
    theirs = Trainer(others, nn.mse, SGD(others.parameters(), 0.1), "llvm")
    guards = ModelWatch.guards

    def reading(watch: ModelWatch, *arguments: Any) -> Any:
        """As where code of the user's runs in a look, such as an `__eq__`."""
        found = guards(watch, *arguments)

        def differs() -> bool:
            looks[0] += 1
            return others.parameters()[0].data > 1e9 or found.differs()

        return found._replace(due=None, differs=differs)

    monkeypatch.setattr(ModelWatch, "guards", reading)
    trainer = Trainer(model, nn.mse, SGD(model.parameters(), 0.1), "llvm")
    for _ in range(4):
        theirs.step(X, Y)
        trainer.step(X, Y)
    assert looks[0] >= 3
    assert not _wrong


@pytest.mark.parametrize("backends", [("llvm", "llvm"), ("llvm", "numpy")])
def test_two_trainers_of_one_model_and_whoever_looks_and_sets(backends: tuple[str, str]) -> None:
    model, head = MLP(3, [4], seed=1), MLP(4, [1], seed=2)
    other = MLP(4, [1], seed=3)

    def whole(x: Any, head: Any = head) -> Any:
        return head(model(x))

    all_of_it = SGD([*model.parameters(), *head.parameters()], 0.01)
    part = SGD([*model.parameters(), *other.parameters()], 0.01)
    first = Trainer(whole, nn.mse, all_of_it, backends[0])
    second = Trainer(lambda x: other(model(x)), nn.mse, part, backends[1])
    predict, parameter = compile(lambda *x: whole([*x])[0], backend="llvm"), model.parameters()[0]

    def work(trainer: Trainer, order: list[int]) -> None:
        actions: list[Callable[[], Any]] = [
            lambda: trainer.step(X, Y),
            lambda: trainer.step(X.tolist(), Y.tolist()),
            lambda: trainer.run(X, Y, 3),
            lambda: trainer.epoch(X, Y, 5, shuffle=False),  # no draws: other threads trace
            lambda: parameter.data,
            lambda: setattr(parameter, "data", 0.1),
            lambda: [p.grad for p in model.parameters()],
            lambda: predict([1.0], [2.0], [3.0]),
            lambda: setattr(trainer.optimizer, "lr", 0.03 - trainer.optimizer.lr),
        ]
        for k in order:
            actions[k]()

    for trainer in (first, second):  # no number changes while programs are compared with the eager engine
        work(trainer, [*range(9)])
    orders = RNG.integers(0, 9, (3, 150)).tolist()
    threads = [threading.Thread(target=work, args=args, daemon=True) for args in zip((first, second, first), orders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert not _wrong
