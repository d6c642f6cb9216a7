"""NumPy's scalars and arrays beside Values; in a file of its own, as the others need no NumPy."""

from __future__ import annotations

import math
import operator
from typing import Any

import pytest

import engine
from engine import Value
from tests.needs import needs

np = needs("numpy")


@pytest.mark.parametrize("kind", ["float32", "float64", "int8", "array", "bool_"])
def test_scalars_and_arrays_of_no_dimension_are_numbers(kind: str) -> None:
    number = getattr(np, kind)(1)
    assert (type(Value(number).data), Value(number).data) == (float, 1.0)


@pytest.mark.parametrize(
    "thing",
    [np.array([1.0]), np.array([[1.0]]), np.array("1.5"), np.complex128(1), np.str_("1"), np.timedelta64(1, "s")],
)
def test_what_is_no_real_number_is_refused(thing: Any) -> None:
    v = Value(1.0)
    with pytest.raises(TypeError, match=type(thing).__name__):
        Value(thing)
    with pytest.raises(TypeError, match=type(thing).__name__):
        v.data = thing
    assert v.data == 1.0


def test_numpy_calls_the_methods_by_its_own_names() -> None:
    row = np.array([Value(0.25), Value(0.5)])
    for name in ("exp", "arcsin", "arctan", "tanh", "sqrt", "cbrt", "log1p", "rint", "arctanh", "absolute", "square"):
        got = getattr(np, name)(row)
        assert all(isinstance(v, Value) for v in got)
        expected = getattr(np, name)([0.25, 0.5])
        assert np.allclose([v.data for v in got], expected, equal_nan=True)
    assert isinstance(np.float64(3) * Value(2), Value)
    assert isinstance(Value(2) * np.float64(3), Value)
    product = np.array([1.0, 2.0]) * Value(3.0)
    assert [v.data for v in product] == [3.0, 6.0]
    assert [v.data for v in Value(3.0) - np.array([1.0, 2.0])] == [2.0, 1.0]
    total = np.dot(row, row)
    total.backward()
    assert [v.grad for v in row] == [0.5, 1.0]


def test_comparisons() -> None:
    nan = Value(math.nan)
    assert [nan < np.float64(1), nan > np.float64(1), nan == np.float64(1)] == [False] * 3
    for x, y in ((1.0, 2.0), (2.0, 1.0), (1.0, 1.0), (-1.0, 1.0)):
        a, other = Value(x), np.float64(y)
        assert [a < other, a <= other, a > other, a >= other, a == other] == [x < y, x <= y, x > y, x >= y, x == y]


@pytest.mark.parametrize("x", [0.0, -1.5, 1e308, math.inf, -math.inf, math.nan])
def test_comparisons_with_wider_floats(x: float) -> None:
    """As Python compares them with a float, on either side."""
    mpmath = needs("mpmath")
    for other in (mpmath.mpf("1e400"), -mpmath.mpf("1e400"), np.longdouble("1e400")):
        for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
            assert compare(Value(x), other) == compare(x, other)
            assert compare(other, Value(x)) == compare(other, x)


def test_what_a_forward_function_gives_becomes_a_float() -> None:
    odd = engine.declare("odd_numpy", lambda x: np.float64(x) * 2, [lambda z, x: 2.0], method=False)
    try:
        assert type(odd(Value(1.0)).data) is float
    finally:
        del engine.PRIMITIVES["odd_numpy"]


@pytest.mark.parametrize(
    ("statistic", "derivatives"),
    [
        (np.var, lambda x: 2 * (x - x.mean()) / x.size),
        (np.std, lambda x: (x - x.mean()) / (x.size * x.std())),
        (lambda x: np.var(x, ddof=1), lambda x: 2 * (x - x.mean()) / (x.size - 1)),
        (np.linalg.norm, lambda x: x / np.linalg.norm(x)),
        (lambda x: np.linalg.norm([x], axis=1)[0], lambda x: x / np.linalg.norm(x)),
        (lambda x: np.vdot(x, x), lambda x: 2 * x),
        (lambda x: np.abs(x).sum(), np.sign),
    ],
)
def test_statistics_of_numpy_have_derivatives(statistic: Any, derivatives: Any) -> None:
    """NumPy asks Values, and what stands for them while a function is compiled, for their conjugate."""
    numbers = np.array([1.0, -2.5, 4.0])
    for row in ([Value(x) for x in numbers], np.array([Value(x) for x in numbers])):
        found = statistic(row)
        found.backward()
        assert found.data == pytest.approx(statistic(numbers), rel=1e-14)
        assert [v.grad for v in row] == pytest.approx(derivatives(numbers), rel=1e-14)
    parameters = [Value(x) for x in numbers]
    for compiled in (
        engine.compile(lambda x: statistic([*parameters[:2], x])),
        engine.compile(lambda x: statistic(parameters) * x),
    ):
        compiled.function(numbers[2]).backward()
        expected = [v.grad for v in parameters]
        for v in parameters:
            v.grad = 0.0
        compiled.backward(numbers[2:])
        assert [v.grad for v in parameters] == pytest.approx(expected, rel=1e-12, abs=1e-12)
        for v in parameters:
            v.grad = 0.0


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("gradient", lambda v: np.gradient(v)),
        ("gradient", lambda v: np.gradient([1.0, 2.0, 3.0], v[0])),
        ("interp", lambda v: np.interp(v[0], [1.0, 2.0], [3.0, 4.0])),
        ("i0", lambda v: np.i0(v)),
        ("roots", lambda v: np.roots(v)),
        ("sort_complex", lambda v: np.sort_complex(v)),
        ("qr", lambda v: np.linalg.qr([v[:2], v[1:]])),
    ],
)
def test_functions_of_numpy_that_make_floats_are_refused(name: str, call: Any) -> None:
    """They gave plain numbers, of which no gradient came back, without a word."""
    with pytest.raises(TypeError, match=f"NumPy's {name} makes floats of Values, which drops the graph"):
        call([Value(1.0), Value(4.0), Value(9.0)])


def test_a_users_function_of_such_a_name_may_take_floats() -> None:
    def gradient(v: Value) -> float:
        return float(v)

    assert gradient(Value(2.0)) == 2.0
    assert list(np.gradient([float(v) for v in (Value(1.0), Value(4.0))])) == [3.0, 3.0]
