"""Where operands come from: open intervals of reals, closed ones of integers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .numbers import is_number


@dataclass(frozen=True, slots=True)
class Interval:
    """An open interval of reals, or a closed one of integers, that an operand may come from.

    Args:
        low: the lower end.
        high: the upper end.
        integers: whether it holds the integers from `low` to `high`.

    Raises:
        TypeError: an end is not a number.
        ValueError: nothing lies between the ends, one is nan, or one of integers is a fraction.

    >>> 0.0 in Interval(0, math.inf), 1e-300 in Interval(0, math.inf)
    (False, True)
    >>> 1 in Interval(0, 1, integers=True)
    True
    """

    low: float = -math.inf
    high: float = math.inf
    integers: bool = False

    def __post_init__(self) -> None:
        for end in (self.low, self.high):
            if not is_number(end):
                raise TypeError(f"the ends of an interval are numbers, got {end!r}")
        if not (self.low < self.high or (self.integers and self.low == self.high)):
            raise ValueError(f"nothing lies between {self.low!r} and {self.high!r}: give the lower end first")
        for end in (self.low, self.high):
            if self.integers and end % 1 > 0:  # of an infinite end it is nan
                raise ValueError(f"the ends of an interval of integers are integers, got {end!r}")

    def __contains__(self, number: float) -> bool:
        if self.integers:
            return self.low <= number <= self.high and float(number).is_integer()
        return self.low < number < self.high

    def __str__(self) -> str:
        if self is INDEX:
            return "an index"
        if self.integers:
            return f"{{{self.low:g} ... {self.high:g}}}"
        return "all reals" if self == REALS else f"({self.low:g}, {self.high:g})"


def moderate(domain: Interval, largest: float) -> tuple[float, float]:
    """The ends of the part of a domain of reals whose numbers are no larger than `largest`.

    If the whole domain lies further out, it is a part of that width at the end that is nearer to 0, or of a greater
    one where floats are too far apart for this width.

    >>> moderate(Interval(0, math.inf), 8.0), moderate(Interval(100, math.inf), 8.0), moderate(Interval(100, 101), 8.0)
    ((0, 8.0), (100, 108.0), (100, 101))
    """
    low, high = max(domain.low, -largest), min(domain.high, largest)
    if low < high:
        return low, high
    width = max(largest, 2.0**-40 * min(abs(domain.low), abs(domain.high)))
    if domain.low > 0:
        return domain.low, min(domain.low + width, domain.high)
    return max(domain.high - width, domain.low), domain.high


REALS = Interval()
POSITIVE = Interval(0, math.inf)
BOOLEAN = Interval(0, 1, integers=True)
INDEX = Interval(0, 0, integers=True)
"""Of one of the operands after it, however few there are; if there are more, it may be larger."""
