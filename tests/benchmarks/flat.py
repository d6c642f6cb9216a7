"""What blocks of flat loss save: two moons by hinge loss, early and late in training.

    taskset -c 1 python -m tests.benchmarks.flat

Our program and one without a guard make the same steps of the native loop in turns (MLP 2-16-16-1, momentum SGD,
shuffled batches); what counts is the least CPU time of a step. After it comes the share of steps with a loss of 0.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import nn
from engine import Value
from engine.compiler.backends.llvm import Variants, build, schedule
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from engine.compiler.training.optimizer import configured

from .machine import print_machine
from .turns import in_turns

SAMPLES = 1024
RATES = {1: 0.01, 32: 0.05, 64: 0.05}
"""Learning rates by the size of a batch."""


@contextmanager
def unguarded() -> Iterator[None]:
    """A context in which programs are compiled without a guard."""
    skip, schedule.skip = schedule.skip, lambda fused_plan: fused_plan
    try:
        yield
    finally:
        schedule.skip = skip


def programs(batch: int) -> tuple[list[Variants], Any]:
    """A program with and one without a guard, and the first numbers of the parameters."""
    model = nn.MLP(2, [16, 16, 1], seed=1)
    traced = trace(lambda x, y: nn.hinge(model(x)[0], y[0]), [(2,), (1,)])
    plan = make_plan(Computation.of(traced, gradients=True))
    guarded, plain = (build(plan, "float64") for _ in range(2))
    guarded.fitting(batch)
    with unguarded():
        plain.fitting(batch)
    return [guarded, plain], np.array([leaf.data for leaf in traced.graph.leaves])


def orders(batch: int, epochs: int, seed: int) -> Any:
    """The batches of some shuffled epochs."""
    source, whole = np.random.default_rng(seed), SAMPLES // batch * batch
    return np.concatenate([source.permutation(SAMPLES)[:whole].reshape(-1, batch) for _ in range(epochs)])


def measure(batch: int, rounds: int = 15) -> list[tuple[float, float, float]]:
    """Microseconds of a step with and without a guard, and the share of flat steps: at first, and after some epochs."""
    from sklearn.datasets import make_moons

    X, y = make_moons(SAMPLES, noise=0.1, random_state=0)
    arrays, update = (X, (2.0 * y - 1.0)[:, None]), configured(nn.SGD([Value(0.0)], lr=RATES[batch], momentum=0.9))
    both, start = programs(batch)
    trainings = [program.training(1) for program in both]
    for training in trainings:
        training.parameters[:] = start
    found = []
    for phase in range(2):
        best, flat = [np.inf, np.inf], 0.0
        steps = orders(batch, 1 if batch == 1 else 4, phase)
        state = trainings[0].parameters.copy(), trainings[0].memory.copy()
        for k in in_turns(range(len(trainings)), rounds):
            trainings[k].parameters[:], trainings[k].memory[:] = state
            started = time.process_time()
            losses = trainings[k](arrays, update, order=steps)
            best[k] = min(best[k], (time.process_time() - started) / len(steps) * 1e6)
            flat = losses.count(0.0) / len(steps)
        found.append((*best, flat))
        for training in trainings:
            training(arrays, update, order=orders(batch, 2 if batch == 1 else 100, 9))
    return found


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print_machine()
    for batch in RATES:
        for when, (guarded, plain, flat) in zip(("first", "later"), measure(batch)):
            print(
                f"batch {batch:3}, {when} epochs: {guarded:6.3f} us with a guard, {plain:6.3f} without "
                f"({guarded / plain:.2f}); {flat:4.0%} of the steps flat"
            )


if __name__ == "__main__":
    main()
