"""Peak memory of compiling and training, beside that of importing PyTorch and JAX.

    python -m tests.benchmarks.memory

Each line is a process of its own with an empty cache of compiled programs, so that LLVM runs in it; the last one finds
the programs in the cache. For a million parameters each stage has its line: the model, the Trainer, the first step.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from tests.benchmarks.machine import print_machine

# In kB. Linux counts the memory of the process that started this one into getrusage, but not into VmHWM.
PEAK = """
import resource, sys
try:
    with open("/proc/self/status") as file:
        print(file.read().split("VmHWM:")[1].split()[0])
except OSError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1))
"""
MLP = """
import random, nn
model = nn.MLP({sizes}, activation="relu", seed=0)
X = [[random.random() for _ in range({inputs})] for _ in range({samples})]
y = [random.randrange({classes}) for _ in X]
trainer = nn.Trainer(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.01, momentum=0.9), backend="llvm")
trainer.run(X, y, steps=10)
"""
MILLION = """
import nn
import numpy as np
model = nn.MLP(64, [960, 960, 10], activation="relu", seed=0)
"""
TRAINER = """
trainer = nn.Trainer(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.01, momentum=0.9))
"""
STEP = """
random = np.random.default_rng(0)
trainer.step(random.normal(size=(64, 64)), random.integers(0, 10, 64))
"""
GPT = """
from tests.benchmarks.more_workloads import gpt
import engine

workload = gpt(32)
engine.compile(workload.loss, backend="llvm").backward(*workload.arrays)
"""
KNOWN = "the same, known to the cache"
SCRIPTS = {
    "import torch": "import torch",
    "import jax": "import jax",
    "import numpy, llvmlite.binding": "import numpy, llvmlite.binding",
    "W1 moons, MLP 2-16-16-2, batch 100": MLP.format(sizes="2, [16, 16, 2]", inputs=2, samples=100, classes=2),
    "W2 digits, MLP 64-32-10, batch 1797": MLP.format(sizes="64, [32, 10]", inputs=64, samples=1797, classes=10),
    "MLP 784-128-10, 101,770 parameters": MLP.format(sizes="784, [128, 10]", inputs=784, samples=64, classes=10),
    "W3 tiny GPT, batch 32": GPT,
    "MLP 64-960-960-10, 994,570 parameters": MILLION,
    "and its Trainer": MILLION + TRAINER,
    "and a first step": MILLION + TRAINER + STEP,
    KNOWN: MILLION + TRAINER + STEP,
}


def peak(script: str, known: bool = False) -> float | None:
    """Peak megabytes of a process that runs a script; if `known`, of a second one; None if it lacks a package."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "STEPGRAD_CACHE": cache}
        command = [sys.executable, "-c", script + PEAK]
        for _ in range(1 + known):
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        if "ModuleNotFoundError" in done.stderr:
            return None
        raise RuntimeError(done.stderr)
    return int(done.stdout.split()[-1]) / 1024


def main() -> None:
    """Print the table."""
    print_machine()
    peaks = {name: peak(script, name == KNOWN) for name, script in SCRIPTS.items()}
    torch = peaks["import torch"]
    for name, megabytes in peaks.items():
        if megabytes is None:
            print(f"{name:40} not installed")
        else:
            share = "" if torch is None else f"{megabytes / torch:6.2f} of import torch"
            print(f"{name:40} {megabytes:7.0f} MB {share}")


if __name__ == "__main__":
    main()
