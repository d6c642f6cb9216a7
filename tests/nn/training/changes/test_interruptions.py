"""Ctrl-C, threads and forks during steps."""

from __future__ import annotations

import math
import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import pytest

import nn
from engine import TraceError
from nn import SGD, Adam, Trainer
from tests.interrupting import interrupted
from tests.needs import FORK, INSTALLED, NATIVE, needs

from .reference import FAST, RNG, X, Y, data, model

np = needs("numpy")

STEPPING = ("engine.compiler.training.session", "engine.compiler.training.custody")


class Pressed(BaseException):
    """As Ctrl-C; but one that comes late fails its test, and does not end the whole run."""


@pytest.mark.parametrize("backend", ["eager", "python"])
def test_ctrl_c_around_a_step_leaves_it_counted_or_not_made(backend: str) -> None:
    def run(moment: int) -> tuple[int, int]:
        net = nn.MLP(1, [1], init="zeros")
        optimizer = SGD(net.parameters(), lr=0.25)
        step: Any = nn.EagerStep(net, nn.mse, optimizer)
        if backend != "eager":
            step = Trainer(net, nn.mse, optimizer, backend)
        step([[1.0]], [2.0])
        before = net.parameters()[-1].data
        moments = interrupted(lambda: step([[1.0]], [3.0]), moment)
        made = int(net.parameters()[-1].data != before)
        assert step.steps == optimizer.steps == 1 + made
        return made, moments

    made, count = run(0)
    assert made == 1
    moments = (*range(max(1, count - 400), count - 60, 5), *range(count - 60, count + 20))  # the last count the step
    found = [(moment, run(moment)) for moment in moments]
    assert {made for moment, (made, moments) in found if moments == moment} == {0, 1}


@pytest.mark.unmeasured
@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("before", [0, 2])  # the first step of all, and one after the optimiser went on by itself
def test_ctrl_c_while_a_program_takes_over_the_memory_of_an_optimiser(backend: str, before: int) -> None:
    """In its first steps, nothing said yet how the memory is given back: an AssertionError for who asked for it."""
    modules = (*STEPPING, "engine.compiler.backends.llvm.ir.words", "nn.optimisers.base")

    def run(moment: int) -> tuple[int, int]:
        net = nn.MLP(1, [1], init="zeros")
        optimizer = SGD(net.parameters(), lr=0.25, momentum=0.5)
        trainer = Trainer(net, nn.mse, optimizer, backend)
        for _ in range(before):
            trainer.run(x, y, 1)
        optimizer.state = (7, ([0.125, 0.25],))
        moments = interrupted(lambda: trainer.run(x, y, 1), moment, modules)
        made = optimizer.steps - 7
        assert trainer.steps == before + made
        if not made:
            assert optimizer.state == (7, ([0.125, 0.25],))
            trainer.run(x, y, 1)
        after = optimizer.state, [p.data for p in net.parameters()]
        assert after == whole.setdefault("", after)
        return made, moments

    (x, y), whole = ([[1.0]], [1.0]), dict[str, object]()
    assert run(0)[0] == 1
    found, moment = set[int](), 1
    while (last := run(moment))[1] == moment:  # how many there are changes from run to run on Python 3.12
        found.add(last[0])
        moment += 1
    assert found == {0, 1}


@NATIVE
@pytest.mark.unmeasured
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.parametrize("order", [False, True])
def test_ctrl_c_leaves_the_steps_that_were_made(order: bool) -> None:
    """And going on from there is the run that was not interrupted, bit for bit."""
    x, y = RNG.normal(size=(200, 4)), RNG.integers(0, 3, 200)
    m, other = model(), model()
    trainers = [Trainer(each, nn.cross_entropy, Adam(each.parameters(), 1e-3), "llvm") for each in (m, other)]

    def make(trainer: Trainer, steps: int) -> None:
        if order:
            trainer._train(batch, 1, lambda way: np.resize(np.arange(200), (steps, 20)), 20)
        else:
            trainer.run(x, y, steps)

    long = 300_000 if order else 3_000_000
    batch = trainers[0]._made_ready(x, y)
    for trainer in trainers:
        make(trainer, 3)

    pressed: list[bool] = []

    def interrupt(*_: Any) -> None:
        if trainers[0].steps > 3 and not pressed:
            pressed.append(True)  # once
            raise Pressed

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        with pytest.raises(Pressed):
            make(trainers[0], long)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    made = trainers[0].steps
    assert 3 < made < long
    assert made == trainers[0].optimizer.steps
    make(trainers[1], made - 3)
    assert data(m) == data(other)
    make(trainers[0], 5), make(trainers[1], 5)
    assert data(m) == data(other)
    assert trainers[0].optimizer.state == trainers[1].optimizer.state


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other units")
@pytest.mark.parametrize("backend", INSTALLED)
def test_steps_that_are_not_made_take_no_memory(backend: str) -> None:
    """Ctrl-C waited until there was room for the losses of all steps, for 100 million of them some seconds."""
    import resource

    net = nn.MLP(1, [1], init="zeros")
    trainer = Trainer(net, nn.mse, SGD(net.parameters(), lr=1e3), backend)
    trainer.step([[1.0]], [2.0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FloatingPointError) as caught:
        trainer.run([[1.0]], [2.0], 10**8)
    error: Any = caught.value
    assert 1 < len(error.losses) == trainer.steps - 1 < 1000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


@FAST
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_a_signal_handler_that_looks_at_an_optimiser_changes_nothing(backend: str) -> None:
    """It took what the optimiser remembers out of the middle of a call, and the rest of the call was forgotten."""

    def trained(every: float) -> object:
        m = model()
        trainer = Trainer(m, nn.cross_entropy, Adam(m.parameters(), 0.01), backend)

        def look(*_: object) -> None:
            with suppress(TraceError):  # in the middle of a trace it is refused
                repr(trainer.optimizer)

        before = signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, every, every)
        try:
            for _ in range(20):
                trainer.run(X, Y, 50)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)
        return trainer.steps, trainer.optimizer.state, data(m)

    assert trained(every=0.002) == trained(every=0.0)


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_step_is_counted_although_ctrl_c_comes_just_behind_it(backend: str) -> None:
    class Pressing(SGD):
        def step(self) -> None:
            super().step()
            raise Pressed

    m = model()
    trainer = Trainer(m, nn.cross_entropy, Pressing(m.parameters(), 0.05), backend)
    for made in (1, 2):
        with pytest.raises(Pressed):
            trainer.step(X, Y)
        assert trainer.steps == trainer.optimizer.steps == made


@FAST
def test_two_threads_on_one_trainer_take_turns(backend: str) -> None:
    m, other = model(), model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.05), backend=backend)
    looks: list[float] = []

    def train() -> None:
        for _ in range(30):
            trainer.step(X, Y)
            looks.append(m.parameters()[0].data)

    threads = [threading.Thread(target=train) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    step = Trainer(other, nn.cross_entropy, SGD(other.parameters(), 0.05), backend=backend)
    step.run(X, Y, 90)
    assert trainer.steps == 90
    assert data(m) == pytest.approx(data(other), rel=1e-10)


@NATIVE
@pytest.mark.unmeasured
@FORK
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of any thread
def test_a_fork_during_a_run_leaves_a_child_that_works() -> None:
    m = model()
    x, y = RNG.normal(size=(2000, 4)), RNG.integers(0, 3, 2000)
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 1e-6), "llvm", threads=2)
    trainer.run(x, y, 3)
    running = threading.Thread(target=lambda: [trainer.run(x, y, 200) for _ in range(5)])
    running.start()
    codes = []
    for _ in range(3):
        time.sleep(0.005)
        child = os.fork()
        if child == 0:
            signal.alarm(600)
            mine = model()
            losses = Trainer(mine, nn.cross_entropy, SGD(mine.parameters(), 0.1), "llvm", threads=2).run(x, y, 20)
            again = trainer.run(x, y, 2)
            os._exit(0 if losses[-1] < losses[0] and all(map(math.isfinite, again)) else 1)
        codes.append(os.waitpid(child, 0)[1])
    running.join()
    assert codes == [0, 0, 0]


class Dropping(nn.Module):
    def __init__(self) -> None:
        self.first, self.dropout, self.last = model(), nn.Dropout(0.5, seed=1), nn.Layer(3, 3, "identity", seed=2)

    def __call__(self, x: Any) -> Any:
        return self.last(self.dropout(self.first(x)))


def summed(outputs: Any, labels: Any) -> Any:
    return nn.cross_entropy(outputs, labels, "sum")


HALVING = [0.1, 0.05, 0.025]
RATES = {"steady": None, "at once": nn.schedules.cosine(0.1, 40), "one by one": lambda step: HALVING[min(step, 2)]}
KINDS = {  # how the steps of an epoch are made: in one call or in several, the last one by itself, with masks
    "whole epochs": (model, nn.cross_entropy, 12, False, "steady"),
    "rates at once": (model, nn.cross_entropy, 10, False, "at once"),
    "a last batch of its own": (model, summed, 10, False, "one by one"),
    "batch by batch": (model, nn.cross_entropy, 10, True, "at once"),
    "masks": (Dropping, nn.cross_entropy, 12, False, "steady"),
}
MODULES = ("nn.training.loop", "nn.training.epochs", "nn.training.trainer.running", "nn.training.trainer.ways")
MODULES += ("nn.training.steps", "nn.optimisers.base", *STEPPING)
MODULES += ("engine.compiler.backends.llvm.training", "engine.compiler.backends.array_training")


@pytest.mark.unmeasured
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", ["eager", *INSTALLED])
def test_the_history_has_the_losses_of_just_the_steps_that_were_made(backend: str, kind: str) -> None:
    """Those of a compiled call that Ctrl-C ended were missing, although its steps had been made."""
    make, loss, samples, by_batch, rates = KINDS[kind]
    told: Any = (lambda state: None) if by_batch else False

    def run(moment: int) -> tuple[list[float], int, int]:
        net, found = make(), []
        optimizer = SGD(net.parameters(), lr=0.1)

        def train() -> None:
            options: Any = {"schedule": RATES[rates], "seed": 1, "backend": backend, "progress": told}
            found.append(nn.fit(net, X[:samples], Y[:samples], loss, optimizer, 2, 4, **options))

        moments = interrupted(train, moment, MODULES)
        if not found:  # it came before the loop, or behind it
            return [], 0, moments
        return found[0].batch_losses, optimizer.steps, moments

    every, made, count = run(0)
    assert len(every) == made == 6
    chosen = random.Random(f"{backend} {kind}")
    seen, first = set(), count // 4  # before that, nothing is trained
    for part in range(6):
        losses, made, _ = run(first + int((part + chosen.random()) * (count - first) / 6))
        assert (losses, len(losses)) == (every[:made], made)
        seen.add(made)
    assert len(seen) > 1
