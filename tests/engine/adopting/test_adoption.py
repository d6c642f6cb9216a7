"""Adopting graphs of other engines: bugs get their names, right engines none, and the objects stay as they were."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine import Value, adopt, leaves, no_grad
from engine.adopting import graph, replay
from engine.adopting.report import KINDS
from tests.engine.adopting.another import ANOTHER, REPORTED
from tests.engine.adopting.bugs import BUGS, Bug
from tests.engine.adopting.student import SOURCE
from tests.needs import needs


def run(source: str, name: str = "student.py") -> Any:
    module = ModuleType("student")
    exec(compile(source, name, "exec"), vars(module))
    return module


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_students_bug_is_named_first(bug: Bug) -> None:
    assert bug.right in SOURCE
    module = run(SOURCE.replace(bug.right, bug.wrong, 1))
    root, names = module.graph()
    report = adopt(root, names)
    assert not report.ok
    assert report.findings[0].kind == bug.kind, report.text


@pytest.mark.parametrize("bug", REPORTED, ids=lambda bug: bug.name)
def test_a_bug_that_was_reported_is_named_first(bug: Bug) -> None:
    assert bug.right in ANOTHER
    module = run(ANOTHER.replace(bug.right, bug.wrong, 1))
    root, names = module.graph()
    if bug.name == "visited is a default argument":
        root.backward()  # the first one is right
    report = adopt(root, names)
    assert report.findings, report.text
    assert report.findings[0].kind == bug.kind, report.text


def test_the_other_students_engine_is_right() -> None:
    root, names = run(ANOTHER).graph()
    assert adopt(root, names).ok


def test_the_kinds_are_all_tried() -> None:
    assert {bug.kind for bug in BUGS} | {"stale"} == KINDS.keys()
    assert re.findall(r'``"(\w+)"``(?=,| or| *in)', str(adopt.__doc__).partition("A kind is")[2]) == list(KINDS)


# ---- right engines: no false alarm -------------------------------------------------------------------------------

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
    "zeroes first": lambda source: source.replace(
        "        self.grad = 1.0\n", "        for node in topo:\n            node.grad = 0\n        self.grad = 1\n"
    ),
}


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
        ("gelu: not in the table, so taken as it is",),
    ),
    "a sigmoid composed of others, whose gradient goes past them": (
        "def sigmoid(x):\n    s = x.exp() / (x.exp() + Number(1.0))\n    s._op = 'Sigmoid'\n"
        "    def _backward():\n        x.grad += s.data * (1 - s.data) * s.grad\n"
        "    s._backward = _backward\n    return s\na = Number(0.4)\nroot = sigmoid(a) * a",
        ("Sigmoid: not in the table, so taken as it is",),
    ),
    "a name in two words": ("a = Number(1.7)\nroot = a._unary('Leaky ReLU', a.data, lambda out: 1.0) * a", ()),
    "rounding, straight through": (
        "a = Number(1.7)\nroot = a._unary('round', round(a.data), lambda out: 1.0) * a",
        ("round: not in the table, so taken as it is",),
    ),
    "a product by a number, with one operand": (
        "a = Number(1.7)\nroot = Number(3 * a.data, (a,), '*')\nby = 3\n"
        "def of(by):\n    def _backward():\n        a.grad += by * root.grad\n    return _backward\n"
        "root._backward = of(3)",
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


def test_a_backward_that_remembers_is_told_before_it_is_called_again() -> None:
    text = SOURCE.replace("def backward(self):", "def backward(self, visited=set()):")
    report = adopt(run(text.replace("visited = set()", "pass")).graph()[0])
    assert report.notes == (
        "backward() does nothing the second time: does a default argument or the class keep what was seen?",
    )
    text = SOURCE.replace("class Scalar:", "class Scalar:\n    topo = []\n")
    report = adopt(run(text.replace("topo = []\n        v", "topo = Scalar.topo\n        v")).graph()[0])
    assert [finding.kind for finding in report.findings] == ["twice"]
    assert report.findings[0].sentence.startswith("the second time backward() calls")


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
        assert report.notes == ("?: not in the table, so taken as it is",)
    x, y = module.Scalar(0.3), module.Scalar(0.7)
    (finding,) = adopt(made(0.3 * 0.7, (x, 0.3), (y, 0.3))).findings
    assert (finding.kind, finding.sentence.partition(" gives")[0]) == ("derivative", "result (node 3, data 0.21)")


def test_a_method_of_many_operations_without_names_is_judged_by_each_number() -> None:
    wrong = METHOD.replace('"mul", [other.data, self.data]', '"", [self.data, other.data]').replace('"add"', '""')
    module = run(wrong)
    a, b = module.Node(0.3), module.Node(0.7)
    (finding,) = adopt((a * b + a) + b, {"a": a, "b": b}).findings
    assert finding.sentence.startswith("result (node 3, data 0.21) gives a 0.3, where the derivative is 0.7")


def test_a_product_of_one_operand_is_missing_the_other_where_a_method_reads_the_list() -> None:
    one = METHOD.replace("list(parents)", "set(parents)").replace(
        '[self, other], "mul", [other.data, self.data]', '[self], "mul", [other.data]'
    )
    module = run(one)
    (finding,) = adopt(module.Node(3.0) * module.Node(2.0)).findings
    assert finding.kind == "missing"
    assert finding.sentence.endswith("has one operand in its list, where mul takes two")


def test_a_function_that_does_not_tell_its_arguments_is_called_without() -> None:
    class Backward:
        __signature__ = "?"

        def __call__(self) -> None:
            a.grad += (1.0 - root.data**2) * root.grad

    module = run(SOURCE)
    a = module.Scalar(1.5)
    root = a.tanh()
    root._backward = Backward()
    assert adopt(root).ok


def test_a_node_that_gets_a_gradient_and_is_not_listed_is_missing() -> None:
    """Whether the operation is known or not, and the list tells doubles or not."""
    for style in STYLES.values():
        for listed in ('(self,), "*")', '(), "*")'):
            module = run(style(SOURCE).replace('(self, other), "*")', listed))
            a, b = module.Scalar(3.0), module.Scalar(-2.0)
            finding = adopt(a * b + a).findings[0]
            assert finding.kind == "missing"
            assert b.grad == 0.0


def test_methods_parents_none_and_an_operation_that_nobody_knows() -> None:
    module = run(METHOD)
    a, b = module.Node(2), module.Node(-3)
    root = (a * b + a).softsign() * a
    report = adopt(root, {"a": a, "b": b})
    assert report.ok, report.text
    assert report.notes == ("softsign2: not in the table, so taken as it is",)
    assert (a.grad, b.grad) == (None, None)
    assert "_backward" in vars(module.Node)
    assert module.Node._backward.__qualname__ == "Node._backward"
    root.backward()
    report.root.backward()
    assert {v.label: v.grad for v in leaves(report.root)} == pytest.approx({"a": a.grad, "b": b.grad})


ALONE = """
class Node:
    def __init__(self, data, parents=(), op=""):
        self.data, self.grad, self.parents, self.op = data, 0.0, parents, op
    def __mul__(self, other):
        return Node(self.data * other.data, (self, other), "*")
    def _backward(self):
        if self.parents:
            a, b = self.parents
            a.grad += b.data * self.grad
            b.grad += a.data * self.grad
    def backward(self):
        a, b = self.parents
        self.grad, a.grad, b.grad = 1.0, b.data, a.data
"""


@pytest.mark.parametrize(
    ("right", "wrong", "kind", "sentence"),
    [
        ("", "", None, None),
        ("b.data, a.data\n", "b.data, 0.0\n", "missing", "leaves 0 in the gradient of b, where it is 2"),
        ("b.data, a.data\n", "b.data, b.data\n", "overwrites", "leaves -3 in the gradient of b, where it is 2"),
    ],
)
def test_a_backward_that_calls_no_node_is_judged_by_its_result(
    right: str, wrong: str, kind: str | None, sentence: str | None
) -> None:
    module = run(ALONE.replace(right, wrong) if right else ALONE)
    a, b = module.Node(2.0), module.Node(-3.0)
    report = adopt(a * b, {"a": a, "b": b})
    assert report.notes == ("backward() called no node's _backward: only its result was compared",)
    assert [finding.kind for finding in report.findings] == ([] if kind is None else [kind])
    assert sentence is None or sentence in report.findings[0].sentence


def test_of_infinite_slopes_nothing_is_said() -> None:
    """As of the root at 0, for which engines have conventions."""
    module = run(SOURCE)
    x = module.Scalar(0.0)
    root = module.Scalar(0.0, (x,), "sqrt")
    root._backward = lambda: setattr(x, "grad", x.grad + 1e9 * root.grad)
    assert adopt(root, {"x": x}).ok


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


@pytest.mark.parametrize("number", [0.0, -0.0, 1e-12, 30.0, -30.0])
def test_kinks_and_tails_are_no_bugs(number: float) -> None:
    module = run(SOURCE)
    x = module.Scalar(number)
    for root in (x.relu() + x, x.tanh() * 2.0, x.sigmoid() + x.exp()):
        assert adopt(root).ok, adopt(root).text


# ---- what it leaves alone, and what it refuses -------------------------------------------------------------------


def test_the_objects_stay_exactly_as_they_were() -> None:
    module = run(SOURCE.replace("self.grad += out.grad / self.data", "self.data += out.grad / self.data"))
    root, names = module.graph()
    for k, leaf in enumerate(names.values()):
        leaf.grad = k + 0.5
    nodes = graph_of(root)
    before = [(dict(vars(node)), node._backward) for node in nodes]
    adopt(root, names)
    assert [(vars(node), node._backward) for node in nodes] == before


def test_flags_and_freed_lists_are_given_back() -> None:
    module = run(
        SOURCE.replace(
            "            node._backward()\n",
            "            node._backward()\n            node.seen, node._prev, node._op = True, (), 'done'\n",
        )
    )
    root, names = module.graph()
    nodes = graph_of(root)
    before = [dict(vars(node)) for node in nodes]
    assert adopt(root, names).ok
    assert [vars(node) for node in nodes] == before


def graph_of(root: Any) -> list[Any]:
    found, stack = {}, [root]
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found[id(node)] = node
            stack += node._prev
    return list(found.values())


def test_ctrl_c_while_numbers_are_given_back_leaves_none_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    root, _ = run(ANOTHER).graph()
    theirs, give_back = graph.TheirGraph(root), graph._give_back

    def pressed(numbers: list[Any]) -> None:
        give_back(numbers[:1])
        monkeypatch.undo()
        raise KeyboardInterrupt

    def all_numbers() -> list[Any]:
        return [(node.theirs.data, node.theirs.grad) for node in theirs.nodes]

    def change_all() -> None:
        with theirs.restored():
            for node in theirs.nodes:
                node.theirs.data = node.theirs.grad = 7.5

    before = all_numbers()
    monkeypatch.setattr(graph, "_give_back", pressed)
    with pytest.raises(KeyboardInterrupt):
        change_all()
    assert all_numbers() == before


def test_gradients_of_an_earlier_pass_are_stale() -> None:
    module = run(SOURCE)
    root, names = module.graph()
    names["a"].grad = 4.0
    root.backward()
    (finding,) = adopt(root, names).findings
    assert (finding.kind, finding.node) == ("stale", names["a"])
    assert "was" in finding.sentence


def test_a_finding_names_node_line_and_numbers() -> None:
    bug = next(bug for bug in BUGS if bug.name == "tanh of the input")
    wrong = SOURCE.replace(bug.right, bug.wrong)
    module = run(wrong, "homework.py")
    root, names = module.graph()
    (finding,) = adopt(root, names).findings
    line = wrong[: wrong.index(bug.wrong)].count("\n")
    assert finding.node._op == "tanh"
    assert finding.line == f"homework.py:{line}"
    assert finding.sentence.endswith("computed from the input in place of the output")
    assert all(line in adopt(root, names).text for line in str(finding).split("\n"))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"backward": None}, "no method `backward`"),
        ({"_prev": ...}, "none of the attributes _prev, prev"),
        ({"grad": ...}, "no attribute `grad`"),
        ({"data": "three"}, "`data` is not a real number but 'three'"),
        ({"grad": "none"}, "`grad` is not a real number but 'none'"),
        ({"_backward": None}, "`_backward` cannot be called, it is None .store the function, without calling it"),
        ({"_backward": lambda gradient: None}, "`_backward` takes gradient, and is called without arguments"),
    ],
)
def test_what_cannot_be_adopted_is_named(change: dict[str, Any], named: str) -> None:
    module = run(SOURCE)
    root, _ = module.graph()
    for name, thing in change.items():
        if thing is ...:
            delattr(root, name)
        else:
            setattr(root, name, thing)
    with pytest.raises(TypeError, match="cannot be adopted: .*" + named.replace("`", ".")):
        adopt(root)
    with pytest.raises(TypeError, match="names takes a mapping"):
        adopt(root, ["a"])


def test_their_recursion_ends_before_the_stack_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 30,000 nodes Python 3.10 crashed."""
    monkeypatch.setattr(replay, "_DEEPEST", 1500)
    module = run(SOURCE)
    a = root = module.Scalar(1.0)
    for _ in range(3000):
        root = root + a
    (finding,) = adopt(root).findings
    assert finding.kind == "raises"
    assert "RecursionError" in finding.sentence


def test_a_long_chain_needs_no_recursion_of_ours() -> None:
    module = run(METHOD)
    x = module.Node(1.0)
    root = x
    for _ in range(2000):
        root = root * x
    assert adopt(root, {"x": x}).ok
    assert math.isclose(root.data, 1.0)


def test_under_no_grad_it_is_the_same() -> None:
    """Its own Values were not recorded then, and all derivatives wrong that are not 0."""
    root, _ = run(SOURCE).graph()
    with no_grad():
        assert adopt(root).ok


def test_a_value_is_adopted_already() -> None:
    """Of a constant, which gets no gradient, it said that one is missing."""
    with pytest.raises(TypeError, match=r"is a Value of this engine already: its stepper\(\) steps through the graph"):
        adopt(Value(2.0) * 3.0)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from engine.__main__ import main

    file = tmp_path / "homework.py"
    bug = BUGS[0]
    file.write_text(SOURCE.replace(bug.right, bug.wrong) + "\n\nloss, inputs = graph()\nsmall = inputs['a'] * 2.0\n")
    assert main(["adopt", str(file)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("loss, a Scalar graph of 27 nodes: 1 bug\n  overwrites: ")
    assert f"{file}:" in out
    assert main(["adopt", str(file), "--root", "small"]) == 0
    assert "small, a Scalar graph of 3 nodes: no bug found" in capsys.readouterr().out
    assert main(["adopt", str(file), "--root", "big"]) == 2
    assert "defines no big; graphs are loss, small" in capsys.readouterr().err
    (tmp_path / "none.py").write_text("x = 3\n")
    assert main(["adopt", str(tmp_path / "none.py")]) == 2
    assert "no graph" in capsys.readouterr().err
    (tmp_path / "broken.py").write_text("x = 1 / 0\n")
    assert main(["adopt", str(tmp_path / "broken.py")]) == 2
    err = capsys.readouterr().err
    assert err.endswith(f"ZeroDivisionError: division by zero\n  {tmp_path / 'broken.py'}:1: x = 1 / 0\n")
    (tmp_path / "ends.py").write_text("import sys\nsys.exit('done')\n")
    assert main(["adopt", str(tmp_path / "ends.py")]) == 2
    assert "SystemExit: done\n" in capsys.readouterr().err
    assert main(["adopt", str(tmp_path / "missing.py")]) == 2
    assert "missing.py" in capsys.readouterr().err
