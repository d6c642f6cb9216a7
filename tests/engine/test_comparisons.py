"""A Value compares as its number does: with numbers of every kind, with nan, and with those that no float holds."""

from __future__ import annotations

import math
import operator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Value


@pytest.mark.parametrize("huge", [10**400, Fraction(10**400), Decimal("1e400")], ids=str)
def test_numbers_beyond_the_range_are_refused_as_data_and_compared_exactly(huge: Any) -> None:
    with pytest.raises(OverflowError, match="beyond the range of a float"):
        Value(huge)
    with pytest.raises(OverflowError, match="beyond the range of a float"):
        Value(1.0) + huge
    x = Value(1.0)
    assert (x == huge, x != huge, x < huge, x >= huge) == (False, True, True, False)


def test_a_signalling_decimal_compares_like_nan_and_infinities_stay() -> None:
    x, odd = Value(1.0), Decimal("sNaN")
    assert (x == odd, x < odd, x > odd, x <= odd, x >= odd, x != odd) == (False,) * 5 + (True,)
    assert Value(Decimal("-Infinity")).data == -math.inf
    assert Value(0.1) != Fraction(1, 10)  # exactly


@pytest.mark.parametrize("other", [Fraction(10**400), 10**400, Decimal("1e400"), Decimal("Infinity")])
def test_comparisons_with_what_no_float_holds_are_exact(other: Any) -> None:
    x = Value(1e308)
    assert (x < other, x <= other, x != other) == (True, True, True)
    assert (x > other, x >= other, x == other) == (False, False, False)
    assert (Value(-math.inf) < -other or Value(-math.inf) == -other) is True


EXACT = st.integers() | st.fractions() | st.decimals(allow_nan=False) | st.floats()


@given(st.floats(), EXACT | st.sampled_from([10**400, Fraction(-(10**400), 3), Decimal("1e400"), Decimal("-1e-400")]))
def test_a_value_compares_as_its_number_does(x: float, other: Any) -> None:
    """With numbers of any kind and size, on either side: exactly, as Python compares them with a float."""
    if x != x and isinstance(other, Decimal):
        return  # Python raises, and a Value compares with nothing
    for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        assert compare(Value(x), other) == compare(x, other)
        assert compare(other, Value(x)) == compare(other, x)


@pytest.mark.parametrize("other", [Decimal("sNaN"), Decimal("NaN"), math.nan])
def test_nothing_compares_with_nan(other: Any) -> None:
    for x in (Value(1.0), Value(math.nan), Value(math.inf)):
        assert [x < other, x <= other, x > other, x >= other, x == other] == [False] * 5
        assert x != other
        assert [other < x, other <= x, other > x, other >= x, other == x] == [False] * 5


@pytest.mark.parametrize("other", [Decimal(1), Decimal("Infinity"), Fraction(1), 1, 1.0])
def test_nan_compares_with_nothing(other: Any) -> None:
    x = Value(math.nan)
    assert [x < other, x <= other, x > other, x >= other, x == other] == [False] * 5
    assert x != other


def test_orders_of_equal_and_unequal_numbers() -> None:
    for x, y in ((1.0, 2.0), (2.0, 1.0), (1.0, 1.0), (-1.0, 1.0)):
        for other in (y, Value(y), Fraction(y), Decimal(y), int(y)):
            a = Value(x)
            assert [a < other, a <= other, a > other, a >= other, a == other, a != other] == [
                x < y,
                x <= y,
                x > y,
                x >= y,
                x == y,
                x != y,
            ]
