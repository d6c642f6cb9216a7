"""Two threads beside one: the wall-clock time of a step, in single calls and in the native loop.

    python -m tests.benchmarks.compiled threads

Needs two processors that are free now and then: both programs take turns of a few milliseconds, and the shortest time
counts. "x" says how many times faster two threads are.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import nn
from engine.compiler.backends.llvm import build
from engine.compiler.backends.llvm.runtime.threads import processors
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from tests.benchmarks.more_workloads import gpt, physics
from tests.benchmarks.turns import in_turns
from tests.benchmarks.workloads import MOMENTUM, RATE, Workload, digits, digits_data, moons

Step = Callable[[], Any]
COUNTS = (1, 2)


def main(rounds: int = 100) -> None:
    """Print the table."""
    if processors() < 2:
        print("There is one processor: nothing to compare.")
        return
    print(f"{'':34} {'single calls, 1 and 2 threads':>34}   {'native loop, 1 and 2 threads':>34}")
    builders = [moons, lambda: moons("tanh"), lambda: digits(32), lambda: digits(128), lambda: digits(1797)]
    for builder in [*builders, lambda: gpt(32), physics]:
        workload = builder()
        for dtype in ("float64", "float32"):
            single, loop = compare(workload, dtype, rounds)
            print(f"{workload.name + ', ' + dtype:34} {_columns(single)}   {_columns(loop)}", flush=True)
    for dtype in ("float64", "float32"):
        for size in (32, 256):
            name = f"epoch of digits, batches of {size}, {dtype}"
            print(f"{name:48} {'':21}{_columns(epochs(dtype, size, rounds))}", flush=True)


def _columns(seconds: list[float]) -> str:
    one, two = seconds
    return f"{one * 1e6:10.1f} us {two * 1e6:10.1f} us  x{one / two:<5.2f}"


def shortest(steps: list[tuple[Step, int]], rounds: int) -> list[float]:
    """The shortest wall-clock time of a step of each contender; they take turns, with several steps in a call."""
    best = [float("inf")] * len(steps)
    repeats = []
    for step, _ in steps:
        step()
        started = time.perf_counter()
        step()
        repeats.append(max(1, int(0.002 / (time.perf_counter() - started))))
    for k in in_turns(range(len(steps)), rounds):
        step, made = steps[k]
        started = time.perf_counter()
        for _ in range(repeats[k]):
            step()
        best[k] = min(best[k], (time.perf_counter() - started) / repeats[k] / made)
    return best


def compare(workload: Workload, dtype: str, rounds: int) -> tuple[list[float], list[float]]:
    """A step on one thread and on two: in single calls, and in the native loop."""
    from tests.benchmarks.compiled import momentum

    traced = trace(workload.loss, [array.shape[1:] for array in workload.arrays])
    plan = make_plan(Computation.of(traced, gradients=True))
    arrays = tuple(np.ascontiguousarray(array, dtype) for array in workload.arrays)
    update, loop = momentum(workload.rate), max(5, 4000 // len(arrays[0]))
    single: list[tuple[Step, int]] = []
    looped: list[tuple[Step, int]] = []
    for threads in COUNTS:
        training = build(plan, dtype, threads).training(1)
        training.parameters[:] = [leaf.data for leaf in traced.graph.leaves]
        training(arrays, update)
        single.append((lambda training=training: training(arrays, update), 1))
        looped.append((lambda training=training: training(arrays, update, steps=loop), loop))
    return shortest(single, rounds), shortest(looped, rounds)


def epochs(dtype: str, size: int, rounds: int) -> list[float]:
    """All digits in shuffled batches, on one thread and on two."""
    X, y = digits_data()
    samples, labels = (np.ascontiguousarray(array, dtype) for array in (X, y))
    steps: list[tuple[Step, int]] = []
    for threads in COUNTS:
        model = nn.MLP(64, [32, 10])
        optimizer = nn.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
        trainer = nn.Trainer(model, nn.cross_entropy, optimizer, "llvm", dtype, threads=threads)
        source = random.Random(0)

        def epoch(trainer: nn.Trainer = trainer, source: random.Random = source) -> None:
            trainer.epoch(samples, labels, batch_size=size, seed=source)

        steps.append((epoch, 1))
    return shortest(steps, rounds // 4)
