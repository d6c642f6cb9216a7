"""Another student's engine, with more functions, and what was reported of engines like it.

Most of these bugs are told in issues and pull requests of public micrograd-like repositories, in posts about them, or
stand in their code: a subtraction that adds, a relu that lets negative numbers through (``out.data >= 0``), nodes that
are equal by value and so visited once, a subclass that drops its operands, a node that passes on and forgets its
function, a default argument that remembers who was visited.
"""

from __future__ import annotations

from tests.engine.adopting.bugs import Bug

ANOTHER = """
import math

SEEN = set()  # for one of the bugs


class Number:
    def __init__(self, data, _children=(), _op="", label=""):
        self.data = float(data)
        self.grad = 0.0
        self._prev = tuple(_children)
        self._op = _op
        self.label = label
        self._backward = lambda: None

    def __add__(self, other):
        out = Number(self.data + other.data, (self, other), "+")

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __neg__(self):
        out = Number(-self.data, (self,), "neg")

        def _backward():
            self.grad += -out.grad

        out._backward = _backward
        return out

    def __sub__(self, other):
        out = Number(self.data - other.data, (self, other), "-")

        def _backward():
            self.grad += 1.0 * out.grad
            other.grad += -1.0 * out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        out = Number(self.data * other.data, (self, other), "*")

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def __truediv__(self, other):
        out = Number(self.data / other.data, (self, other), "/")

        def _backward():
            self.grad += (1.0 / other.data) * out.grad
            other.grad += -(self.data / other.data**2) * out.grad

        out._backward = _backward
        return out

    def __pow__(self, other):
        out = Number(self.data**other.data, (self, other), "**")

        def _backward():
            self.grad += other.data * self.data ** (other.data - 1) * out.grad
            other.grad += math.log(self.data) * out.data * out.grad

        out._backward = _backward
        return out

    def _unary(self, name, data, slope):
        out = Number(data, (self,), name)

        def _backward():
            self.grad += slope(out) * out.grad

        out._backward = _backward
        return out

    def sqrt(self):
        return self._unary("sqrt", math.sqrt(self.data), lambda out: 0.5 / out.data)

    def sin(self):
        return self._unary("sin", math.sin(self.data), lambda out: math.cos(self.data))

    def cos(self):
        return self._unary("cos", math.cos(self.data), lambda out: -math.sin(self.data))

    def exp(self):
        return self._unary("exp", math.exp(self.data), lambda out: out.data)

    def log(self):
        return self._unary("log", math.log(self.data), lambda out: 1 / self.data)

    def relu(self):
        return self._unary("relu", max(0.0, self.data), lambda out: 1.0 if out.data > 0 else 0.0)

    def abs(self):
        return self._unary("abs", abs(self.data), lambda out: math.copysign(1.0, self.data))

    def tanh(self):
        return self._unary("tanh", math.tanh(self.data), lambda out: 1 - out.data**2)

    def sigmoid(self):
        return self._unary("sigmoid", 1 / (1 + math.exp(-self.data)), lambda out: out.data * (1 - out.data))

    def square(self):
        return self._unary("square", self.data**2, lambda out: 2 * self.data)

    def maximum(self, other):
        out = Number(max(self.data, other.data), (self, other), "max")

        def _backward():
            if self.data > other.data:
                self.grad += out.grad
            else:
                other.grad += out.grad

        out._backward = _backward
        return out

    def backward(self):
        topo, visited = [], set()

        def build(node):
            if node not in visited:
                visited.add(node)
                for child in node._prev:
                    build(child)
                topo.append(node)

        build(self)
        self.grad = 1.0
        while topo:
            topo.pop()._backward()


def total(numbers):
    out = Number(sum(number.data for number in numbers), numbers, "sum")

    def _backward():
        for number in numbers:
            number.grad += out.grad

    out._backward = _backward
    return out


def graph():
    a, b, c = Number(1.5, label="a"), Number(-2.0, label="b"), Number(0.7, label="c")
    d = a * b - c
    e = (d.abs().sqrt() + d.sin()) * d.cos()
    f = (e - b).tanh() / (c.exp() + a.log())
    g = a**c + b.relu() * c + (-f).sigmoid()
    h = g.maximum(d) + c.maximum(a) + (e * e).square() + a.relu()
    return total([h, e, f, g + a]), {"a": a, "b": b, "c": c}
"""

_PASS = ANOTHER.partition("    def backward(self):\n")[2].partition("\n\ndef total")[0]

REPORTED = [
    Bug("subtraction adds", "other.grad += -1.0 * out.grad", "other.grad += 1.0 * out.grad", "derivative"),
    Bug("neg keeps the sign", "self.grad += -out.grad", "self.grad += out.grad", "derivative"),
    Bug("relu lets negative numbers through", "1.0 if out.data > 0", "1.0 if out.data >= 0", "derivative"),
    Bug("cos without its sign", "lambda out: -math.sin(self.data)", "lambda out: math.sin(self.data)", "derivative"),
    Bug("sin with a sign", "lambda out: math.cos(self.data)", "lambda out: -math.cos(self.data)", "derivative"),
    Bug("sqrt without its half", "lambda out: 0.5 / out.data", "lambda out: 1 / out.data", "derivative"),
    Bug("sqrt of the input", "lambda out: 0.5 / out.data", "lambda out: 0.5 / self.data", "derivative"),
    Bug("exp as a power", "lambda out: out.data)\n\n    def log", "lambda out: self.data * out.data)\n\n    def log",
        "derivative"),
    Bug("square of the output", "2 * self.data)", "2 * out.data)", "derivative"),
    Bug("tanh, one factor", "1 - out.data**2", "1 - out.data", "derivative"),
    Bug("abs is straight", "math.copysign(1.0, self.data)", "1.0", "derivative"),
    Bug("division by what is not squared", "self.data / other.data**2", "self.data / other.data", "derivative"),
    Bug("the exponent's part without its logarithm", "math.log(self.data) * out.data", "self.data * out.data",
        "derivative"),
    Bug("the gradient in place of the data", "other.grad += self.data * out.grad", "other.grad += self.grad * out.grad",
        "upstream"),
    Bug("no out.grad in one line for all", "slope(out) * out.grad", "slope(out)", "upstream"),
    Bug("out.grad is added", "slope(out) * out.grad", "slope(out) + out.grad", "upstream"),
    Bug("the exponent gets nothing", "            other.grad += math.log(self.data) * out.data * out.grad\n", "",
        "missing"),
    Bug("maximum gives both", "                other.grad += out.grad\n", "                self.grad += out.grad\n",
        "missing"),
    Bug("maximum to the smaller", "if self.data > other.data:", "if self.data < other.data:", "missing"),
    Bug("the last of a loop", "            number.grad += out.grad\n",
        "            pass\n        number.grad += out.grad\n", "missing"),
    Bug("sum with =", "            number.grad += out.grad\n", "            number.grad = out.grad\n", "overwrites"),
    Bug("one line for all with =", "self.grad += slope(out)", "self.grad = slope(out)", "overwrites"),
    Bug("operands are dropped", "(self, other), \"max\")", "(), \"max\")", "missing"),
    Bug("called in place of stored", "        out._backward = _backward\n        return out\n\n    def __neg__",
        "        _backward()\n        return out\n\n    def __neg__", "missing"),
    Bug("equal by value, and hashed so", "    def __neg__",
        "    def __eq__(self, other):\n        return self.data == other.data\n\n"
        "    def __hash__(self):\n        return hash(self.data)\n\n    def __neg__", "missing"),
    Bug("visited is a default argument", "        topo, visited = [], set()\n\n        def build(node):",
        "        topo = []\n\n        def build(node, visited=SEEN):", "missing"),
    Bug("seeded afterwards", "        self.grad = 1.0\n        while topo:\n            topo.pop()._backward()\n",
        "        while topo:\n            topo.pop()._backward()\n        self.grad = 1.0\n", "seed"),
    Bug("a seed of 2", "        self.grad = 1.0\n        while", "        self.grad += 2.0\n        while", "seed"),
    Bug("zeroes while it goes", "            topo.pop()._backward()\n",
        "            node = topo.pop()\n            for child in node._prev:\n                child.grad = 0.0\n"
        "            node._backward()\n", "overwrites"),
    Bug("passes on and forgets", _PASS, '''        self.grad = 1.0
        stack = [self]
        while stack:
            node = stack.pop()
            node._backward()
            node._backward = lambda: None
            stack += node._prev
''', "order"),
    Bug("each path on its own", _PASS, '''        self.grad = 1.0
        stack = [self]
        while stack:
            node = stack.pop()
            node._backward()
            stack.extend(node._prev)
''', "twice"),
    Bug("in the order of creation", _PASS, '''        self.grad = 1.0
        seen, queue = [], [self]
        while queue:
            node = queue.pop()
            if node not in seen:
                seen.append(node)
                queue.extend(node._prev)
        for node in seen:
            node._backward()
''', "order"),
    Bug("stops at the first leaf", "            topo.pop()._backward()\n",
        "            node = topo.pop()\n            if not node._prev:\n                break\n"
        "            node._backward()\n", "missing"),
    Bug("a Value in the gradient", "lambda out: out.data * (1 - out.data)", "lambda out: out * out", "raises"),
]  # fmt: skip  # as in bugs.py
