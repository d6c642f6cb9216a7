"""How long drawing takes, what a cell costs, and how many edges cross; run as `python -m tests.benchmarks.drawing`."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median

import engine
from engine import Value, to_dot, topological_order
from engine.drawing import save_steps
from engine.drawing.graphviz import renderers
from engine.drawing.layout import Placement, place
from engine.drawing.picture import take
from engine.drawing.placing import placed
from tests.benchmarks.machine import print_machine
from tests.engine.drawing.networks import Network

ROUNDS = 5


class Operators(Network):
    """micrograd's multi-layer perceptron: each product and sum is a Value of its own."""

    def __call__(self, xs: list[Value]) -> list[Value]:
        for layer in self.layers:
            xs = [sum((wi * xi for wi, xi in zip(w, xs)), b).tanh() for w, b in layer]
        return xs

    def loss(self, samples: int) -> Value:
        """As of any network, after a backward pass."""
        total = super().loss(samples)
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


def graphs() -> dict[str, Value]:
    """Twenty graphs of up to about sixty boxes: expressions, networks, and random ones."""
    found = {}
    for sizes in ((2, 2, 1), (2, 3, 1), (3, 3, 1), (2, 4, 1), (2, 2, 2, 1)):
        found[f"network {sizes}"] = Operators(*sizes).loss(1)
    x, y, z = Value(0.3, "x"), Value(0.7, "y"), Value(-0.2, "z")
    power = x
    for _ in range(12):
        power = power * x
    found["x**13 by products"] = power
    found["softmax"] = engine.logsumexp([x * y, y * z, z * x, x + y]) - x * y
    found["polynomial"] = sum(((x * k) ** k for k in range(1, 9)), y)
    found["dots"] = engine.dot([x, y, z], [y, z, x]) * engine.dot([x.tanh(), y.tanh()], [z.exp(), x.exp()])
    values = [x, y, z]
    for k in range(14):
        values.append(values[k].tanh() * values[k + 1] if k % 2 else values[k] + values[k + 2])
    found["ladder"] = values[-1] + values[-2]
    unary, binary = [engine.tanh, engine.sin, engine.exp], [engine.add, engine.mul, engine.sub]
    for seed in range(10):
        rng = random.Random(seed)
        nodes = [Value(rng.uniform(-1, 1), f"x{k}") for k in range(4)]
        for _ in range(8 + 4 * seed):
            recent = nodes[-8:]
            if rng.random() < 0.3:
                nodes.append(rng.choice(unary)(rng.choice(recent)) * 0.5)
            else:
                nodes.append(rng.choice(binary)(rng.choice(recent), rng.choice(nodes)))
        found[f"random {seed}"] = engine.sum(nodes[-3:])
    return found


Point = tuple[float, float]


def crossings(placement: Placement, edges: list[tuple[int, int]]) -> int:
    """How many crossings are seen, of pieces of edges with no box in common; a piece that edges share counts once."""
    pieces: dict[tuple[Point, ...], set[tuple[int, int]]] = {}
    for edge, curve in zip(edges, placement.curves):
        for k in range(0, len(curve) - 1, 3):
            pieces.setdefault(tuple(curve[k : k + 4]), set()).add(edge)
    found = [(polyline(piece), {box for edge in of for box in edge}) for piece, of in pieces.items()]
    count = 0
    for i, (a, boxes) in enumerate(found):
        for b, others in found[:i]:
            if not boxes & others:
                count += any(cross(p, q, r, s) for p, q in pairwise(a) for r, s in pairwise(b))
    return count


def polyline(piece: tuple[Point, ...]) -> list[Point]:
    """Points along a Bézier curve."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = piece
    found = []
    for i in range(9):
        t = i / 8
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        found.append((a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy))
    return found


def cross(p: Point, q: Point, r: Point, s: Point) -> bool:
    """Whether two pieces cross, properly."""

    def side(a: Point, b: Point, c: Point) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    return side(p, q, r) * side(p, q, s) < 0 and side(r, s, p) * side(r, s, q) < 0


def compare_with_dot() -> None:
    """Print the crossings of our layout and of dot's, and the time it takes."""
    print(f"\n{'edges that cross':30} {'boxes':>6} {'edges':>6} {'ours':>6} {'dot':>6} {'ms':>6}")
    sums = [0, 0]
    for name, root in graphs().items():
        picture = take(root)
        sizes = [(60.0, 40.0)] * len(picture.boxes)
        edges = [(edge.tail, edge.head) for edge in picture.edges]
        ours = crossings(place(sizes, edges), edges)
        by_dot = placed(sizes, edges, lambda dot: renderers.render(dot, "json0"), own=False)
        dots = crossings(by_dot, edges)
        took = 1000 * seconds(lambda sizes=sizes, edges=edges: place(sizes, edges))
        print(f"{name:30} {len(sizes):6} {len(edges):6} {ours:6} {dots:6} {took:6.1f}")
        sums[0] += ours
        sums[1] += dots
    print(f"{'all':30} {'':6} {'':6} {sums[0]:6} {sums[1]:6}\n")


def main() -> None:
    """Print one line per figure."""
    print_machine()
    model = Operators(2, 16, 16, 1)
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
    for root in (one, some):
        report(f"{count(root)} in a notebook's cell", root._repr_mimebundle_)
        size = len(root._repr_mimebundle_()["image/svg+xml"].encode())
        print(f"{'its size':66} {size / 1000:7.0f} KB")
    if renderers.has_graphviz():
        compare_with_dot()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "steps.html"
        report(f"{count(one)} to a page of steps", lambda: save_steps(one, page, names=model))
        print(f"{'its size':66} {page.stat().st_size / 1000:7.0f} KB")


if __name__ == "__main__":
    main()
