"""Ctrl-C, threads and the end of a trainer in the short way of `Trainer.step`."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from typing import Any

import pytest

from nn import Trainer
from nn.training.trainer.ways import NativeSteps
from tests.in_threads import in_threads
from tests.interrupting import interrupted
from tests.needs import needs

from .steps import CLASSES, X, counted, data, trainer, until_quick

np = needs("numpy")


@pytest.mark.parametrize("looks", [True, False])
def test_ctrl_c_at_any_moment_of_a_step_leaves_it_made_or_not(looks: bool) -> None:
    """The parameters and their gradients are those of as many steps as are counted."""
    t, twin = trainer(), trainer()
    batch = t._made_ready(X, CLASSES)
    way: Any = t._way
    act = lambda: way(batch, 1, None, (None, None), ())
    for _ in range(3):
        assert act() == twin.run(X, CLASSES, 1)
        assert _whole(t) == _whole(twin)
    moments = interrupted(act, 0)
    for moment in range(1, moments + 1):
        if looks:
            assert _whole(t)  # so that they are lent again
        interrupted(act, moment)
        if t.steps > twin.steps:
            twin.run(X, CLASSES, t.steps - twin.steps)
        if looks:
            assert _whole(t) == _whole(twin)
    assert _whole(t) == _whole(twin)


def _whole(t: Trainer) -> list[float]:
    return [*data(t), *[p.grad for p in t.model.parameters()]]


def test_what_another_thread_sets_in_the_middle_of_a_step_counts_from_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    t, twin = trainer(), trainer()
    short_way = NativeSteps.short_way

    def set_meanwhile(way: NativeSteps, *arguments: Any) -> Any:
        found = short_way(way, *arguments)
        t.clip_value = 1e-3
        return found

    with monkeypatch.context() as patch:
        patch.setattr(NativeSteps, "short_way", set_meanwhile)
        t.step(X, CLASSES)
    twin.step(X, CLASSES)
    twin.clip_value = 1e-3
    assert [t.step(X, CLASSES) for _ in range(3)] == [twin.step(X, CLASSES) for _ in range(3)]
    assert data(t) == data(twin)


def test_nobody_else_has_the_parameters_meanwhile() -> None:
    t = trainer()
    made = until_quick(t, X, CLASSES)
    lock, ended = t._way.session._training.lock, threading.Event()
    thread = threading.Thread(target=lambda: (t.step(X, CLASSES), ended.set()))
    with lock:
        thread.start()
        assert not ended.wait(0.05)
        assert t.steps == made
    thread.join()
    assert t.steps == made + 1


def test_a_trainer_goes_when_nobody_has_it_and_leaves_nothing() -> None:
    def used() -> Any:
        t, x = trainer(), X.copy()

        def steps(count: int) -> list[int]:
            for k in range(count):
                t.step(x, CLASSES)
                t.step(x.tolist(), CLASSES if k % 2 else CLASSES.tolist())
                t.step(list(x), CLASSES)
                if k % 8 == 7:
                    t.optimizer.lr = 0.1 / k
            gc.collect()  # what a trace and the steps before it have left
            return [sys.getrefcount(thing) for thing in (x, None, True, False, float, t._again.step)]

        before, after = steps(40), steps(2000)  # meanwhile other things may come to refer to None, such as a trace
        assert all(abs(a - b) < 1000 for a, b in zip(before, after))
        return weakref.ref(t)

    gone = used()
    gc.collect()
    assert gone() is None


def test_several_threads_on_samples_of_several_shapes() -> None:
    t, errors = trainer(), list[BaseException]()
    steps = 150

    def work(size: int) -> None:
        try:
            for _ in range(steps):
                assert t.step(X[:size], CLASSES[:size]) >= 0.0
        except BaseException as error:
            errors.append(error)

    in_threads(work, (12, 12, 5))
    assert not errors
    assert t.steps == 3 * steps


def test_samples_for_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.compiler.backends.llvm.program.processors", lambda: 2)
    x, y = np.tile(X, (500, 1)), np.tile(CLASSES, 500)
    shared, alone = trainer(threads=2), trainer(threads=2)
    for k in range(2):
        assert [shared.step(x + k, y)] == alone.run(x + k, y, 1)
    count = counted(shared)
    for k in range(3):
        assert [shared.step(x + k, y)] == alone.run(x + k, y, 1)
    assert count == [0]
    assert data(shared) == data(alone)


def test_the_interpreter_ends_as_it_should() -> None:
    code = """
import nn
model = nn.MLP(2, [1])
trainer = nn.Trainer(model, nn.mse, nn.SGD(model.parameters(), 0.1), backend="llvm")
print([trainer.step([[1.0, 2.0]], [1.0]) for _ in range(4)][-1] >= 0.0)
trainer._itself = trainer
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("True\n", "", 0)
