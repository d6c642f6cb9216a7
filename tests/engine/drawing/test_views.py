from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Value, relu, to_dot, topological_order
from engine.drawing.picture import take
from engine.drawing.views import neighbourhood, paths_to
from tests.engine.drawing.networks import Network, expression
from tests.engine.drawing.test_dot_text import boxes
from tests.engine.graphs import Recipe, build, floats, recipes


def depends(node: Value, target: Value) -> bool:
    """Whether there is a path, by trying them all."""
    return node is target or any(depends(operand, target) for operand in node.operands)


def distances(start: Value, order: list[Value]) -> dict[Value, int]:
    """Edges from `start` to each node, by relaxing all edges until nothing changes."""
    far = {node: len(order) for node in order}
    far[start] = 0
    for _ in order:
        for node in order:
            for operand in node.operands:
                far[node] = min(far[node], far[operand] + 1)
                far[operand] = min(far[operand], far[node] + 1)
    return far


def test_only_the_paths_to_a_leaf() -> None:
    root, _, b = expression()
    dot = to_dot(root, path_to=b)
    assert len(boxes(dot)) == 4
    assert "<b>a</b>" not in dot
    assert to_dot(root, path_to="b") == dot


def test_a_neighbourhood_marks_where_it_is_cut() -> None:
    root, _, b = expression()
    dot = to_dot(root, around="b", radius=1)
    assert len(boxes(dot)) == 2
    assert [("dotted" in box) for box in boxes(dot)] == [False, True]
    assert len(boxes(to_dot(root, around=b, radius=10))) == 6
    assert "dotted" not in to_dot(root, around=b, radius=10)


def test_a_cut_and_a_gradient_of_0_have_borders_of_their_own() -> None:
    x, off = Value(1.0, "x"), Value(-1.0, "off")
    root = x * x + relu(off)
    root.backward()
    of_x, of_off = (to_dot(root, around=node, radius=0) for node in (x, off))
    assert ("dotted" in of_x, "dashed" in of_x) == (True, False)
    assert ("dotted" in of_off, 'style="dashed"' in of_off) == (True, True)  # the legend of 0
    whole = to_dot(root)
    assert "dotted" not in whole
    assert "dashed" in whole


@given(recipes(most=8), st.lists(floats(), min_size=3, max_size=3), st.data())
def test_views_hold_just_the_nodes_they_should(recipe: Recipe, numbers: list[float], data: st.DataObject) -> None:
    root = build(recipe, [Value(x) for x in numbers])
    order = topological_order(root)
    target = data.draw(st.sampled_from(order))
    radius = data.draw(st.integers(0, 4))
    assert paths_to(target, order) == [node for node in order if depends(node, target)]
    far = distances(target, order)
    assert neighbourhood(target, radius, order) == [node for node in order if far[node] <= radius]


def test_nodes_that_cannot_be_found() -> None:
    root, a, _ = expression()
    twin = Value(1.0, "a")
    with pytest.raises(ValueError, match="no node is called 'z'; there are a, b, L"):
        to_dot(root, path_to="z")
    with pytest.raises(ValueError, match="2 nodes are labelled 'a'"):
        to_dot(root + twin, path_to="a")
    with pytest.raises(ValueError, match="is not in the graph"):
        to_dot(root, path_to=twin)
    with pytest.raises(TypeError, match="give a node or its label, got 3"):
        to_dot(root, around=3)
    with pytest.raises(ValueError, match="radius is a number of edges"):
        to_dot(root, around=a, radius=-1)
    with pytest.raises(ValueError, match="radius is how far the neighbourhood of a Value reaches: give around too"):
        to_dot(root, radius=1)
    with pytest.raises(ValueError, match="two views"):
        to_dot(root, around=a, path_to=a)


def test_the_path_to_a_parameter_by_its_name() -> None:
    model = Network(2, 3, 1)
    dot = to_dot(model.loss(1), names=model, path_to="layers.0.neurons.1.w.0")
    assert "<b>layers.0.neurons.1.w.0</b>" in dot
    assert "layers.0.neurons.2" not in dot


def test_too_many_boxes_are_an_error_that_says_what_to_do() -> None:
    x = Value(1.0, "x")
    root = x
    for _ in range(2000):
        root = root.sin()
    with pytest.raises(
        ValueError, match=r"2,001 boxes, over the limit of 1,500.*names=model and coll.*path_to=.*around=.*limit=None"
    ):
        to_dot(root)
    assert len(boxes(to_dot(root, limit=None))) == 2001
    assert len(boxes(to_dot(root, around=x))) == 3
    model = Network(3, 8, 1)
    for collapse, expand, less in (("alike", (), "draw less with path_to"), ("layer", ["layers.0"], "open less with")):
        with pytest.raises(ValueError, match=f"too many to read: {less}"):
            to_dot(model.loss(1), names=model, collapse=collapse, expand=expand, limit=2)
    with pytest.raises(ValueError, match="6 boxes, over the limit of 5"):
        to_dot(expression()[0], limit=5)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("limit", [2, 5, 8, 20, 40, 60])
def test_the_ways_to_collapse_that_are_named_are_those_that_help(named: bool, limit: int) -> None:
    """collapse="alike" was named for chains, too, in which no nodes are alike."""
    model = Network(3, 8, 1)
    root, names = model.loss(1), model if named else None
    with pytest.raises(ValueError, match="over the limit") as caught:
        to_dot(root, names=names, collapse=None, limit=limit)
    for collapse in ("layer", "neuron", "alike") if named else ("alike",):
        try:
            helps = bool(to_dot(root, names=names, collapse=collapse, limit=limit))
        except ValueError:
            helps = False
        said = str(caught.value).replace('names=model and collapse="layer"', "")
        assert (f'"{collapse}"' in said) == helps, (collapse, said)


@pytest.mark.parametrize("view", [{"around": "x", "radius": 1}, {"path_to": "x"}, {"around": "x", "radius": 3}])
def test_a_part_that_is_still_large_collapses(view: dict[str, Any]) -> None:
    """What is collapsed has operands outside of what is shown."""
    x = chain = Value(0.5, "x")
    for _ in range(100):
        chain = chain * x + 0.1
    assert 1 <= len(boxes(to_dot(chain, limit=None, **view))) <= 301


@pytest.mark.parametrize("collapse", ["auto", "layer", "neuron"])
def test_the_paths_to_a_parameter_collapse(collapse: str) -> None:
    net = Network(2, 16, 1)
    dot = to_dot(net.loss(40), names=net, path_to=net.named_parameters()[0][1], collapse=collapse)
    assert 1 <= len(boxes(dot)) <= 150


def test_a_module_whose_parameters_are_not_on_the_paths_has_the_gradient_of_its_nodes() -> None:
    """It had 0 parameters, and a dashed border as if its gradient were 0."""
    net = Network(2, 2, 1)
    root = net.loss(1)
    root.backward()
    paths = take(root, names=net, path_to="layers.0.neurons.0.b", collapse="layer")
    (last,) = [box for box in paths.boxes if box.title == "layers.1"]
    assert last.rows == ("2 nodes",)
    on_the_paths = [
        node.grad for node in topological_order(root) if node.primitive and node.primitive.name in ("dot", "tanh")
    ]
    assert last.grad == pytest.approx(math.hypot(*on_the_paths[-2:]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": "5"}, "limit= is the most boxes to draw, or None for any number, got '5'"),
        ({"local_derivatives": "no"}, "local_derivatives= is True or False, got 'no'"),
        ({"names": {"m.w": (w := Value(2.0))}, "collapse": "layer", "expand": 3}, "expand= takes paths of modules"),
    ],
)
def test_options_of_another_kind(options: dict[str, Any], message: str) -> None:
    """The text "no" drew the derivatives; the others ended in bare errors."""
    with pytest.raises(TypeError, match=message):
        to_dot(w * 3, **options)
