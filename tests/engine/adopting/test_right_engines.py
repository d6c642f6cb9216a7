"""Right engines, however they are written, have no finding and become Values."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from engine import adopt, leaves
from tests.engine.adopting.another import ANOTHER
from tests.engine.adopting.student import METHOD, SOURCE, STYLES, run
from tests.needs import needs


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES.keys())
def test_a_right_engine_has_no_finding_and_becomes_values(style: Callable[[str], str]) -> None:
    module = run(style(SOURCE))
    root, names = module.graph()
    report = adopt(root, names)
    assert report.ok, report.text
    assert bool(report)
    root.backward()
    report.root.backward()
    assert report.root.data == pytest.approx(root.data, rel=1e-9)
    for name, leaf in names.items():
        value = next(v for v in leaves(report.root) if v.label == name)
        assert value.grad == pytest.approx(leaf.grad, rel=1e-6)
    assert adopt(root, names).ok  # its own gradients are there now


RIGHT = {
    "a maximum that is tied gives all to the second": (
        "a, b = Number(2.0), Number(2.0)\nroot = a.maximum(b) * a",
        (),
    ),
    "relu at 0": ("a = Number(0.0)\nroot = a.relu() * a.exp() + a", ()),
    "a leaky_relu of another slope": (
        "a = Number(-1.5)\nroot = a._unary('leaky_relu', 0.2 * a.data, lambda out: 0.2) * a",
        (),
    ),
    "a logarithm to the base of 10": (
        "a = Number(5.0)\nroot = a._unary('log', math.log10(a.data), lambda out: 1 / a.data / math.log(10)) * a",
        (),
    ),
    "gelu with tanh": (
        "a = Number(1.5)\nk = math.sqrt(2 / math.pi)\nt = math.tanh(k * (a.data + 0.044715 * a.data**3))\n"
        "slope = 0.5 * (1 + t) + 0.5 * a.data * (1 - t * t) * k * (1 + 3 * 0.044715 * a.data**2)\n"
        "root = a._unary('gelu', 0.5 * a.data * (1 + t), lambda out: slope) * a",
        (),
    ),
    "gelu with tanh, where the two are close": (
        "a = Number(-0.4)\nk = math.sqrt(2 / math.pi)\nt = math.tanh(k * (a.data + 0.044715 * a.data**3))\n"
        "slope = 0.5 * (1 + t) + 0.5 * a.data * (1 - t * t) * k * (1 + 3 * 0.044715 * a.data**2)\n"
        "root = a._unary('gelu', 0.5 * a.data * (1 + t), lambda out: slope) * a",
        (),
    ),
    "gelu with a sigmoid": (
        "a = Number(0.6)\ns = 1 / (1 + math.exp(-1.702 * a.data))\n"
        "root = a._unary('gelu', a.data * s, lambda out: s + 1.702 * a.data * s * (1 - s)) * a",
        ("gelu: not what the table has, so taken as it is",),
    ),
    "a sigmoid composed of others, whose gradient goes past them": (
        "def sigmoid(x):\n    s = x.exp() / (x.exp() + Number(1.0))\n    s._op = 'Sigmoid'\n"
        "    def _backward():\n        x.grad += s.data * (1 - s.data) * s.grad\n"
        "    s._backward = _backward\n    return s\na = Number(0.4)\nroot = sigmoid(a) * a",
        ("Sigmoid: not what the table has, so taken as it is",),
    ),
    "a name in two words": ("a = Number(1.7)\nroot = a._unary('Leaky ReLU', a.data, lambda out: 1.0) * a", ()),
    "rounding, straight through": (
        "a = Number(1.7)\nroot = a._unary('round', round(a.data), lambda out: 1.0) * a",
        ("round: not what the table has, so taken as it is",),
    ),
    "a product by a number, with one operand": (
        "a = Number(1.7)\nroot = Number(3 * a.data, (a,), '*')\nby = 3\n"
        "def of(by):\n    def _backward():\n        a.grad += by * root.grad\n    return _backward\n"
        "root._backward = of(3)",
        (),
    ),
    "sums and differences of numbers, with one operand, whose closures do not hold the number": (
        "a = Number(1.7)\nplus = a._unary('+', a.data + 0.3, lambda out: 1.0)\n"
        "minus = plus._unary('-', plus.data - 0.5, lambda out: 1.0)\n"
        "root = minus._unary('-', 4.0 - minus.data, lambda out: -1.0) * a",
        (),
    ),
    "a maximum of x and 0, at x < 0": (
        "a = Number(-1.5)\nroot = a._unary('max', max(a.data, 0.0), lambda out: float(a.data > 0)) * a + a",
        (),
    ),
    "a minimum of x and 1, at x > 1": (
        "a = Number(1.5)\nroot = a._unary('min', min(a.data, 1.0), lambda out: float(a.data < 1)) * a + a",
        (),
    ),
    "leaves with names of operations": ("a = Number(5.0, (), 'input')\nroot = a * Number(2.0, (), 'const')", ()),
    "a hundred times the same": ("a = Number(1.01)\nroot = a\nfor _ in range(100):\n    root = root * a + a", ()),
}


@pytest.mark.parametrize("what", RIGHT)
def test_what_is_right_besides_has_no_finding(what: str) -> None:
    code, notes = RIGHT[what]
    module = run(f"{ANOTHER}\n\n{code}\n")
    report = adopt(module.root)
    assert report.ok, report.text
    assert report.notes == notes
    module.root.backward()
    report.root.backward()
    given = sorted(leaf.grad for leaf in leaves(report.root))
    assert given == pytest.approx(sorted({id(n): n.grad for n in _leaves(module.root)}.values()))


def test_the_slope_of_a_sum_with_a_number_is_judged_though_the_closure_does_not_hold_the_number() -> None:
    module = run(f"{ANOTHER}\n\na = Number(1.7)\nroot = a._unary('+', a.data + 0.3, lambda out: 2.0) * a\n")
    (finding,) = adopt(module.root).findings
    assert finding.kind == "derivative"
    assert finding.sentence.endswith(" 2, where the derivative is 1: it is counted twice")


UNKNOWN = ("?: an operation without a name, which its numbers do not tell, so taken as it is",)
NAMELESS = {  # the graph of an engine without names, what is shown of it, and the notes
    "relu at a positive number is abs, too": ("Number(2.0).relu()", "unknown(v1)", UNKNOWN),
    "tanh at 0 has the number and the slope of a dozen": ("Number(0.0).tanh()", "unknown(v1)", UNKNOWN),
    "tanh, not a root, which has no slope at 0": ("Number(1.0).log().tanh()", "unknown(log(v1))", UNKNOWN),
    "relu on both sides of 0": (
        "a = Number(3.0)\nroot = a.relu() * Number(-1.0).relu() + a",
        "relu(v1)*relu(v3) + v1",
        (),
    ),
    "a product that leaky_relu gives, too": ("Number(3.0) * Number(-1.0)", "v1*v2", ()),
    "a sum that a remainder gives, too": ("Number(2.0) + Number(-1.0)", "v1 + v2", ()),
    "a sum of twos is a product, too": ("Number(2.0) + Number(2.0)", "v1 + v2", ()),
    "a function that no other is": ("Number(0.7).tanh()", "tanh(v1)", ()),
}


@pytest.mark.parametrize("what", NAMELESS)
def test_what_has_no_name_is_called_something_only_if_its_numbers_tell(what: str) -> None:
    code, shown, notes = NAMELESS[what]
    code = code if "root" in code else f"root = {code}"
    module = run(f"{ANOTHER.replace('self._op = _op', 'self._op = str()')}\n\n{code}\n")
    report = adopt(module.root)
    assert report.ok, report.text
    assert (report.root.explain().expression, report.notes) == (shown, notes)
    module.root.backward()
    report.root.backward()
    given = sorted(leaf.grad for leaf in leaves(report.root))
    assert given == pytest.approx(sorted(node.grad for node in _leaves(module.root)))


# Operations of several operands that the table does not have, in one node: the rule, and a wrong one.
SEVERAL = {
    "softmax": ("p[1]", "p[1] * ((k == 1) - p[k])", "p[1] * (1 - p[1]) * (k == 1)"),
    "cross_entropy": ("-math.log(p[2])", "p[k] - (k == 2)", "(k == 2) - p[k]"),
    "dot": ("sum(a * b for a, b in zip(x[:2], x[2:]))", "x[(k + 2) % 4]", "x[k]"),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_operations_of_several_operands_in_one_node(name: str) -> None:
    number, right, wrong = SEVERAL[name]
    for rule in (right, wrong):
        module = run(f"""{ANOTHER}

xs = [Number(0.2), Number(-1.0), Number(1.5), Number(0.7)]
x = [each.data for each in xs]
p = [math.exp(each) / sum(map(math.exp, x)) for each in x]
root = Number({number}, xs, "{name}")

def _backward():
    for k, each in enumerate(xs):
        each.grad += ({rule}) * root.grad

root._backward = _backward
""")
        report = adopt(module.root)
        assert report.ok == (rule == right), report.text
        assert report.notes == ()


def _leaves(root: Any) -> list[Any]:
    found, stack = {}, [root]
    while stack:
        node = stack.pop()
        found[id(node)] = node
        stack += [operand for operand in node._prev if id(operand) not in found]
    return [node for node in found.values() if not node._prev]


def test_a_constant_that_says_so_needs_no_gradient() -> None:
    module = run(
        SOURCE.replace(
            "            other.grad += self.data * out.grad\n",
            """
            if getattr(other, "requires_grad", True):
                other.grad += self.data * out.grad
""",
        )
    )
    a, two = module.Scalar(1.5), module.Scalar(2.0)
    two.requires_grad = False
    assert adopt(a * two).ok
    two.requires_grad = True
    assert adopt(a * two).ok


@pytest.mark.parametrize("kind", ["set", "list"])
def test_round_numbers_of_operations_without_names_prove_nothing(kind: str) -> None:
    """1**3 is 1/1 as well, 3 - 1.5 the number itself, and (1 - 3)**2 the sum of both."""
    module = run(SOURCE.replace("self._op = _op", "pass").replace("set(_children)", f"{kind}(_children)"))

    def made(number: float, *slopes: tuple[Any, float]) -> Any:
        out = module.Scalar(number, [operand for operand, _ in slopes])

        def _backward() -> None:
            for operand, slope in slopes:
                operand.grad += slope * out.grad

        out._backward = _backward
        return out

    for operand, number, slope in [
        (1.0, 1.0, 3.0),
        (1.5, 1.5, -1.0),
        (4.0, 2.0, 0.5),
        (2.0, 4.0, 1.0),
        (2.0, 1.0, 0.5),
    ]:
        report = adopt(made(number, (module.Scalar(operand), slope)))
        assert report.ok, report.text
        assert report.notes == UNKNOWN
    x, y = module.Scalar(0.3), module.Scalar(0.7)
    (finding,) = adopt(made(0.3 * 0.7, (x, 0.3), (y, 0.3))).findings
    assert (finding.kind, finding.sentence.partition(" gives")[0]) == ("derivative", "result (node 3, data 0.21)")


def test_a_method_of_many_operations_without_names_is_judged_by_each_number() -> None:
    wrong = METHOD.replace('"mul", [other.data, self.data]', '"", [self.data, other.data]').replace('"add"', '""')
    module = run(wrong)
    a, b = module.Node(0.3), module.Node(0.7)
    (finding,) = adopt((a * b + a) + b, {"a": a, "b": b}).findings
    assert finding.sentence.startswith("result (node 3, data 0.21) gives a 0.3, where the derivative is 0.7")


def test_methods_parents_none_and_an_operation_that_nobody_knows() -> None:
    module = run(METHOD)
    a, b = module.Node(2), module.Node(-3)
    root = (a * b + a).softsign() * a
    report = adopt(root, {"a": a, "b": b})
    assert report.ok, report.text
    assert report.notes == ("softsign2: not what the table has, so taken as it is",)
    assert (a.grad, b.grad) == (None, None)
    assert "_backward" in vars(module.Node)
    assert module.Node._backward.__qualname__ == "Node._backward"
    root.backward()
    report.root.backward()
    assert {v.label: v.grad for v in leaves(report.root)} == pytest.approx({"a": a.grad, "b": b.grad})


def test_of_infinite_slopes_nothing_is_said() -> None:
    """As of the root at 0, for which engines have conventions."""
    module = run(SOURCE)
    x = module.Scalar(0.0)
    root = module.Scalar(0.0, (x,), "sqrt")
    root._backward = lambda: setattr(x, "grad", x.grad + 1e9 * root.grad)
    report = adopt(root, {"x": x})
    assert report.ok
    report.root.backward()
    assert [leaf.grad for leaf in leaves(report.root)] == [1e9]  # and shown as it is theirs


def test_the_power_of_zero() -> None:
    module = run(SOURCE.replace("k * self.data ** (k - 1) * out.grad", "7.0 * out.grad"))
    x = module.Scalar(0.0)
    (finding,) = adopt(x**2, {"x": x}).findings
    assert finding.kind == "derivative"


def test_micrograd_itself() -> None:
    micrograd = needs("micrograd.engine")
    nn = needs("micrograd.nn")
    model = nn.MLP(3, [4, 4, 1])
    loss = (model([1.0, -2.0, 0.5]) - 1.0) ** 2 + sum(p * p for p in model.parameters()) / micrograd.Value(2.0)
    assert adopt(loss).ok
    for p in model.parameters():
        p.grad = 0
    loss.backward()
    assert adopt(loss).ok


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES.keys())
def test_a_graph_from_before_a_step_of_training_is_no_wrong_formula(style: Callable[[str], str]) -> None:
    """As at the end of most files: the operations that take parameters were said to have one."""
    module = run(style(SOURCE))
    w, x = module.Scalar(0.5), module.Scalar(-1.5)
    loss = (w * x + x).tanh() + w * w
    loss.backward()
    w.data -= 0.1 * w.grad
    report = adopt(loss, {"w": w, "x": x})
    assert report.ok, report.text
    (note,) = report.notes
    assert note in UNKNOWN or "computed before a number was changed" in note


ON_A_TAPE = """
TAPE = []

class Number:
    def __init__(self, data, operands=(), op=""):
        self.data, self.grad, self._prev, self._op, self._backward = data, 0.0, operands, op, lambda: None
        TAPE.append(self)

    def __mul__(self, other):
        out = Number(self.data * other.data, (self, other), "*")
        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
        out._backward = _backward
        return out

    def backward(self):
        self.grad = 1.0
        for number in reversed(TAPE):
            number._backward()
"""


def test_an_operation_called_once_more_stays_without_effect_on_a_tape() -> None:
    """It kept the gradient of its probe, which backward() passed on: a right engine was said to start at a leaf."""
    module = run(ON_A_TAPE)
    a, b = module.Number(2.0), module.Number(3.0)
    root = a * b
    root.backward()
    a.data, a.grad, b.grad, root.grad = 1.5, 0.0, 0.0, 0.0
    report = adopt(root, {"a": a, "b": b})
    assert report.ok, report.text
    root.backward()
    assert (a.grad, b.grad) == (3.0, 1.5)


def test_decimals_get_gradients_that_are_decimals() -> None:
    """They were numbers, which a Decimal cannot be multiplied by: a right engine was said to raise."""
    exact = SOURCE.replace("self.grad = 0.0", "self.grad = Decimal(0)").replace(
        "self.grad = 1.0", "self.grad = Decimal(1)"
    )
    module = run(f"from decimal import Decimal\n{exact}")
    a, b = module.Scalar(Decimal("0.3")), module.Scalar(Decimal("0.7"))
    report = adopt(a * b - a, {"a": a, "b": b})
    assert report.ok, report.text


@pytest.mark.parametrize("number", [0.0, -0.0, 1e-12, 30.0, -30.0])
def test_kinks_and_tails_are_no_bugs(number: float) -> None:
    module = run(SOURCE)
    x = module.Scalar(number)
    for root in (x.relu() + x, x.tanh() * 2.0, x.sigmoid() + x.exp()):
        assert adopt(root).ok, adopt(root).text


def test_a_method_that_a_class_inherits_is_not_left_in_it() -> None:
    module = run(METHOD)
    own = type("Own", (module.Node,), {})
    a, b = own(2.0), own(3.0)
    assert adopt(a * b).ok
    assert "_backward" not in vars(own)
