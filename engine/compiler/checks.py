"""Checks while a program runs: labels in range, and the first sample against the eager engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .batch import Batch
from .errors import TraceError
from .symbol import Symbol, operations

Numbers = tuple[list[float], list[float]]


def labels_of(outputs: Sequence[Symbol]) -> dict[int, int]:
    """The inputs that `take` uses as they are, with the number of values to take from."""
    return {
        s.operands[0].value: len(s.operands) - 1
        for s in operations(outputs)
        if s.primitive is not None and s.primitive.name == "take" and s.operands[0].kind == "input"
    }


def check_labels(labels: dict[int, int], batch: Batch) -> None:
    """Refuse indices that take() would refuse.

    Raises:
        IndexError: one is negative or too large.
        ValueError: one is no whole number.
    """
    for position, count in labels.items():
        column = batch.column(position)
        for number in set(column if isinstance(column, list) else column.tolist()):
            if not float(number).is_integer():
                raise ValueError(f"take() needs a whole number as index, got {number!r}")
            if not 0 <= number < count:
                raise IndexError(f"take() of index {number:g} from {count} values: give 0 to {count - 1}")


def agree(eager: Numbers, compiled: tuple[Any, Any], tolerance: float) -> None:
    """Compare what the eager engine gives for a sample with what a program gives, norm-wise.

    Args:
        eager: the outputs, and their gradient (or nothing).
        compiled: the outputs sample by sample, and their gradient (or None).
        tolerance: the largest difference, as a share of the largest number.

    Raises:
        TraceError: they differ by more.
    """
    outputs, gradient = compiled
    for what, expected, found in (("result", eager[0], outputs[0]), ("gradient", eager[1], gradient)):
        scale = max([1e-300, *[abs(x) for x in expected if math.isfinite(x)]])
        for x, y in zip(expected, [] if found is None else map(float, found)):
            if x == y or (x != x and y != y) or abs(x - y) <= tolerance * scale:
                continue
            raise TraceError(
                f"the compiled {what} {y!r} differs from the eager engine's {x!r}: the function depends on something "
                "that changes from call to call, or a rule of a primitive is wrong; pass what changes as an argument"
            )
