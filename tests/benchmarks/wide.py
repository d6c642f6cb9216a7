"""Wide layers: one training step of an MLP against JAX, PyTorch, NumPy and C with OpenBLAS, all in one run.

    taskset -c 1 python -m tests.benchmarks.wide [784-128-10@64 ...] [--float32] [--grid] [--odd]

The contenders take turns, and the median CPU time of a step counts. "x" says how many times longer one takes than our
native loop. The share of the core's peak counts the matrix products alone, (4 A H + 6 H O) operations per sample;
JAX scan makes its steps in one call, as our loop does. Without names: the four networks of the claim; with --grid,
widths from 16 to 1,024 and batches from 16 to 1,024; with --odd, widths, outputs and batches that fill no vectors.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np

import engine
from engine.compiler.backends.llvm import build
from engine.compiler.backends.llvm.jit.peak import multiply_adds
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from engine.compiler.plan.plan import Plan

from .compiled import measure, momentum
from .machine import print_machine
from .openblas import openblas_step
from .workloads import MOMENTUM, dense, mlp_contenders, network, values_of

RATE = 0.01
CLAIM = ("784-128-10@64", "512-128-10@64", "256-256-10@64", "128-128-128@64")
GRID = tuple(f"{w}-{w}-{w}@{b}" for w in (16, 32, 64, 128, 256, 512, 1024) for b in (16, 128, 1024))
GRID += ("1024-16-1024@64", "16-1024-16@64", "64-420-420-420-420-420-10@1024")
ODD = ("17-17-17@5", "33-33-3@10", "100-100-2@20", "130-130-130@50", "250-250-10@100", "500-500-3@1000")
ODD += ("64-32-10@1", "64-32-10@3", "64-32-10@4", "784-100-10@5", "784-128-10@1000", "-".join(["16"] * 11) + "@20")
PEERS = ("JAX scan", "JAX jit", "PyTorch eager", "NumPy by hand")

Step = tuple[Callable[[], Any], int]


def operations(sizes: list[int], batch: int) -> int:
    """Floating-point operations of a step's matrix products."""
    return batch * sum((4 if k == 0 else 6) * a * b for k, (a, b) in enumerate(pairwise(sizes)))


def problem(sizes: list[int], batch: int) -> tuple[list[Any], Any, Any]:
    """Parameters, samples, and the numbers of their classes."""
    random = np.random.default_rng(0)
    return dense(sizes), random.normal(size=(batch, sizes[0])), random.integers(0, sizes[-1], batch)


@functools.lru_cache(maxsize=1)
def plan_of(sizes: tuple[int, ...]) -> tuple[Plan, Any]:
    """The plan of a network with its loss, and where its leaves are among the parameters in a row."""
    layers, values = values_of(dense(list(sizes)))
    net = network(layers, "relu")

    def loss(x: Any, label: Any) -> Any:
        z = net(x)
        return engine.logsumexp(z) - engine.take(label[0], z)

    traced = trace(loss, [sizes[:1], (1,)])
    plan = make_plan(Computation.of(traced, gradients=True))
    place = {id(value): k for k, value in enumerate(values)}
    return plan, np.array([place[id(leaf)] for leaf in traced.graph.leaves])


def our_step(parameters: list[Any], X: Any, y: Any, dtype: str, count: int) -> tuple[Callable[[], Any], int, Any]:
    """Our native loop: a function that makes `count` steps, `count`, and one that returns the parameters in a row."""
    plan, order = plan_of((X.shape[1], *[len(w) for w in parameters[::2]]))
    training = build(plan, dtype).training(1)
    training.parameters[:] = np.concatenate([p.ravel() for p in parameters])[order]
    arrays, update = (np.ascontiguousarray(X, dtype), np.ascontiguousarray(y[:, None], dtype)), momentum(RATE)

    def parameters_in_a_row() -> Any:
        return training.parameters[np.argsort(order)]

    return lambda: training(arrays, update, steps=count), count, parameters_in_a_row


def report(name: str, dtype: str) -> None:
    """Measure one network and print its line."""
    widths, batch = name.split("@")
    sizes = [int(width) for width in widths.split("-")]
    parameters, X, y = problem(sizes, int(batch))
    work = operations(sizes, len(X))
    count = max(1, min(1000, int(4e8 / work)))
    steps: dict[str, Step] = {"ours": our_step(parameters, X, y, dtype, count)[:2]}
    contenders = mlp_contenders(parameters, X, np.eye(sizes[-1])[y], "relu", "cross entropy", count)
    for peer in PEERS:
        with suppress(ModuleNotFoundError):  # the first line says what is not installed
            steps[peer] = contenders[peer](dtype)
    in_c = openblas_step(parameters, X, y, dtype, RATE, MOMENTUM, count)
    if in_c is not None:
        steps["C + OpenBLAS"] = in_c[:2]
    medians = measure({**steps, "peak": multiply_adds(dtype)}, 5)
    ours, each = medians.pop("ours"), medians.pop("peak")
    ratios = "  ".join(f"{peer} x{median / ours:.2f}" for peer, median in medians.items())
    print(f"{name:32} {dtype}  {ours * 1e6:10.1f} us {work * each / ours:4.0%} of the peak  {ratios}", flush=True)


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="784-128-10@64", help="sizes and batch; those of the claim if none")
    parser.add_argument("--grid", action="store_true", help="widths from 16 to 1,024 and batches from 16 to 1,024")
    parser.add_argument("--odd", action="store_true", help="sizes and batches that fill no vectors")
    parser.add_argument("--float32", action="store_true", help="with half the digits")
    given = parser.parse_args()
    dtype = "float32" if given.float32 else "float64"
    print_machine((dtype,))
    for name in given.names or (GRID if given.grid else ODD if given.odd else CLAIM):
        report(name, dtype)


if __name__ == "__main__":
    main()
