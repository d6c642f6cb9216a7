"""Errors of arithmetic that a function catches: compiled code has inf and nan in their place, so it is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import engine
from engine import TraceError, Value
from tests.needs import needs

from ..faithful.cases import Case, equal, refused

np = needs("numpy")


def _safe_division(x: Any, y: Any) -> Any:
    try:
        return x / y
    except ZeroDivisionError:
        return 0.0


def _safe_remainder(x: Any, y: Any) -> Any:
    try:
        return x % y
    except ArithmeticError:
        return 0.0


def _safe_reciprocal(x: Any) -> Any:
    try:
        return x**-1
    except ZeroDivisionError:
        return 0.0


def _safe_power(x: Any) -> Any:
    with contextlib.suppress(OverflowError):
        return x**400
    return 0.0


def _safe_in_all_ways(x: Any) -> Any:
    try:
        return 1 / x
    except KeyError:
        return 1.0
    except:  # noqa: E722  # that it is seen is the point
        return 0.0


def _safe_remainder_in_all_ways(x: Any) -> Any:
    try:
        return 7 % x
    except:  # noqa: E722  # that it is seen is the point
        return 0.0


_ByZero, _suppressing = ZeroDivisionError, contextlib.suppress(ZeroDivisionError)


def _safe_by_another_name(x: Any) -> Any:
    try:
        return 1 / x
    except _ByZero:
        return 0.0


def _safe_by_a_suppressor(x: Any) -> Any:
    with _suppressing:
        return 1 / x
    return 0.0


class Errors:
    by_zero, suppressing = ZeroDivisionError, contextlib.suppress(ZeroDivisionError)

    @contextlib.contextmanager
    def swallowing(self) -> Iterator[None]:
        with contextlib.suppress(self.by_zero):
            yield


_errors, _listed = Errors(), [ZeroDivisionError]


def _safe_by_an_attribute(x: Any) -> Any:
    try:
        return 1 / x
    except Errors.by_zero:
        return 0.0


def _safe_by_one_of_several(x: Any) -> Any:
    try:
        return 1 / x
    except (_errors.by_zero, KeyError):
        return 0.0


def _safe_by_an_entry(x: Any) -> Any:
    try:
        return 1 / x
    except _listed[0]:
        return 0.0


def _safe_by_an_attribute_that_suppresses(x: Any) -> Any:
    with _errors.suppressing:
        return 1 / x
    return 0.0


def _safe_by_a_method(x: Any) -> Any:
    with _errors.swallowing():
        return 1 / x
    return 0.0


def _safe_by_a_method_with_a_name(x: Any) -> Any:
    swallowing = _errors.swallowing
    with swallowing():
        return 1 / x
    return 0.0


def _safe_in_a_stack(x: Any) -> Any:
    with contextlib.ExitStack() as stack:
        stack.push(lambda *error: True)
        return 1 / x
    return 0.0


class Suppressing(contextlib.suppress):
    pass


_further = Suppressing(ZeroDivisionError)


def _safe_by_a_suppressor_of_ones_own(x: Any) -> Any:
    with _further:
        return 1 / x
    return 0.0


class Swallowing:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: Any) -> bool:
        return True


@contextlib.contextmanager
def _swallowing_by_name() -> Iterator[None]:
    try:  # noqa: SIM105  # that it is seen is the point
        yield
    except _ByZero:
        pass


class Inheriting(Swallowing):
    pass


class Deciding(Swallowing):
    def __exit__(self, kind: Any, *error: Any) -> bool:
        return kind is not None


def _safe_in(context: Any) -> Callable[[Any], Any]:
    def safe(x: Any) -> Any:
        with context():
            return 1 / x
        return 0.0

    return safe


@contextlib.contextmanager
def _swallowing() -> Iterator[None]:
    with contextlib.suppress(ZeroDivisionError):
        yield


def _safe_in_a_context(x: Any) -> Any:
    with Swallowing():
        return 1 / x
    return 0.0


def _safe_in_a_generator(x: Any) -> Any:
    with _swallowing():
        return 1 / x
    return 0.0


def _safe(function: Callable[[Any], Any], errors: Any) -> Callable[[Any], Any]:
    def safe(x: Any) -> Any:
        try:
            return function(x)
        except errors:
            return 0.0

    return safe


CAUGHT: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "a division that a bare except catches": (_safe_in_all_ways, [2.0, 0.0, 2.0]),
    "a remainder that a bare except catches": (_safe_remainder_in_all_ways, [2.0, 0.0, 2.0]),
    "a division that is caught by another name": (_safe_by_another_name, [2.0, 0.0, 2.0]),
    "a division that is suppressed": (_safe_by_a_suppressor, [2.0, 0.0, 2.0]),
    "a division that a context catches": (_safe_in_a_context, [2.0, 0.0, 2.0]),
    "a division that a context made of a generator catches": (_safe_in_a_generator, [2.0, 0.0, 2.0]),
    "a division that a decorator catches": (_safe(lambda x: 1 / x, (KeyError, ArithmeticError)), [2.0, 0.0, 2.0]),
    **{
        f"a division that is {function.__name__.strip('_')}": (function, [2.0, 0.0, 2.0])
        for function in (
            _safe_by_an_attribute,
            _safe_by_one_of_several,
            _safe_by_an_entry,
            _safe_by_an_attribute_that_suppresses,
            _safe_by_a_method,
            _safe_by_a_method_with_a_name,
            _safe_in_a_stack,
            _safe_by_a_suppressor_of_ones_own,
        )
    },
    "a division that a context catches as its base does": (_safe_in(Inheriting), [2.0, 0.0, 2.0]),
    "a division that a context catches by what it returns": (_safe_in(Deciding), [2.0, 0.0, 2.0]),
    "a division that a generator catches by another name": (_safe_in(_swallowing_by_name), [2.0, 0.0, 2.0]),
    "a division by zero that is caught": (lambda x: _safe_division(1, x), [2.0, 0.0, 2.0]),
    "a remainder that is caught": (lambda x: _safe_remainder(1, x), [2.0, 0.0, 2.0]),
    "a power that is caught": (_safe_reciprocal, [2.0, 0.0, 2.0]),
    "an overflow that is caught": (_safe_power, [2.0, 10.0, 2.0]),
}


@refused
@pytest.mark.parametrize(("function", "samples"), CAUGHT.values(), ids=CAUGHT)
def test_an_error_that_is_caught(function: Callable[[Any], Any], samples: Any) -> Case:
    w = Value(2.0)
    return Case(lambda x: w * function(x), samples=(samples,))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a division by zero that is caught", "truediv of 1 and <traced input 0> where an error is caught"),
        ("a power that is caught", "pow of <traced input 0> and -1 where an error is caught"),
    ],
)
def test_the_operator_is_named_with_its_operands_in_order(name: str, told: str) -> None:
    w, (of, samples) = Value(2.0), CAUGHT[name]
    with pytest.raises(TraceError, match=told):
        engine.compile(lambda x: w * of(x), backend="python")(samples)


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    yield


class Harmless:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: Any) -> bool:
        return False


def _or_zero(x: Any) -> Any:
    try:
        with engine.no_grad(), _harmless(), Harmless(), np.errstate(divide="ignore"):
            return 1 / x
    except (KeyError, ValueError):
        return 0.0
    finally:
        pass


@equal
def test_a_division_where_other_errors_are_caught() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * _or_zero(x))


@equal
def test_a_division_beside_one_that_is_caught() -> Case:
    """Of Values there is no error: it is inf; nor is there one of a divisor that is no zero."""
    w = Value(2.0)
    return Case(lambda x: _safe_division(w * x, 2.0) + _safe_division(1.0, w + x * x) + _safe_division(x, -2.0))
