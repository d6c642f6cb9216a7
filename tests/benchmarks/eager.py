"""How fast and how small the engine is, beside micrograd: `python -m tests.benchmarks.eager`.

The contenders take turns in one process, so that what slows the machine down slows all of them; times are medians of
CPU time. Garbage is collected before each timed step, lest one contender clean up after another; within a step the
collector runs as it does for users, and then, for comparison, not at all. Ratios carry over to other machines; seconds
do not.
"""

from __future__ import annotations

import gc
import importlib
import math
import os
import random
import subprocess
import sys
import tempfile
import time
import tracemalloc
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import engine
import nn
from engine import Value
from tests.benchmarks.machine import print_machine
from tests.benchmarks.turns import in_turns

SIZES = [16, 16, 1]
RATE, PENALTY = 0.1, 1e-4
NEURAL, OPERATORS, MICROGRAD = "nn.MLP", "operators only", "micrograd"
TURNS = {MICROGRAD: 1, OPERATORS: 2, NEURAL: 6}
"""Steps that each contender takes in a round: about as many seconds for each."""

Step = Callable[[], float]
Row = tuple[str, str, str]


# ---- a training step on two moons, by three contenders ----


def moons(count: int = 100, noise: float = 0.1, seed: int = 1) -> tuple[list[list[float]], list[float]]:
    """Points on two interleaved half circles, labelled -1 and 1."""
    rng = random.Random(seed)
    points, labels = [], []
    for k in range(count):
        angle = math.pi * (k // 2) / (count // 2 - 1)
        x, y = math.cos(angle), math.sin(angle)
        if k % 2:
            x, y = 1.0 - x, 0.5 - y
        points.append([x + rng.gauss(0.0, noise), y + rng.gauss(0.0, noise)])
        labels.append(1.0 if k % 2 else -1.0)
    return points, labels


def micrograd_step(weights: Sequence[float]) -> Step:
    """The step of micrograd's own demo, by micrograd."""
    try:
        from micrograd.engine import Value as MicrogradValue
        from micrograd.nn import MLP
    except ModuleNotFoundError:
        raise SystemExit('this benchmark compares with micrograd: pip install ".[bench]"') from None

    X, y = moons()
    model = MLP(2, SIZES)
    for parameter, weight in zip(model.parameters(), weights):
        parameter.data = weight

    def step() -> float:
        scores = [model(list(map(MicrogradValue, row))) for row in X]
        losses = [(1 + -label * score).relu() for label, score in zip(y, scores)]
        loss = sum(losses) * (1.0 / len(losses)) + PENALTY * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= RATE * p.grad
        return float(loss.data)

    return step


def neural_step(weights: Sequence[float]) -> Step:
    """The same step with the network package: each neuron's sum is one node."""
    X, y = moons()
    model = nn.MLP(2, SIZES)
    parameters = model.parameters()
    for parameter, weight in zip(parameters, weights):
        parameter.data = weight
    optimizer = nn.SGD(parameters, RATE)

    def step() -> float:
        scores = [model(row) for row in X]
        loss = nn.hinge(scores, y) + PENALTY * engine.sum(p * p for p in parameters)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.data)

    return step


def operators_step(weights: Sequence[float]) -> Step:
    """The same step as a user might write it with + and * alone: a node for each of them."""
    X, y = moons()
    parameters = [Value(weight) for weight in weights]
    supply = iter(parameters)
    layers = [
        [([next(supply) for _ in range(nin)], next(supply)) for _ in range(nout)]
        for nin, nout in zip([2, *SIZES], SIZES)
    ]

    def predict(row: Sequence[float]) -> Value:
        signal = [Value(x) for x in row]
        for layer in layers:
            signal = [sum((wi * xi for wi, xi in zip(w, signal)), b) for w, b in layer]
            if layer is not layers[-1]:
                signal = [z.relu() for z in signal]
        return signal[0]

    def step() -> float:
        losses = [(1 + -label * predict(row)).relu() for label, row in zip(y, X)]
        loss: Any = sum(losses) * (1.0 / len(losses)) + PENALTY * sum(p * p for p in parameters)
        for p in parameters:
            p.grad = 0.0
        loss.backward()
        for p in parameters:
            p.data -= RATE * p.grad
        return float(loss.data)

    return step


def training_steps(rounds: int) -> list[Row]:
    """Median times of the contenders' steps, with the garbage collector on and off: it takes most of micrograd's."""
    weights = [p.data for p in nn.MLP(2, SIZES, seed=1).parameters()]
    steps = {MICROGRAD: micrograd_step(weights), OPERATORS: operators_step(weights), NEURAL: neural_step(weights)}
    losses = [step() for step in steps.values()]  # also warms up
    if max(losses) - min(losses) > 1e-12:
        raise AssertionError(f"the contenders do not compute the same loss: {losses}")
    rows = []
    for collector, aims in (("on", (10, 3)), ("off", (5, 1))):
        times: dict[str, list[float]] = {name: [] for name in steps}
        for name in in_turns(steps, rounds):
            times[name] += [cpu_time(steps[name], collector == "on") for _ in range(TURNS[name])]
        typical = {name: median(found) for name, found in times.items()}
        rows.append((f"a step on moons, collector {collector}, {MICROGRAD}", milliseconds(typical[MICROGRAD]), ""))
        for name, aim in zip((NEURAL, OPERATORS), aims):
            figure = f"{milliseconds(typical[name])}, {typical[MICROGRAD] / typical[name]:.1f}x its speed"
            rows.append((f"  the same, {name}", figure, f"at least {aim}x"))
    return rows


def milliseconds(seconds: float) -> str:
    """A time as the table shows it."""
    return f"{1e3 * seconds:.0f} ms"


def cpu_time(function: Callable[[], object], collector: bool = True) -> float:
    """Seconds of this process that a call takes, with Python's garbage collector on or off meanwhile."""
    gc.collect()
    if not collector:
        gc.disable()
    try:
        start = time.process_time()
        function()
        return time.process_time() - start
    finally:
        gc.enable()


# ---- memory, a long chain, import ----


def memory(nodes: int = 10_000) -> list[Row]:
    """Bytes for each node of a chain of additions."""
    x, y = Value(1.0), Value(1e-9)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    z = x
    for _ in range(nodes):
        z = z + y
    forward, _ = tracemalloc.get_traced_memory()
    z.backward()
    backward, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return [
        ("bytes a binary node, after forward", f"{(forward - before) / nodes:.0f}", "at most 128"),
        ("bytes a binary node, after backward", f"{(backward - before) / nodes:.0f}", "at most 152"),
    ]


def long_chain(nodes: int) -> list[Row]:
    """Seconds for a chain of multiplications and for its gradient: by a Value, and by a number."""
    rows: list[Row] = []
    for factor, what, aim in ((Value(1.0), "a Value", ""), (1.0, "a number", "backward at most 1.2 s")):
        ends = [Value(1.0)]

        def forward(ends: list[Value] = ends, factor: Any = factor) -> None:
            for _ in range(nodes):
                ends[0] = ends[0] * factor

        figure = f"{cpu_time(forward):.2f} s forward, {cpu_time(ends[0].backward):.2f} s backward"
        rows.append((f"chain of {nodes:,} products with {what}", figure, aim))
    return rows


def importing(times: int = 7) -> list[Row]:
    """Milliseconds of `import engine` in a fresh interpreter, its bytecode cached as an installed package has it."""
    code = "import time; start = time.process_time(); import engine; print(time.process_time() - start)"
    command = [sys.executable, "-c", code]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}
        found = [
            float(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)
            for _ in range(times)
        ]
    return [("import engine", f"{1e3 * median(found):.0f} ms", "below 60 ms")]


# ---- the table ----


def main(argv: Sequence[str] | None = None) -> None:
    """Measure everything and print it, beside our aims."""
    print_machine()
    parser = ArgumentParser(
        "python -m tests.benchmarks.eager", description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument(
        "--loaded",
        action="store_true",
        help="with scikit-learn in memory, as in micrograd's own demo: its garbage collector, "
        "which takes most of its time, then has more to look through",
    )
    parser.add_argument("--chain", type=int, default=1_000_000, help="nodes of the long chain")
    chosen = parser.parse_args(argv)
    if chosen.loaded:
        importlib.import_module("sklearn.datasets")
    memory_holds = "scikit-learn loaded" if chosen.loaded else "nothing else loaded"
    rows = [(f"{sys.implementation.name} {sys.version.split()[0]}, {memory_holds}", "measured", "aim")]
    rows += training_steps(chosen.rounds) + memory() + long_chain(chosen.chain) + importing()
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


if __name__ == "__main__":
    main()
