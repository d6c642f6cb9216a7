"""How long until a program is ready: the first time on a machine, and in later processes, which find it in the cache.

    taskset -c 1 python -m tests.benchmarks.compiled compile

Each time is that of a new process, in CPU seconds, from the call of engine.compile to the program of the loss and its
gradient: tracing, planning, compiling, loading. llvmlite is imported meanwhile, or was before, as the columns say.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import engine
import nn
from tests.benchmarks.more_workloads import gpt, physics
from tests.benchmarks.workloads import digits, moons

Problem = tuple[Callable[..., Any], list[Any]]


def perceptron() -> Problem:
    """A network of 101,770 parameters for pictures of 784 pixels."""
    model = nn.MLP(784, [128, 10], seed=0)
    return lambda x, y: nn.cross_entropy([model(x)], [y]), [np.zeros((32, 784)), np.zeros(32)]


def _loss_and_arrays(workload: Any) -> Problem:
    return workload.loss, workload.arrays


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "W1 moons": lambda: _loss_and_arrays(moons()),
    "W2 digits batch 32": lambda: _loss_and_arrays(digits(32)),
    "W3 tiny GPT batch 32": lambda: _loss_and_arrays(gpt(32)),
    "W4 physics-informed": lambda: _loss_and_arrays(physics()),
    "MLP 784-128-10": perceptron,
}


def seconds(name: str, imported: bool) -> dict[str, Any]:
    """CPU seconds until the program of a problem is ready, in this process; and whether it was in the cache."""
    loss, arrays = PROBLEMS[name]()
    if imported:
        import llvmlite.binding  # noqa: F401  # it takes a while, which is not to be counted
    started = time.process_time()
    compiled = engine.compile(loss, backend="llvm")
    batch = compiled.batch(*arrays)
    program = compiled._trace(batch).program("leaves").fitting(batch.size)
    return {"seconds": time.process_time() - started, "cached": program.stats()["cached"]}


def in_new_process(name: str, cache: str, bytecode: str, imported: bool = False) -> dict[str, Any]:
    """The same in a process of its own, with that cache, and that directory for Python's bytecode."""
    command = [sys.executable, "-m", __name__, name, *(["imported"] if imported else [])]
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
    print("\ncompile time, float64 (CPU seconds)       first time   from the cache   llvmlite imported before")
    with tempfile.TemporaryDirectory() as bytecode:
        # An installed package has its bytecode; so the first process only writes it.
        in_new_process("W1 moons", "off", bytecode)
        for name in names or PROBLEMS:
            with tempfile.TemporaryDirectory() as cache:
                first = in_new_process(name, cache, bytecode)
                later = [in_new_process(name, cache, bytecode) for _ in range(repeats)]
                imported = [in_new_process(name, cache, bytecode, imported=True) for _ in range(repeats)]
            assert not first["cached"]
            assert all(found["cached"] for found in later + imported)
            best, quickest = (min(found["seconds"] for found in runs) for runs in (later, imported))
            print(f"  {name:40} {first['seconds']:8.2f}     {best:12.3f}     {quickest:16.3f}")


if __name__ == "__main__":
    print(json.dumps(seconds(sys.argv[1], "imported" in sys.argv[2:])))
