"""Graphs to draw: small expressions, and a network whose parameters have paths as a module's have."""

from __future__ import annotations

import random
from itertools import pairwise

from engine import Value, dot


class Network:
    """A multi-layer perceptron of tanh neurons with the parameter paths of one: layers.0.neurons.1.w.2."""

    def __init__(self, *sizes: int, seed: int = 0) -> None:
        rng = random.Random(seed)
        self.layers = [
            [([Value(rng.uniform(-1, 1)) for _ in range(nin)], Value(0.1)) for _ in range(nout)]
            for nin, nout in pairwise(sizes)
        ]

    def named_parameters(self) -> list[tuple[str, Value]]:
        found = []
        for i, layer in enumerate(self.layers):
            for j, (w, b) in enumerate(layer):
                found += [(f"layers.{i}.neurons.{j}.w.{k}", value) for k, value in enumerate(w)]
                found.append((f"layers.{i}.neurons.{j}.b", b))
        return found

    def __call__(self, xs: list[Value]) -> list[Value]:
        for layer in self.layers:
            xs = [dot(w, xs, b).tanh() for w, b in layer]
        return xs

    def loss(self, samples: int) -> Value:
        rng = random.Random(1)
        total = Value(0.0)
        for _ in range(samples):
            xs = [Value(rng.uniform(-1, 1), f"x{k}") for k in range(len(self.layers[0][0][0]))]
            total = total + (self(xs)[0] - rng.choice([-1.0, 1.0])) ** 2
        return total


def expression() -> tuple[Value, Value, Value]:
    """L = (a * b + 10) * a, after a backward pass, with a and b."""
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    root = (a * b + 10) * a
    root.label = "L"
    root.backward()
    return root, a, b


NASTY = [
    "0", '"', "\\", "\\N", '\\" ];', "a\nb", "a\r\n\tb", "<b>bold</b>", "</td></tr></table>>", "&amp;", "&#0;", "&lt",
    "a\0b", "🙂👩‍👩‍👧", "∂L/∂w", " ", "  two  ", "'", "->", "]", "}", "//", "/* */", "#", "$title", "${x}", "%s", "{0}",
    "</script><script>alert(1)</script>", "<!--", "-->", "]]>", "\u2028\u2029", "\u202eright to left", "\ud800",
    "\ufffe\uffff", "\x1b[31m", "x" * 100_000, "<" * 100_000, "нейрон", "層", "é" * 40, "\\l\\r\\n", "\\G\\E\\T\\H\\L",
]  # fmt: skip  # read as one list
