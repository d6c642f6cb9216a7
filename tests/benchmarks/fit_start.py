"""How long `nn.fit` takes besides its epochs: the first time in a process that finds its programs, and once more.

    taskset -c 1 python -m tests.benchmarks.compiled fits

Each time is that of one call of `fit` without its epoch, imports included, in CPU milliseconds: the median of several
new processes. The first column is of a process that has to compile.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from typing import Any

import numpy as np

import nn
from tests.benchmarks.compile_time import in_new_process

DIGITS, LARGE = [64, 32, 10], [784, 128, 10]
FITS: dict[str, tuple[list[int], dict[str, Any]]] = {
    "digits 64-32-10": (DIGITS, {}),
    "digits, validated": (DIGITS, {"validation": 0.2}),
    "digits, validated by two metrics": (DIGITS, {"validation": 0.2, "metrics": ["accuracy", "top3"]}),
    "784-128-10": (LARGE, {}),
    "784-128-10, validated": (LARGE, {"validation": 0.2}),
}
"""Networks, and further arguments of `fit`."""


def fit_times(name: str) -> dict[str, float]:
    """Milliseconds of the first and the second fit of one epoch in this process, without that epoch."""
    sizes, told = FITS[name]
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1797, sizes[0])), rng.integers(0, sizes[-1], 1797)
    model = nn.MLP(sizes[0], sizes[1:], seed=1)
    optimizer = nn.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def seconds(epochs: int) -> float:
        started = time.process_time()
        nn.fit(model, X, y, nn.cross_entropy, optimizer, epochs=epochs, seed=1, **told)
        return time.process_time() - started

    first, second = seconds(1), seconds(1)
    epoch = max(0.0, (seconds(11) - seconds(1)) / 10)
    return {"first": 1e3 * (first - epoch), "second": 1e3 * (second - epoch), "epoch": 1e3 * epoch}


def main(names: list[str] | None = None, repeats: int = 5) -> None:
    """Print a table."""
    print("\nfit besides its epochs (CPU ms)       compiling  first in a process  second  an epoch")
    with tempfile.TemporaryDirectory() as bytecode, tempfile.TemporaryDirectory() as cache:
        for name in names or FITS:
            compiling = in_new_process(name, cache, bytecode, __name__)["first"]
            found = [in_new_process(name, cache, bytecode, __name__) for _ in range(repeats)]
            first, second, epoch = (statistics.median(each[k] for each in found) for k in ("first", "second", "epoch"))
            print(f"  {name:34} {compiling:10.0f} {first:19.1f} {second:7.1f} {epoch:9.2f}", flush=True)


if __name__ == "__main__":
    print(json.dumps(fit_times(sys.argv[1])))
