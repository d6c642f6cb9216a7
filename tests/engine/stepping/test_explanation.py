from __future__ import annotations

import pytest

import engine
from engine import Value


def test_a_small_graph() -> None:
    a, b, c, d = Value(2.0), Value(-3.0), Value(10.0), Value(-2.0)
    loss = (a * b + c) * d
    engine.label(a=a, b=b, c=c, d=d, L=loss)
    loss.backward()
    explanation = loss.explain()
    assert explanation.expression == "(a*b + c) * d"
    assert [node.label for node in explanation.nodes] == ["a", "b", None, "c", None, "d", "L"]
    assert str(explanation) == (
        "L = (a*b + c) * d = -8\n"
        "  node     value  gradient  formula        local derivatives\n"
        "  a        2      6\n"
        "  b        -3     -4\n"
        "  a*b      -6     -2        a*b            d/da = -3, d/db = 2\n"
        "  c        10     -2\n"
        "  a*b + c  4      -2        a*b + c        d/d(a*b) = 1, d/dc = 1\n"
        "  d        -2     4\n"
        "  L        -8     1         (a*b + c) * d  d/d(a*b + c) = -2, d/dd = 4"
    )
    assert "<td style='text-align:left'>a*b + c</td>" in explanation._repr_html_()


def test_a_labelled_result_stands_for_itself() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    c = a * b
    c.label = "c"
    assert (c + a).explain().expression == "c + a"
    assert c.explain().expression == "a*b"


def test_a_long_graph_is_cut_in_the_middle() -> None:
    x = y = Value(1.0, "x")
    for _ in range(1000):
        y = y * x
    lines = str(y.explain(rows=6)).splitlines()
    assert len(lines) == 2 + 7 + 1
    assert lines[2].split()[0] == "x"
    assert lines[5].strip() == "... 995 more nodes ..."
    assert lines[-2].split()[0] == "mul1001"


def test_a_node_with_many_operands() -> None:
    xs = [Value(float(k), f"x{k}") for k in range(50)]
    assert "... 44 more" in str(engine.sum(xs).explain())


def test_names_of_parameters() -> None:
    class Module:
        w = Value(2.0)

        def named_parameters(self) -> list[tuple[str, Value]]:
            return [("layers.0.w", self.w)]

    module = Module()
    assert (module.w * 2).explain(names=module).expression == "layers.0.w*2"


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="must be 2 or more, got 1"):
        Value(1.0).explain(rows=1)
    with pytest.raises(TypeError, match="names= takes a module"):
        Value(1.0).explain(names=3)
