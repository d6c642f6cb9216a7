"""How times grow: with parameters, with the batch, and with the nodes of an eager graph; beside PyTorch.

    taskset -c 1 python -m tests.benchmarks.growth [--most 1000000]

First networks 64-w-w-10 with relu, float64, momentum: microseconds of a step in our native loop, its share of the
core's peak, how many times longer PyTorch takes, and how long our first step takes, tracing included. Then chains of
eager operations: seconds forward and backward. CPU time, medians of turns.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from itertools import pairwise
from typing import Any

import numpy as np

from engine import Value

from .machine import print_machine

PARAMETERS = (100, 1_000, 10_000, 100_000, 1_000_000)
BATCHES = (1, 32, 1024)
NODES = (100, 1_000, 10_000, 100_000, 1_000_000)


def sizes_of(parameters: int) -> list[int]:
    """The widths of a network with about this many parameters: 64-w-w-10, or 4-w-2 for few of them."""
    few = parameters < 3_000
    shape = (lambda w: [4, w, 2]) if few else (lambda w: [64, w, w, 10])
    return min(map(shape, range(2, 1200)), key=lambda s: abs(sum(b * (a + 1) for a, b in pairwise(s)) - parameters))


def steps(parameters: int, batch: int) -> None:
    """Measure one network on one batch and print its line."""
    from engine.compiler.backends.llvm.jit.peak import multiply_adds

    from .compiled import measure
    from .wide import operations, our_step, problem
    from .workloads import mlp_contenders

    sizes = sizes_of(parameters)
    arrays, X, y = problem(sizes, batch)
    work = operations(sizes, batch)
    started = time.process_time()
    step, count, _ = our_step(arrays, X, y, "float64", max(1, min(2000, int(2e8 / work))))
    step()
    first = time.process_time() - started
    contenders: dict[str, Any] = {"ours": (step, count), "peak": multiply_adds("float64")}
    if importlib.util.find_spec("torch") and importlib.util.find_spec("jax"):
        peers = mlp_contenders(arrays, X, np.eye(sizes[-1])[y], "relu", "cross entropy")
        contenders["PyTorch"] = peers["PyTorch eager"]("float64")
    medians = measure(contenders, 3)
    ours = medians["ours"]
    beside = f"  PyTorch x{medians['PyTorch'] / ours:.1f}" if "PyTorch" in medians else ""
    ready = f"   first step {first:.2f} s" if batch == BATCHES[0] else ""  # the other batches share its plan
    name = "-".join(map(str, sizes))
    print(
        f"{sum(b * (a + 1) for a, b in pairwise(sizes)):>9,} {name:16} batch {batch:5} {ours * 1e6:12.1f} us "
        f"{work * medians['peak'] / ours:4.0%} of the peak{beside}{ready}",
        flush=True,
    )


def chain(nodes: int) -> None:
    """Measure an eager chain of `nodes` operations and print its line."""
    repeats, forward, backward = max(1, 30_000 // nodes), 0.0, 0.0
    for _ in range(repeats):
        x = z = Value(0.5)
        started = time.process_time()
        for _ in range(nodes // 2):
            z = z * x + x
        middle = time.process_time()
        z.backward()
        forward, backward = forward + middle - started, backward + time.process_time() - middle
    print(f"{nodes:>9,} nodes: forward {forward / repeats:.5f} s, backward {backward / repeats:.5f} s", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--most", type=int, default=PARAMETERS[-1], help="the largest number of parameters, and of nodes"
    )
    most = parser.parse_args().most
    print_machine(("float64",))
    for parameters in PARAMETERS:
        for batch in BATCHES if parameters <= most else ():
            steps(parameters, batch)
    for nodes in NODES:
        if nodes <= most:
            chain(nodes)


if __name__ == "__main__":
    main()
