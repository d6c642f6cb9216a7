"""What students got wrong: a piece of the right text, what stood in its place, and the kinds of the findings."""

from __future__ import annotations

from typing import NamedTuple

from tests.engine.adopting.student import SOURCE


class Bug(NamedTuple):
    """One wrong engine."""

    name: str
    right: str
    wrong: str
    kind: str
    others: tuple[str, ...] = ()  # what it brings with it


TOPO = SOURCE.partition("def backward(self):\n")[2].partition("\n\ndef graph")[0]  # all that backward() does

BUGS = [
    # = where += is meant
    Bug("exp of the lecture", "self.grad += out.data * out.grad", "self.grad = out.data * out.grad", "overwrites"),
    Bug("add, first", "self.grad += 1.0 * out.grad", "self.grad = 1.0 * out.grad", "overwrites"),
    Bug("add, second", "other.grad += 1.0 * out.grad", "other.grad = 1.0 * out.grad", "overwrites"),
    Bug("mul", "self.grad += other.data * out.grad", "self.grad = other.data * out.grad", "overwrites"),
    Bug("tanh", "self.grad += (1 - t**2)", "self.grad = (1 - t**2)", "overwrites"),
    Bug("sub", "other.grad -= out.grad", "other.grad = -out.grad", "overwrites"),
    Bug("relu in a branch", "self.grad += (out.data > 0) * out.grad",
        "self.grad = out.grad if out.data > 0 else 0.0", "overwrites"),
    Bug("only where there is none", "other.grad += 1.0 * out.grad",
        "other.grad = out.grad if other.grad == 0 else other.grad", "overwrites", ("derivative",)),
    # the chain rule forgotten
    Bug("add passes 1", "self.grad += 1.0 * out.grad", "self.grad += 1.0", "upstream"),
    Bug("tanh alone", "(1 - t**2) * out.grad", "(1 - t**2)", "upstream"),
    Bug("mul alone", "other.grad += self.data * out.grad", "other.grad += self.data", "upstream"),
    Bug("pow alone", "k * self.data ** (k - 1) * out.grad", "k * self.data ** (k - 1)", "upstream"),
    Bug("relu alone", "(out.data > 0) * out.grad", "(out.data > 0)", "upstream"),
    Bug("plus in place of times", "s * (1 - s) * out.grad", "s * (1 - s) + out.grad", "upstream"),
    Bug("the square of it", "out.data * out.grad\n", "out.data * out.grad * out.grad\n", "upstream"),
    Bug("self.grad in place of out.grad", "out.grad / self.data", "self.grad / self.data", "upstream"),
    # derivatives
    Bug("tanh of the input", "(1 - t**2)", "(1 - x**2)", "derivative"),
    Bug("exp of the input", "out.data * out.grad\n", "self.data * out.grad\n", "derivative"),
    Bug("the exponent is kept", "k * self.data ** (k - 1)", "k * self.data**k", "derivative"),
    Bug("the factor is missing", "k * self.data ** (k - 1)", "self.data ** (k - 1)", "derivative"),
    Bug("mul by itself", "self.grad += other.data * out.grad", "self.grad += self.data * out.grad", "derivative"),
    Bug("sub adds", "other.grad -= out.grad", "other.grad += out.grad", "derivative"),
    Bug("div not squared", "other.data**2 * out.grad", "other.data * out.grad", "derivative"),
    Bug("div without the sign", "-self.data / other.data**2", "self.data / other.data**2", "derivative"),
    Bug("log times", "out.grad / self.data", "out.grad * self.data", "derivative"),
    Bug("log of the output", "out.grad / self.data", "out.grad / out.data", "derivative"),
    Bug("sigmoid of the input", "s * (1 - s)", "self.data * (1 - self.data)", "derivative"),
    Bug("half a sigmoid", "s * (1 - s)", "(1 - s)", "derivative"),
    Bug("relu turned round", "(out.data > 0)", "(out.data <= 0)", "missing"),
    Bug("relu lets all pass", "(out.data > 0) * out.grad", "out.data * out.grad", "derivative"),
    Bug("operands of ** swapped", "other.data * self.data ** (other.data - 1)",
        "self.data * other.data ** (self.data - 1)", "derivative"),
    Bug("** without the logarithm", "out.data * math.log(self.data)", "out.data", "derivative"),
    Bug("tanh without the square", "(1 - t**2)", "(1 - t)", "derivative"),
    Bug("twice as much", "self.grad += out.grad\n            other.grad -= out.grad",
        "self.grad += 2 * out.grad\n            other.grad -= out.grad", "derivative"),
    Bug("a sum times the other", "self.grad += 1.0 * out.grad", "self.grad += other.data * out.grad", "derivative"),
    Bug("a product subtracts", "self.grad += other.data * out.grad", "self.grad -= other.data * out.grad",
        "derivative"),
    Bug("relu of out.grad", "(out.data > 0) * out.grad", "(out.grad > 0) * out.grad", "upstream"),
    Bug("relu clips out.grad", "(out.data > 0) * out.grad", "(out.data > 0) * max(0.0, out.grad)", "upstream"),
    # operands that get nothing, or are not listed
    Bug("closure not stored", "        out._backward = _backward\n        return out\n\n    def log",
        "        return out\n\n    def log", "missing"),
    Bug("second operand forgotten", "            other.grad -= out.grad\n", "", "missing"),
    Bug("add to the wrong one", "other.grad += self.data * out.grad", "self.grad += self.data * out.grad", "missing",
        ("derivative",)),
    Bug("one operand listed", '(self, other), "+")', '(self,), "+")', "missing"),
    Bug("one operand of a product listed", '(self, other), "*")', '(self,), "*")', "missing"),
    Bug("the root is left out", "for node in reversed(topo):", "for node in reversed(topo[:-1]):", "missing"),
    Bug("leaves out a node", "for node in reversed(topo):", "for node in list(reversed(topo))[:-4]:", "missing"),
    # backward() itself
    Bug("no seed", "        self.grad = 1.0\n", "", "seed"),
    Bug("a seed of its number", "        self.grad = 1.0\n", "        self.grad = self.data\n", "seed"),
    Bug("everything is a seed", "            node._backward()\n",
        "            node.grad = 1.0\n            node._backward()\n", "seed"),
    Bug("all start with 1", "        self.grad = 1.0\n", "        for v in topo:\n            v.grad = 1.0\n", "seed"),
    Bug("recursion in place of an order", TOPO, '''        self.grad = 1.0
        self._pass_on()

    def _pass_on(self):
        self._backward()
        for child in self._prev:
            child._pass_on()
''', "twice"),
    Bug("backward of the children", TOPO, '''        self.grad = 1.0
        self._backward()
        for child in self._prev:
            child.backward()
''', "seed", ("twice",)),
    Bug("nobody is marked as visited", "                visited.add(v)\n", "", "twice"),
    Bug("not reversed", "for node in reversed(topo):", "for node in topo:", "order"),
    Bug("before the children", '''                for child in v._prev:
                    build_topo(child)
                topo.append(v)
''', '''                topo.insert(0, v)
                for child in v._prev:
                    build_topo(child)
''', "order"),
    Bug("breadth first", TOPO, '''        self.grad = 1.0
        queue, visited = [self], {self}
        while queue:
            node = queue.pop(0)
            node._backward()
            for child in node._prev:
                if child not in visited:
                    visited.add(child)
                    queue.append(child)
''', "order"),
    Bug("every node twice", "            node._backward()\n",
        "            node._backward()\n            node._backward()\n", "twice"),
    # numbers
    Bug("a complex gradient", "k * self.data ** (k - 1)", "k * (-2.0) ** (k - 0.5)", "raises", ("raises",)),
    Bug("sigmoid of +x", "math.exp(-self.data))", "math.exp(self.data))", "forward"),
    Bug("a power's formula", "Scalar(self.data**k,", "Scalar(self.data * k,", "forward"),
    Bug("tanh's formula", "(math.exp(2 * x) - 1) / (math.exp(2 * x) + 1)",
        "(math.exp(x) - 1) / (math.exp(x) + 1)", "forward"),
    Bug("relu of +x", "0.0 if self.data < 0 else self.data", "0.0 if self.data > 0 else self.data", "forward"),
    Bug("data in place of grad", "self.grad += out.grad / self.data", "self.data += out.grad / self.data", "mutates",
        ("missing",)),
    Bug("out is emptied", "            self.grad += (1 - t**2) * out.grad\n",
        "            self.grad += (1 - t**2) * out.grad\n            out.data = 0.0\n", "mutates"),
    Bug("a name that is not there", "math.log(self.data) * out.grad", "math.ln(self.data) * out.grad", "raises",
        ("raises",)),
]  # fmt: skip  # the name of a mistake, then what it makes of the source
