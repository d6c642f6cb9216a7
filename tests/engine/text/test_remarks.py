"""Notes: what would mislead a reader of a graph is said, and only that."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

import engine
from engine import Value, notes
from engine.text import remarks
from engine.text.remarks import NO_PASS


def test_a_leaf_that_has_changed_since() -> None:
    x, w = Value(1.0, "x"), Value(0.5, "w")
    y = x * w
    y.backward()
    assert notes(y) == []
    x.data = 5
    stale = "x was 1 when this was computed (now 5): evaluate again"
    assert notes(y) == [stale]
    with pytest.warns(UserWarning, match="the gradient is the one at that number"):
        whys = y.why(w), y.why(x)
    for shown in (y.explain(), *whys, y.stepper(), y.stepper().next(), next(y.forward_steps())):
        assert stale in [line.strip() for line in str(shown).splitlines()]
    x.data, x.grad, w.grad = 1, 0.5, 1.0  # the one step of that stepper was the whole pass
    assert notes(y) == []
    w.data = 0.5 + 1e-12
    assert notes(y) == ["w was 0.5 when this was computed (now 0.500000000001): evaluate again"]
    w.data = 0.5
    zero = Value(0.0, "zero")
    root = y * zero
    zero.data = -0.0
    assert notes(root)[0] == "zero was 0 when this was computed (now -0): evaluate again"


def test_many_alike_are_one_line() -> None:
    ws = [Value(k / 10) for k in range(10)]
    root = engine.sum(w * w for w in ws)
    root.backward()
    for w in ws:
        w.data += 1
    assert notes(root) == ["10 leaves changed since this was computed (v1 was 0, now 1): evaluate again"]
    names = {f"layer.w.{k}": w for k, w in enumerate(ws)}
    assert notes(root, names=names) == [
        "10 parameters changed since this was computed (layer.w.0 was 0, now 1): evaluate again"
    ]
    for k, w in enumerate(ws):
        w.data = k / 10
    root.backward()
    assert notes(root) == [
        "9 gradients are not this graph's own (v3 has 0.4, and the graph's own is 0.2): "
        "they come wholly or partly from another backward() (call zero_grad() first), or were changed since"
    ]
    for w in ws:
        w.grad = 0
    assert notes(root) == [
        "9 nodes have no gradient, where this graph's own is not 0: backward() has not come there, or zero_grad() since"
    ]


def test_gradients_that_are_nearly_its_own_are_told_apart() -> None:
    w = Value(0.5, "w")
    y = w * 0.3
    y.backward()
    w.grad = 0.3000001
    assert notes(y)[0].startswith("w's gradient 0.3000001 is not this graph's own 0.3: ")


def test_no_backward_pass_yet() -> None:
    """As after training: the gradients in the parameters are the last batch's."""
    w = Value(0.5, "w")
    (w * 3).backward()
    fresh = w * 7
    assert notes(fresh) == [NO_PASS]
    text = str(fresh.explain())
    assert "gradient  " not in text
    assert text.endswith(NO_PASS)
    fresh.backward()
    assert notes(fresh) == [
        "w's gradient 10 is not this graph's own 7: "
        "it comes wholly or partly from another backward() (call zero_grad() first), or was changed since"
    ]
    w.grad = 0
    fresh.backward()
    assert notes(fresh) == []
    fresh.zero_grad()
    assert notes(fresh) == [NO_PASS]


def test_a_gradient_of_0_is_not_called_a_pass_that_was_not_made() -> None:
    """Behind a dead relu there has been a pass: nothing may say that there was none yet."""
    product = Value(-3.0, "w") * Value(2.0, "x")
    product.relu().backward()
    assert notes(product) == [NO_PASS] == ["no backward pass yet, or the gradient here is 0: gradients are not shown"]


def test_a_part_of_a_larger_result() -> None:
    a = Value(2.0, "a")
    part = a * a
    (part * 3).backward()
    assert notes(part) == ["these are the gradients of a larger result: by it a*a has 3, not 1"]
    assert "gradient" in str(part.explain()).splitlines()[1]
    total = part + 4 * a  # as a loss with a penalty: by it the part has 1, as by itself
    a.grad = 0.0
    total.backward()
    assert notes(part)[0].startswith(
        "a's gradient 8 is not this graph's own 4: it comes wholly or partly from another backward"
    )


def test_a_pass_that_is_being_stepped_through_has_partial_gradients() -> None:
    a = Value(2.0, "a")
    root = a * a * a
    with root.stepper() as s:
        s.next()
        under_way = "a backward pass is under way, 1 of 2 steps done: gradients are partial"
        assert notes(root) == [under_way]
        assert under_way in engine.to_dot(root)
        assert under_way not in s.text  # it tells the state of each
        part = root.operands[0]
        assert notes(part) == [under_way.replace("pass", "pass of a*a*a")]  # it said: of a larger result
        assert notes(a * a) == [NO_PASS]  # which takes only a from it
        other = Value(2.0, "b") ** 2  # whose number the part has, too
        other.backward()
        assert notes(other) == []
    assert notes(root) == [NO_PASS]
    list(root.backward_steps())
    assert notes(root) == []


def test_nan_gradients_are_their_own() -> None:
    a = Value(0.0, "a")
    root = a.log() * a
    root.backward()
    assert math.isnan(a.grad)
    assert notes(root) == []


def test_leaves_and_what_is_no_graph() -> None:
    assert notes(Value(1.0)) == []
    with pytest.raises(TypeError, match="a graph has a Value as its root"):
        notes(3.0)


def test_float_left_the_graph() -> None:
    q, p = Value(1.3, "q"), Value(2.0, "p")
    with pytest.warns(UserWarning, match=r"math\.exp took"):
        root = p * math.exp(q)
    first, *_ = notes(root)
    assert first.startswith("float() left the graph here, and 3.669 is a plain number, exp of what it took: ")
    assert "root = p * math.exp(q)" in first
    with pytest.raises(ValueError, match=r"is not in the graph of .*; float\(\) left the graph at .*math\.exp\(q\)"):
        root.why(q)
    with pytest.warns(UserWarning, match=r"math\.tanh took"):
        other = p * math.tanh(q * 2)
    with pytest.raises(ValueError, match=r"float\(\) left the graph at .*math\.tanh\(q \* 2\)"):
        other.why(q)


def test_printing_a_loss_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    w = Value(0.7, "w")
    old = (w * 1.1).tanh()
    print(f"{float(old)} {math.exp(float(old))}")
    root = (w * 1.3).tanh() * w
    print(float(root))
    root.backward()
    assert notes(root) == []
    with pytest.raises(ValueError, match="is not in the graph of") as caught:
        root.why(Value(3.0))
    assert "float()" not in str(caught.value)


def test_numbers_that_are_data_again_are_told_as_what_they_are() -> None:
    """A note gives the evidence: which number it is. Short numbers are none, as they are written by hand."""
    q = Value(1.234567890123, "q")
    root = Value(float(q)) * 2
    assert notes(root)[0].startswith("float() left the graph here, and v1 is a plain number, what it took: ")
    short = Value(0.25)
    float(short)
    assert notes(Value(0.25) * 2) == [NO_PASS]


def test_an_equal_number_is_not_the_one_that_was_read() -> None:
    """As the weights of a second model of the same seed."""
    first, second = ([Value(random.Random(seed).gauss(0, 1)) for seed in range(5)] for _ in range(2))
    for value in first:
        float(value)
        math.fabs(value.data)
    assert notes(engine.sum(second)) == [NO_PASS]


def test_one_that_was_freed_is_not_taken_for_another() -> None:
    for _ in range(50):
        float(Value(0.123456789012))
    fresh = Value(0.5, "fresh")
    with pytest.raises(ValueError, match="is not in the graph") as caught:
        (Value(1.0) * 2).why(fresh)
    assert "float()" not in str(caught.value)


def test_a_rule_of_ones_own() -> None:
    @engine.register_note
    def large(order: Any, name: Any) -> list[str]:
        return [f"{name(node)} is large" for node in order if node.data > 100]

    try:
        root = Value(50.0, "x") * 3
        assert notes(root) == ["x*3 is large", NO_PASS]
        assert "x*3 is large" in str(root.explain())
    finally:
        remarks._RULES.remove(large)
    with pytest.raises(TypeError, match="register_note"):
        engine.register_note(3)
    with pytest.raises(TypeError, match=r"is called as rule\(order, name\); this one takes \(order\)"):
        engine.register_note(lambda order: [])


def test_a_rule_that_is_defined_again_replaces_the_earlier_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a notebook, where a cell runs twice: each note came twice, and a rule that failed did so until the end."""
    monkeypatch.setattr(remarks, "_RULES", [])
    cell = "@engine.register_note\ndef mine(order, name):\n    {}"
    session = {"__name__": "__main__", "engine": engine}
    for body, told in (("print", "gave None: yield each line"), ("return 'two'", "gave 'two': yield each line")):
        exec(cell.format(body), session)
        with pytest.raises(TypeError, match=f"the note mine {told}"):
            notes(Value(1.0))
    for _ in range(2):
        exec(cell.format("return ['one']"), session)
        assert notes(Value(1.0)).count("one") == 1
    exec("for k in range(2):\n    @engine.register_note\n    def two(order, name, k=k): yield f'round {k}'", session)
    assert notes(Value(1.0))[:3] == ["one", "round 0", "round 1"]
    for number in range(2):
        engine.register_note(lambda order, name, number=number: [f"lambda {number}"])  # two, though of one name
    exec("".join(f"@engine.register_note\ndef _(order, name): return ['_ {k}']\n" for k in range(2)), session)
    assert {"lambda 0", "lambda 1", "_ 0", "_ 1"} <= {*notes(Value(1.0))}


def test_labels_that_read_as_another_number_are_told() -> None:
    """The 2 in w*2 was 3."""
    y = Value(2.0, "w") * Value(3.0, "2") + Value(0.5, "0.5")
    y.backward()
    assert notes(y) == ["a node is labelled '2' and is 3: label it otherwise"]
    y = engine.sum([Value(0.25, f"{k}") for k in range(4)]) + Value(1.0, "inf")
    y.backward()
    many = "a node is labelled '0' and is 0.25, for one: label it otherwise"
    assert notes(y) == [f"5 labels read as other numbers than their nodes have: {many}"]


def test_labels_that_several_nodes_share_are_told() -> None:
    """An expression such as w*w looked like a square; of many such labels one is named."""
    y = Value(2.0, "w") * Value(3.0, "w") + Value(2.0, "x")
    y.backward()
    assert notes(y) == ["2 nodes are labelled 'w' (2 and 3): label them apart"]
    y = engine.sum([Value(float(k), "v") for k in range(5)])
    y.backward()
    assert notes(y) == ["5 nodes are labelled 'v' (0, 1, 2, ...): label them apart"]
    y = engine.sum([Value(float(k), f"v{k % 4}") for k in range(8)])
    y.backward()
    assert notes(y) == ["4 labels are of several nodes: 2 nodes are labelled 'v0' (0 and 4), for one: label them apart"]
    root = Value(2.0, "w") * Value(3.0, "w")
    root.backward()
    assert notes(root, {"a": root.operands[0], "b": root.operands[1]}) == []  # names that are given come first
