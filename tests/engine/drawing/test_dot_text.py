from __future__ import annotations

import html
import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Value, leaves, maximum, relu, to_dot, topological_order, where
from engine.drawing.graphviz.renderers import has_graphviz, render
from engine.drawing.theme import LIGHT, GradientScale
from engine.text.sheet import words
from tests.engine.drawing.networks import NASTY, Network, expression
from tests.engine.graphs import Recipe, build, floats, recipes

needs_some = pytest.mark.skipif(not has_graphviz(), reason="there is no Graphviz: pip install pygraphviz")


def boxes(dot: str) -> list[str]:
    return re.findall(r"^n\d+ \[.*", dot, re.M)


def edges(dot: str) -> list[str]:
    """The edges, without the ports that they come to."""
    return re.findall(r"^n\d+ -> n\d+.*", re.sub(r"(-> n\d+)(:\w+)+", r"\1", dot), re.M)


def in_table(label: str) -> str:
    """The label of a box with an order among what comes to it, from two operands."""
    return (
        '<table border="0" cellborder="0" cellspacing="0" cellpadding="0"><tr>'
        f'<td port="i1" width="4" height="4"></td><td rowspan="2" width="28" cellpadding="4">{label}</td>'
        '<td rowspan="2" width="4"></td></tr><tr><td port="i2" width="4" height="4"></td></tr></table>'
    )


@pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
def test_text_keeps_off_the_border_in_every_direction(rankdir: str) -> None:
    """From top to bottom it touched the border."""
    assert set(re.findall(r'cellpadding="(\d+)"><b>', to_dot(expression()[0], rankdir=rankdir))) == {"4"}


def test_the_whole_text_of_an_expression() -> None:
    root, _, _ = expression()
    last = '<b>L</b><font color="#68717d">&#160;*</font><br/>8<br/>∇ 1'
    assert to_dot(root).splitlines()[5:] == [
        'n0 [label=<<b>a</b><br/>2<br/>∇ -2> fillcolor="#fdce8b" style="filled" color="#3f4a57"]',
        'n1 [label=<<b>b</b><br/>-3<br/>∇ 4> fillcolor="#f79a72" style="filled" color="#3f4a57"]',
        f'n2 [label=<{in_table("<b>*</b><br/>-6<br/>∇ 2")}> margin=0 fillcolor="#fdce8b"]',
        'n3 [shape=plaintext label=<10> fontcolor="#68717d" height=0.3 width=0.2]',
        f'n4 [label=<{in_table("<b>+</b><br/>4<br/>∇ 2")}> margin=0 fillcolor="#fdce8b"]',
        f'n5 [label=<{in_table(last)}> margin=0 fillcolor="#efeabc" color="#1b1f24" penwidth=2.2]',
        "n0 -> n2:i1:w",
        "n1 -> n2:i2:w",
        "n2 -> n4:i1:w",
        "n3 -> n4:i2:w",
        "n4 -> n5:i1:w",
        "n0 -> n5:i2:w",
        "}",
    ]


def test_before_a_backward_pass_there_are_no_gradients_and_no_legend() -> None:
    a = Value(2.0, "a")
    square = a * a
    assert "∇" not in to_dot(square)
    assert '<td align="left">no backward pass yet, or the gradient here is 0: gradients are not shown</td>' in to_dot(
        square
    )
    square.backward()
    assert "∇" in to_dot(square)
    assert "before a backward pass" not in to_dot(square)
    assert "∇" not in to_dot(a * 3)  # a fresh graph over what holds the gradients of another


def test_both_edges_of_a_square() -> None:
    a = Value(3.0)
    assert edges(to_dot(a * a)) == ["n0 -> n1", "n0 -> n1"]


def test_kinds_are_told_apart() -> None:
    x, w = Value(1.0, "x"), Value(2.0)
    dot = to_dot(w * x + 5, names={"model.w": w})
    parameter, leaf, product, constant, root = boxes(dot)
    assert 'style="filled"' in leaf
    assert LIGHT.parameter in parameter
    assert "model.w" in parameter
    assert "style" not in product
    assert "shape=plaintext" in constant
    assert "penwidth=2.2" in root


def test_nan_and_zero_stand_out() -> None:
    x, dead, bad = Value(1.0, "x"), Value(-1.0, "dead"), Value(0.0, "bad")
    root = x + relu(dead) + bad.log() * 0.0
    root.backward()
    assert math.isnan(root.data)
    dot = to_dot(root)
    (box,) = (line for line in boxes(dot) if "dead" in line)
    assert "dashed" in box
    (box,) = (line for line in boxes(dot) if "bad" in line)
    assert LIGHT.nan in box
    assert "nan, inf" in dot
    assert f'<font color="{LIGHT.nan}"><b>-inf</b></font>' in dot


def test_where_all_gradients_are_zero_the_legend_has_no_colours() -> None:
    dead = Value(1.0, "dead")
    root = Value(2.0) + (dead * 1.0) * 0.0
    root.backward()
    near = to_dot(root, around=dead, radius=1)
    assert "|∇|" in near
    assert to_dot(root).count("bgcolor") > near.count("bgcolor")


@pytest.mark.parametrize(("size", "told"), [(1.7976931348623157e308, "1.8e+308"), (5e-324, "4.9e-324")])
def test_the_legend_names_the_largest_and_the_smallest_of_floats(size: float, told: str) -> None:
    """Rounded to a digit they are inf and 0, which have marks of their own."""
    samples = GradientScale([size], LIGHT).samples()
    assert told in samples
    assert not {"inf", "0"} & samples.keys()


def test_the_legend_keeps_its_width_under_a_long_note() -> None:
    x = Value(2.0, "x")
    root = x * 3.0
    root.backward()
    x.data = 5.0
    assert re.search(r'<td fixedsize="true" width="\d+" height="1"></td>', to_dot(root))


def test_local_derivatives_on_the_edges() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    assert edges(to_dot(a * b, local_derivatives=True)) == ['n0 -> n2 [label=" 3 "]', 'n1 -> n2 [label=" 2 "]']
    chosen = where(1.0, a, b)
    assert edges(to_dot(chosen, local_derivatives=True))[-1] == 'n2 -> n3 [label=" not selected " style=dotted]'


def test_themes_and_directions() -> None:
    root, _, _ = expression()
    assert "rankdir=TB" in to_dot(root, rankdir="TB")
    assert "#14171c" in to_dot(root, theme="dark")
    assert "#14171c" not in to_dot(root)
    with pytest.raises(ValueError, match="no theme 'neon': choose from light, dark"):
        to_dot(root, theme="neon")
    with pytest.raises(ValueError, match="no rankdir 'XY'"):
        to_dot(root, rankdir="XY")


def test_something_that_is_no_graph() -> None:
    with pytest.raises(TypeError, match=r"a graph has a Value as its root, got 3\.0"):
        to_dot(3.0)


@given(recipes(), st.lists(floats(), min_size=3, max_size=3))
def test_one_box_per_node_one_edge_per_operand_the_same_every_time(recipe: Recipe, numbers: list[float]) -> None:
    root = build(recipe, [Value(x) for x in numbers])
    order = topological_order(root)
    dot = to_dot(root)
    assert len(boxes(dot)) == len(order)
    index = {node: i for i, node in enumerate(order)}
    assert edges(dot) == [f"n{index[operand]} -> n{index[node]}" for node in order for operand in node.operands]
    assert to_dot(root) == dot
    again = build(recipe, [Value(x) for x in numbers])
    assert to_dot(again) == dot


def assert_label_stays_inside(label: str) -> None:
    a = Value(2.0, label)
    if words(label, 80).isspace():  # nobody could read it
        assert to_dot(maximum(a, 1.0)) == to_dot(maximum(Value(2.0), 1.0))
        return
    plain = Value(2.0, "a")
    lines, expected = (
        [line for line in to_dot(maximum(x, 1.0)).split("\n") if not line.startswith("label=")] for x in (a, plain)
    )
    assert len(lines) == len(expected)
    shown = re.fullmatch(r"n0 \[label=<<b>([^<>]*)</b><br/>2> style=\"filled\" color=\"#3f4a57\"\]", lines[4])
    assert shown is not None
    assert "&" not in re.sub(r"&(lt|gt|amp|quot|#x27|#93);", "", shown.group(1))
    assert html.unescape(shown.group(1)).replace("\\\\", "\\") == words(label)
    assert lines[:4] + lines[5:] == expected[:4] + expected[5:]


@pytest.mark.parametrize("label", NASTY)
def test_a_nasty_label_stays_inside(label: str) -> None:
    assert_label_stays_inside(label)


@given(st.text(st.characters(), min_size=1))
def test_any_label_stays_inside(label: str) -> None:
    assert_label_stays_inside(label)


@given(st.text(st.characters()))
def test_words_fit_a_line_and_can_be_encoded(text: str) -> None:
    shown = words(text)
    assert len(shown) <= 32
    assert len((shown + "x").splitlines()) == 1
    assert shown.encode().decode() == shown
    assert "\0" not in shown


def test_a_scale_of_gradients() -> None:
    scale = GradientScale([1e-30, 1.0, 0.0, math.inf], LIGHT)
    assert scale.colour(1e-30) == scale.colour(1e-6) == LIGHT.scale[0]
    assert scale.colour(-1.0) == LIGHT.scale[-1]
    assert scale.colour(0.0) == LIGHT.box
    assert scale.colour(math.inf) == scale.colour(math.nan) == LIGHT.nan
    assert GradientScale([0.5, -0.5], LIGHT).samples().keys() == {"0.05", "0.16", "0.5"}


def test_gradients_at_the_ends_of_the_floats_have_colours() -> None:
    x = Value(1.0)
    root = x * 5e-324 + x * 1.7e308
    root.backward()
    assert len(leaves(root)) == 1
    assert to_dot(root)


def test_only_a_value_that_a_long_chain_uses_all_along_makes_dot_hurry() -> None:
    x = Value(0.5, "x")
    root = x
    for _ in range(30):
        root = root * x
    assert "nslimit" not in to_dot(root)
    for _ in range(100):
        root = root * x
    assert "nslimit" in to_dot(root)
    chain = x
    for _ in range(1000):
        chain = chain.sin()
    assert "nslimit" not in to_dot(chain)


def test_dot_keeps_neurons_in_their_order() -> None:
    model = Network(2, 11, 3, 1)
    dot = to_dot(model.loss(1), names=model, collapse="neuron")
    titles = dict(re.findall(r"^(n\d+) \[label=<<b>(layers[^<]*)</b>", dot, re.M))
    kept = [re.findall(r"n\d+", line) for line in dot.splitlines() if line.startswith("{rank=same")]
    assert sorted([titles[node] for node in column] for column in kept) == [
        [f"layers.{layer}.neurons.{k}" for k in range(count)] for layer, count in ((0, 11), (1, 3))
    ]
    alike = to_dot(model.loss(1), names=model, collapse="layer")
    assert "rank=same" not in alike


@needs_some
@pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
@pytest.mark.parametrize(
    "written", ["a / b", "b / a", "a*b - b/a", "b*a + a/b + 3*a", "(a - b) / (b - a)", "a**b - b**a - where(a, b, a)"]
)
def test_graphviz_draws_a_quotient_as_it_is_read(written: str, rankdir: str) -> None:
    """Operands come in their order also where two boxes want one another's: a/b looks different from b/a."""
    root = eval(written, {"a": Value(2.0, "a"), "b": Value(-3.0, "b"), "where": where})
    index = {node: i for i, node in enumerate(topological_order(root))}
    drawn = json.loads(render(to_dot(root, rankdir=rankdir), "json0", timeout=60))
    names = {thing["_gvid"]: int(thing["name"][1:]) for thing in drawn["objects"]}
    ends: dict[int, list[tuple[int, float]]] = {}
    for edge in drawn["edges"]:
        x, y = edge["pos"].partition(" ")[0].split(",")[1:]
        across = float(x) if rankdir in ("TB", "BT") else -float(y)
        ends.setdefault(names[edge["head"]], []).append((names[edge["tail"]], across))
    for node, i in index.items():
        came = [tail for tail, across in sorted(ends.get(i, []), key=lambda end: end[1])]
        assert came == [index[operand] for operand in node.operands]
