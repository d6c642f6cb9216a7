"""The layout without Graphviz: nothing overlaps, no edge runs through a box, and few edges cross."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value, draw
from engine.drawing.layout import Placement, Point, _Layers, apart, place
from engine.drawing.lettering import width_of
from engine.drawing.picture import Picture, take
from engine.drawing.svg import svg_source
from tests.engine.drawing.networks import NASTY, Network, expression
from tests.engine.graphs import Recipe, build, floats, recipes

Edges = list[tuple[int, int]]
SIZES = st.tuples(st.integers(10, 120), st.integers(10, 60))


@st.composite
def drawings(draw_: st.DrawFn) -> tuple[list[tuple[int, int]], Edges]:
    sizes = draw_(st.lists(SIZES, min_size=1, max_size=25))
    box = st.integers(0, len(sizes) - 1)
    edges = draw_(st.lists(st.tuples(box, box).filter(lambda e: e[0] != e[1]), max_size=60))
    return sizes, edges


def along(curve: list[Point]) -> list[Point]:
    """Points of an edge, close to each other."""
    found = []
    for k in range(0, len(curve) - 1, 3):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = curve[k : k + 4]
        for i in range(17):
            t = i / 16
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            found.append((a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy))
    return found


def assert_clean(sizes: list[tuple[int, int]], edges: Edges, placed: Placement) -> None:
    spans = [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for (w, h), (x, y) in zip(sizes, placed.centres)]
    for i, (left, top, right, bottom) in enumerate(spans):
        assert left >= -0.01
        assert right <= placed.width + 0.01
        assert top >= -0.01
        assert bottom <= placed.height + 0.01
        for other in spans[:i]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    for (tail, head), curve in zip(edges, placed.curves):
        for x, y in along(curve):
            for i, (left, top, right, bottom) in enumerate(spans):
                if left + 0.1 < x < right - 0.1 and top + 0.1 < y < bottom - 0.1:
                    raise AssertionError(f"the edge from {tail} to {head} runs through {i}")
        for box, (x, y) in ((tail, curve[0]), (head, curve[-1])):
            left, top, right, bottom = spans[box]
            assert left - 0.1 <= x <= right + 0.1
            assert top - 0.1 <= y <= bottom + 0.1


@given(drawings(), st.sampled_from(["LR", "TB", "RL", "BT"]))
def test_no_overlaps_and_no_edge_through_a_box(drawing: tuple[list[tuple[int, int]], Edges], rankdir: str) -> None:
    sizes, edges = drawing
    placed = place(sizes, edges, rankdir)
    assert_clean(sizes, edges, placed)
    assert place(sizes, edges, rankdir) == placed


@given(recipes(most=20), st.lists(floats(), min_size=3, max_size=3))
def test_graphs(plan: Recipe, xs: list[float]) -> None:
    picture = take(build(plan, [Value(x, name) for x, name in zip(xs, "xyz")]))
    sizes = [(40, 30)] * len(picture.boxes)
    edges = [(edge.tail, edge.head) for edge in picture.edges]
    placed = place(sizes, edges)
    assert_clean(sizes, edges, placed)
    for tail, head in edges:
        assert placed.centres[tail][0] < placed.centres[head][0]


def test_a_tree_is_drawn_without_crossings() -> None:
    edges = [(k, 8 + k // 2) for k in range(8)] + [(8 + k, 12 + k // 2) for k in range(4)] + [(12, 14), (13, 14)]
    shuffled = sorted(edges, key=lambda e: (e[0] * 7) % 15)
    layers = _Layers([30.0] * 15, [20.0] * 15, shuffled, [(0.0, 0.0)] * 14, range(15), ())
    layers.arrange()
    assert layers.crossings() == 0


@given(recipes(most=20), st.lists(floats(), min_size=3, max_size=3), st.sampled_from(["LR", "TB", "RL", "BT"]))
def test_operands_come_in_their_order_also_where_they_are_shared(plan: Recipe, xs: list[float], rankdir: str) -> None:
    """Else a/b would look as b/a does."""
    picture = take(build(plan, [Value(x, name) for x, name in zip(xs, "xyz")]), collapse=None)
    edges = [(edge.tail, edge.head) for edge in picture.edges]
    ordered = [k for k, box in enumerate(picture.boxes) if box.ordered]
    placed = place([(40, 30)] * len(picture.boxes), edges, rankdir, ordered=ordered)
    assert_clean([(40, 30)] * len(picture.boxes), edges, placed)
    for box in ordered:
        ends = [curve[-1] for curve, (_, head) in zip(placed.curves, edges) if head == box]
        across = [x if rankdir in ("TB", "BT") else y for x, y in ends]
        assert across == sorted(across)


def test_values_enter_take_by_their_index_and_factors_enter_dot_in_their_order() -> None:
    """The picture of take(1, [x, z]) had z first, so that it seemed to have taken x; dot's pairs could not be told."""
    x, z = Value(2.0, "x"), Value(3.0, "z")
    root = engine.maximum(x, z) + x * 3 + engine.take(1, [x, z]) + engine.dot([z, x], [x, 4.0]) + engine.sum(z, x)
    picture = take(root)
    edges = [(edge.tail, edge.head) for edge in picture.edges]
    assert {box.symbol for box in picture.boxes if box.ordered} == {"+", "*", "take", "dot"}
    ordered = [k for k, box in enumerate(picture.boxes) if box.ordered]
    placed = place([(40, 30)] * len(picture.boxes), edges, ordered=ordered)
    for symbol, wanted in (("take", ["1", "x", "z"]), ("dot", ["z", "x", "x", "4"])):
        (box,) = (k for k, each in enumerate(picture.boxes) if each.symbol == symbol)
        entering = sorted((curve[-1][1], tail) for curve, (tail, head) in zip(placed.curves, edges) if head == box)
        assert [picture.boxes[tail].title or picture.boxes[tail].rows[0] for _, tail in entering] == wanted


def test_neurons_stand_in_their_order_and_operands_in_theirs() -> None:
    model = Network(3, 5, 4, 1)
    picture = take(model.loss(1), names=model, collapse="neuron")
    edges = [(edge.tail, edge.head) for edge in picture.edges]
    placed = place([(100, 50)] * len(picture.boxes), edges)
    for layer in ("layers.0", "layers.1"):
        heights = [placed.centres[i][1] for i, box in enumerate(picture.boxes) if box.title.startswith(layer)]
        assert heights == sorted(heights)
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    for root in (a - b, b - a, engine.dot([a, b], [c, 2.0]), engine.maximum(c, b, a)):
        picture = take(root)
        placed = place([(40, 30)] * len(picture.boxes), [(e.tail, e.head) for e in picture.edges])
        heights = [placed.centres[e.tail][1] for e in picture.edges]
        assert heights == sorted(heights)


def test_a_long_chain_and_a_value_used_all_along() -> None:
    x = y = Value(0.5, "x")
    for _ in range(400):
        y = y * x
    picture = take(y)
    sizes = [(40, 30)] * len(picture.boxes)
    placed = place(sizes, [(e.tail, e.head) for e in picture.edges])
    assert placed.height < 150


@pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_svg_is_well_formed_and_text_fits_its_box(rankdir: str, theme: str) -> None:
    root, _, _ = expression()
    svg = svg_source(take(root, local_derivatives=True), theme, rankdir, "A <title>")
    tree = ElementTree.fromstring(svg)
    assert [element.text for element in tree if element.tag.endswith("title")] == ["A <title>"]
    assert width_of("L *", bold=True) < 36
    assert width_of("<&>") > 25  # in DejaVu Sans, where there is no Helvetica
    for title, width in (("W" * 30, 331), ("ЖЖЖЖЩЩЩ", 89), ("tr(r[t]) + rr(t) = r(t) + f(t)", 145), ("r" * 30, 148)):
        assert width_of(title, bold=True) + 15 > width  # there, in bold
    assert "-3" in "".join(tree.itertext())


def test_a_long_title_or_note_is_not_cut_off() -> None:
    """Nor in DejaVu Sans, where there is no Helvetica: the sums are of that font's widths."""
    x = Value(2.0, "very " * 16)
    y = x * 3
    x.data = 3.0
    note = f"{x.label} was 2 when this was computed (now 3): evaluate again"
    for title, width in (("", 9 * 68.2), ("very " * 40, 13 * 112.9)):
        svg = ElementTree.fromstring(svg_source(take(y), title=title))
        texts = ["".join(text.itertext()) for text in svg.iterfind(".//{*}text")]
        assert note in texts
        assert float(svg.get("viewBox", "").split()[2]) >= width + 11


def assert_labels_are_apart(root: Value, rankdir: str) -> None:
    assert_labels_can_be_read(take(root, collapse=None, local_derivatives=True), rankdir)


def assert_labels_can_be_read(picture: Picture, rankdir: str) -> None:
    """Of labels on edges that overlapped, two numbers could be read as one: -0.nan9."""
    tree = ElementTree.fromstring(svg_source(picture, rankdir=rankdir))
    spans: list[tuple[float, float, float, float]] = []
    for text in tree.iterfind(".//{*}text"):
        anchor, x, y = text.get("text-anchor"), float(text.get("x", 0)), float(text.get("y", 0))
        if anchor is not None:  # on an edge
            width = width_of("".join(text.itertext()), 9.0)
            left = x - width if anchor == "end" else x
            spans.append((left, y - 7, left + width, y + 1))
    assert spans
    for i, (left, top, right, bottom) in enumerate(spans):
        for other in spans[:i]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    for rect in tree.iterfind(".//{*}rect[@rx]"):  # a box
        x, y, width, height = (float(rect.get(size, 0)) for size in ("x", "y", "width", "height"))
        for left, top, right, bottom in spans:
            assert right <= x or x + width <= left or bottom <= y or y + height <= top


@pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
def test_labels_of_edges_that_run_back_can_be_read(rankdir: str) -> None:
    """They stood inside of the box at the head, which hid them."""
    names = {f"block.{name}.{k}": Value(k / 7) for name in "ab" for k in range(500)}
    weights = [*names.values()]
    pairs = ((2.0 * w, Value(1.0, f"x{k}")) for k, w in enumerate(weights[:500]))
    mixed = [(v + x, v - x, v / x, v * x)[k % 4] for k, (v, x) in enumerate(pairs)]
    picture = take(engine.dot(weights[500:], mixed), names=names, collapse=1)
    boxes = {box.title: k for k, box in enumerate(picture.boxes)}
    ways = {(edge.tail, edge.head): edge.label for edge in picture.edges}
    for symbol in "+-/*":
        assert ways[boxes["block"], boxes[symbol]] == ways[boxes[symbol], boxes["block"]] == "×125"
    assert_labels_can_be_read(picture, rankdir)


@pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
def test_labels_of_edges_are_apart(rankdir: str) -> None:
    a, b = Value(-0.255901, "a"), Value(1e308, "b")
    weights = [Value(k / 7, f"w{k}") for k in range(5)]
    assert_labels_are_apart(a * b, rankdir)
    assert_labels_are_apart((a * 1e-7 - b) / engine.maximum(a * b, b), rankdir)
    assert_labels_are_apart(engine.dot(weights, [0.123, -1e-5, 3e5, 1.0, 0.1]), rankdir)


TIP = re.compile(r"M(.*?),(.*?) L(.*?),(.*?) L(.*?),(.*?) z")


@given(recipes(most=20), st.lists(floats(), min_size=3, max_size=3), st.sampled_from(["LR", "TB", "RL", "BT"]))
def test_arrows_point_along_the_flow(recipe: Recipe, numbers: list[float], rankdir: str) -> None:
    """Where the last piece of an edge was as short as rounding, its arrow could point back, hidden by the box."""
    root = build(recipe, [Value(x, f"leaf {k}") for k, x in enumerate(numbers)])
    svg = svg_source(take(root, collapse=None, local_derivatives=True), rankdir=rankdir)
    for tip in TIP.findall(svg):
        x, y, ax, ay, bx, by = map(float, tip)
        ahead = {"LR": x - (ax + bx) / 2, "RL": (ax + bx) / 2 - x, "TB": y - (ay + by) / 2, "BT": (ay + by) / 2 - y}
        assert ahead[rankdir] > 1.0


def test_an_edge_has_no_piece_without_length() -> None:
    """Half of 95.8 from the middle of a box is not quite its end."""
    placed = place([(104.4, 30.0), (95.8, 30.0), (62.1, 30.0)], [(0, 1), (1, 2)])
    for curve in placed.curves:
        assert all(apart(p, q) for p, q in zip(curve[::3], curve[3::3]))


@given(recipes(most=20), st.lists(floats(), min_size=3, max_size=3), st.sampled_from(["LR", "TB"]))
def test_labels_of_edges_are_apart_in_any_graph(plan: Recipe, xs: list[float], rankdir: str) -> None:
    assert_labels_are_apart(build(plan, [Value(x, name) for x, name in zip(xs, "xyz")]), rankdir)


def test_nasty_labels_stay_inside() -> None:
    root = Value(0.0, "start")
    for label in NASTY[:20]:
        root = root + Value(1.0, label)
    shown = "".join(ElementTree.fromstring(svg_source(take(root, collapse=None))).itertext())
    assert "</td></tr></table>>" in shown
    assert "␛" in "".join(ElementTree.fromstring(svg_source(take(Value(1.0, "\x1b[31m") * 2))).itertext())


def test_title_scale_and_dpi(tmp_path: Path) -> None:
    root, _, _ = expression()

    def width(path: Path | None) -> float:
        assert path is not None
        found = re.search(r'width="(\d+)pt"', path.read_text(encoding="utf-8"))
        assert found is not None
        return float(found.group(1))

    usual = width(draw(root, tmp_path / "g.svg"))
    assert width(draw(root, tmp_path / "g.svg", scale=2)) == pytest.approx(2 * usual, abs=2)
    assert "A title" in (draw(root, tmp_path / "g.svg", title="A title") or tmp_path).read_text(encoding="utf-8")
    assert "<b>A title</b>" in engine.to_dot(root, title="A title")
    with pytest.raises(ValueError, match=r"dpi= is for PNG: a \.svg has no pixels, and scale= makes it larger"):
        draw(root, tmp_path / "g.svg", dpi=300)
    with pytest.raises(TypeError, match=r"draw\(\) has no argument 'local_derivative': did you mean local_deri"):
        (Value(1.0) * 2.0).draw("x.svg", local_derivative=True)
    with pytest.raises(TypeError, match=r"draw\(\) has no argument 'colour': it takes path, theme, .*, radius"):
        root.draw(tmp_path / "g.svg", colour="red")
    with pytest.raises(ValueError, match=r"scale= is for pictures, and a \.dot is text"):
        draw(root, tmp_path / "g.dot", scale=2)
    for wrong in ({"scale": 0}, {"scale": -1}, {"scale": float("nan")}):
        with pytest.raises(ValueError, match="scale= is a positive number"):
            draw(root, tmp_path / "g.svg", **wrong)
    with pytest.raises(TypeError, match="title= is text"):
        draw(root, tmp_path / "g.svg", title=3)


def test_without_a_path_it_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url))
    root, _, _ = expression()
    path = root.draw()
    assert path is not None
    assert opened == [path.as_uri()]
    assert path.read_text(encoding="utf-8").startswith("<svg")


def test_without_a_path_a_notebook_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []

    class Shell:
        class display_formatter:  # noqa: N801  # IPython's name
            active_types: ClassVar = ["text/plain", "image/svg+xml"]

    notebook = SimpleNamespace(
        get_ipython=lambda: Shell, display=SimpleNamespace(display=lambda data, raw: shown.append(data))
    )
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    root, _, _ = expression()
    assert root.draw(title="Here") is None
    assert "Here" in shown[0]["image/svg+xml"]
