"""Steps of nodes with many operands, and of nodes that share a label."""

from __future__ import annotations

import pytest

import engine
from engine import Value
from engine.stepping.steps import ForwardStep, Step


def steps_of(count: int) -> tuple[ForwardStep, Step]:
    total = engine.sum([Value(float(k), f"x{k}") for k in range(count)])
    return next(total.forward_steps()), total.stepper().next()


@pytest.mark.parametrize("count", [20, 21])
def test_some_twenty_operands_have_a_row_each(count: int) -> None:
    for step in steps_of(count):
        assert [line.split()[0] for line in step.text.splitlines()[1:]] == [f"x{k}" for k in range(count)]


def test_of_three_thousand_the_first_and_the_last_are_shown() -> None:
    """A step of them had 3,001 lines."""
    forward, backward = steps_of(3000)
    for step in (forward, backward):
        lines = step.text.splitlines()
        starts = [line.split()[0] for line in lines[1:22]]
        assert starts == [f"x{k}" for k in range(10)] + ["..."] + [f"x{k}" for k in range(2990, 3000)]
        assert lines[11] == "  ... 2,980 more operands ..."
        assert len(lines) == 23
    assert forward.text.endswith("all 3,000 are in the step's operands and inputs; why(name) tells of one")
    assert backward.text.endswith(
        "all 3,000 are in the step's operands, locals, contributions, before and after; why(name) tells of one"
    )
    assert len(backward.contributions) == len(backward._sheet().rows) + 2979
    assert backward._repr_html_().count("<tr>") == 22


def test_an_operand_used_many_times_has_one_row_forward() -> None:
    x = Value(2.0, "x")
    total = engine.sum([x] * 3000)
    assert next(total.forward_steps()).text.splitlines()[1:] == ["  x  = 2"]


def test_a_step_tells_of_a_label_that_another_node_has() -> None:
    """a*a looked like a square; the stepper's table said so, its steps did not."""
    a, b, c = Value(2.0, "a"), Value(3.0, "a"), Value(5.0, "c")
    note = "2 nodes are labelled 'a' (2 and 3): label them apart"
    first, second = (a * b * c).backward_steps()
    assert note not in first.text  # it shows c, and a product
    assert note in second.text
    assert note in next((a * b * c).forward_steps()).text
    inner = engine.tanh(a) + b  # in one step there is one of them
    assert [note in step.text for step in inner.backward_steps()] == [True, True]


def test_names_given_count_as_labels() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    step = (a * b).stepper(names={"b": a}).next()
    assert "2 nodes are labelled 'b' (2 and 3): label them apart" in step.text


def test_a_label_that_reads_as_another_number_is_told_in_its_step() -> None:
    step = (Value(2.0, "a") * Value(3.0, "2")).stepper().next()
    assert "a node is labelled '2' and is 3: label it otherwise" in step.text


def test_names_of_another_model_are_told() -> None:
    """Nothing was collapsed, nothing named, and nobody knew why."""
    y = Value(2.0, "a") * 3
    note = "nothing that names= names, such as w, is in this graph: give what it was computed from, as names=model"
    stranger = {"w": Value(1.0)}
    assert note in engine.notes(y, names=stranger)
    assert note in y.explain(names=stranger).text
    assert note not in engine.notes(y, names={"y": y, **stranger})
