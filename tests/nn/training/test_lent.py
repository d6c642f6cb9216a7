"""While a program keeps parameters and an optimiser's memory, they stay what they are to everybody else."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import nn
from engine import Value
from nn import SGD, EagerStep, Optimizer, Trainer
from tests.needs import needs
from tests.nn.training.test_compiled import FAST, OPTIMIZERS, X, Y, data, model

np = needs("numpy")


def memory(optimizer: Any) -> list[list[float]]:
    return [optimizer.velocity] if isinstance(optimizer, SGD) else [optimizer.mean, optimizer.mean_square]


@FAST
def test_a_training_without_dropout_leaves_the_memory_where_it_is(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taking it back takes a large network milliseconds, in each call of `fit`."""
    m = model()
    optimizer = OPTIMIZERS["adam"](m.parameters())
    nn.fit(m, X, Y, nn.cross_entropy, optimizer, 1, backend=backend)

    def taken(optimizer: Any) -> None:
        raise AssertionError("somebody has asked for the optimiser's state")

    with monkeypatch.context() as patch:
        patch.setattr(nn.Optimizer, "_take_back", taken)
        nn.fit(m, X, Y, nn.cross_entropy, optimizer, 1, backend=backend)
    assert optimizer.steps == 2 * -(-len(X) // 32)


@FAST
@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_the_optimisers_memory_is_its_own_to_everybody(name: str, backend: str) -> None:
    """It stays in the program from step to step, and yet whoever looks at it or writes to it has the last word."""
    m, other = model(), model()
    optimizer, eager_one = OPTIMIZERS[name](m.parameters()), OPTIMIZERS[name](other.parameters())
    trainers = [Trainer(m, nn.cross_entropy, optimizer, backend=backend) for _ in range(2)]
    step = EagerStep(other, nn.cross_entropy, eager_one)

    def same() -> None:
        for row, expected in zip(memory(optimizer), memory(eager_one), strict=True):
            assert row == pytest.approx(expected, rel=1e-9, abs=1e-12)

    for k in range(4):
        trainers[k // 2].step(X, Y)
        step(X.tolist(), Y.tolist())
        if k % 2:
            copies = copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))
            assert memory(copies[0]) == memory(copies[1]) == memory(optimizer)
            same()
    for one in (optimizer, eager_one):
        for row in memory(one):
            row[1] = 0.25
    trainers[0].epoch(X, Y, batch_size=len(X), shuffle=False)
    step(X.tolist(), Y.tolist())
    trainers.clear()
    gc.collect()
    same()
    assert data(m) == pytest.approx(data(other), rel=1e-9)


def test_memory_that_cannot_be_given_back_is_not_lost() -> None:
    """As when Ctrl-C comes in between."""
    optimizer = SGD([Value(1.0)], lr=0.1, momentum=0.5)

    def interrupted(optimizer: Optimizer) -> None:
        raise KeyboardInterrupt

    def giving(optimizer: Any) -> None:
        optimizer._keeper = None
        optimizer.velocity = [2.0]

    optimizer._keeper = interrupted
    with pytest.raises(KeyboardInterrupt):
        _ = optimizer.velocity
    assert optimizer._keeper is interrupted
    optimizer._keeper = giving
    assert optimizer.velocity == [2.0]
    assert optimizer._keeper is None


@FAST
def test_data_reads_and_writes_reach_the_program(backend: str) -> None:
    m = model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1), backend=backend)
    trainer.step(X, Y)
    p = m.parameters()[0]
    before = p.data
    trainer.step(X, Y)
    assert p.data != before
    for q in m.parameters():
        q.data = 0.0
    assert trainer.step(X, Y) == pytest.approx(math.log(3))
    trainer.optimizer.lr = 0.0
    frozen = data(m)
    trainer.step(X, Y)
    assert data(m) == frozen


@FAST
def test_lent_parameters_are_ordinary_values_to_everybody(backend: str) -> None:
    class Tagged(Value):
        """A subclass with an attribute of its own."""

    m = model()
    first = m.layers[0].neurons[0]
    first.w[0] = Tagged(0.3, label="first")
    first.w[0].note = "mine"
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1), backend=backend)

    def stepped() -> Tagged:
        trainer.step(X, Y)
        return first.w[0]

    assert isinstance(stepped(), Tagged)
    assert pickle.loads(pickle.dumps(stepped().detach())).data == first.w[0].data
    assert copy.deepcopy(stepped()).data == first.w[0].data
    assert type(first.w[0]) is Tagged
    assert stepped().note == "mine"
    assert (stepped() * 2.0).data == 2 * first.w[0].data
    assert float(stepped()) == first.w[0].data
    assert repr(stepped()).startswith("Tagged(data=")
    value = stepped()
    assert value == value.data
    stepped()
    loss = nn.cross_entropy([m(x) for x in X.tolist()], Y.tolist())
    assert trainer.step(X, Y) == pytest.approx(loss.data)


@FAST
def test_a_result_kept_while_the_program_has_the_parameters_is_refused(backend: str) -> None:
    """A lent parameter was not looked at: the gradient of a kept square was that of no function."""
    m = model()
    trainer, p = Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1), backend=backend), m.parameters()[0]
    kept = p * p
    trainer.step(X, Y)
    with pytest.raises(RuntimeError, match="from before and after a change"):
        (kept * p).backward()
    kept = p * p
    trainer.step(X, Y)
    with pytest.warns(UserWarning, match="was computed from it, and the gradient is the one at that number"):
        kept.backward()


@FAST
def test_the_parameters_outlive_the_trainer(backend: str) -> None:
    m, other = model(), model()
    Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1), backend=backend).step(X, Y)
    gc.collect()
    EagerStep(other, nn.cross_entropy, SGD(other.parameters(), lr=0.1))(X.tolist(), Y.tolist())
    assert data(m) == pytest.approx(data(other))


@FAST
def test_two_trainers_of_one_model(backend: str) -> None:
    m, other = model(), model()
    trainers = [Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1), backend=backend) for _ in range(2)]
    one = Trainer(other, nn.cross_entropy, SGD(other.parameters(), lr=0.1), backend=backend)
    for k in range(6):
        trainers[k % 2].step(X, Y)
        one.step(X, Y)
    assert data(m) == pytest.approx(data(other))


def test_two_trainers_of_one_model_in_two_threads_and_somebody_who_looks() -> None:
    """Values change hands while others read and write them: everybody finds numbers, and nobody two owners."""
    model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    parameters = model.parameters()
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = X[:, 0] * X[:, 1]
    halves = parameters[:9], parameters[9:]
    trainers = [nn.Trainer(model, nn.mse, nn.SGD(half, lr=0.01)) for half in halves]
    for trainer in trainers:
        trainer.step(X, y)

    def work(trainer: nn.Trainer, own: list[Value]) -> int:
        for k in range(400):
            trainer.step(X, y)
            if k % 3 == 0:
                assert math.isfinite(sum(p.data for p in parameters))
                own[0].data = 0.1
        return trainer.steps

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(2) as threads:
            assert [*threads.map(work, trainers, halves)] == [401, 401]
    finally:
        sys.setswitchinterval(interval)
    assert np.isfinite([p.data for p in parameters]).all()


def looked_at(train: Callable[[], object], optimizer: Optimizer) -> None:
    """Train while another thread looks at the optimiser all the time."""
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            repr(optimizer)

    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(look)
        try:
            train()
        finally:
            done.set()
        looking.result()


@FAST
@pytest.mark.parametrize("run", [lambda trainer: trainer.run(X, Y, 40), lambda trainer: trainer.step(X, Y)])
def test_who_looks_at_an_optimiser_from_another_thread_changes_nothing(backend: str, run: Any) -> None:
    """What it remembers was given back in the middle of a call, and the rest of the call was forgotten."""

    def trained(looking: bool) -> Any:
        m = model()
        optimizer = nn.Adam(m.parameters(), 0.01)
        trainer = Trainer(m, nn.cross_entropy, optimizer, backend=backend)

        def train() -> None:
            for _ in range(100):
                run(trainer)

        looked_at(train, optimizer) if looking else train()
        return trainer.steps, optimizer.state, data(m)

    assert trained(looking=True) == trained(looking=False)
