"""Bugs of other engines get their names, those that students make and those that were reported."""

from __future__ import annotations

import re

import pytest

from engine import adopt
from engine.adopting.report import KINDS
from tests.engine.adopting.another import ANOTHER, REPORTED
from tests.engine.adopting.bugs import BUGS, Bug
from tests.engine.adopting.student import METHOD, SOURCE, STYLES, run


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_students_bug_is_named_and_little_else(bug: Bug) -> None:
    assert bug.right in SOURCE
    module = run(SOURCE.replace(bug.right, bug.wrong, 1))
    root, names = module.graph()
    report = adopt(root, names)
    assert not report.ok
    assert [finding.kind for finding in report.findings] == [bug.kind, *bug.others], report.text


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


def test_a_product_of_one_operand_is_missing_the_other_where_a_method_reads_the_list() -> None:
    one = METHOD.replace("list(parents)", "set(parents)").replace(
        '[self, other], "mul", [other.data, self.data]', '[self], "mul", [other.data]'
    )
    module = run(one)
    (finding,) = adopt(module.Node(3.0) * module.Node(2.0)).findings
    assert finding.kind == "missing"
    assert finding.sentence.endswith("has one operand in its list, where mul takes two")


def test_a_node_that_gets_a_gradient_and_is_not_listed_is_missing() -> None:
    """Whether the operation is known or not, and the list tells doubles or not."""
    for style in STYLES.values():
        for listed in ('(self,), "*")', '(), "*")'):
            module = run(style(SOURCE).replace('(self, other), "*")', listed))
            a, b = module.Scalar(3.0), module.Scalar(-2.0)
            finding = adopt(a * b + a).findings[0]
            assert finding.kind == "missing"
            assert b.grad == 0.0


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


def test_a_gradient_of_none_that_nobody_sets_to_0_raises() -> None:
    """As backward() really does; it was called with gradients of 0, and no bug found."""
    module = run(SOURCE.replace("self.grad = 0.0", "self.grad = None"))
    a, b = module.Scalar(2.0), module.Scalar(-3.0)
    (finding,) = adopt(a * b, {"a": a, "b": b}).findings
    assert (finding.kind, a.grad) == ("raises", None)
    assert "NoneType" in finding.sentence


@pytest.mark.parametrize(
    ("right", "wrong", "kind"),
    [
        ("self.grad += other.data * out.grad", "self.grad += self.data * out.grad", "derivative"),
        ("self.grad += other.data * out.grad", "self.grad = other.data * out.grad", "overwrites"),
        ("Scalar(self.data * other.data", "Scalar(self.data * other.data + 1", "forward"),
        ("(1 - t**2)", "(1 - x**2)", "derivative"),
    ],
)
def test_a_bug_is_named_after_a_step_of_training(right: str, wrong: str, kind: str) -> None:
    """The operations that take what has changed are called once more, and judged by that."""
    module = run(SOURCE.replace(right, wrong))
    w, x = module.Scalar(0.5), module.Scalar(-1.5)
    loss = (w * x).tanh() + w.tanh()
    loss.backward()
    w.data -= 0.1
    assert kind in [finding.kind for finding in adopt(loss, {"w": w, "x": x}).findings]


def test_a_maximum_of_x_and_a_number_is_judged() -> None:
    module = run(f"{ANOTHER}\na = Number(-1.5)\nroot = a._unary('max', max(a.data, 0.0), lambda out: 1.0)")
    (finding,) = adopt(module.root, {"a": module.a}).findings
    assert finding.kind == "derivative"
    assert "gives a 1, where the derivative is 0" in finding.sentence


@pytest.mark.parametrize("style", ["as it stands", "no names of operations"])
def test_gradients_of_an_earlier_pass_are_stale(style: str) -> None:
    module = run(STYLES[style](SOURCE))
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
