from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Constant, Value, backward_steps, forward_steps, topological_order
from engine.stepping.backward_pass import BackwardPass
from tests.engine.graphs import TAME, Recipe, build, floats, recipes

POINTS = st.lists(floats(), min_size=3, max_size=3)
WILD = [*TAME, "relu", "maximum", "minimum", "div", "log", "sqrt", "exp", "pow", "floordiv", "abs"]


def bits(number: float) -> bytes:
    return b"nan" if math.isnan(number) else struct.pack("d", number)


def grads(root: Value) -> list[bytes]:
    return [bits(node.grad) for node in topological_order(root)]


def graph() -> tuple[Value, Value, Value, Value]:
    """L = (a*b + a) * a: three paths from a."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b + a
    c.label = "c"
    loss = c * a
    loss.label = "L"
    return loss, a, b, c


def test_the_record_of_each_step() -> None:
    loss, a, b, c = graph()
    first, second, third = loss.backward_steps()
    assert (first.node, first.primitive, first.upstream) == (loss, engine.mul, 1.0)
    assert first.node is loss
    assert first.operands[0] is c
    assert first.operands[1] is a
    assert first.locals == (2.0, -4.0)
    assert first.contributions == (2.0, -4.0)
    assert first.before == (0.0, 0.0)
    assert first.after == (2.0, -4.0)
    assert first.paths == ((1, 1), (1, 3))
    assert first.final == (True, False)
    assert (second.number, second.total) == (2, 3)
    assert second.paths == ((1, 1), (2, 3))
    assert third.before == (-2.0, 0.0)
    assert third.after == (-8.0, 4.0)
    assert third.final == (True, True)
    assert (a.grad, b.grad, c.grad, loss.grad) == (-8.0, 4.0, 2.0, 1.0)


def test_what_a_step_prints() -> None:
    loss, *_ = graph()
    step = next(loss.backward_steps())
    assert (
        str(step)
        == repr(step)
        == step.text
        == (
            "step 1 of 3: L = c*a = -8, upstream 1\n"
            "  c  1 * 2 = 2      grad 0 -> 2   final\n"
            "  a  1 * (-4) = -4  grad 0 -> -4  partial, path 1 of 3"
        )
    )
    assert "<td style='text-align:left'>1 * (-4) = -4</td>" in step._repr_html_()


def test_one_operand_twice() -> None:
    x = Value(3.0)
    (step,) = (x * x).backward_steps()
    assert step.before == (0.0, 3.0)
    assert step.after == (3.0, 6.0)
    assert step.paths == ((1, 2), (2, 2))
    assert step.final == (False, True)


def test_constants_and_what_was_not_selected_get_nothing() -> None:
    x, y = Value(2.0), Value(5.0)
    chosen, square = (Value(1.0) * x), x**2
    loss = engine.where(1.0, chosen, y.log()) + square
    steps = list(loss.backward_steps())
    assert not any(step.primitive is engine.log for step in steps)
    where = next(step for step in steps if step.primitive is engine.where)
    assert where.contributions == (None, 1.0, None)
    assert where.paths[2] == (0, 0)
    power = next(step for step in steps if step.primitive is engine.pow)
    assert isinstance(power.operands[1], Constant)
    assert power.locals == (4.0, None)


def test_a_constants_rule_is_not_called() -> None:
    """As in backward: the rule by the exponent has no real value at a negative base."""
    primitive = engine.declare(
        "test_stepping_power",
        lambda x, y: x**y,
        [lambda z, x, y: y * x ** (y - 1), lambda z, x, y: z * math.log(x)],
        method=False,
    )
    try:
        x = Value(-3.0)
        (step,) = backward_steps(primitive(x, 2.0))
        assert step.contributions == (-6.0, None)
    finally:
        del engine.PRIMITIVES["test_stepping_power"]


@given(recipes(WILD), POINTS, st.integers(1, 2))
def test_all_steps_leave_what_backward_leaves(recipe: Recipe, xs: list[float], times: int) -> None:
    """To the last bit, on leaves that hold gradients already, nan and inf included."""
    roots = [build(recipe, [Value(x) for x in xs]) for _ in range(2)]
    for root in roots:
        for k, leaf in enumerate(engine.leaves(root)):
            leaf.grad = 0.1 * k
    for _ in range(times):
        roots[0].backward()
        for _step in roots[1].backward_steps():
            pass
    assert grads(roots[0]) == grads(roots[1])


@given(recipes(WILD), POINTS)
def test_records_are_consistent(recipe: Recipe, xs: list[float]) -> None:
    root = build(recipe, [Value(x) for x in xs])
    arrived: dict[Value, int] = {}
    for step in root.backward_steps():
        assert bits(step.node.grad) == bits(0.0 + step.upstream)
        for operand, d, contribution, after, (k, n) in zip(
            step.operands, step.locals, step.contributions, step.after, step.paths
        ):
            if d is None or contribution is None:
                assert contribution is None
                assert d is None
                continue
            arrived[operand] = arrived.get(operand, 0) + 1
            assert k == arrived[operand] <= n
            assert bits(contribution) == bits(step.upstream * d)
            if not isinstance(operand, Constant):
                assert bits(after) == bits(operand.grad) or step.operands.count(operand) > 1


@given(recipes(WILD), POINTS, st.lists(st.booleans(), max_size=40))
def test_forth_and_back_is_the_identity(recipe: Recipe, xs: list[float], moves: list[bool]) -> None:
    root = build(recipe, [Value(x) for x in xs])
    root.backward()
    run = BackwardPass(root)

    def state() -> list[tuple[bytes, tuple[int, int]]]:
        return list(zip(grads(root), map(run.state, run.order)))

    seen = [state()]
    for forth in moves:
        if forth and run.position < len(run):
            run.advance()
            if run.position == len(seen):
                seen.append(state())
        elif not forth and run.position:
            run.retreat()
        assert state() == seen[run.position]


@given(recipes(WILD), POINTS, st.integers(0, 5))
def test_abandoned_half_way_it_restores(recipe: Recipe, xs: list[float], most: int) -> None:
    root = build(recipe, [Value(x) for x in xs])
    root.backward()
    before = grads(root)
    for step in root.backward_steps():
        if step.number == step.total:
            return  # not half-way: it was the last one
        if step.number > most:
            break
    assert grads(root) == before


def test_abandoned_by_break_or_by_an_error() -> None:
    loss, *_ = graph()
    loss.backward()
    before = grads(loss)
    for _ in loss.backward_steps():
        assert grads(loss) != before
        break
    assert grads(loss) == before
    steps = loss.backward_steps()
    next(steps)
    del steps
    assert grads(loss) == before


def test_another_backward_half_way_is_not_mixed_in() -> None:
    loss, a, *_ = graph()
    steps = loss.backward_steps()
    next(steps)
    assert a.grad == -4.0
    loss.backward()
    assert a.grad == -8.0
    with pytest.raises(RuntimeError, match="closed, by close"):
        next(steps)
    assert a.grad == -8.0
    others = [loss.backward_steps(), loss.backward_steps()]
    next(others[0])
    next(others[1])
    list(others[1])
    assert a.grad == -16.0


def test_a_gradient_changed_in_between_is_noticed() -> None:
    loss, a, *_ = graph()
    steps = loss.backward_steps()
    next(steps)
    a.grad = 7.0
    with pytest.raises(RuntimeError, match=r"gradient of a is 7\.0, where this pass left -4\.0"):
        list(steps)


class Interrupted(dict[Value, int]):
    """A dictionary whose second write is where Ctrl-C is pressed."""

    writes = 0

    def __setitem__(self, node: Value, count: int) -> None:
        self.writes += 1
        if self.writes == 2:
            raise KeyboardInterrupt
        super().__setitem__(node, count)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_interrupted_within_a_step_it_restores(steps: int) -> None:
    loss, *_ = graph()
    loss.backward()
    before = grads(loss)
    run = BackwardPass(loss)
    for _ in range(steps):
        run.advance()
    run._arrived = Interrupted(run._arrived)
    with pytest.raises(KeyboardInterrupt):
        run.advance()
    assert grads(loss) == before
    with pytest.raises(RuntimeError, match="Ctrl-C within a step"):
        run.advance()


def test_interrupted_within_a_step_it_keeps_what_other_code_has_set() -> None:
    """Also of a node that equals one of the step's: `in` of a tuple compares numbers."""
    x, y = Value(2.0, "x"), Value(2.0, "y")
    run = BackwardPass(x * 3.0 + y * 3.0)
    run.advance()
    turn, other = (x, y) if run.nodes[1].operands[0] is x else (y, x)
    other.grad = 9.0
    run._arrived = Interrupted(run._arrived)
    run._arrived.writes = 1
    with pytest.raises(KeyboardInterrupt):
        run.advance()
    assert (turn.grad, other.grad) == (0.0, 9.0)


def test_a_leaf_and_a_constant_have_no_steps() -> None:
    x = Value(2.0)
    assert list(backward_steps(x)) == []
    assert x.grad == 1.0
    constant = (x * 3.0).operands[1]
    assert list(backward_steps(constant)) == []
    assert constant.grad == 0.0


def test_what_is_no_graph() -> None:
    with pytest.raises(TypeError, match=r"a graph has a Value as its root, got 3\.0"):
        backward_steps(3.0)
    with pytest.raises(TypeError, match="names= takes a module"):
        backward_steps(Value(2.0), names=["a"])


def test_a_rule_that_raises_leaves_the_gradients() -> None:
    def fail(z: float, x: float) -> float:
        raise RuntimeError("no derivative")

    primitive = engine.declare("test_stepping_fail", lambda x: x, [fail], method=False)
    try:
        x = Value(1.0)
        x.grad = 5.0
        with pytest.raises(RuntimeError, match="no derivative"):
            (primitive(x) * 2).backward_steps()
        assert x.grad == 5.0
    finally:
        del engine.PRIMITIVES["test_stepping_fail"]


def test_the_forward_pass_in_steps() -> None:
    loss, a, _, c = graph()
    steps = list(forward_steps(loss))
    assert [step.value for step in steps] == [-6.0, -4.0, -8.0]
    assert steps[1].node is c
    assert steps[0].inputs == (2.0, -3.0)
    assert str(steps[2]) == "forward 3 of 3: L = c*a = -8\n  c  = -4\n  a  = 2"
    a.data = 100.0
    assert next(loss.forward_steps()).inputs == (2.0, -3.0)


def test_a_long_chain() -> None:
    x = y = Value(1.0)
    for _ in range(20_000):
        y = y * 1.0
    count = sum(1 for _ in y.backward_steps())
    assert (count, x.grad) == (20_000, 1.0)
