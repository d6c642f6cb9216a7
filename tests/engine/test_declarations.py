"""What `declare` takes and what it refuses, each column by its name; and functions and rules that give no number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import engine
from engine import Interval, Value, declare, grad, hessian, jvp

OF_TWO: dict[str, Any] = {
    "forward": lambda x, y: x * y,
    "local_derivatives": [lambda z, x, y: y, lambda z, x, y: x],
}


def slope_without_return(z: Any, x: Any) -> None:
    1 - z * z


def slope_if_positive(z: Any, x: Any) -> float | None:
    return 1.0 if x > 0 else None


def slope_if_any(z: Any, x: Any) -> float | None:
    return float(x > 0) or None


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    before = dict(engine.PRIMITIVES)
    yield
    assert before == engine.PRIMITIVES


def test_a_rule_of_c_that_does_not_tell_its_operands_is_called() -> None:
    twice = declare("test_larger", max, [max, lambda z, x, y: None], operands=("x", "y"), method=False)
    try:
        x, y = Value(2.0), Value(1.0)
        twice(x, y).backward()
        assert (x.grad, y.grad) == (2.0, 0.0)
    finally:
        del engine.PRIMITIVES["test_larger"]


@pytest.mark.parametrize("rule", [slope_if_positive, slope_if_any])
def test_a_rule_may_return_none_for_some_operands(rule: Callable[..., Any]) -> None:
    """Python 3.11 shares the return between both ends: it was said to be missing."""
    positive = declare("test_positive", lambda x: max(x, 0.0), [rule], method=False)
    try:
        assert [grad(positive(x), x) for x in (Value(2.0), Value(-2.0))] == [1.0, 0.0]
    finally:
        del engine.PRIMITIVES["test_positive"]


def test_operands_are_named_unless_said_otherwise() -> None:
    for arity, names in ((1, ("x",)), (2, ("x", "y")), (3, ("x", "y", "x3")), (5, ("x", "y", "x3", "x4", "x5"))):
        found = declare("test_named", lambda *xs: 0.0, [lambda z, *xs: 0.0] * arity, method=False)
        del engine.PRIMITIVES["test_named"]
        assert found.operands == names


def test_what_declare_leaves_out_and_what_it_takes() -> None:
    any_number = declare("test_any", lambda *xs: 0.0, lambda z, *xs: [0.0] * len(xs), convention="0 everywhere")
    named = declare(
        name="test_named",
        forward=lambda *us: 0.0,
        local_derivatives=lambda z, *us: [0.0] * len(us),
        operands=("us",),
    )
    del engine.PRIMITIVES["test_any"], engine.PRIMITIVES["test_named"]
    assert (any_number.operands, named.operands) == (("xs",), ("us",))
    assert (any_number.precedence, named.precedence) == (0, 0)
    assert not any_number.method
    assert not hasattr(Value, "test_any")
    assert "Convention: 0 everywhere." in str(any_number.__doc__)
    assert "Convention" not in str(named.__doc__)
    with pytest.raises(AttributeError, match="cannot assign"):
        any_number.symbol = "?"


def test_a_record_by_hand_is_a_call_and_a_method() -> None:
    bare = engine.Primitive("bare", "b", 1, abs, (lambda z, x: 1.0,), ("x",), "", (Interval(),))
    assert (bare.precedence, bare.dunder, bare.method, bare.kink) == (0, "", True, None)


@pytest.mark.parametrize("call", [lambda: engine.hypot(1.0), lambda: engine.hypot(1.0, z=2.0), lambda: engine.tanh()])
def test_a_call_without_all_operands_says_what_is_expected(call: Any) -> None:
    with pytest.raises(TypeError, match=r"expected (hypot\(x, y\)|tanh\(x\))"):
        call()


def test_a_list_and_more_are_no_operands() -> None:
    with pytest.raises(TypeError, match="real numbers"):
        engine.sum([1.0, 2.0], 3.0)


def test_an_unknown_name_says_what_to_do() -> None:
    with pytest.raises(LookupError, match="declare it before a graph that uses it is loaded"):
        engine.lookup("test_nowhere")


def test_the_last_domain_holds_for_all_further_operands() -> None:
    index, reals = engine.take.domain
    assert list(engine.take.domains(4)) == [index, reals, reals, reals]
    assert list(engine.sum.domains(2)) == [*engine.sum.domain] * 2


def test_an_operand_without_a_derivative_gets_nothing() -> None:
    """None says that there is none, where 0 would make nan of an infinite upstream gradient."""
    first = declare("test_first", lambda *xs: xs[0], lambda z, *xs: [1.0, *[None] * (len(xs) - 1)], method=False)
    try:
        x, y = Value(2.0), Value(1.0)
        (first(x, y) * math.inf).backward()
        assert (x.grad, y.grad) == (math.inf, 0.0)
        assert engine.grad(first(x, y) * 3.0, [x, y], create_graph=True)[1].data == 0.0
    finally:
        del engine.PRIMITIVES["test_first"]


@pytest.mark.parametrize("found", [{0: 1.0, 1: 1.0}, None, 1.0, "ab"])
def test_a_rule_of_any_number_gives_a_list(found: Any) -> None:
    """Of a dict the keys would be taken for derivatives."""
    strange = declare("test_strange", lambda *xs: 0.0, lambda z, *xs: found, native=lambda *xs: xs[0] * 0.0)
    try:
        with pytest.raises(TypeError, match="test_strange gives a list with one derivative for each operand"):
            strange(Value(1.0), Value(2.0)).backward()
        with pytest.raises(TypeError, match="test_strange gives a list with one derivative for each operand"):
            engine.gradient(lambda x, y: strange(x, y))(1.0, 2.0)
    finally:
        del engine.PRIMITIVES["test_strange"]


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"name": "lambda"}, ValueError, "means something to Python"),
        ({"name": "__len__"}, ValueError, "means something to Python"),
        ({"name": "two words"}, ValueError, "identifier"),
        ({"name": "1up"}, ValueError, "identifier"),
        ({"name": "arcsin"}, ValueError, "already has a primitive"),
        ({"name": "backward"}, ValueError, "already has an attribute 'backward'"),
        ({"name": "test_ﬁt"}, ValueError, "Python reads 'test_fit'"),
        ({"forward": lambda x, y: x}, TypeError, r"called as forward\(x\); this one takes \(x, y\)"),
        ({"local_derivatives": None}, TypeError, "a list with one local derivative per operand"),
        ({"local_derivatives": {"x": lambda z, x: 1.0}}, TypeError, "a list with one local derivative per operand"),
        ({"name": 3}, ValueError, "identifier"),
        ({"name": "tanh"}, ValueError, "already has a primitive"),
        ({"aliases": "soft"}, TypeError, "aliases are a tuple of names"),
        ({"aliases": ("not",)}, ValueError, "means something to Python"),
        ({"aliases": ("a", "a")}, ValueError, "must differ"),
        ({"aliases": ("arcsin",)}, ValueError, "already has"),
        ({"operands": ("x", "y")}, ValueError, "2 operands are named, and there are 1"),
        ({"operands": ("1x",)}, ValueError, "identifier"),
        ({"domain": (0, 1)}, TypeError, "the domain is an Interval"),
        ({"domain": "positive"}, TypeError, "the domain is an Interval"),
        ({"domain": ()}, ValueError, "0 intervals"),
        ({"domain": (Interval(), Interval())}, ValueError, "2 intervals as the domain of 1"),
        ({"kink": 0.0}, TypeError, "kink must be callable"),
        ({"kink": lambda x: x}, TypeError, "kink is called as rule"),
        ({"formula": "x +"}, ValueError, "formula is not an expression"),
        ({"formula": abs}, TypeError, "formula is text"),
        ({"convention": None}, TypeError, "convention is text"),
        ({"defaults": 1.0}, TypeError, "defaults are a tuple of numbers"),
        ({"defaults": ("one",)}, TypeError, "defaults are a tuple of numbers"),
        ({"defaults": (math.nan,)}, TypeError, "none of them nan"),
        ({"defaults": (1.0,)}, ValueError, "leave no operand"),
        ({"local_derivatives": []}, ValueError, "one local derivative per operand"),
        ({"local_derivatives": [1.0]}, TypeError, "must be callable as rule"),
        (
            {"local_derivatives": [lambda z: z]},
            TypeError,
            r"called as rule\(z, x\), the output z first; this one takes \(z\)",
        ),
        ({"local_derivatives": [slope_without_return]}, TypeError, "slope_without_return has no `return` with a value"),
        ({"forward": None}, TypeError, "forward must be callable"),
        ({"native": "x +"}, ValueError, "native|template"),
        ({"native": 3}, TypeError, "native is a template or a function"),
        ({"symbol": 3}, TypeError, "symbol is text"),
        ({"method": "no"}, TypeError, "method is True or False"),
        ({"arrange": tuple}, TypeError, "arrange is a function, for primitives of any number of operands"),
        ({"arguments": list}, TypeError, "arguments is a function, for primitives of any number of operands"),
        ({"local_derivatives": lambda z, *xs: [], "arrange": 3}, TypeError, "arrange is a function"),
        ({"aliases": ("test_wrong",)}, ValueError, "aliases are other names"),
        ({"dunder": 3}, TypeError, "dunder is text"),
        ({"dunder": "abs"}, ValueError, "another primitive is the operator 'abs'"),
        ({"dunder": "round"}, ValueError, "operators of 1 operands are neg, abs"),
        ({"dunder": "add"}, ValueError, "operators of 1 operands are neg, abs"),
        ({"dunder": "invert", "precedence": 3}, ValueError, "give precedence=0, to have it written as a call$"),
        ({"dunder": "invert", "precedence": True}, TypeError, "precedence is a whole number"),
        ({"precedence": 2}, ValueError, "without a dunder"),
        ({**OF_TWO, "dunder": "mul"}, ValueError, "another primitive is the operator 'mul'"),
        ({**OF_TWO, "dunder": "lshift", "precedence": 1, "symbol": "<<"}, ValueError, "Python would read it otherwise"),
        ({**OF_TWO, "dunder": "matmul", "precedence": 1, "symbol": "@"}, ValueError, "symbol='@' and precedence=2"),
        ({**OF_TWO, "dunder": "matmul", "precedence": 2}, ValueError, "symbol='@' and precedence=2"),
        ({"dunder": "invert", "aliases": ("data",)}, ValueError, "already has an attribute 'data'"),
    ],
)
def test_a_wrong_column_is_named(columns: dict[str, Any], error: type[Exception], message: str) -> None:
    before = set(vars(Value))
    given: dict[str, Any] = {"name": "test_wrong", "forward": math.tan, "local_derivatives": [lambda z, x: 1.0]}
    given |= columns
    with pytest.raises(error, match=message):
        declare(given.pop("name"), given.pop("forward"), given.pop("local_derivatives"), **given)
    assert set(vars(Value)) == before


@pytest.mark.parametrize(
    ("ends", "error", "message"),
    [
        ((2, 1), ValueError, "nothing lies between 2 and 1"),
        ((1, 1), ValueError, "nothing lies between"),
        ((2, 1, True), ValueError, "nothing lies between"),
        ((math.nan, 1), ValueError, "nothing lies between"),
        ((3.5, 3.9, True), ValueError, "of integers are integers, got 3.5"),
        ((-math.inf, 2.5, True), ValueError, "of integers are integers, got 2.5"),
        ((0, "1"), TypeError, "ends of an interval are numbers, got '1'"),
        ((None, 1), TypeError, "ends of an interval are numbers, got None"),
    ],
)
def test_an_interval_without_numbers_is_refused(ends: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Interval(*ends)
    assert 3 in Interval(3, 3, integers=True)


def test_what_is_declared_is_first_class() -> None:
    cube = declare("cube", lambda x: x**3, [lambda z, x: 3 * x * x], formula="x ** 3")
    try:
        x = Value(2.0)
        y = x.cube() * cube(x)
        assert (y.data, grad(y, x)) == (64.0, 192.0)
        assert (cube(2.0), cube(2)) == (8.0, 8.0)
        assert hessian(cube)(2.0) == [[12.0]]
        assert jvp(cube, [2.0], [1.0]) == (8.0, 12.0)
        with pytest.raises(ValueError, match="already has a primitive named 'cube'"):
            declare("cube", lambda x: x, [lambda z, x: 1.0])
    finally:
        del engine.PRIMITIVES["cube"]
        del Value.cube


FROM_ELSEWHERE = Value(2.0)


@pytest.mark.parametrize(
    ("forward", "rule", "error", "message"),
    [
        (
            lambda x: 1j,
            lambda z, x: 1.0,
            TypeError,
            "^a Value made by the forward function of odd_one takes real numbers, got 1j",
        ),
        (lambda x: None, lambda z, x: 1.0, TypeError, "forward function of odd_one takes real numbers, got None"),
        (lambda x: x * FROM_ELSEWHERE, lambda z, x: 1.0, TypeError, "computes with a Value that is no operand"),
        (lambda x: x, lambda z, x: 1j, TypeError, "adjoint of odd_one takes real numbers, got 1j"),
        (lambda x: x, lambda z, x: [1.0], TypeError, r"adjoint of odd_one takes real numbers, got \[1.0\]"),
        (lambda x: x, lambda z, x: "1", TypeError, "adjoint of odd_one takes real numbers, got '1' of type str"),
    ],
)
def test_a_primitive_that_gives_no_number(forward: Any, rule: Any, error: type[Exception], message: str) -> None:
    odd = declare("odd_one", forward, [rule], method=False)
    x = Value(1.0)
    try:
        with pytest.raises(error, match=message):
            (odd(x) * 2).backward()
        assert x.grad == 0.0
    finally:
        del engine.PRIMITIVES["odd_one"]


KINDS: dict[str, Callable[[float], Any]] = {
    "float32": lambda x: np.float32(x) * 2,
    "float64": lambda x: np.float64(x) * 2,
    "int": lambda x: int(x * 2),
    "bool": lambda x: x > 0.1,
    "array": lambda x: np.array(x * 2),
    "fraction": lambda x: Fraction(x) / 3,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("free_at_sign")
def test_numbers_of_any_kind_become_floats_at_once(kind: str) -> None:
    """A float32 would spread: compiled for Python, what followed was computed in single precision."""
    odd = declare("odd_kind", KINDS[kind], [lambda z, x: 2.0])
    both = declare("odd_both", lambda x, y: KINDS[kind](x * y), [lambda z, x, y: y, lambda z, x, y: x], dunder="matmul")
    many = declare("odd_many", lambda *xs: KINDS[kind](sum(xs)), lambda z, *xs: [1.0 for _ in xs])
    try:
        x = Value(0.3)
        expected = float(KINDS[kind](0.3))
        made = [odd(x), x.odd_kind(), odd(0.3), many([x]), many(0.3), both(x, 1.0), x @ 1.0, 1.0 @ x, both(1.0, 0.3)]
        numbers = [each.data if isinstance(each, Value) else each for each in made]
        assert numbers == [expected] * 9
        assert {*map(type, numbers)} == {float}
        weight = Value(0.3)
        compiled = engine.compile(lambda x: odd(x) * x * weight, backend="python")
        assert list(compiled([0.3])) == [float((odd(x) * x * weight).data)]
        compiled.backward([0.3])
        assert weight.grad == expected * 0.3
    finally:
        for each in (odd, both, many):
            del engine.PRIMITIVES[each.name]
        for name in ("odd_kind", "odd_both"):
            delattr(Value, name)


def test_a_rule_that_would_silently_drop_the_graph_says_so() -> None:
    """With math.cos the second derivative would come out as 0."""
    careless = declare("careless_sin", math.sin, [lambda z, x: math.cos(x)], method=False)
    try:
        x = Value(1.0)
        assert grad(careless(x), x) == math.cos(1.0)
        with pytest.raises(TypeError, match=r"local derivative of careless_sin took float\(\) of a Value"):
            grad(careless(x), x, create_graph=True)
        assert float(x) == 1.0
    finally:
        del engine.PRIMITIVES["careless_sin"]
