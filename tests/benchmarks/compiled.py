"""One training step, compiled, against hand-written NumPy, PyTorch, JAX and micrograd.

    taskset -c 1 python -m tests.benchmarks.compiled [words in the workloads' names]
    taskset -c 1 python -m tests.benchmarks.compiled epoch      # an epoch of digits in shuffled batches
    python -m tests.benchmarks.compiled threads       # two threads beside one: see threads.py
    taskset -c 1 python -m tests.benchmarks.compiled compile    # how long until programs are ready: see compile_time.py
    taskset -c 1 python -m tests.benchmarks.compiled fits       # what fit takes besides its epochs: see fit_start.py

The contenders of a workload whose packages are installed take turns in this one process, on one thread; what counts is
the median CPU time of a step. The "x" columns say how many times longer a contender takes than our calls one by one,
and than a step of our native loop. After them, the lines of `Trainer.step` say what a call costs over a step of that
loop: in a tight loop, and where each contender makes a single step in its turn, so that others have used the caches in
between. Our nets stay untrained: on a trained one our steps skip what a loss of 0 makes 0 (see `flat`), and those of
others do not.
"""

from __future__ import annotations

import itertools
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

import nn
from engine import Value
from engine.compiler.backends.llvm import build
from engine.compiler.backends.llvm.jit.peak import multiply_adds
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from engine.compiler.training.optimizer import configured
from engine.compiler.update import ConfiguredUpdate

from . import compile_time, fit_start, threads
from .machine import print_machine
from .more_workloads import gpt, physics
from .turns import in_turns
from .workloads import MOMENTUM, RATE, Workload, digits, digits_data, moons

USER, STEP, LOOP = "nn.Trainer.step", "stepgrad, step by step", "stepgrad, native loop"
STILL = 1e-12  # the learning rate of our steps: so small that a net stays as it was
NEW, LISTS = "  of new arrays", "  of lists"
FALLBACK = "nn.Trainer, in NumPy"


def momentum(rate: float) -> ConfiguredUpdate:
    """The update of all contenders, as the native back end reads it."""
    return configured(nn.SGD([Value(0.0)], lr=rate, momentum=MOMENTUM))


def ours(workload: Workload, dtype: str) -> tuple[dict[str, tuple[Callable[[], Any], int]], Any, dict[str, float]]:
    """Our two contenders, the plan, and the seconds that it took to make them."""
    started = time.process_time()
    traced = trace(workload.loss, [array.shape[1:] for array in workload.arrays])
    plan = make_plan(Computation.of(traced, gradients=True))
    planned = time.process_time()
    program = build(plan, dtype)
    program.fitting(len(workload.arrays[0]))
    seconds = {"plan": planned - started, "compile": time.process_time() - planned}
    training = program.training(1)
    training.parameters[:] = [leaf.data for leaf in traced.graph.leaves]
    arrays = tuple(np.ascontiguousarray(array, dtype) for array in workload.arrays)
    update = momentum(STILL)
    training(arrays, update)
    loop = max(10, min(500, 100_000 // len(arrays[0])))
    steps = {
        STEP: (lambda: training(arrays, update), 1),
        LOOP: (lambda: training(arrays, update, steps=loop), loop),
    }
    if workload.trainer is not None:
        samples = [arrays[0], arrays[1][:, 0].copy()]
        fallback = user(workload, dtype, "numpy")
        steps = {**calls(workload, dtype, samples), **steps, FALLBACK: (lambda: fallback.step(*samples), 1)}
    return steps, program, seconds


def calls(workload: Workload, dtype: str, samples: list[Any]) -> dict[str, tuple[Callable[[], Any], int]]:
    """`Trainer.step` of the same arrays, of other arrays at each call, and of lists whose labels are ints."""
    turns = itertools.cycle([[array.copy() for array in samples] for _ in range(4)])
    X, y = samples
    rows, labels = X.tolist(), [int(label) for label in y]
    same, new, listed = (user(workload, dtype) for _ in range(3))
    return {
        USER: (lambda: same.step(X, y), 1),
        NEW: (lambda: new.step(*next(turns)), 1),
        LISTS: (lambda: listed.step(rows, labels), 1),
    }


def user(workload: Workload, dtype: str, backend: str = "llvm") -> nn.Trainer:
    """What a user of nn writes."""
    assert workload.trainer is not None
    model, loss = workload.trainer()
    return nn.Trainer(model, loss, nn.SGD(model.parameters(), lr=STILL, momentum=MOMENTUM), backend, dtype)


def measure(steps: dict[str, tuple[Callable[[], Any], int]], rounds: int = 7, target: float = 0.05) -> dict[str, float]:
    """Median CPU seconds of a training step; the contenders take turns.

    Each turn begins with steps that are not counted: some work falls due after a while, such as tracing a function
    again (after fifty times as long as that takes), and here it would fall due while the others take their turns.
    """
    for step, _ in steps.values():
        for _ in range(3):  # the first and the second one compile
            step()
    repeats = {name: _steps(step, target) // 2 + 1 for name, (step, _) in steps.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for name in in_turns(steps, rounds):
        step, made = steps[name]
        _steps(step, target / 10)
        started = time.process_time()
        for _ in range(repeats[name]):
            step()
        seconds[name].append((time.process_time() - started) / repeats[name] / made)
    return {name: statistics.median(times) for name, times in seconds.items()}


def _steps(step: Callable[[], Any], seconds: float) -> int:
    """Make steps for some time, at least one, and return their number."""
    started, count = time.process_time(), 0
    while time.process_time() - started < seconds or not count:
        step()
        count += 1
    return count


def measure_cold(steps: dict[str, tuple[Callable[[], Any], int]], rounds: int = 200) -> dict[str, float]:
    """Median seconds of a step where each contender makes one in its turn: others have used the caches in between."""
    single = {name: step for name, (step, made) in steps.items() if made == 1}
    seconds: dict[str, list[float]] = {name: [] for name in single}
    for name in in_turns(single, rounds):
        started = time.perf_counter()
        single[name]()
        seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(times) for name, times in seconds.items()}


def report(workload: Workload, dtype: str) -> None:
    """Measure one workload and print its table."""
    mine, program, spent = ours(workload, dtype)
    steps = dict(mine)
    for name, builder in workload.contenders.items():
        if name != "micrograd" or dtype == "float64":
            with suppress(ModuleNotFoundError):  # the first line says what is not installed
                steps[name] = builder(dtype)
    slow = {name: steps.pop(name) for name in ("micrograd",) if name in steps}
    medians, cold = measure({**steps, "peak": multiply_adds(dtype)}), measure_cold(steps)
    operation = medians.pop("peak")
    for name, (step, _) in slow.items():
        started = time.process_time()
        step()
        medians[name] = time.process_time() - started
    share = program.plan.flops() * len(workload.arrays[0]) * operation / medians[LOOP]
    print(
        f"\n{workload.name}, {dtype}: {program.plan.leaves} parameters, {program.stats()['kernels']} kernels, "
        f"plan {spent['plan']:.2f} s, compile {spent['compile']:.2f} s"
        f"{' (from the cache)' if program.stats()['cached'] else ''}, {share:.0%} of the core's peak"
    )
    for name, median in medians.items():
        over = ""
        if name in (USER, NEW, LISTS):
            tight, turns = (f"{(seconds[name] - medians[LOOP]) * 1e6:+.2f} us" for seconds in (medians, cold))
            over = f"  {tight} in a loop, {turns} in turns"
        print(
            f"  {name:24} {median * 1e6:12.1f} us  x{median / medians[STEP]:<9.1f} x{median / medians[LOOP]:.1f}{over}"
        )


def epoch(dtype: str) -> None:
    """All digits in shuffled batches of 32."""
    X, y = digits_data()
    workload = digits(len(X))
    trainer = user(workload, dtype)
    samples, labels = (np.ascontiguousarray(array, dtype) for array in (X, y))
    source = random.Random(0)

    def native() -> None:
        trainer.epoch(samples, labels, batch_size=32, seed=source)

    epochs: dict[str, tuple[Callable[[], Any], int]] = {"nn.Trainer.epoch": (native, 1)}
    with suppress(ModuleNotFoundError):
        epochs["PyTorch eager"] = torch_epoch(workload, X, y, dtype), 1
    with suppress(ModuleNotFoundError):
        epochs["JAX scan"] = jax_epoch(workload, dtype), 1
    medians = measure(epochs, 5)
    print(f"\nW2 digits, an epoch of shuffled batches of 32, {dtype}")
    for name, median in medians.items():
        print(f"  {name:24} {median * 1e3:12.2f} ms  x{median / medians['nn.Trainer.epoch']:.1f}")


def torch_epoch(workload: Workload, X: Any, y: Any, dtype: str) -> Callable[[], None]:
    """PyTorch: an epoch in eager steps."""
    import torch

    kind = getattr(torch, dtype)
    P = [torch.tensor(p, dtype=kind, requires_grad=True) for p in workload.parameters]
    tx, ty = torch.tensor(X, dtype=kind), torch.tensor(y)
    optimizer = torch.optim.SGD(P, lr=RATE, momentum=MOMENTUM)

    def run() -> None:
        for rows in torch.randperm(len(X)).split(32):
            h = torch.relu(torch.nn.functional.linear(tx[rows], P[0], P[1]))
            loss = torch.nn.functional.cross_entropy(torch.nn.functional.linear(h, P[2], P[3]), ty[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


def jax_epoch(workload: Workload, dtype: str) -> Callable[[], None]:
    """JAX: shuffle, gather and scan over the batches in one compiled call (the ragged last batch left out)."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    X, labels = (jnp.asarray(array, dtype) for array in workload.arrays)
    Y = jax.nn.one_hot(labels[:, 0].astype(int), 10, dtype=dtype)
    P = [jnp.asarray(p, dtype) for p in workload.parameters]
    batches = len(X) // 32

    def loss(P: Any, X: Any, Y: Any) -> Any:
        h = jax.nn.relu(X @ P[0].T + P[1])
        return -(jax.nn.log_softmax(h @ P[2].T + P[3]) * Y).sum(1).mean()

    def body(carry: Any, rows: Any) -> Any:
        P, V = carry
        value, G = jax.value_and_grad(loss)(P, X[rows], Y[rows])
        V = [MOMENTUM * v + g for v, g in zip(V, G)]
        return ([p - RATE * v for p, v in zip(P, V)], V), value

    def all_batches(P: Any, V: Any, key: Any) -> Any:
        rows = jax.random.permutation(key, len(X))[: batches * 32].reshape(batches, 32)
        return jax.lax.scan(body, (P, V), rows)

    compiled = jax.jit(all_batches, donate_argnums=(0, 1))
    state = [P, [jnp.zeros_like(p) for p in P], jax.random.PRNGKey(0)]

    def run() -> None:
        state[2], key = jax.random.split(state[2])
        (state[0], state[1]), values = compiled(state[0], state[1], key)
        values.block_until_ready()

    return run


def main(words: list[str]) -> None:
    """Print the tables of all workloads whose name contains every word."""
    print_machine(("float64", "float32"))
    if "threads" in words:
        threads.main()
        return
    if "compile" in words:
        compile_time.main()
        return
    if "fits" in words:
        fit_start.main()
        return
    builders = [
        moons,
        lambda: moons("tanh"),
        lambda: digits(1),
        lambda: digits(32),
        lambda: digits(1797),
        lambda: gpt(32),
        lambda: gpt(1),
        physics,
    ]
    workloads = {workload.name: workload for workload in (builder() for builder in builders)}
    chosen = [workload for name, workload in workloads.items() if all(word in name for word in words)]
    if not chosen and words != ["epoch"]:
        raise SystemExit(f"no workload's name has the words {' '.join(words)}: there are {', '.join(workloads)}")
    for workload in chosen:
        for dtype in ("float64", "float32"):
            report(workload, dtype)
    if words in ([], ["epoch"]):
        for dtype in ("float64", "float32"):
            epoch(dtype)
    if not words:
        compile_time.main()
        fit_start.main()


if __name__ == "__main__":
    main(sys.argv[1:])
