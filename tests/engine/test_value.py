from __future__ import annotations

import copy
import gc
import math
import pickle
import subprocess
import sys
import threading
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Constant, Value, no_grad, value
from engine.modes import reads


@pytest.mark.parametrize("number", [3, 3.0, True, Fraction(3, 1), Decimal(3)])
def test_takes_every_kind_of_real_number(number: object) -> None:
    v = Value(number)
    assert type(v.data) is float
    assert v.data == float(number)
    assert (v.grad, v.label, v.primitive, v.operands, v._prev, v._op) == (0.0, None, None, (), (), "")


@pytest.mark.parametrize("thing", ["1", None, 1j, [1.0], (1.0,), {}, len, b"1", object()])
def test_refuses_what_is_no_real_number(thing: object) -> None:
    with pytest.raises(TypeError, match=type(thing).__name__):
        Value(thing)
    v = Value(1.0)
    with pytest.raises(TypeError, match=type(thing).__name__):
        v.data = thing
    assert v.data == 1.0


def test_refuses_a_value_an_integer_too_large_and_a_label_that_is_no_text() -> None:
    with pytest.raises(TypeError, match=r"^Value\(\) takes a number, got Value\(.*: give its \.data$"):
        Value(Value(1.0))
    with pytest.raises(TypeError, match=r"^data takes .*: give its \.data$"):
        Value(1.0).data = Value(2.0)  # as in p.data = p - 0.1 * g
    with pytest.raises(OverflowError, match="integer of 3322 bits is beyond the range of a float"):
        Value(10**1000)
    with pytest.raises(OverflowError):
        Value(1.0) + 10**1000
    with pytest.raises(TypeError, match="a label is text, got 3"):
        Value(1.0, label=3)


class Vague:
    """Has a float, and does not know which."""

    def __float__(self) -> float:
        raise ValueError("which one?")


def test_a_float_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Value\(\) takes real numbers, got <.*Vague.* of type Vague"):
        Value(Vague())


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("item", r"write v\.data, or float\(v\)"),
        ("numpy", r"write v\.data"),
        ("show", r"write v\.draw\(\)"),
        ("step", r"write v\.stepper\(\)"),
        ("requires_grad", "every Value has a gradient"),
        ("retain_grad", "every Value keeps its gradient"),
        ("clone", r"write v \+ 0, or v\.detach\(\)"),
        ("clamp", r"write engine\.minimum\(engine\.maximum\(v, low\), high\)"),
        ("grad_fn", r"write v\.primitive and v\.operands"),
        ("zero_", r"write v\.data = 0\.0, or v\.grad = 0\.0"),
    ],
)
def test_attributes_of_tensors_are_missing_with_their_remedy(name: str, remedy: str) -> None:
    for v in (Value(1.0), Constant(1.0)):
        assert not hasattr(v, name)
        with pytest.raises(AttributeError, match=f"^'{type(v).__name__}' object has no attribute '{name}': {remedy}"):
            getattr(v, name)
        with pytest.raises(AttributeError, match=f"has no attribute '{name}': {remedy}"):
            setattr(v, name, False)


@pytest.mark.parametrize(
    ("weight", "others", "message"),
    [
        ((), {"retain_graph": True}, "argument 'retain_graph': leave it out"),
        ((), {"create_graph": True}, r"argument 'create_graph': .* engine\.grad\(y, x, create_graph=True\)"),
        ((), {"inputs": []}, r"argument 'inputs': write engine\.grad\(y, inputs\)"),
        ((), {"gradient": 2.0}, r"argument 'gradient': write \(weight \* y\)\.backward\(\)"),
        ((2.0,), {}, r"takes no arguments, not 1: write \(weight \* y\)\.backward\(\)"),
        ((), {"depth": 1}, "argument 'depth': it takes no arguments"),
    ],
)
def test_arguments_of_backward_elsewhere_get_the_remedy(weight: Any, others: Any, message: str) -> None:
    x = Value(3.0)
    with pytest.raises(TypeError, match=message):
        (x * x).backward(*weight, **others)
    assert x.grad == 0.0


def test_several_numbers_in_place_of_one_get_the_remedy() -> None:
    with pytest.raises(
        TypeError, match=r"^tanh\(\) takes real numbers, got \[1, 2\] of type list: one number at a time$"
    ):
        engine.tanh([1, 2])
    with pytest.raises(TypeError, match=r"^data takes real numbers, got '12' of type str$"):
        Value(1.0).data = "12"


def test_copies_of_several_results_share_what_they_shared() -> None:
    a, b = Value(2.0), Value(3.0)
    product, total, alone = copy.deepcopy([a * b, a + b, a])
    assert [node.data for node in (product, total, alone)] == [6.0, 5.0, 2.0]
    assert product.operands[0] is total.operands[0] is alone
    assert alone is not a


def test_too_many_arguments_are_told_of_the_method_that_was_called() -> None:
    with pytest.raises(TypeError, match=r"Value\.__pow__\(\) takes 2 positional arguments but 3 were given"):
        pow(Value(2.0), 2, 3)
    with pytest.raises(TypeError, match=r"Value\.tanh\(\) takes 1 positional argument but 2 were given"):
        Value(2.0).tanh(1)


def test_operators_with_what_is_no_number_are_python_type_errors() -> None:
    for bad in ("a", None, [1], 1j):
        with pytest.raises(TypeError, match="unsupported operand"):
            Value(1.0) + bad
        with pytest.raises(TypeError, match="unsupported operand"):
            bad - Value(1.0)
    for product in (lambda: Value(1.0) @ Value(2.0), lambda: Value(1.0) @ 2.0, lambda: [2.0] @ Value(1.0)):
        with pytest.raises(TypeError, match=r"a Value is one number, .*: write a \* b, or engine\.dot"):
            product()


@pytest.mark.parametrize("x", [1.5, -1.5, 0.0, -0.5, 3.0, -math.inf])
def test_trunc_is_a_value_without_a_slope(x: float) -> None:
    v = Value(x)
    whole = math.trunc(v)
    (whole + v).backward()
    assert (whole.data, v.grad) == (x if math.isinf(x) else math.trunc(x), 1.0)


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_operators_are_those_of_floats(x: float, y: float) -> None:
    a, b = Value(x), Value(y)
    for left, right in ((a, b), (a, y), (x, b)):
        assert (left + right).data == x + y
        assert (left - right).data == x - y
        assert (left * right).data == x * y
        if y:
            assert (left / right).data == x / y
            assert (left // right).data == x // y
            assert (left % right).data == x % y
            assert [v.data for v in divmod(left, right)] == list(divmod(x, y))
        if x > 0 and abs(math.log(x) * y) < 700:
            assert (left**right).data == x**y
    assert ((-a).data, abs(a).data, (+a).data) == (-x, abs(x), x)
    assert (round(a).data, math.floor(a).data, math.ceil(a).data) == (round(x), math.floor(x), math.ceil(x))
    assert (float(a), int(a), bool(a), f"{a:.3f}") == (x, int(x), bool(x), f"{x:.3f}")
    assert ((a == b), (a < b), (a <= y), (x > b), (a >= b), (a != y)) == (x == y, x < y, x <= y, x > y, x >= y, x != y)


def test_comparison_is_by_value_and_the_hash_by_identity() -> None:
    a, b = Value(2), Value(2)
    assert a == b == 2
    assert len({a, b}) == 2
    assert a != "2"
    assert Value(2.0**53) != 2**53 + 1
    with pytest.raises(TypeError):
        a < "2"  # noqa: B015  # on purpose
    assert not Value(0)
    with pytest.raises(TypeError, match="no digits"):
        round(a, 2)


def test_each_operator_is_its_own_node_and_numbers_are_constants() -> None:
    a = Value(3.0)
    for node, symbol in (
        (a - 1, "-"),
        (1 - a, "-"),
        (a / 2, "/"),
        (2 / a, "/"),
        (-a, "neg"),
        (2**a, "**"),
        (a % 2, "%"),
    ):
        assert node._op == symbol
    left, right = (1 - a)._prev
    assert isinstance(left, Constant)
    assert left.data == 1.0
    assert right is a
    assert (1 - a).operands is not None
    node = a * 2
    assert node.operands[1] is node.operands[1]
    with pytest.raises(AttributeError, match="number written in an expression"):
        node.operands[1].data = 5.0
    square = a * a
    assert square.operands[0] is square.operands[1] is a


def test_data_of_a_result_cannot_be_assigned() -> None:
    y = Value(1.0) * 2
    with pytest.raises(AttributeError, match="data of a result, here of mul, follows from its operands"):
        y.data = 3.0
    assert y.data == 2.0


def test_an_edited_leaf_leaves_the_recorded_gradient() -> None:
    x, y = Value(3.0), Value(2.0)
    z = x * y + engine.dot([x], [y]) + x**2
    x.data = 100.0
    with pytest.warns(UserWarning, match=r"was 3\.0 when .* the gradient is the one at that number"):
        z.backward()
    assert (x.grad, y.grad) == (2.0 + 2.0 + 6.0, 3.0 + 3.0)
    with pytest.warns(UserWarning, match="the gradient is the one at that number"):
        assert engine.grad(z, [x, y]) == [10.0, 6.0]
    with pytest.raises(RuntimeError, match=r"was 3\.0 when .* changed since"):
        engine.grad(z, x, create_graph=True)


def test_no_grad_gives_leaves_in_this_thread_only() -> None:
    x = Value(2.0)
    elsewhere = []
    with no_grad():
        results = [x * x, x + 1, 1 - x, -x, x.exp(), engine.sum([x, x]), engine.where(x > 1, x, 0.0), x.hypot(1.0)]
        thread = threading.Thread(target=lambda: elsewhere.append(x * x))
        thread.start()
        thread.join()
    assert all(v.operands == () and v.primitive is None for v in results)
    assert elsewhere[0].operands == (x, x)
    assert (x * x).operands == (x, x)
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0  # noqa: B018  # an error inside must not leave recording off
    assert (x * x).operands == (x, x)


def test_detach_is_a_leaf_with_the_same_number() -> None:
    x = Value(2.0)
    y = (x * x).detach() * x
    y.backward()
    assert (y.data, x.grad) == (8.0, 4.0)


class Parameter(Value):
    """As an optimiser's user would: attributes on a leaf."""

    m: float


def test_subclasses_carry_attributes_and_give_plain_values() -> None:
    p = Parameter(2.0, label="p")
    p.m = 0.5
    y = p * p
    assert type(y) is Value
    y.backward()
    assert (p.grad, p.m) == (4.0, 0.5)
    assert repr(p) == "Parameter(data=2.0, grad=4.0, label='p')"
    for clone in (copy.deepcopy(p), pickle.loads(pickle.dumps(p)), copy.copy(p)):
        assert (type(clone), clone.data, clone.grad, clone.label, clone.m) == (Parameter, 2.0, 4.0, "p", 0.5)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_copies_keep_the_graph_and_what_is_shared(how) -> None:
    a, b = Value(2.0, label="a"), Value(3.0)
    hidden = (a * b).tanh()
    loss = engine.dot([a, b], [hidden, 4.0], bias=1.0) + 2**a + engine.where(a > 1, a, b)
    loss.label = "loss"
    loss.backward()
    a.data = 50.0  # the copy holds the recorded numbers, too
    copied = how({"loss": loss, "parameters": [a, b]})
    clone, (a2, b2) = copied["loss"], copied["parameters"]
    assert (clone.data, clone.label, clone.grad) == (loss.data, "loss", 1.0)
    order, order2 = engine.topological_order(loss), engine.topological_order(clone)
    assert [(v.data, v.grad, v._op, v.label, v.inputs) for v in order] == [
        (v.data, v.grad, v._op, v.label, v.inputs) for v in order2
    ]
    assert a2 in order2
    assert b2 in order2
    assert not set(order) & set(order2)
    before = a.grad
    with pytest.warns(UserWarning, match=r"'a'\) was 2\.0 when"):
        clone.backward()
    assert (a.grad, a2.grad) == (before, 2 * before)
    if how is copy.deepcopy:
        both = copy.deepcopy([loss, hidden])
        assert both[1] in engine.topological_order(both[0])


def test_a_pickle_of_an_unknown_primitive_says_so() -> None:
    name = "only_here"
    primitive = engine.declare(name, lambda x: 2 * x, [lambda z, x: 2.0], method=False)
    data = pickle.dumps(primitive(Value(1.0)))
    del engine.PRIMITIVES[name]
    with pytest.raises(LookupError, match="no primitive is named 'only_here'; declare it"):
        pickle.loads(data)


def test_a_graph_is_freed_by_reference_counts_alone() -> None:
    gc.collect()
    gc.disable()
    try:
        freed = []

        class Watched(Value):
            def __del__(self) -> None:
                freed.append(self.data)

        loss = engine.sum([Watched(1.0) * 2.0, engine.dot([Watched(2.0)], [3.0])]).exp()
        loss.backward()
        assert "Constant" in repr(loss.operands[0].operands[0].operands)
        del loss
        assert sorted(freed) == [1.0, 2.0]
    finally:
        gc.enable()


LONG = """
import copy, pickle, sys, engine
from engine import Value
n = 1_000_000
x, one = Value(1.0), Value(1.0)
y = x
for _ in range(n):
    y = y * one
y.backward()
assert (x.grad, one.grad) == (1.0, float(n)), (x.grad, one.grad)
assert len(repr(y)) < 50
clone = copy.deepcopy(y)
again = pickle.loads(pickle.dumps(clone))
del y, clone
again.backward()
del again
n //= 10
xs = [Value(1.0) for _ in range(n)]
total = engine.sum(xs)
total.backward()
assert total.data == n and all(x.grad == 1.0 for x in xs)
total = sum(xs)
total.backward()
assert total.data == n and all(x.grad == 2.0 for x in xs)
print("done")
"""


def test_a_fresh_result_has_the_gradient_0() -> None:
    x = Value(0.5)
    results = [
        x * x,
        2.0 - x,
        x**2,
        x.tanh(),
        -x,
        engine.dot([x], [x]),
        *engine.affine([[x]], [x], [x]),
        engine.sum(x, x),
    ]
    assert {str(result.grad) for result in results} == {"0.0"}


def test_a_million_operations_without_recursion() -> None:
    """In a process of its own: a crash by recursion in C would take the test run with it."""
    run = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr, run.returncode) == ("done\n", "", 0)


def test_what_changed_since_is_seen_by_the_bits(recwarn: Any) -> None:
    x = Value(0.0)
    y = x * x
    x.data = -0.0
    with pytest.raises(RuntimeError, match="changed since"):
        engine.grad(y, x, create_graph=True)
    nan = Value(math.nan)
    copied = pickle.loads(pickle.dumps(nan * 2.0))
    (leaf,) = engine.leaves(copied)
    assert engine.grad(copied, leaf, create_graph=True).data == 2.0


def test_long_labels_are_cut_where_they_are_shown() -> None:
    assert repr(Value(1.0, "a" * 100)) == f"Value(data=1.0, grad=0.0, label={'a' * 100!r})"
    assert repr(Value(1.0, "a" * 101)) == f"Value(data=1.0, grad=0.0, label={'a' * 99 + '…'!r})"
    assert Value(1.0, "a" * 101).label == "a" * 101


def test_leaves_are_counted_and_results_are_not() -> None:
    before = value.leaves_made[0]
    x = Value(1.0)
    assert value.leaves_made[0] == before + 1
    x * x + 2.0
    assert value.leaves_made[0] == before + 1


@pytest.mark.parametrize(
    ("arity", "function", "rules"),
    [
        (1, lambda x: Fraction(2 * x), [lambda z, x: 2.0]),
        (2, lambda x, y: int(x + y), [lambda z, x, y: 1.0, lambda z, x, y: 1.0]),
        (3, lambda *xs: len(xs), lambda z, *xs: [0.0] * len(xs)),  # n-ary
    ],
)
def test_what_forward_functions_give_becomes_a_float(arity: int, function: Any, rules: Any) -> None:
    """Integers and others would end the fast ways of the engine, and its exactness."""
    odd = engine.declare("odd_kind", function, rules, method=arity == 1)
    try:
        operands = [Value(1.0) for _ in range(arity)]
        results = [odd(*operands), operands[0].odd_kind()] if arity == 1 else [odd(*operands)]
        for result in results:
            assert type(result.data) is float
            assert result.operands == tuple(operands)
            assert result.inputs == (1.0,) * arity
    finally:
        del engine.PRIMITIVES["odd_kind"]
        if arity == 1:
            del Value.odd_kind


def test_a_leaf_and_its_slots() -> None:
    x = Value(2.0, "x")
    assert (x.primitive, x.operands, x.inputs, x._op, x._prev) == (None, (), (), "", ())
    node = x * 3.0
    assert (node.inputs, node._op, len(node._prev)) == ((2.0, 3.0), "*", 2)
    assert ((3.0 * x).inputs, (-x).inputs, engine.sum([x, x, x]).inputs) == ((3.0, 2.0), (2.0,), (2.0, 2.0, 2.0))
    assert f"{x}" == repr(x) == "Value(data=2.0, grad=0.0, label='x')"
    assert (f"{x:.2f}", int(Value(-2.7)), bool(Value(0.0)), bool(Value(-0.5))) == ("2.00", -2, False, True)
    assert (hash(x) == hash(x), hash(x) == hash(Value(2.0))) == (True, False)
    with pytest.raises(TypeError, match="a label is text"):
        x.label = 3
    assert x.label == "x"
    x.label = None
    assert x.label is None
    with pytest.raises(TypeError, match="grad takes real numbers"):
        x.grad = "1"
    x.grad = 3
    assert type(x.grad) is float


def test_float_notes_what_was_read_and_where() -> None:
    """Without keeping the graph: the compiler tells by it which number of a trace became a plain float."""
    a, b = Value(2.0), Value(3.0)
    product = a * b
    result, wide = product.tanh() * 5.0, engine.sum([a, b, a, b, product])
    reads.clear()
    for node in (a, product, result, wide):
        float(node)
    code = sys._getframe().f_code
    assert [(found, where) for *_, found, where, _ in reads] == [
        (((id(a), 2.0),), code),
        (((id(product), 6.0), (id(a), 2.0), (id(b), 3.0)), code),
        (tuple((id(node), node.data) for node in (result, result.operands[0], product)), code),
        (tuple((id(node), node.data) for node in (wide, a, b, a, b)), code),
    ]
    assert len({instruction for *_, instruction in reads}) == 1, "that of the only call"
    for k in range(150):
        float(Value(k))
    assert [number for ((_, number),), *_ in reads] == [*range(50, 150)], "the last hundred"


def test_an_operand_with_a_protocol_of_its_own_answers_for_values_beside_it() -> None:
    class Symbol:
        __symbolic__ = True

        @staticmethod
        def __apply_primitive__(primitive: engine.Primitive, operands: tuple[object, ...]) -> tuple[str, int]:
            return primitive.name, len(operands)

    for operands in ((Value(1.0), Symbol()), (Symbol(), Value(1.0)), (2.0, Symbol())):
        assert engine.hypot(*operands) == ("hypot", 2)
    assert engine.where(Value(1.0), 2.0, Symbol()) == ("where", 3)
