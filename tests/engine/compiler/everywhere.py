"""What the compiler's tests share: results of the eager engine, and how close two of them must be."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from typing import Any

import engine
from engine import Value


def close(x: float, y: float, scale: float, tolerance: float = 1e-12) -> bool:
    """Whether two numbers are the same, as nan or inf too, or differ by little beside `scale`."""
    if math.isfinite(x) and math.isfinite(y):
        return abs(x - y) <= tolerance * scale
    return x == y or (x != x and y != y)


_counts: list[Any] = []  # keeps their memory


def unseen_count() -> Callable[[], int]:
    """What says how often it was called before, and whose state nobody sees: its code has but an address."""
    _counts.append(ctypes.c_int64())
    place = ctypes.addressof(_counts[-1])

    def count() -> int:
        number = ctypes.c_int64.from_address(place)
        number.value += 1
        return number.value - 1

    return count


def eager(function: Any, arguments: Sequence[Any]) -> tuple[list[float], list[float]]:
    """The results for one sample, and the derivatives of the first one by all inputs."""
    values = [_values(argument) for argument in arguments]
    result = function(*values)
    results = result if isinstance(result, (list, tuple)) else [result]
    flat = [v for value in values for v in (value if isinstance(value, list) else [value])]
    first = results[0]
    return [float(r) for r in results], engine.grad(first, flat) if isinstance(first, Value) else [0.0] * len(flat)


def _values(argument: Any) -> Any:
    return [Value(x) for x in argument] if isinstance(argument, (list, tuple)) else Value(argument)
