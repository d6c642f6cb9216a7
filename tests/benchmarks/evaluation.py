"""Evaluation of the digits network 64-32-10, and what validation and dropout add to an epoch of its training.

    taskset -c 1 python -m tests.benchmarks.evaluation
    taskset -c 1 python -m tests.benchmarks.evaluation start    # until `fit` trains, in new processes

Calls are timed beside PyTorch's, if it is installed, in CPU time. The times of epochs are those of the history; of each
training the lower quartile counts, and all trainings take turns. The share of validation, or dropout, is what an epoch
with it takes longer than one without it on the same rows: the median over the turns, since from one training to the
next an epoch may vary by as much, with the place of its arrays in the caches.
"""

from __future__ import annotations

import functools
import gc
import importlib.util
import json
import operator
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import nn

from .machine import print_machine
from .turns import in_turns

BATCH, HELD_OUT = 32, 449
SHARES = (0.2, 0.1)
FIRST = 5  # epochs in which programs are made


@functools.cache
def data() -> tuple[Any, Any]:
    """The digits in random order, from 0 to 1, and their labels."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    return X[order] / 16.0, y[order]


def network(*hidden: int) -> nn.MLP:
    """A network for the digits."""
    return nn.MLP(64, [*(hidden or (32,)), 10], seed=1)


# ---- calls ----


def calls(model: nn.MLP) -> dict[str, Callable[[], Any]]:
    """What is asked of a trained network."""
    X, y = data()
    one, many = X[:1].copy(), np.tile(X, (6, 1))[:10_000]
    labels, listed = np.tile(y, 6)[:10_000], one.tolist()
    return {
        "predict one sample": lambda: nn.predict(model, one),
        "predict one sample, a list": lambda: nn.predict(model, listed),
        "accuracy of one sample": lambda: nn.accuracy(model, one, y[:1]),
        f"accuracy of {HELD_OUT}": lambda: nn.accuracy(model, X[:HELD_OUT], y[:HELD_OUT]),
        "accuracy of 10,000": lambda: nn.accuracy(model, many, labels),
    }


def torch_calls() -> dict[str, Callable[[], Any]]:
    """The same calls in PyTorch; none if it is not installed."""
    if importlib.util.find_spec("torch") is None:
        return {}
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)).double()
    X, y = (torch.tensor(array) for array in data())
    many, labels = X.repeat(6, 1)[:10_000], y.repeat(6)[:10_000]

    def predict(samples: Any) -> Any:
        with torch.no_grad():
            return net(samples)

    def accuracy(samples: Any, truth: Any) -> float:
        return float((predict(samples).argmax(1) == truth).double().mean())

    return {
        "predict one sample": lambda: predict(X[:1]),
        "accuracy of one sample": lambda: accuracy(X[:1], y[:1]),
        f"accuracy of {HELD_OUT}": lambda: accuracy(X[:HELD_OUT], y[:HELD_OUT]),
        "accuracy of 10,000": lambda: accuracy(many, labels),
    }


def least(functions: dict[str, Callable[[], Any]], rounds: int, target: float) -> dict[str, float]:
    """The least CPU seconds of each; they take turns of about `target` seconds."""
    counts, found = {}, dict.fromkeys(functions, float("inf"))
    for name, function in functions.items():
        for _ in range(5):
            function()
        started = time.process_time()
        function()
        counts[name] = max(1, int(target / max(time.process_time() - started, 1e-6)))
    for name in in_turns(functions, rounds):
        started = time.process_time()
        for _ in range(counts[name]):
            functions[name]()
        found[name] = min(found[name], (time.process_time() - started) / counts[name])
    return found


# ---- validation and dropout ----


def dropping() -> nn.Sequential:
    """The same network, which drops half of its hidden units."""
    first, last = network().layers
    return nn.Sequential(first, nn.Dropout(0.5, seed=1), last)


def training(rows: int, make: Callable[[], Any] = network, **given: Any) -> Callable[[int], Any]:
    """A training on the first rows of the digits, as a function of the number of epochs."""
    X, y = (array[:rows] for array in data())

    def train(epochs: int) -> Any:
        model = make()
        optimizer = nn.SGD(model.parameters(), lr=0.05, momentum=0.9)
        return nn.fit(model, X, y, nn.cross_entropy, optimizer, epochs, BATCH, seed=0, **given)

    return train


def extras() -> dict[str, tuple[Callable[[int], Any], Callable[[int], Any]]]:
    """Trainings with validation or dropout, each with one on the same rows without it."""
    X, y = data()
    count = len(X)
    held_out = {"validation": (X[-HELD_OUT:], y[-HELD_OUT:])}
    plain = training(count - HELD_OUT)
    found = {
        f"validation=(X, y) of {HELD_OUT} rows": (training(count - HELD_OUT, **held_out), plain),
        "the same, its loss alone": (training(count - HELD_OUT, **held_out, metrics=()), plain),
    }
    for share in SHARES:
        rows = count - round(share * count)
        found[f"validation=a share of {share}"] = training(count, validation=share), training(rows)
    return {**found, "dropout of a half": (training(count, dropping), training(count))}


def epochs(trainings: dict[str, Callable[[int], Any]], rounds: int, count: int) -> dict[str, list[float]]:
    """Seconds of an epoch of each training in each round: the lower quartile."""
    found: dict[str, list[float]] = {name: [] for name in trainings}
    for name in in_turns(trainings, rounds):
        seconds = [row["seconds"] for row in trainings[name](count).rows[FIRST:]]
        found[name].append(statistics.quantiles(seconds, n=4)[0])
    return found


# ---- start ----


def start(validated: bool, hidden: list[int]) -> float:
    """Seconds that `fit` takes in this process, with all that it imports: one epoch of one batch."""
    X, y = data()
    model = network(*hidden)
    optimizer = nn.SGD(model.parameters(), lr=0.05, momentum=0.9)
    given: dict[str, Any] = {"validation": (X[-HELD_OUT:], y[-HELD_OUT:])} if validated else {}
    gc.collect()  # or a collection that is due, of all that scikit-learn has made, falls into some of the measurements
    started = time.process_time()
    nn.fit(model, X[:BATCH], y[:BATCH], nn.cross_entropy, optimizer, 1, BATCH, **given)
    return time.process_time() - started


def starts(cases: dict[str, tuple[bool, list[int]]], rounds: int) -> dict[str, float]:
    """The least seconds of `start` in new processes that find all programs in a cache of their own."""
    found = dict.fromkeys(cases, float("inf"))
    with tempfile.TemporaryDirectory() as cache:
        for turn in range(rounds + 2):  # the first makes the programs, and the second notes which of them it finds
            for name, case in cases.items():
                code = f"from tests.benchmarks.evaluation import start; print(start(*{case!r}))"
                environment = {**os.environ, "STEPGRAD_CACHE": cache, "PYTHONPATH": str(Path(__file__).parents[2])}
                environment["PYTHONPYCACHEPREFIX"] = f"{cache}/bytecode"  # an installed package has its bytecode
                environment.pop("PYTHONDONTWRITEBYTECODE", None)
                command = [sys.executable, "-c", code]
                run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                if turn >= 2:
                    found[name] = min(found[name], float(json.loads(run.stdout)))
    return found


def main(rounds: int = 15, target: float = 0.02, count: int = 100) -> None:
    """Print all figures but those of starts."""
    model = network()
    nn.predict(model, data()[0])
    ours, peer = calls(model), torch_calls()
    found = least({**ours, **{f"PyTorch {name}": call for name, call in peer.items()}}, rounds, target)
    for name in ours:
        beside = f"   PyTorch {found[f'PyTorch {name}'] * 1e6:8.1f}" if name in peer else ""
        print(f"{name:30} {found[name] * 1e6:8.1f} us{beside}")
    pairs = extras()
    flat = {f"{name} {part}": pair[part] for name, pair in pairs.items() for part in (0, 1)}
    seconds = epochs(flat, rounds, count)
    for name in pairs:
        whole, plain = (seconds[f"{name} {part}"] for part in (0, 1))
        extra, epoch = statistics.median(map(operator.sub, whole, plain)), statistics.median(whole)
        print(
            f"{name:35} {extra * 1e6:6.1f} us of {epoch * 1e6:6.1f} an epoch: "
            f"{100 * extra / epoch:4.1f} %, {100 * extra / (epoch - extra):4.1f} % more"
        )


def print_starts(rounds: int = 5) -> None:
    """Print how long known networks take until they train."""
    wide = [512, 128]  # 100,234 parameters
    cases = {"digits": (False, [32]), "digits, validated": (True, [32])}
    cases |= {"100,000 parameters": (False, wide), "100,000 parameters, validated": (True, wide)}
    for name, seconds in starts(cases, rounds).items():
        print(f"{name:34} {seconds * 1e3:7.1f} ms")


if __name__ == "__main__":
    print_machine()
    print_starts() if "start" in sys.argv[1:] else main()
