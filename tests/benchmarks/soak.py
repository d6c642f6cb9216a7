"""Hours of everything at once, with flat memory: `python -m tests.benchmarks.soak --minutes 60`.

Random training (eager and compiled), stepping, drawing, checking, copying and compiling, over and over in one process.
Each round is compared with what it must give, and the memory of the process is read after it. The exit status is 1 if a
round gave something wrong, or if the last quarter of the time needed more memory than the second (see `GROWTH`).
"""

from __future__ import annotations

import copy
import math
import pickle
import random
import statistics
import sys
import tempfile
import time
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import engine
import nn
from engine import Value

GROWTH = 24.0  # MB: what the allocator keeps in one quarter and gives back in another


def graph(source: random.Random, size: int = 60) -> tuple[Value, list[Value]]:
    """A random result of smooth operations, and its leaves."""
    leaves = [Value(source.uniform(-1.0, 1.0), f"x{k}") for k in range(4)]
    nodes: list[Any] = list(leaves)
    while len(nodes) < size:
        a, b = source.choice(nodes[-8:]), source.choice(nodes[-8:])
        nodes.append(source.choice([lambda: a * b, lambda: a + b, lambda: a - b, lambda: engine.tanh(a + b)])())  # noqa: B023  # called at once
    return engine.tanh(nodes[-1]) + leaves[0], leaves


def stepping(source: random.Random) -> bool:
    """Back and forth through both passes: gradients are those of `backward`, and as before once it is closed."""
    root, leaves = graph(source)
    expected = engine.grad(root, leaves)
    with root.stepper(forward=True) as stepper:
        stepper.run()
        there = [leaf.grad for leaf in leaves]
        for _ in range(10):
            stepper.back()
    return there == expected and not any(leaf.grad for leaf in leaves)


def drawing(source: random.Random) -> bool:
    """A picture and a page."""
    root, _ = graph(source, 20)
    with tempfile.TemporaryDirectory() as folder:
        picture, page = root.draw(Path(folder) / "g.svg"), root.save_steps(Path(folder) / "s.html")
        return b"<svg" in picture.read_bytes() and page.stat().st_size > 5_000


def checking(source: random.Random) -> bool:
    """A right gradient passes, a wrong one does not."""
    k = source.uniform(0.5, 2.0)

    def f(x: Any, y: Any) -> Any:
        return engine.sin(k * x) * engine.exp(y) + x * y

    point = [source.uniform(-1.0, 1.0), source.uniform(-1.0, 1.0)]
    return bool(engine.check_gradients(f, point))


def copying(source: random.Random) -> bool:
    """A graph survives pickle and deepcopy, gradients included."""
    root, leaves = graph(source)
    root.backward()
    clones = pickle.loads(pickle.dumps(root)), copy.deepcopy(root)
    grads = sorted(leaf.grad for leaf in engine.leaves(root))
    return all(sorted(leaf.grad for leaf in engine.leaves(clone)) == grads for clone in clones) and bool(leaves)


def training(source: random.Random) -> bool:
    """A network trained eagerly and in compiled code has the same losses."""
    width, seed = source.choice([2, 4, 8]), source.randrange(10)
    X = [[source.uniform(-1.0, 1.0) for _ in range(3)] for _ in range(20)]
    y = [math.sin(sum(row)) for row in X]
    losses = []
    for backend in ("eager", "auto"):
        model = nn.MLP(3, [width, 1], activation="tanh", seed=seed)
        optimizer = nn.Adam(model.parameters(), lr=0.01)
        losses.append(nn.fit(model, X, y, nn.mse, optimizer, epochs=3, batch_size=8, seed=1, backend=backend).losses)
    return all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(*losses))


def compiling(source: random.Random) -> bool:
    """A compiled function gives what the eager engine gives."""
    # One of twenty programs: LLVM's binding keeps about 70 kB for each that is new, and not in the cache on disk.
    k, w = source.randrange(20) / 10.0, Value(source.uniform(-1.0, 1.0))
    f = engine.compile(lambda x: engine.tanh(w * x + k) * x)
    return all(
        math.isclose(a, (engine.tanh(w * x + k) * x).data, rel_tol=1e-12, abs_tol=1e-300)
        for x, a in zip([0.5, 1.5], f([0.5, 1.5]))
    )


ROUNDS: list[Callable[[random.Random], bool]] = [stepping, drawing, checking, copying, training, compiling]


def megabytes() -> float:
    """Megabytes that this process has now; nan where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return math.nan
    return pages * 4096 / 2**20


def main(argv: Sequence[str] | None = None) -> int:
    """Soak, print a line now and then, and judge."""
    parser = ArgumentParser(
        "python -m tests.benchmarks.soak", description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to run")
    parser.add_argument("--seed", type=int, default=0, help="seed of all that is random")
    chosen = parser.parse_args(argv)
    source, count, readings = random.Random(chosen.seed), Counter[str](), []
    start = reported = time.monotonic()
    while (now := time.monotonic()) - start < 60.0 * chosen.minutes:
        job = source.choice(ROUNDS)
        if not job(source):
            print(f"WRONG: {job.__name__} after {sum(count.values())} rounds, seed {chosen.seed}")
            return 1
        count[job.__name__] += 1
        readings.append((now - start, megabytes()))
        if now - reported > 30.0:
            reported = now
            print(
                f"{(now - start) / 60.0:5.1f} min  {sum(count.values()):6} rounds  {readings[-1][1]:6.0f} MB",
                flush=True,
            )
    quarter = 15.0 * chosen.minutes
    second, last = (
        statistics.median(mb for at, mb in readings if k * quarter <= at < (k + 1) * quarter or k == 3 <= at / quarter)
        for k in (1, 3)
    )
    flat = not last - second > GROWTH
    print(f"{dict(count)}: memory {second:.0f} MB, at the end {last:.0f} MB: {'flat' if flat else 'GROWING'}")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
