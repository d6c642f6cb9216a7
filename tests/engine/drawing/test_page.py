from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Constant, Value, leaves, topological_order, where
from engine.drawing import save_steps
from engine.drawing.graphviz.renderers import has_graphviz, render
from engine.drawing.layout import Placement
from engine.drawing.page import page_of
from engine.drawing.placing import layout_by, placed
from engine.text.remarks import _read_as_number
from engine.text.sheet import left_to_right, words
from tests.engine.drawing.networks import NASTY, Network, expression
from tests.engine.graphs import Recipe, build, floats, recipes

needs_some = pytest.mark.skipif(not has_graphviz(), reason="there is no Graphviz: pip install pygraphviz")


def place(dot: str, kind: str = "json0") -> bytes:
    """In place of Graphviz: all boxes in a row."""
    nodes = re.findall(r"^(n\d+) \[", dot, re.M)
    edges = re.findall(r'^n(\d+) -> n(\d+)\S* \[id="(\w+)"\]', dot, re.M)
    placed = {
        "bb": f"0,0,{200 * len(nodes)},100",
        "objects": [{"name": name, "pos": f"{200 * i + 100},50"} for i, name in enumerate(nodes)],
        "edges": [{"id": id_, "pos": "e,9,9 0,0 1,1 2,2 3,3"} for _, _, id_ in edges],
    }
    return json.dumps(placed).encode()


class Reader(HTMLParser):
    """What a browser makes of the page: elements, scripts and texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style", "title", "text", "tspan", "h1"):
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]][-1] += data


def page(root: Value, names: Any = None) -> str:
    return page_of(
        root, names=names, limit=None, place=lambda sizes, edges, ordered: placed(sizes, edges, ordered, place)
    )


@pytest.mark.parametrize("graphviz", [False, pytest.param(True, marks=needs_some)])
@pytest.mark.parametrize(
    "written", ["a / b", "b / a", "a*b - b/a", "(a - b) / (b - a)", "a**b - b**a - where(a, b, a)"]
)
def test_operands_come_in_their_order(written: str, graphviz: bool) -> None:
    """Else a/b would look as b/a does, where the box has a label."""

    def layout(*drawn: Any) -> Placement:
        return placed(*drawn, lambda dot: render(dot, "json0", timeout=60)) if graphviz else layout_by(None, 60)(*drawn)

    root = eval(written, {"a": Value(2.0, "a"), "b": Value(-3.0, "b"), "where": where})
    text = page_of(root, names=None, limit=None, place=layout)
    ends: dict[str, list[float]] = {}
    for box, path in re.findall(r'<path id="e(\d+)_\d+" class="edge" d="([^"]*)"', text):
        ends.setdefault(box, []).append(float(path.rpartition(",")[2]))
    assert ends
    for heights in ends.values():
        assert heights == sorted(set(heights))


def data_of(text: str) -> Any:
    return json.loads(Reader(text).texts["script"][0])


def test_the_records_are_those_of_the_backward_pass() -> None:
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    root = a * b + a
    data = data_of(page(root))
    assert [node[0] for node in data["nodes"]] == ["a", "b", "a*b", "a*b + a"]
    assert data["forward"] == [2, 3]
    assert data["backward"] == [
        [3, 1.0, [[2, 1.0, 1.0, 0.0, 1.0, 1, 1], [0, 1.0, 1.0, 0.0, 1.0, 1, 2]]],
        [2, 1.0, [[0, -3.0, -3.0, 1.0, -2.0, 2, 2], [1, 2.0, 2.0, 0.0, 2.0, 1, 1]]],
    ]


@given(recipes(most=8), st.lists(floats(), min_size=3, max_size=3))
def test_the_last_gradients_are_those_of_backward_bit_by_bit(recipe: Recipe, numbers: list[float]) -> None:
    xs = [Value(x) for x in numbers]
    root = build(recipe, xs)
    for x in xs:
        x.grad = 7.0  # what earlier passes left neither counts nor is touched
    data = data_of(page(root))
    assert all(x.grad == 7.0 for x in xs)
    root.zero_grad()
    root.backward()
    last = {data["root"]: 1.0}
    last.update((row[0], row[4]) for _, _, rows in data["backward"] for row in rows if row[1] is not None)
    order = topological_order(root)
    index = {node: i for i, node in enumerate(order)}
    for leaf in leaves(root):
        assert float(last.get(index[leaf], 0.0)) == pytest.approx(leaf.grad, rel=0, abs=0, nan_ok=True)
    assert [node[4] for node in data["nodes"]] == [node.data for node in order]


def test_numbers_that_json_has_not() -> None:
    x = Value(0.0, "x")
    data = data_of(page(x.log() * x))
    assert [node[4] for node in data["nodes"]] == [0.0, "-inf", "nan"]
    assert any(row[4] == "nan" for _, _, rows in data["backward"] for row in rows)


def assert_a_page_like_any_other(label: str) -> None:
    usual = "a" if _read_as_number(label) in (None, 2.0) else "7"  # of another number than the node's there is a note
    plain, odd = (Reader(page(Value(2.0, text) * 3.0)) for text in (usual, label))
    assert [tag for tag, _ in odd.tags if tag != "tspan"] == [tag for tag, _ in plain.tags if tag != "tspan"]
    assert odd.texts["script"][1] == plain.texts["script"][1]
    name = "v1" if words(label, 80).isspace() else label  # nobody could read a blank one
    assert json.loads(odd.texts["script"][0])["nodes"][0][0] == left_to_right(words(name, 60))
    shown = {text.strip() for text in odd.texts["text"]}
    assert left_to_right(words(name, 22)).strip() in shown
    assert "\0" not in odd.texts["script"][0]


@pytest.mark.parametrize("label", NASTY)
def test_a_nasty_label_stays_inside(label: str) -> None:
    assert_a_page_like_any_other(label)


@given(st.text(st.characters(), min_size=1))
def test_any_label_stays_inside(label: str) -> None:
    assert_a_page_like_any_other(label)


def test_the_page_asks_for_nothing_and_runs_nothing_but_its_own_script() -> None:
    text = page(expression()[0])
    reader = Reader(text)
    (policy,) = (attrs["content"] or "" for tag, attrs in reader.tags if "http-equiv" in attrs)
    digest = base64.b64encode(hashlib.sha256(reader.texts["script"][1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert f"script-src 'sha256-{digest}'" in policy
    style = base64.b64encode(hashlib.sha256(reader.texts["style"][0].encode()).digest()).decode()
    assert f"style-src 'sha256-{style}'" in policy
    assert not [attrs for _, attrs in reader.tags if any(name.startswith("on") or name == "style" for name in attrs)]
    addresses = [attrs[name] for _, attrs in reader.tags for name in ("src", "href") if name in attrs]
    assert addresses == ["data:,"]
    assert "eval(" not in text
    assert "innerHTML" not in text


def test_a_page_for_a_hundred_nodes_is_small() -> None:
    x = Value(0.3, "x")
    root = x
    for k in range(24):
        root = root + (x * Value(k / 7, f"w{k}")).tanh()
    assert 95 < len(topological_order(root)) < 105
    assert len(page(root).encode()) < 100_000


def test_parameters_have_their_paths() -> None:
    model = Network(2, 2, 1)
    names = [node[0] for node in data_of(page(model.loss(1), model))["nodes"]]
    assert "layers.0.neurons.1.w.0" in names


def test_a_constant_with_a_name_shows_it_and_no_gradient() -> None:
    two = Constant(2.0)
    two.label = "two"
    text = page(Value(3.0, "x") * two)
    (box,) = re.findall(r'<g id="n\d+" class="node constant".*?</g>', text)
    assert ">two</text>" in box
    assert ">2</text>" in box
    assert "∇" not in box


def test_saving(tmp_path: Path) -> None:
    root, a, _ = expression()
    before = a.grad
    path = save_steps(root, tmp_path / "steps.html", renderer=place)
    assert path.read_text(encoding="utf-8") == page(root)
    stepper = root.stepper()
    stepper.next()
    half_way = a.grad
    assert stepper.save(tmp_path / "again.html", renderer=place).read_bytes() == path.read_bytes()
    assert a.grad == half_way
    stepper.close()
    assert a.grad == before
    with pytest.raises(ValueError, match=r"ends in \.html, got"):
        save_steps(root, tmp_path / "steps.svg", renderer=place)
    with pytest.raises(FileNotFoundError):
        save_steps(root, tmp_path / "missing" / "steps.html", renderer=place)
    with pytest.raises(ValueError, match="6 boxes, over the limit of 5"):
        save_steps(root, tmp_path / "steps.html", renderer=place, limit=5)
    assert math.isfinite(a.grad)
