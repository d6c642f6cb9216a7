"""How long drawing takes: DOT text, images, the page of steps; run as `python -m tests.benchmarks.drawing`."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median

from engine import Value, to_dot, topological_order
from engine.drawing import save_steps
from engine.drawing.graphviz import renderers

ROUNDS = 5


class Network:
    """micrograd's multi-layer perceptron, each product and sum a Value of its own."""

    def __init__(self, nin: int, *nouts: int) -> None:
        rng = random.Random(0)
        sizes = (nin, *nouts)
        self.layers = [
            [([Value(rng.uniform(-1, 1)) for _ in range(a)], Value(0.0)) for _ in range(b)] for a, b in pairwise(sizes)
        ]

    def named_parameters(self) -> list[tuple[str, Value]]:
        """The parameters under the paths that a module's have."""
        found = []
        for i, layer in enumerate(self.layers):
            for j, (w, b) in enumerate(layer):
                found += [(f"layers.{i}.neurons.{j}.w.{k}", value) for k, value in enumerate(w)]
                found.append((f"layers.{i}.neurons.{j}.b", b))
        return found

    def loss(self, samples: int) -> Value:
        """The sum of the squared errors over random samples, after a backward pass."""
        rng = random.Random(1)
        total = Value(0.0)
        for _ in range(samples):
            xs: list[Value] = [Value(rng.uniform(-1, 1)) for _ in self.layers[0][0][0]]
            for layer in self.layers:
                xs = [sum((wi * xi for wi, xi in zip(w, xs)), b).tanh() for w, b in layer]
            total = total + (xs[0] - 1.0) ** 2
        total.backward()
        return total


def seconds(task: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median time of a task."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return median(times)


def main() -> None:
    """Print one line per figure."""
    model = Network(2, 16, 16, 1)
    one, some, many = model.loss(1), model.loss(16), model.loss(154)
    dot = to_dot(one)

    def count(root: Value) -> str:
        return f"{len(topological_order(root)):,} Values"

    def report(what: str, task: Callable[[], object]) -> None:
        print(f"{what:66} {seconds(task):7.3f} s", flush=True)

    report(f"{count(some)} to DOT text", lambda: to_dot(some, limit=None))
    report(f"{count(one)} to SVG, one box each", lambda: renderers.render(dot, "svg"))
    report(
        f"{count(many)} to SVG, collapsed by layer",
        lambda: renderers.render(to_dot(many, names=model, collapse="layer"), "svg"),
    )
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "steps.html"
        report(f"{count(one)} to a page of steps", lambda: save_steps(one, page, names=model))
        print(f"{'its size':66} {page.stat().st_size / 1000:7.0f} KB")


if __name__ == "__main__":
    main()
