"""What Python's and NumPy's numbers do, and Values do not: errors, wrapping, bits, few digits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import TraceError, Value, compile, where
from tests.needs import INSTALLED, needs

from .cases import Case, equal, refused

np = needs("numpy")


PLAIN: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "and of bits": (lambda x: x & 1, [1, 2, 3]),
    "or of bits": (lambda x: 2 | x, [1, 2, 3]),
    "a shift": (lambda x: 1 << x, [1, 2, 3]),
    "exclusive or of conditions": (lambda x: (x > 1) ^ (x > 2), [1, 2, 3]),
    "a sum that wraps": (lambda x: x + x, np.array([1, 200, 3], np.uint8)),
    "a difference from a number of Python": (lambda x: x - 1, np.array([1, 0, 3], np.uint8)),
    "a product of int16": (lambda x: x * x, np.array([1, 300, 3], np.int16)),
    "the absolute value of int8": (lambda x: abs(x), np.array([1, -128, 3], np.int8)),
    "a sum of truth values": (lambda x: x + x, np.array([True, False])),
    "a sum of conditions": (lambda x: (x > 0) + (x > 1), np.array([-1.0, 0.5, 2.0])),
    "a sum of a condition and True": (lambda x: True + (x > 1), np.array([-1.0, 0.5, 2.0])),
    "a sum of products of conditions": (lambda x: (x > 0) * (x > 1) + (x > 2), np.array([-1.0, 0.5, 3.0])),
    "a condition less another": (lambda x: (x > 0) - (x > 1), np.array([-1.0, 0.5, 2.0])),
    "the negative of a condition": (lambda x: -(x > 0), np.array([-1.0, 0.5, 2.0])),
    "a remainder by a whole number of NumPy": (lambda x: 7 % x, np.array([1, 0, 3])),
    "a quotient by a whole number of NumPy": (lambda x: 7 // x, np.array([1, 0, 3])),
    "a power of a whole number of NumPy": (lambda x: 2**x, np.array([1, -1, 3])),
    "a quotient of half precision": (lambda x: x / 0.5, np.array([1.0, 60000.0], np.float16)),
    "a quotient by half precision": (lambda x: np.uint8(200) / x, np.array([1.0, 0.001], np.float16)),
    "half precision": (lambda x: x * 1000.0, np.array([1.0, 100.0], np.float16)),
    "a sum with an integer beyond 2**53": (lambda x: x + 2**60 - 2**60, [1, 2, 3]),
    "a comparison with an integer beyond 2**53": (lambda x: where(x == 2**53 + 1, 2.0, 1.0), [2**53, 1, 2]),
    "a constant of few bits": (lambda x: x + np.int8(100), [1, 2, 100]),
    "a constant of few bits on the left": (lambda x: np.uint8(3) - x, [1, 2, 5]),
    "a constant of half precision": (lambda x: x * np.float16(0.1), [1.5, 2.5]),
    "a function of NumPy of few bits": (lambda x: np.exp(x), np.array([1, 2, 3], np.uint8)),
    "a function of NumPy of truth values": (lambda x: np.exp(x > 1), [1.0, 2.0]),
    "few bits in a later sample": (lambda x: x + x, [1.0, np.uint8(200), 2.0]),
    "bools in the row of a later sample": (
        lambda x: np.dot(np.array(x), np.array(x)),
        [[1.0, 2.0], [2, True], [True, True]],
    ),
    "few bits in the row of a later sample": (
        lambda x: x[0] + x[1],
        [[1.0, 2.0], [np.uint8(200), np.uint8(100)]],
    ),
}


def _times_a_parameter(function: Callable[[Any], Any], samples: Any) -> Case:
    """A function of numbers that are given, with the samples that would show what it does with them."""
    w = Value(2.0)
    return Case(lambda x: w * function(x), samples=(samples,))


@refused
@pytest.mark.parametrize(("function", "samples"), PLAIN.values(), ids=PLAIN)
def test_plain_numbers(function: Callable[[Any], Any], samples: Any) -> Case:
    return _times_a_parameter(function, samples)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a remainder by a whole number of NumPy", "mod of whole numbers of NumPy, 7 and <traced input 0>"),
        ("a difference from a number of Python", "sub of numbers of few bits: <traced input 0>, 1"),
    ],
)
def test_a_refused_operator_is_named_with_its_operands_in_order(name: str, told: str) -> None:
    w, (of, samples) = Value(2.0), PLAIN[name]
    with pytest.raises(TraceError, match=re.escape(told)):
        compile(lambda x: w * of(x), backend="python")(samples)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("name", [name for name, (_, samples) in PLAIN.items() if hasattr(samples, "dtype")])
def test_numbers_of_few_bits_are_met_after_others(name: str, backend: str) -> None:
    """Programs for floats, in lists or arrays, are not taken for them."""
    w, (of, samples) = Value(2.0), PLAIN[name]
    compiled = compile(lambda x: w * of(x), backend=backend)
    compiled([1.5, 2.5])
    for first in ([*samples], samples, [2.5, 1.5], samples):
        if type(first[0]) is float:
            compiled(first)
        else:
            with pytest.raises(TraceError, match=r"of (numbers of few bits|whole numbers)"):
                compiled(first)


_bound = Value(2.0)
FEW_DIGITS = np.array([0.1, 0.2, 0.3, 0.7, 0.6, 1.0, -0.1, 0.9], np.float32)
OF_FEW_DIGITS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "rounded": (lambda x: engine.floor(x * 10), FEW_DIGITS),
    "rounded by Python": (lambda x: round(x * 5), FEW_DIGITS),
    "compared": (lambda x: where(x * 10 > 7, 2.0, 1.0), FEW_DIGITS),
    "compared with a parameter": (lambda x: where(x * 10 > _bound, 2.0, 1.0), FEW_DIGITS),
    "compared after a function of NumPy": (lambda x: where(np.sqrt(abs(x)) == 0.3, 2.0, 1.0), FEW_DIGITS),
    "remainder": (lambda x: x % 0.1, FEW_DIGITS),
    "remainder of a product": (lambda x: (x * 10) % 1, FEW_DIGITS),
    "beside a float": (lambda x: where(x[0] > x[1], 2.0, 1.0), [[np.float32(0.1), 0.1]]),
    "a constant": (lambda x: where(x >= np.float32(0.1), 2.0, 1.0), [0.1, 0.2]),
    "a constant on the left": (lambda x: where(np.float32(0.1) < x, 2.0, 1.0), [0.1, 0.2]),
}


@refused
@pytest.mark.parametrize(("function", "samples"), OF_FEW_DIGITS.values(), ids=OF_FEW_DIGITS)
def test_numbers_of_few_digits(function: Callable[[Any], Any], samples: Any) -> Case:
    return _times_a_parameter(function, samples)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize(
    "of",
    [
        lambda x: where(x > 0.1, 3.0, 1.0),
        lambda x: where(x <= 0.7, 3.0, 1.0),
        lambda x: where(x == 0.3, 3.0, 1.0),
        lambda x: where(-x >= -0.2, 3.0, 1.0),
        lambda x: where(abs(x) != 0.1, 3.0, 1.0),
        lambda x: where(x > 0.5, 3.0, 1.0),
    ],
    ids=["above", "below", "equal", "negative", "absolute", "a half"],
)
def test_numbers_of_few_digits_are_compared_as_numpy_does(of: Callable[[Any], Any], backend: str) -> None:
    """Which takes the float for one of as few digits; in any order with others, in arrays and lists."""
    w, floats = Value(2.0), [0.1, 0.2, 0.3, 0.7]
    compiled = compile(lambda x: w * of(x), backend=backend)
    for _ in range(2):
        for samples in (floats, FEW_DIGITS, np.array(floats), [*FEW_DIGITS], [1, 0]):
            assert list(compiled(samples)) == [2.0 * float(of(x)) for x in samples], samples


@pytest.mark.parametrize("backend", INSTALLED)
def test_steps_on_numbers_of_few_digits_after_many_on_others(backend: str) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            return [self.w * where(x[0] > 0.1, 3.0, 1.0)]

    model = Model()
    trainer = nn.Trainer(model, nn.mse, nn.SGD(model.parameters(), lr=0.0), backend=backend)
    samples, labels = np.array([[0.1], [0.2]]), np.array([0.0, 0.0])
    for _ in range(5):
        assert trainer.step(samples, labels) == 20.0
        assert trainer.step(samples.astype(np.float32), labels) == 20.0
        assert trainer.step(samples.astype(np.float32).astype(float), labels) == 36.0


@pytest.mark.parametrize("backend", INSTALLED)
def test_few_bits_in_a_later_sample_are_met_after_others(backend: str) -> None:
    w = Value(2.0)
    compiled = compile(lambda x: w * (x + x), backend=backend)
    for _ in range(5):
        assert list(compiled([1.0, 2.0])) == [4.0, 8.0]
        assert list(compiled([1.0, np.float32(2.0)])) == [4.0, 8.0]
        with pytest.raises(TraceError, match="numbers of few bits"):
            compiled([1.0, np.uint8(200)])


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("listed", [False, True])
def test_steps_on_numbers_of_few_bits_after_many_on_others(listed: bool, backend: str) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            return [self.w * (x[0] + x[1])]

    model = Model()
    trainer = nn.Trainer(model, nn.mse, nn.SGD(model.parameters(), lr=0.0), backend=backend)
    samples, labels = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 2.0])
    for _ in range(10):
        trainer.step(samples, labels)
    pixels = np.array([[200, 100], [3, 4]], np.uint8)
    mixed = [[1.0, 2.0], [np.uint8(200), np.uint8(100)]]
    for _ in range(3):
        with pytest.raises(TraceError, match="numbers of few bits"):
            trainer.step(mixed, labels)
        with pytest.raises(TraceError, match="numbers of few bits"):
            trainer.step([[*row] for row in pixels] if listed else pixels, labels)
        assert trainer.step(pixels.astype(float), labels) == pytest.approx((599.0**2 + 12.0**2) / 2)


@pytest.mark.parametrize("backend", INSTALLED)
def test_pixels_that_become_floats_are_met_after_others(backend: str) -> None:
    w = Value(2.0)
    compiled = compile(lambda x: w * x * (x / 255), backend=backend)
    for _ in range(2):
        for samples in ([1.5, 2.0], np.array([0, 255], np.uint8), np.array([1.5, 2.0], np.float32)):
            assert list(compiled(samples)) == [float(2.0 * x * (x / 255)) for x in map(float, samples)]


@equal
def test_numbers_of_few_bits_that_become_floats() -> Case:
    w, pixels = Value(2.0), np.array([0, 3, 255], np.uint8)
    return Case(lambda x: w * x * (x / 255) + (x - 0.5) * w, samples=(pixels,))


_ARRAYS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "a sum of bools": (lambda x: (np.array(x) + np.array(x[::-1]))[0], [[True, True], [False, True]]),
    "a dot of bools": (lambda x: np.dot(np.array(x), np.array(x)), [[True, True], [False, True]]),
    "a sum of conditions": (
        lambda x: sum(np.array([x[0] > 0]) + np.array([x[1] > 0])),
        [[1.0, 2.0], [-1.0, 1.0]],
    ),
}


@refused
@pytest.mark.parametrize(("function", "samples"), _ARRAYS.values(), ids=_ARRAYS)
def test_arrays_of_truth_values(function: Callable[[Any], Any], samples: Any) -> Case:
    return _times_a_parameter(function, samples)


NANS: dict[str, Callable[[Any], Any]] = {
    "a number": np.nan_to_num,
    "an array": lambda x: np.nan_to_num(np.array([x]))[0],
    "results in an array": lambda x: np.nan_to_num(np.array([x]) * 2.0, nan=1.0)[0],
    "in a list": lambda x: np.nan_to_num([x])[0],
    "an array that is checked": lambda x: np.asarray_chkfinite(np.array([x]))[0],
}


@refused
@pytest.mark.parametrize("of", NANS.values(), ids=NANS)
def test_functions_that_look_for_nan_in_floats(of: Callable[[Any], Any]) -> Case:
    """Of symbols they would give back what they are given, and of a later sample nan."""
    w = Value(2.0)
    return Case(lambda x: w * of(x))


@equal
def test_functions_that_look_for_nan_in_constants() -> Case:
    w, table = Value(2.0), np.array([float("nan"), 3.0])
    return Case(lambda x: w * x * np.nan_to_num(table).sum(), lambda: table.__setitem__(1, 5.0))


@equal
def test_masks_in_arrays() -> Case:
    w = Value(2.0)
    return Case(
        lambda x: w * (np.array([x[0] > 0, x[1] > 0]) * np.array(x)).sum() + (np.array(x) + 1.0)[0],
        samples=([[1.0, -2.0], [-1.0, 1.0]],),
    )


@equal
def test_sums_of_bools_of_python() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * (x[0] + x[1]) - x[0], samples=([[True, True], [False, True]],))


@equal
def test_sums_of_conditions_that_are_numbers_of_python() -> Case:
    w, samples = Value(2.0), [-1.0, 0.5, 3.0]
    return Case(lambda x: w * ((x > 0) + (x > 1)) - (x > 2), samples=(samples,))


@equal
def test_conditions_of_arrays_that_are_counted_or_multiplied() -> Case:
    w, samples = Value(2.0), np.array([-1.0, 0.5, 3.0])
    return Case(lambda x: w * sum([x > 0, x > 1]) + (x > 0) * (x < 2), samples=(samples,))


@equal
def test_truth_values_less_one() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * (2 * x - 1) + (1 - x), samples=(np.array([True, False]),))


def test_a_large_integer_with_floats_is_a_float() -> None:
    """Python rounds it then too."""
    assert list(compile(lambda x: x * (2**53 + 1))([0.5, 3.0])) == [0.5 * (2**53 + 1), 3.0 * (2**53 + 1)]


@pytest.mark.parametrize("backend", INSTALLED)
def test_the_real_part_of_a_number_is_the_number(backend: str) -> None:
    """NumPy 2.5 asks for it in norms."""

    def function(x: Any) -> Any:
        return w * x.real + (x * x).real

    w = Value(2.0)
    assert [*compile(function, backend=backend)([1.5, -2.0])] == [function(1.5).data, function(-2.0).data]


@refused
def test_the_real_part_of_a_condition_may_be_a_whole_number() -> Case:
    return Case(lambda x: (x > 0).real + (x > 1).real)


@refused
def test_the_real_part_of_a_truth_value_is_a_whole_number() -> Case:
    return Case(lambda x: x.real + x.real, samples=([True, False],))
