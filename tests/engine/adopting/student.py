"""An engine as a student writes it after the lecture: wrong ones, and other styles, are made of its text."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

SOURCE = '''
import math


class Scalar:
    def __init__(self, data, _children=(), _op=""):
        self.data = data
        self.grad = 0.0
        self._backward = lambda: None
        self._prev = set(_children)
        self._op = _op

    def __add__(self, other):
        other = other if isinstance(other, Scalar) else Scalar(other)
        out = Scalar(self.data + other.data, (self, other), "+")

        def _backward():
            self.grad += 1.0 * out.grad
            other.grad += 1.0 * out.grad

        out._backward = _backward
        return out

    def __sub__(self, other):
        out = Scalar(self.data - other.data, (self, other), "-")

        def _backward():
            self.grad += out.grad
            other.grad -= out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Scalar) else Scalar(other)
        out = Scalar(self.data * other.data, (self, other), "*")

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def __truediv__(self, other):
        out = Scalar(self.data / other.data, (self, other), "/")

        def _backward():
            self.grad += out.grad / other.data
            other.grad += -self.data / other.data**2 * out.grad

        out._backward = _backward
        return out

    def __pow__(self, k):
        out = Scalar(self.data**k, (self,), f"**{k}")

        def _backward():
            self.grad += k * self.data ** (k - 1) * out.grad

        out._backward = _backward
        return out

    def power(self, other):
        out = Scalar(self.data**other.data, (self, other), "pow")

        def _backward():
            self.grad += other.data * self.data ** (other.data - 1) * out.grad
            other.grad += out.data * math.log(self.data) * out.grad

        out._backward = _backward
        return out

    def tanh(self):
        x = self.data
        t = (math.exp(2 * x) - 1) / (math.exp(2 * x) + 1)
        out = Scalar(t, (self,), "tanh")

        def _backward():
            self.grad += (1 - t**2) * out.grad

        out._backward = _backward
        return out

    def exp(self):
        out = Scalar(math.exp(self.data), (self,), "exp")

        def _backward():
            self.grad += out.data * out.grad

        out._backward = _backward
        return out

    def log(self):
        out = Scalar(math.log(self.data), (self,), "log")

        def _backward():
            self.grad += out.grad / self.data

        out._backward = _backward
        return out

    def relu(self):
        out = Scalar(0.0 if self.data < 0 else self.data, (self,), "ReLU")

        def _backward():
            self.grad += (out.data > 0) * out.grad

        out._backward = _backward
        return out

    def sigmoid(self):
        s = 1 / (1 + math.exp(-self.data))
        out = Scalar(s, (self,), "sigmoid")

        def _backward():
            self.grad += s * (1 - s) * out.grad

        out._backward = _backward
        return out

    def backward(self):
        topo = []
        visited = set()

        def build_topo(v):
            if v not in visited:
                visited.add(v)
                for child in v._prev:
                    build_topo(child)
                topo.append(v)

        build_topo(self)
        self.grad = 1.0
        for node in reversed(topo):
            node._backward()


def graph():
    """Every operation, a node that is used three times, and one that is added to itself."""
    a, b, c = Scalar(1.5), Scalar(-2.0), Scalar(0.7)
    d = a * b
    e = (d + c * 3.0).tanh()
    f = d.sigmoid() - e
    g = (f * f + d) / (c + 2.0)
    h = (a.exp() + a.log()).relu() * g
    i = a.power(c) * (d - g) ** 3
    return h + i + (e + e), {"a": a, "b": b, "c": c}
'''


def run(source: str, name: str = "student.py") -> Any:
    """The module that a text makes."""
    module = ModuleType("student")
    exec(compile(source, name, "exec"), vars(module))
    return module


METHOD = """
class Node:
    def __init__(self, data, parents=(), op="", slopes=()):
        self.data, self.grad, self.parents, self.op, self.slopes = data, None, list(parents), op, slopes
    def __add__(self, other):
        return Node(self.data + other.data, [self, other], "add", [1, 1])
    def __mul__(self, other):
        return Node(self.data * other.data, [self, other], "mul", [other.data, self.data])
    def softsign(self):
        return Node(self.data / (1 + abs(self.data)), [self], "softsign2", [1 / (1 + abs(self.data)) ** 2])
    def _backward(self):
        for parent, slope in zip(self.parents, self.slopes):
            parent.grad += slope * self.grad
    def backward(self):
        order, seen = [], set()
        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent in node.parents:
                    visit(parent)
                order.append(node)
        visit(self)
        for node in order:
            node.grad = 0
        self.grad = 1
        for node in reversed(order):
            node._backward()
"""
STYLES: dict[str, Callable[[str], str]] = {
    "as it stands": lambda source: source,
    "tuples": lambda source: source.replace("set(_children)", "tuple(_children)"),
    "lists": lambda source: source.replace("set(_children)", "list(_children)"),
    "children": lambda source: source.replace("_prev", "children"),
    "no names of operations": lambda source: source.replace("self._op = _op", "pass"),
    "slots": lambda source: source.replace(
        "    def __init__(self, data,",
        "    __slots__ = ('data', 'grad', '_backward', '_prev', '_op')\n\n    def __init__(self, data,",
    ),
    "equal by value": lambda source: source.replace(
        "    def __sub__",
        "    def __eq__(self, other):\n        return self.data == other.data\n\n"
        "    __hash__ = object.__hash__\n\n    def __sub__",
    ),
    "arrays of one number": lambda source: source.replace(
        "        self.data = data\n        self.grad = 0.0\n",
        "        import numpy as np\n        self.data, self.grad = np.array(data), np.zeros_like(data, dtype=float)\n",
    ).replace("other.grad += self.data * out.grad", "other.grad += (self.data * out.grad).reshape(other.grad.shape)"),
    "keys of a dict": lambda source: source.replace("set(_children)", "dict.fromkeys(_children)"),
    "no function in leaves": lambda source: source.replace(
        "self._backward = lambda: None", "self._backward = None"
    ).replace("            node._backward()\n", "            if node._backward:\n                node._backward()\n"),
    "names as PyTorch's": lambda source: source.replace("self._op = _op", "self._op = _op and f'{_op}Backward0'"),
    "leaves first": lambda source: source.replace(
        "in reversed(topo):", "in sorted(reversed(topo), key=lambda node: bool(node._prev)):"
    ),
    "zeroes first": lambda source: source.replace(
        "        self.grad = 1.0\n", "        for node in topo:\n            node.grad = 0\n        self.grad = 1\n"
    ),
}
