from __future__ import annotations

import itertools
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value, dot, logsumexp, to_dot, topological_order
from engine.drawing.owners import module_of, owners, steps
from engine.drawing.picture import Picture, take
from engine.text.names import given_names
from engine.text.sheet import short, words
from tests.engine.drawing.networks import Network, expression


def modules(picture: Picture) -> dict[str, tuple[str, ...]]:
    return {box.title: (box.symbol, *box.rows) for box in picture.boxes if box.kind == "module"}


def test_one_box_per_layer() -> None:
    model = Network(2, 4, 3, 1)
    loss = model.loss(5)
    loss.backward()
    picture = take(loss, names=model, collapse="layer")
    assert modules(picture) == {
        "layers.0": ("×5", "12 parameters", "40 nodes"),
        "layers.1": ("×5", "15 parameters", "30 nodes"),
        "layers.2": ("×5", "4 parameters", "10 nodes"),
    }
    for box in picture.boxes:
        if box.kind == "module":
            held = [value.grad for path, value in model.named_parameters() if path.startswith(box.title + ".")]
            assert box.grad == pytest.approx(sum(g * g for g in held) ** 0.5)
    assert {box.title: box.symbol for box in picture.boxes if box.kind == "alike"} == {
        "x": "×10",
        "-": "×5",
        "**": "×5",
        "+": "×4",
        "2": "×5",
        "-1 … 1": "×5",
    }


def test_one_box_per_neuron_and_an_opened_one() -> None:
    model = Network(2, 4, 1)
    loss = model.loss(1)
    picture = take(loss, names=model, collapse="neuron")
    assert sorted(modules(picture)) == [*(f"layers.0.neurons.{k}" for k in range(4)), "layers.1.neurons.0"]
    opened = take(loss, names=model, collapse="layer", expand="layers.0")
    assert sorted(modules(opened)) == [*(f"layers.0.neurons.{k}" for k in range(4)), "layers.1"]
    further = take(loss, names=model, collapse="layer", expand=["layers.0", "layers.0.neurons.2"])
    assert "layers.0.neurons.2" not in modules(further)
    assert [box.title for box in further.boxes if box.kind == "parameter"] == [
        "layers.0.neurons.2.w.0",
        "layers.0.neurons.2.w.1",
        "layers.0.neurons.2.b",
    ]


def test_a_number_added_to_an_output_is_outside() -> None:
    model = Network(2, 1)
    picture = take(model([Value(1.0), Value(2.0)])[0] + 1.0, names=model, collapse="layer")
    assert modules(picture) == {"layers.0": ("", "3 parameters", "2 nodes")}
    assert [box.symbol for box in picture.boxes if box.kind == "operation"] == ["+"]


def test_a_module_of_which_only_parameters_are_used() -> None:
    model = Network(2, 1)
    penalty = engine.sum([w * w for _, w in model.named_parameters()])
    picture = take(penalty, names=model, collapse="layer")
    assert modules(picture) == {"layers.0": ("", "3 parameters")}


def test_depths() -> None:
    model = Network(2, 4, 1)
    loss = model.loss(1)
    assert take(loss, names=model, collapse=1) == take(loss, names=model, collapse="layer")
    assert take(loss, names=model, collapse=2) == take(loss, names=model, collapse="neuron")
    assert take(loss, names=model, collapse=9) == take(loss, names=model, collapse="neuron")


@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.integers(1, 6), st.sampled_from(["layer", "neuron"]))
def test_no_parameter_and_no_edge_is_lost(sizes: list[int], samples: int, collapse: str) -> None:
    model = Network(*sizes)
    loss = model.loss(samples)
    picture = take(loss, names=model, collapse=collapse)
    held = sum(int(rows[1].split()[0]) for rows in modules(picture).values())
    reached = set(topological_order(loss))
    assert held == sum(value in reached for _, value in model.named_parameters())
    whole = take(loss, names=model, collapse=None)
    assert sum(edge.count for edge in picture.edges) <= len(whole.edges)
    assert len(picture.boxes) <= len(whole.boxes)
    where = range(len(picture.boxes))
    assert all(edge.tail in where and edge.head in where and edge.tail != edge.head for edge in picture.edges)


def test_a_neuron_written_by_hand_is_one_box() -> None:
    """micrograd's way: products, a chain of additions from the bias, an activation."""
    w = [Value(0.5), Value(-1.0)]
    b = Value(0.1)
    names = {"neurons.0.w.0": w[0], "neurons.0.w.1": w[1], "neurons.0.b": b}
    y = sum((wi * xi for wi, xi in zip(w, [1.0, 2.0])), b).relu()
    picture = take((y - 1.0) ** 2, names=names, collapse="neuron")
    assert [(box.title, box.symbol) for box in picture.boxes if box.kind == "module"] == [("neurons.0", "")]
    assert [box.symbol for box in picture.boxes if box.kind == "operation"] == ["-", "**"]


def test_what_a_penalty_takes_of_a_module_is_not_in_its_box() -> None:
    model = Network(2, 3, 1)
    values = [value for _, value in model.named_parameters()]
    loss = model.loss(4) + 0.1 * sum((p * p for p in values), Value(0.0))
    own = owners(topological_order(loss), given_names(model))
    squares = [node for node in topological_order(loss) if node._op == "*" and node.operands[0] is node.operands[1]]
    assert len(squares) == len(values)
    assert not any(node in own for node in squares)
    picture = take(loss, names=model, collapse="layer")
    assert [box for box in picture.boxes if box.symbol == f"×{len(values)}" and box.title == "*"]


def test_a_loss_over_several_neurons_is_outside() -> None:
    model = Network(2, 3)
    logits = model([Value(1.0, "x0"), Value(-1.0, "x1")])
    picture = take(logsumexp(logits) - logits[0], names=model, collapse="layer")
    assert [box.symbol for box in picture.boxes if box.kind == "operation"] == ["logsumexp", "-"]


def test_what_lies_between_two_layers_belongs_to_the_first() -> None:
    model = Network(2, 3, 1)
    (first, second), x = model.layers, [Value(1.0, "x0"), Value(-1.0, "x1")]
    hidden = [dot(w, x, b) for w, b in first]
    swish = [h * h.sigmoid() for h in hidden]
    root = dot(second[0][0], swish, second[0][1])
    picture = take(root, names=model, collapse="layer")
    assert sorted(box.title for box in picture.boxes) == ["layers.0", "layers.1", "x0", "x1"]


def test_nodes_that_are_alike_need_no_names() -> None:
    xs = [Value(float(k), f"x{k}") for k in range(6)]
    root = sum((x.tanh() ** 2 for x in xs[1:]), xs[0].tanh() ** 2)
    picture = take(root, collapse="alike")
    assert [(box.title, box.symbol) for box in picture.boxes] == [
        ("x", "×6"),
        ("tanh", "×6"),
        ("2", "×6"),
        ("**", "×6"),
        ("+", "×4"),
        ("", "+"),
    ]


def test_the_result_of_a_long_sum_keeps_its_label_and_its_number() -> None:
    """It is the last + of a chain, and was one of many in a box that had only the range of their numbers."""
    loss = sum((Value(0.5, "w") * float(k) for k in range(100)), Value(0.0))
    loss.label = "loss"
    loss.backward()
    picture = take(loss)
    root = picture.boxes[-1]
    assert (root.title, root.symbol, root.rows, root.grad, root.root) == ("loss", "+", ("2475",), 1.0, True)
    assert [box.symbol for box in picture.boxes[:-1] if box.title == "+"] == ["×99"]
    assert sorted(edge.count for edge in picture.edges if edge.head == len(picture.boxes) - 1) == [1, 1]


def test_a_module_that_holds_the_result_shows_its_label_and_its_number() -> None:
    """The box of the last layer had only counts of its own: what was drawn had neither a name nor a value."""
    model = Network(2, 4, 1)
    (y,) = model([Value(1.0), Value(2.0)])
    assert modules(take(y, names=model, collapse="layer")) == {
        "layers.0": ("", "12 parameters", "8 nodes"),
        "layers.1": ("", "5 parameters", "2 nodes", f"result = {short(y.data)}"),
    }
    y.label = "y" * 100
    dot = to_dot(y, names=model, collapse="layer")
    assert dot.count(f"{words(y.label)} = {short(y.data)}") == 1
    around = take(y, names=model, collapse="layer", around="layers.0.neurons.0.b", radius=1)
    assert all(len(rows) <= 3 and not box.root for box, rows in zip(around.boxes, modules(around).values()))


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ([1.0, 2.0, math.nan, 4.0], "nan, 1 … 4"),
        ([math.nan] * 4, "nan"),
        ([0.0, math.inf, math.nan, -math.inf], "nan, -inf … inf"),
        ([3.0] * 4, "3"),
        ([0.0, -0.0, 0.0, 1e-20], "-0 … 1e-20"),
    ],
)
def test_a_nan_among_numbers_that_are_alike_is_shown(numbers: list[float], shown: str) -> None:
    """The smallest and the largest of a set hid it, or hid all others, as it came."""
    for order in itertools.permutations(numbers):
        picture = take(engine.sum([Value(x).tanh() for x in order]), collapse="alike")
        assert picture.boxes[0].title == shown


def test_a_nan_among_gradients_is_shown_beside_an_infinite_one() -> None:
    root = engine.sum([Value(x).sqrt() for x in (0.0, math.nan, 1.0, 4.0)])
    root.backward()
    leaves, *_ = take(root, collapse="alike").boxes
    assert leaves.grad is not None
    assert math.isnan(leaves.grad)


def test_a_large_batch_has_no_more_boxes_than_a_small_one() -> None:
    model = Network(2, 4, 1)
    few, many = (take(model.loss(n), names=model, collapse="layer") for n in (5, 50))
    assert len(few.boxes) == len(many.boxes)


def test_paths_and_their_parts() -> None:
    assert steps("0.neurons.3.w.2.1") == ("0", "neurons.3", "w.2.1")
    assert module_of("layers.1.b") == ("layers.1",)
    assert module_of("slope") == ("slope",)


def test_titles_of_modules_are_escaped() -> None:
    w = Value(1.0)
    x = Value(2.0, "x")
    dot_text = to_dot(w * x, names={"<b>&.w": w}, collapse=1)
    assert re.search(r"<b>&lt;b&gt;&amp;</b>", dot_text)


def test_a_name_of_a_result_is_no_parameter() -> None:
    x = Value(2.0, "x")
    y = x * x
    assert to_dot(y + 1.0, names={"y": y}).count("<b>y</b>") == 1
    with pytest.raises(ValueError, match="needs names=model"):
        to_dot(y + 1.0, names={"y": y}, collapse="layer")


def test_mistakes() -> None:
    root, _, _ = expression()
    model = Network(2, 3, 1)
    loss = model.loss(1)
    with pytest.raises(ValueError, match="collapse='layer' needs names=model"):
        to_dot(root, collapse="layer")
    with pytest.raises(ValueError, match="no module is called 'block'; there are layers, neurons"):
        to_dot(loss, names=model, collapse="block")
    with pytest.raises(ValueError, match="a depth is 1 or more, got 0"):
        to_dot(loss, names=model, collapse=0)
    with pytest.raises(TypeError, match=r"collapse takes .*, got 1\.5 of type float"):
        to_dot(loss, names=model, collapse=1.5)
    with pytest.raises(TypeError, match="collapse takes"):
        to_dot(loss, names=model, collapse=True)
    with pytest.raises(ValueError, match=r"expand: there is no module 'layers\.7'; there are layers\.0"):
        to_dot(loss, names=model, collapse="layer", expand="layers.7")
    with pytest.raises(ValueError, match='not "alike"'):
        to_dot(loss, names=model, collapse="alike", expand="layers.0")
    with pytest.raises(ValueError, match="expand opens a box that collapse made"):
        to_dot(loss, names=model, expand="layers.0")


def test_boxes_with_long_paths_do_not_look_the_same() -> None:
    """Of block.layers.0.inner.layers.1.query.neurons.3 each one showed the start, cut off before it came to itself."""
    paths = [f"block.layers.0.inner.layers.1.{part}.neurons.{k}.w.0" for part in ("query", "key") for k in range(5)]
    names = {path: Value(0.5) for path in paths}
    root = engine.sum([w.tanh() for w in names.values()])
    for collapse in (None, "neuron"):
        dot = to_dot(root, names=names, collapse=collapse)
        for path in paths:
            shown = path if collapse is None else path.removesuffix(".w.0")
            assert dot.count(f"<b>…{shown[-31:]}</b>") == 1


def test_what_would_be_many_boxes_collapses_by_itself() -> None:
    model = Network(2, 8, 8, 1)
    loss = model.loss(10)
    count = len(topological_order(loss))
    picture = take(loss, names=model)
    assert picture == take(loss, names=model, collapse="layer") or len(picture.boxes) < 20
    assert picture.notes[0] == (
        f"{count} nodes in {len(picture.boxes)} boxes, one for each layer; collapse=None draws them all"
    )
    assert len(take(loss, names=model, collapse=None).boxes) == count
    alike = take(loss)
    assert "alike ones in one" in alike.notes[0]
    assert len(alike.boxes) < 30
    small = model.loss(1)
    assert len(take(small, names=model).boxes) == len(topological_order(small))
    assert take(small, names=model).notes == [
        "no backward pass yet, or the gradient here is 0: gradients are not shown"
    ]


def test_steps_that_have_little_in_common_are_not_collapsed() -> None:
    """Of a pendulum of 100 steps two thirds were left, with such long edges that Graphviz gave up after a minute."""
    g, angle, speed = Value(9.81, "g"), Value(1.0, "angle"), Value(0.0, "speed")
    for _ in range(30):
        speed = speed - 0.01 * g * angle.sin()
        angle = angle + 0.01 * speed
    assert take(angle) == take(angle, collapse=None)
    every = len(take(angle).boxes)
    assert every / 2 < len(take(angle, collapse="alike").boxes) < every
    drag = engine.sum([(0.1 * Value(float(k), f"v{k}")).tanh() for k in range(100)])
    both = angle + drag  # of which less than half is left
    assert len(take(both).boxes) < len(take(both, collapse=None).boxes) / 2


def test_parameters_that_are_each_a_module_do_not_make_a_picture_of_their_number() -> None:
    """A plot of 143 boxes with a weight each was 8,000 pixels high."""
    ws = {f"w{k}": Value(k / 100) for k in range(143)}
    loss = sum((w * Value(1.0, f"x{k}") for k, w in enumerate(ws.values())), Value(0.0))
    picture = take(loss, names=ws)
    assert len(picture.boxes) < 10
    assert len(take(loss, names=ws, collapse="alike").boxes) < 10
