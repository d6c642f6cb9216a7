"""Step through somebody else's engine: a student's Value with the lecture's own bug is adopted, and its bug named."""

from __future__ import annotations

import math
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

import engine
from engine.shell.streams import in_a_shell


class Scalar:
    """An engine as a student writes it after the lecture, with one mistake in it."""

    def __init__(self, data: float, _children: tuple[Scalar, ...] = (), _op: str = "", label: str = "") -> None:
        self.data, self.grad, self.label = data, 0.0, label
        self._prev, self._op = _children, _op
        self._backward: Any = lambda: None

    def __add__(self, other: Scalar) -> Scalar:
        out = Scalar(self.data + other.data, (self, other), "+")

        def _backward() -> None:
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other: Scalar) -> Scalar:
        out = Scalar(self.data * other.data, (self, other), "*")

        def _backward() -> None:
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def exp(self) -> Scalar:
        """The exponential."""
        out = Scalar(math.exp(self.data), (self,), "exp")

        def _backward() -> None:
            self.grad = out.data * out.grad  # the mistake: x is used twice below, and one contribution is lost

        out._backward = _backward
        return out

    def backward(self) -> None:
        """The chain rule in reverse topological order."""
        order: list[Scalar] = []
        visited = set()

        def visit(node: Scalar) -> None:
            if node not in visited:
                visited.add(node)
                for child in node._prev:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            node._backward()


def options() -> ArgumentParser:
    """The options on the command line."""
    parser = ArgumentParser("python -m demos.adopt", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="changes nothing: it is quick anyway")
    parser.epilog = "On a file of your own: python -m engine adopt FILE.py"
    return parser


def main(argv: Sequence[str] | None = None) -> engine.Adoption:
    """Adopt a student's graph, show the finding, and step through the same graph."""
    options().parse_args(argv)
    x, w = Scalar(0.5, label="x"), Scalar(-2.0, label="w")
    root = x.exp() + x * w
    root.backward()
    print(f"the student's engine says: x.grad = {x.grad:.4f}, w.grad = {w.grad:.4f}\n")
    report = engine.adopt(root)
    print(f">>> engine.adopt(root)\n{report}\n")
    print(">>> for step in report.root.backward_steps(): print(step)")
    for step in report.root.backward_steps():
        print(step)
    print(f"\n>>> report.root.why('x')\n{report.root.why('x')}")
    return report


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
