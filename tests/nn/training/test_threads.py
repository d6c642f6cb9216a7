"""What other threads do with a model that one trains: what would mix two of its steps is refused."""

from __future__ import annotations

import copy
import math
import pickle
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nn
from nn.checkpoints import files
from tests.needs import INSTALLED
from tests.nn.training.fit.fitting import X, Y

MOVING = "another thread is training these parameters"


def network() -> tuple[Any, Any]:
    model = nn.MLP(2, [4, 3], activation="tanh", seed=1)
    return model, nn.Adam(model.parameters(), lr=0.05)


def data(model: Any) -> list[float]:
    return [p.data for p in model.parameters()]


def step(model: Any, optimizer: Any, path: Any) -> None:
    nn.cross_entropy([model(x) for x in X], Y).backward()
    optimizer.step()


ACTS: dict[str, Callable[[Any, Any, Any], object]] = {
    "save": lambda model, optimizer, path: nn.save(model, path / "m.json"),
    "load": lambda model, optimizer, path: nn.load(model, path / "old.json"),
    "deepcopy of the model": lambda model, optimizer, path: copy.deepcopy(model),
    "deepcopy of a part of it": lambda model, optimizer, path: copy.deepcopy([model.layers[-1]]),
    "deepcopy of the optimiser": lambda model, optimizer, path: copy.deepcopy(optimizer),
    "pickle of the model": lambda model, optimizer, path: pickle.dumps(model),
    "pickle of the optimiser": lambda model, optimizer, path: pickle.dumps(optimizer),
    "state": lambda model, optimizer, path: setattr(optimizer, "state", (0, ([], []))),
    "steps": lambda model, optimizer, path: setattr(optimizer, "steps", 7),
    "memory": lambda model, optimizer, path: setattr(optimizer, "mean", []),
    "params": lambda model, optimizer, path: setattr(optimizer, "params", model.parameters()[::-1]),
    "a step by hand": step,
    "an eager step": lambda model, optimizer, path: nn.EagerStep(model, nn.cross_entropy, optimizer)(X, Y),
    "a Trainer": lambda model, optimizer, path: nn.Trainer(model, nn.cross_entropy, optimizer).step(X, Y),
}


@pytest.mark.parametrize("backend", ["eager", *INSTALLED])
@pytest.mark.parametrize("act", ACTS)
def test_it_is_refused_while_another_thread_trains(act: str, backend: str, tmp_path: Path) -> None:
    """A file had parameters of one step and memories of another; a state that was assigned was lost now and then."""
    model, optimizer = network()
    nn.save(model, tmp_path / "old.json")
    refused = []

    def elsewhere(*_: Any) -> None:
        before = data(model), optimizer.state
        with ThreadPoolExecutor(1) as thread:
            with pytest.raises(RuntimeError, match=MOVING) as error:
                thread.submit(ACTS[act], model, optimizer, tmp_path).result()
            refused.append(error)
            other = network()
            thread.submit(ACTS[act], *other, tmp_path).result()
        assert (data(model), optimizer.state) == before

    nn.fit(model, X, Y, nn.cross_entropy, optimizer, epochs=2, seed=1, backend=backend, callbacks=elsewhere)
    assert len(refused) == 2
    assert not (tmp_path / "m.json").exists() or act == "save"  # that of the other model
    ACTS[act](model, optimizer, tmp_path)


@pytest.mark.parametrize("backend", ["eager", *INSTALLED])
def test_in_the_callback_itself_all_of_it_is_done(backend: str, tmp_path: Path) -> None:
    """The remedy: a fit that goes on from what a callback saved, copied or pickled ends as the one that went on."""
    model, optimizer = network()
    kept: list[Any] = []

    def keep(model: Any, history: Any, epoch: int) -> None:
        if epoch == 2:
            nn.save(model, tmp_path / "m.json", optimizer=optimizer, history=history)
            both = model, optimizer, copy.deepcopy(history)
            kept.extend([copy.deepcopy(both), pickle.loads(pickle.dumps(both))])

    options: Any = {"epochs": 4, "batch_size": 4, "backend": backend}
    nn.fit(model, X, Y, nn.cross_entropy, optimizer, seed=1, callbacks=keep, **options)
    loaded = network()
    kept.append((*loaded, nn.load(loaded[0], tmp_path / "m.json", optimizer=loaded[1])))
    for other, its, history in kept:
        nn.fit(other, X, Y, nn.cross_entropy, its, resume=history, **options)
        assert (data(other), its.state) == (data(model), optimizer.state)


class Meddled(nn.SGD):
    """While one setting is checked, another one is set, as another thread or a signal handler may do."""

    meddling = False

    def agree(self, settings: Any) -> None:
        if self.meddling:
            self.meddling = False
            self.lr = 0.25


def test_settings_that_two_threads_set_are_both_set() -> None:
    """The later one put back all that it had not set itself, such as a rate: a schedule sets one at every step."""
    optimizer = Meddled(network()[0].parameters(), lr=1.0)
    optimizer.meddling = True
    optimizer.change({"momentum": 0.5, "nesterov": True})
    assert (optimizer.lr, optimizer.momentum, optimizer.nesterov) == (0.25, 0.5, True)


def test_a_file_is_of_one_moment_of_a_loop_in_another_thread(tmp_path: Path) -> None:
    """Nobody knows of a loop by hand: what was read is read again, and has to be the same, or there is no file."""
    model, optimizer = network()
    first, done, refused, path = data(model), threading.Event(), list[str](), tmp_path / "m.json"

    def train() -> None:
        while not done.is_set():
            for p in model.parameters():
                p.data += 1.0

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(1) as thread:
            training = thread.submit(train)
            try:
                for _ in range(100):
                    try:
                        nn.save(model, path, optimizer=optimizer)
                    except RuntimeError as error:
                        refused.append(str(error))
                        continue
                    saved = network()[0]
                    nn.load(saved, path)
                    rounds = [round(new - old) for new, old in zip(data(saved), first)]
                    assert rounds == sorted(rounds, reverse=True)
                    assert rounds[0] - rounds[-1] <= 1
            finally:
                done.set()
            training.result()
    finally:
        sys.setswitchinterval(interval)
    assert all(MOVING in text for text in refused)  # on one processor none may meet a change: see the next test


@pytest.mark.parametrize(("rate", "is_saved"), [(0.1, False), (0.1, True), (0.0, True)])
def test_what_moves_meanwhile_is_of_no_one_moment(
    rate: float, is_saved: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In steps of a rate of 0 the parameters stay as they are, and only the optimiser's memories move."""
    model, optimizer = network()
    optimizer.lr = rate
    monkeypatch.setattr(files, "module_state", lambda model: step(model, optimizer, None) or {})
    with pytest.raises(RuntimeError, match=MOVING):
        nn.save(model, tmp_path / "m.json", optimizer=optimizer if is_saved else None)
    assert not (tmp_path / "m.json").exists()


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_nan_does_not_move(backend: str, tmp_path: Path) -> None:
    """Where numbers live in a program each look makes new floats, and a nan is equal to no other."""
    model, optimizer = network()
    optimizer.params[0].data = math.nan
    for _ in range(40):
        nn.predict(model, X, backend=backend)
    nn.save(model, tmp_path / "m.json", optimizer=optimizer)
    other = network()[0]
    nn.load(other, tmp_path / "m.json")
    assert str(data(other)) == str(data(model))
