"""Numbers, Values and points in a domain, clear of its ends and of kinks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from ..interval import REALS, Interval, moderate
from ..primitive import Primitive
from ..text.elsewhere import explained
from ..value import Value

_CLEARANCE = 0.01  # distance from kinks and from the ends of domains


@explained
def numbers(domain: Interval = REALS, largest: float = 8.0) -> st.SearchStrategy[float]:
    """Floats in a domain, clear of its ends and of moderate size; examples shrink to small whole numbers.

    Args:
        domain: where they come from.
        largest: the largest size, where the domain has numbers below it.

    Raises:
        TypeError: `domain` is not an Interval.
        ValueError: `largest` is not positive, or infinite.

    >>> from hypothesis import find
    >>> find(numbers(Interval(0, math.inf)), lambda x: x > 1.5)
    2.0
    """
    if not isinstance(domain, Interval):
        raise TypeError(f"numbers come from an Interval, such as engine.Interval(0, 1), got {domain!r}")
    if not 0 < largest < math.inf:
        raise ValueError(f"numbers() needs a positive, finite largest size, got {largest!r}")
    if domain.integers:
        return st.integers(*_integers(domain, largest)).map(float)
    return st.floats(*_reals(domain, largest), allow_subnormal=False)


@explained
def values(domain: Interval = REALS) -> st.SearchStrategy[Value]:
    """Values, the leaves of graphs.

    Args:
        domain: where their numbers come from.

    >>> from hypothesis import find
    >>> find(values(), lambda v: v.data >= 2)
    Value(data=2.0, grad=0.0)
    """
    return numbers(domain).map(Value)


@explained
def points(
    domain: Primitive | Interval | Sequence[Interval] = REALS, count: int | None = None
) -> st.SearchStrategy[list[float]]:
    """Points to check a function at.

    Args:
        domain: the domain of all coordinates, or one for each; or a primitive, to draw from its domain, clear of its
            kinks.
        count: the number of coordinates: one by default, or four for a primitive that takes any number. It is ignored
            where `domain` fixes their number.

    Raises:
        TypeError: `domain` is none of these.
        ValueError: a point would have no coordinates, so that a test would test nothing.

    >>> import engine
    >>> from hypothesis import find
    >>> find(points(engine.log), lambda point: True)
    [1.0]
    >>> find(points(count=2), lambda point: point[0] > 3)
    [4.0, 0.0]
    """
    if count is not None and count < 1:
        raise ValueError(f"points() needs a positive number of coordinates, got count={count!r}")
    if isinstance(domain, Primitive):
        primitive = domain
        intervals = list(primitive.domains(primitive.arity or count or 4))
        return st.tuples(*map(numbers, intervals)).map(lambda point: nudged(primitive, list(point)))
    if isinstance(domain, int):
        raise TypeError(f"points() takes a domain first: for {domain} coordinates write count={domain}")
    intervals = list(domain) if isinstance(domain, Iterable) else [domain] * (count or 1)
    if not intervals:
        raise ValueError("points() got no domains: give one for each coordinate")
    for interval in intervals:
        if not isinstance(interval, Interval):
            raise TypeError(f"points() takes an Interval, a list of them or a primitive, got {interval!r}")
    return st.tuples(*map(numbers, intervals)).map(list)


def nudged(primitive: Primitive, point: list[float]) -> list[float]:
    """The point, moved off the primitive's kink as little as needed, in steps that no period divides."""
    domains = list(primitive.domains(len(point)))
    free = [k for k, domain in enumerate(domains) if not domain.integers]
    moved = list(point)
    for attempt in range(1, 20):
        if not near_kink(primitive, moved):
            return moved
        for rank, k in enumerate(free, 1):
            shift = 0.0137 * attempt * rank
            moved[k] = next((x for x in (point[k] + shift, point[k] - shift) if x in domains[k]), point[k])
    return moved


def near_kink(primitive: Primitive, inputs: Sequence[float]) -> bool:
    """Whether these operands are too close to where there is no derivative."""
    return primitive.kink is not None and abs(primitive.kink(primitive.forward(*inputs), *inputs)) < _CLEARANCE


def well_inside(domain: Interval, x: float) -> bool:
    """Whether a number is clear of the ends of a domain."""
    margin = _margin(domain.low, domain.high, x)
    return domain.low + margin <= x <= domain.high - margin


def inside(domain: Interval, x: float) -> float:
    """A number in the domain that grows with `x`, between -2 and 2 or as near to that as the domain is."""
    low, high = _reals(domain, 2.0)
    return low + (high - low) * (0.5 + math.atan(x) / math.pi)


def whole(domain: Interval, choice: int) -> float:
    """One of the integers in a domain."""
    low, high = _integers(domain, 8.0)
    return float(low + choice % (high - low + 1))


def _integers(domain: Interval, largest: float) -> tuple[int, int]:
    """The smallest and the largest integer in a domain, up to a size."""
    low, high = moderate(domain, largest)
    return math.ceil(low), math.floor(high)


def _reals(domain: Interval, largest: float) -> tuple[float, float]:
    """The ends of the numbers in a domain up to a size, clear of its own ends."""
    low, high = moderate(domain, largest)
    margin = _margin(low, high, max(abs(low), abs(high)))
    return low + margin, high - margin


def _margin(low: float, high: float, x: float) -> float:
    """How far numbers about `x` stay from the ends of a domain, however narrow or far out that is."""
    return max(min(_CLEARANCE, (high - low) / 8), math.ulp(x))
