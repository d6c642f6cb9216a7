"""Whole numbers and NumPy: a function that was compiled for floats computes what eager code does, or refuses them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

import engine
from engine import TraceError, Value
from tests.needs import needs

np = needs("numpy")
w = Value(2.0)


def half_in_a_copy(x: Any) -> Any:
    copy = np.array(x)
    copy[0] = 0.5
    return w * copy[0]


def half_in_zeros(x: Any) -> Any:
    zeros = np.zeros_like(x)
    zeros[0] = x[1] * 0.5
    return w * zeros[0]


def filled(x: Any) -> Any:
    copy = np.array(x)
    copy.fill(0.5)
    return w * copy[0]


def unsafely(x: Any) -> Any:
    copy = np.array(x)
    np.multiply(copy, 0.5, out=copy, casting="unsafe")
    return w * copy[0]


def written(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that writes a half into a copy of its numbers, which of whole ones is 0."""

    def function(x: Any) -> Any:
        copy = np.array(x)
        write(copy)
        return w * copy[0]

    return function


def by_flat(copy: Any) -> None:
    copy.flat = 0.5


def tried(x: Any) -> Any:
    try:
        return w * +x[0]
    except TypeError:
        return w * 3.0


def tried_to_round(x: Any) -> Any:
    try:
        return w * round(x[0])
    except TypeError:
        return w * 3.0


def is_of(array: Any, kind: Any) -> bool:
    return bool(array.dtype == kind)


def size_of(array: Any) -> int:
    return int(array.nbytes)


WRITES: list[Callable[[Any], Any]] = [
    by_flat,
    lambda copy: np.put(copy, 0, 0.5),
    lambda copy: np.place(copy, [True, False], [0.5]),
    lambda copy: np.putmask(copy, [True, False], 0.5),
    lambda copy: np.put_along_axis(copy, np.array([0]), 0.5, 0),
    lambda copy: np.fill_diagonal(copy[:, None], 0.5),
]
FUNCTIONS: list[Callable[[Any], Any]] = [
    half_in_a_copy,
    half_in_zeros,
    filled,
    unsafely,
    tried,
    tried_to_round,
    lambda x: w * np.full_like(x, 0.5)[0],
    lambda x: w * np.pad(x, 1, constant_values=0.5)[0],
    lambda x: w * np.insert(x, 0, 0.5)[0],
    lambda x: w * np.piecewise(x, [True, False], [0.5, 1.0])[0],
    *map(written, WRITES),
    lambda x: w * (2 if is_of(np.array(x), np.int64) else 3),
    lambda x: w * np.array(x).itemsize,
    lambda x: w * size_of(np.array(x)),
    lambda x: w * (2 if np.result_type(np.array(x), np.int8) == np.int64 else 3),
    lambda x: w * (2 if isinstance(np.array(x)[0], np.integer) else 3),
    lambda x: w * (2 if isinstance((np.array(x) > 1)[0], bool) else 3),
    lambda x: w * np.reciprocal(x[0]),
    lambda x: w * np.reciprocal(x[0] * 2),
    lambda x: w * np.floor_divide(x[0], x[1] - x[1]),
    lambda x: w * np.mod(x[0], x[1] - x[1]),
    lambda x: w * (np.int64(1) // (x[1] - x[1])),
    lambda x: w * (1 // x[1]),
    lambda x: w * (x[0] // 0),
    lambda x: w * divmod(x[0], 0)[1],
    lambda x: w * x[0] ** -1,
    lambda x: w * np.power(x[0], -1),
    lambda x: w * (x[0] - x[1]),
    lambda x: w * -x[0],
]
WHOLE = [
    [[2, 3], [3, 0]],
    [[True, True], [True, False]],
    np.array([[2, 3], [3, 0]]),
    np.array([[2, 3], [3, 0]], np.uint64),
    np.array([[True, True], [True, False]]),
]


def eagerly(function: Callable[[Any], Any], x: Any) -> Any:
    """The eager result; None where plain numbers raise an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pytest.approx(float(function(x).data))
        except (ZeroDivisionError, ValueError, TypeError):
            return None


@pytest.mark.parametrize("samples", WHOLE, ids=["ints", "bools", "int64", "uint64", "bool_"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_whole_numbers_after_floats(function: Callable[[Any], Any], samples: Any) -> None:
    compiled = engine.compile(function, backend="python")
    for floats in ([[1.5, 2.5]], np.array([[2.5, 1.5]])):
        with suppress(TraceError, ZeroDivisionError):  # some raise an error for floats, too
            compiled(floats)
    try:
        found = compiled(samples)
    except TraceError:
        return
    for x, z in zip(samples, found):
        expected = eagerly(function, x)
        assert expected is None or expected == z


@pytest.mark.parametrize("function", [lambda x: w * (x[0] * np.float32(0.5)), lambda x: w * (np.float16(2) / x[1])])
def test_constants_of_few_digits_beside_pythons_numbers_are_refused(function: Callable[[Any], Any]) -> None:
    compiled = engine.compile(function, backend="python")
    with pytest.raises(TraceError, match="of few digits"):
        compiled([[1.0, 2.0]])
    assert compiled(np.array([[1.0, 2.0]])) == [function(np.array([1.0, 2.0])).data]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: w * (2 if isinstance(x[0] * 1.0, int) else 3),
        lambda x: w * (2 if isinstance(x[0] + 0.0, int) else 3),
        lambda x: w * (2 if isinstance(+x[0], bool) else 3),
        lambda x: w * (2 if isinstance((x[0] > 1) * 1, bool) else 3),
    ],
)
@pytest.mark.parametrize("samples", [[[2, 3]], [[True, False]], np.array([[2, 3]])], ids=["ints", "bools", "int64"])
def test_the_type_of_what_an_operator_gives_back_is_not_that_of_its_operand(function: Any, samples: Any) -> None:
    with pytest.raises(TraceError, match="asks for the type"):
        engine.compile(function, backend="python")(samples)


def test_types_of_few_bits_may_move_from_one_number_to_another() -> None:
    compiled = engine.compile(lambda x, y: w * (x[0] + x[1]) + y, backend="python")
    assert compiled(np.array([[1.0, 2.0]]), np.array([True])) == [7.0]
    with pytest.raises(TraceError, match="few bits"):
        compiled(np.array([[True, True]]), np.array([1.0]))
    of_lists = engine.compile(lambda x: w * (x[0] + x[1]) + x[2], backend="python")
    assert of_lists([[1.0, 2.0, np.uint8(200)]]) == [206.0]
    with pytest.raises(TraceError, match="few bits"):
        of_lists([[np.uint8(200), np.uint8(100), 1.0]])


FINE: list[Callable[[Any], Any]] = [
    lambda x: engine.where(x[0] * 3 == x[1], w, 1.0),
    lambda x: engine.where(x[0] == 0.1, w, 1.0),
    lambda x: engine.where(x[1] > 0.3, w, 1.0),
    lambda x: w * (x[1] // x[0]),
    lambda x: w * round(x[0] * 5),
]


@pytest.mark.parametrize("kind", [Fraction, Decimal, np.longdouble])
@pytest.mark.parametrize("function", FINE)
def test_decisions_by_more_digits_than_a_float_has_are_refused(function: Callable[[Any], Any], kind: Any) -> None:
    compiled = engine.compile(function, backend="python")
    compiled([[1.5, 2.5]])
    with pytest.raises(TraceError, match="more digits than a float"):
        compiled([[kind("0.1"), kind("0.3")]])


def test_sums_with_more_digits_than_a_float_has_compile() -> None:
    compiled = engine.compile(lambda x: w * (x[0] + x[1]) * 2, backend="python")
    assert compiled([[Fraction(1, 4), Fraction(1, 2)]]) == [3.0]
    with pytest.raises(TraceError, match="more digits than a float"):
        engine.compile(lambda x: engine.where(x == Fraction(1, 10), w, 1.0), backend="python")([0.1])


@pytest.mark.parametrize("number", [2**53 + 1, 10**400], ids=["2**53 + 1", "10**400"])
def test_comparisons_with_integers_that_no_float_equals_are_refused(number: int) -> None:
    # Python compares them exactly: 2.0**53 is below 2**53 + 1, and not below the nearest float.
    compiled = engine.compile(lambda x: engine.where(x < number, w, 1.0), backend="python")
    with pytest.raises(TraceError, match="more digits than a float"):
        compiled([1.0, 2.0**53])


def test_truth_values_of_numpy_as_whole_numbers_are_refused() -> None:
    compiled = engine.compile(lambda x: w * ((x[0] > 1) % (2 - (x[0] > 1) - (x[1] > 1))), backend="python")
    assert compiled([[2.0, 0.0]]) == [0.0]
    with pytest.raises(TraceError, match="whole numbers of NumPy"):
        compiled(np.array([[2.0, 3.0]]))


def test_sums_of_what_is_computed_from_pythons_integers_and_of_few_bits_are_refused() -> None:
    with pytest.raises(TraceError, match="few bits"):
        engine.compile(lambda x, y: w * (0 + y + x[0]))(np.array([[200, 1]], np.uint8), [100])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: w * np.dot(x, [1.0, 2.0]),
        lambda x: w * (np.array(x) / 2).sum(),
        lambda x: w * (x[0] // 2) + x[1] % 3,
        lambda x: w * x[0] ** 2 / x[1],
        lambda x: (
            w * (x[0] * 1 if isinstance(x[0], int) else 3)
        ),  # which gives x[0] back, in another type if that is a bool
        half_in_zeros,
    ],
)
def test_what_is_harmless_compiles(function: Callable[[Any], Any]) -> None:
    compiled, samples = engine.compile(function, backend="python"), [[2, 3], [3, 1]]
    if function is half_in_zeros:
        samples = np.array(samples, float)
    found = compiled(samples)
    assert all(float(function(x).data) == z for x, z in zip(samples, found))


@pytest.mark.parametrize(
    "write",
    [
        lambda y: y.fill(5.0),
        lambda y: y.__iadd__(1.0),
        lambda y: y.ravel().__setitem__(0, 5.0),
        lambda y: np.copyto(y, 5.0),
        lambda y: np.negative(y, out=y),
    ],
)
@pytest.mark.parametrize("samples", [np.array([[1.0, 2.0]]), [[1.0, 2.0]]], ids=["an array", "lists"])
def test_an_array_of_the_samples_is_not_written(write: Callable[[Any], Any], samples: Any) -> None:
    """Of an array `numpy.asarray` makes none of its own: eager code computed with what was written there."""
    w = Value(2.0)

    def function(x: Any, array: Any = np.asarray) -> Any:
        write(array(x))
        return w * x[0]

    with pytest.raises(TraceError, match=r"writes into an array that it is given.*\n.*numpy\.array"):
        engine.compile(function, backend="python")(samples)
    on_a_copy = engine.compile(lambda x: function(x, np.array), backend="python")
    assert on_a_copy(samples) == [2.0]
