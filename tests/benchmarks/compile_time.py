"""How long until a program is ready: the first time on a machine, and in later processes, which find it in the cache.

    taskset -c 1 python -m tests.benchmarks.compiled compile    # without `taskset` on all processors

Each time is that of one call in a new process, in CPU seconds, with all that the call imports and loads: LLVM's library
too, where code is compiled. Parts are compiled at the same time, so that on several processors the first time is
shorter by the clock. For first steps the call is `Trainer.step`, once the model is made; for the others it goes from
engine.compile to the program of the loss and its gradient: tracing, planning, compiling, loading, comparing. What all
programs share, such as the loop over steps, is compiled once on a machine: the second column is the first time for this
program if a small network was trained before. The memory is the peak of a process that finds the program in the cache,
and in brackets that of the first time.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import engine
import nn
from engine import Value
from tests.benchmarks.more_workloads import gpt, physics
from tests.benchmarks.workloads import digits, moons

Run = Callable[[], bool]
"""What is measured; it returns whether the program was in the cache."""


def first_step(sizes: list[int], batch: int, activation: str = "relu") -> Run:
    """The first step of a network."""
    rng = np.random.default_rng(0)
    model = nn.MLP(sizes[0], sizes[1:], activation, seed=1)
    X, y = rng.normal(size=(batch, sizes[0])), np.arange(batch) % max(2, sizes[-1])
    loss = nn.cross_entropy if sizes[-1] > 1 else nn.bce_with_logits
    trainer = nn.Trainer(model, loss, nn.SGD(model.parameters(), lr=1e-3, momentum=0.9), backend="llvm")

    def run() -> bool:
        trainer.step(X, y)
        program = engine.traces_of(trainer._compiled).last().program("leaves")
        return bool(program.stats()["cached"])

    return run


def program_of(loss: Callable[..., Any], arrays: list[Any]) -> Run:
    """The program of a loss and its gradient."""

    def run() -> bool:
        compiled = engine.compile(loss, backend="llvm")
        batch = compiled.batch(*arrays)
        special = engine.traces_of(compiled).specialised(batch)
        special.compare_once("leaves", batch)
        return bool(special.program("leaves").stats()["cached"])

    return run


def of_workload(workload: Any) -> Run:
    """The program of another benchmark's loss."""
    return program_of(workload.loss, workload.arrays)


def chain(length: int) -> Run:
    """Dependent operations in an order of which no two parts are alike."""
    w = [Value(0.5 + 0.01 * k) for k in range(5)]
    operations = [
        lambda z, a: z * a,
        lambda z, a: z + a,
        lambda z, a: a - z,
        lambda z, a: engine.tanh(z),
        lambda z, a: engine.sin(z),
        lambda z, a: z / (1.0 + z * z),
    ]
    drawn = random.Random(1)
    order = [(drawn.choice(operations), drawn.choice(w)) for _ in range(length)]

    def function(x: Any) -> Any:
        for operation, a in order:
            x = operation(x, a)
        return x

    return program_of(function, [np.full(64, 0.3)])


SMALL = "first step of a small network"
PROBLEMS: dict[str, Callable[[], Run]] = {
    "first step of moons 2-16-16-1": lambda: first_step([2, 16, 16, 1], 100),
    "first step of digits 64-32-10": lambda: first_step([64, 32, 10], 32),
    "first step of 784-128-10": lambda: first_step([784, 128, 10], 64),
    "first step of 784-1024-256-10": lambda: first_step([784, 1024, 256, 10], 64),
    "300 unlike operations": lambda: chain(300),
    "1,200 unlike operations": lambda: chain(1200),
}
WITH_PEERS: dict[str, Callable[[], Run]] = {
    "W1 moons": lambda: of_workload(moons()),
    "W2 digits batch 32": lambda: of_workload(digits(32)),
    "W3 tiny GPT batch 32": lambda: of_workload(gpt(32)),
    "W4 physics-informed": lambda: of_workload(physics()),
}
"""Losses of other benchmarks, which also make the contenders, and so need PyTorch and JAX."""


def measured(name: str) -> dict[str, Any]:
    """How long until a problem is ready in this process, in CPU and clock seconds; whether it was cached; megabytes."""
    run = {SMALL: lambda: first_step([3, 5, 2], 7), **PROBLEMS, **WITH_PEERS}[name]()
    assert "llvmlite.binding" not in sys.modules
    began, started = time.perf_counter(), time.process_time()
    cached = run()
    seconds, elapsed = time.process_time() - started, time.perf_counter() - began
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3  # kilobytes, on Linux
    return {"seconds": seconds, "elapsed": elapsed, "cached": cached, "megabytes": most}


def in_new_process(name: str, cache: str, bytecode: str, module: str = __name__) -> dict[str, Any]:
    """What a benchmark measures in a new process, with this cache, and this directory for Python's bytecode."""
    command = [sys.executable, "-m", module, name]
    environment = {
        **os.environ,
        "STEPGRAD_CACHE": cache,
        "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path),
        "PYTHONPYCACHEPREFIX": bytecode,
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(names: list[str] | None = None, repeats: int = 3) -> None:
    """Print a table."""
    print("\ncompile time, float64 (CPU seconds)  first time  after another  by the clock  from the cache  memory")
    with tempfile.TemporaryDirectory() as bytecode:
        # An installed package has its bytecode, so the first process only writes it.
        in_new_process(SMALL, "off", bytecode)
        peers = WITH_PEERS if importlib.util.find_spec("torch") and importlib.util.find_spec("jax") else {}
        for name in names or [*PROBLEMS, *peers]:
            with tempfile.TemporaryDirectory() as cache:
                first = in_new_process(name, cache, bytecode)
                later = [in_new_process(name, cache, bytecode) for _ in range(repeats)]
            with tempfile.TemporaryDirectory() as cache:
                in_new_process(SMALL, cache, bytecode)
                second = in_new_process(name, cache, bytecode)
            assert not first["cached"]
            assert not second["cached"]
            assert all(found["cached"] for found in later)
            best = min(found["seconds"] for found in later)
            memory = f"{later[0]['megabytes']:.0f} MB ({first['megabytes']:.0f})"
            times = f"{first['seconds']:10.3f} {second['seconds']:14.3f} {first['elapsed']:13.3f} {best:15.3f}"
            print(f"  {name:34} {times}  {memory}", flush=True)


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
