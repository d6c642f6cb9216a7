"""Many small nets in one call: `nn.fit_many` beside its own steps, and beside JAX's `vmap` of a scan.

    taskset -c 1 python -m tests.benchmarks.many [nets in a call, 500]

Each net is that of two moons (2-16-16-1, hinge loss, SGD with momentum), with its own seed, and makes 200 steps on all
100 samples. The contenders take turns, and the least CPU time counts. "make" is the user's function that builds the
nets. It is timed alone and subtracted; what remains above the native loop of the same steps is the overhead. A call
uses the program of the last one; the time of a first call, which has none, is printed too.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import nn
from engine.compiler.backends.llvm import build
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from nn.many import workbench

from .compiled import momentum
from .machine import print_machine
from .workloads import MOMENTUM, RATE, dense, mlp_jax_loss, moons

STEPS = 200
WIDTHS = (1, 8, 32, 128, 1024)
"""How many nets JAX trains at once."""


def make(seed: int) -> Any:
    """A net, as a user writes it."""
    model = nn.MLP(2, [16, 16, 1], seed=seed)
    return model, nn.hinge, nn.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)


def steps_alone(count: int, X: Any, Y: Any, dtype: str) -> Callable[[], None]:
    """The native loop over all steps of the same nets, from numbers that are ready."""
    model, _, _ = make(0)
    traced = trace(lambda x, y: (1 - y[0] * model(x)[0]).relu(), [X.shape[1:], Y.shape[1:]])
    program = build(make_plan(Computation.of(traced, gradients=True)), dtype)
    training, place = program.training(1), {value: k for k, value in enumerate(model.parameters())}
    order = [place[leaf] for leaf in traced.graph.leaves]
    nets = [make(seed)[0].parameters() for seed in range(count)]
    starts = np.array([[parameters[k].data for k in order] for parameters in nets], dtype)
    arrays, update = tuple(np.ascontiguousarray(array, dtype) for array in (X, Y)), momentum(RATE)

    def run() -> None:
        for start in starts:
            training.parameters[:], training.memory[:], training.made = start, 0.0, 0
            training(arrays, update, STEPS)

    return run


def jax_nets(width: int, X: Any, Y: Any, dtype: str) -> Callable[[], None]:
    """Nets in JAX, all steps of all of them in one compiled call."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    data = [jnp.asarray(array, dtype) for array in (X, Y)]
    nets = [dense([2, 16, 16, 1], seed) for seed in range(width)]
    P = [jnp.asarray(np.stack(arrays), dtype) for arrays in zip(*nets)]
    loss = mlp_jax_loss("relu", "hinge")

    def train(P: Any) -> Any:
        def body(carry: Any, _: Any) -> Any:
            P, V = carry
            value, G = jax.value_and_grad(loss)(P, *data)
            V = [MOMENTUM * v + g for v, g in zip(V, G)]
            return ([p - RATE * v for p, v in zip(P, V)], V), value

        return jax.lax.scan(body, (P, [jnp.zeros_like(p) for p in P]), None, length=STEPS)[1][-1]

    compiled = jax.jit(jax.vmap(train))
    return lambda: compiled(P).block_until_ready()


def least(contenders: dict[str, tuple[Callable[[], Any], int]], seconds: float = 20.0) -> dict[str, float]:
    """For each contender, the least CPU microseconds per item that it makes; they take turns."""
    found = dict.fromkeys(contenders, float("inf"))
    for run, _ in contenders.values():
        run()
    end = time.perf_counter() + seconds
    for _ in itertools.takewhile(lambda _: time.perf_counter() < end, itertools.count()):
        for name, (run, count) in contenders.items():
            started = time.process_time()
            run()
            found[name] = min(found[name], (time.process_time() - started) / count * 1e6)
    return found


def report(count: int, dtype: str) -> None:
    """Measure one dtype and print its table."""
    X, Y = moons().arrays

    def call(nets: int) -> Callable[[], Any]:
        configs = [{"seed": seed} for seed in range(nets)]
        return lambda: nn.fit_many(make, configs, X, Y[:, 0], epochs=STEPS, batch_size=None, dtype=dtype)

    def made_alone() -> None:
        for seed in range(count):
            make(seed)

    two = call(2)  # from the second net on others are recognised natively

    def first() -> None:
        workbench._left.clear()
        two()

    contenders: dict[str, tuple[Callable[[], Any], int]] = {
        "loop": (steps_alone(count, X, Y, dtype), count * STEPS),
        "make": (made_alone, count),
        "many": (call(count), count),
        "one": (call(1), 1),
    }
    try:
        contenders |= {f"JAX {n}": (jax_nets(n, X, Y, dtype), n * STEPS) for n in WIDTHS}
    except ImportError:
        print("JAX is not installed")
    micros = least(contenders) | least({"first": (first, 1)}, seconds=3.0)  # alone: others would clean up after it
    step, over = micros["loop"], (micros["many"] - micros["make"]) / STEPS
    print(f"\n{dtype}, {count} nets in a call: {over:.2f} us a net-step, {over / step - 1:.0%} over the native loop")
    print(f"  native loop, a step      {step:8.2f} us")
    print(f"  make, a net              {micros['make']:8.0f} us")
    for name, what, nets in (("one", "a call of one net", 1), ("first", "the first call, of two", 2)):
        over_all = micros[name] - nets * (micros["make"] + STEPS * step)
        print(f"  {what:22}   {over_all:8.0f} us over make and steps")
    widths = {n: micros[f"JAX {n}"] for n in WIDTHS if f"JAX {n}" in micros}
    for n, micro in widths.items():
        print(f"  JAX, vmap of {n:4} nets   {micro:8.2f} us a net-step, x{micro / over:.2f}")
    if widths:
        print(f"  JAX at its best width    x{min(widths.values()) / over:.2f}")


def main(words: list[str]) -> None:
    """Print the tables of both dtypes."""
    print_machine()
    for dtype in ("float32", "float64"):
        report(int(words[0]) if words else 500, dtype)


if __name__ == "__main__":
    main(sys.argv[1:])
