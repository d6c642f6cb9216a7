"""What the eager engine computes for a single sample, and whether a program agrees."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import chain, repeat
from operator import le, sub
from typing import Any

from ...backprop import grad
from ...checking.rounding import inherited, rounding, spread
from ...value import Value
from ..errors import TraceError
from ..samples.batch import flat
from .leaf_gradient import leaf_gradient

Results = dict[str, Any]
"""The results of a sample, by "result", and their gradient: each a list, or an array for programs that take one."""


class Eager:
    """What the eager engine gives for one sample.

    Args:
        result: the function's result: a Value, a number or a list of these, nested or not.
        by: the Values with respect to which a single result is differentiated.
        arrays: whether these are leaves, and the gradient is to be an array.
        of_values: computes the same for arguments that are Values, in case the result is a number, which does not show
            how it was rounded.
        again: computes the result anew, for a function that does the same at every call: then its graph, which may be
            as large as a network, is not kept.

    Attributes:
        numbers: the results, and their gradient.
    """

    def __init__(
        self,
        result: Any,
        by: Sequence[Value],
        arrays: bool,
        of_values: Callable[[], Eager] | None = None,
        again: Callable[[], Any] | None = None,
    ) -> None:
        results = flat(result)
        self._again, self._by, self._of_values = again or (lambda: results), by, of_values
        first = results[0]
        differentiate: Callable[..., Any] = leaf_gradient if arrays else grad
        gradient = differentiate(first, by) if by and isinstance(first, Value) else [0.0] * len(by)
        numbers = [result._z if isinstance(result, Value) else float(result) for result in results]
        self.numbers: Results = {"result": numbers, "gradient": gradient}

    @property
    def is_finite(self) -> bool:
        """Whether no number is nan or infinite."""
        return all(map(math.isfinite, chain(*self.numbers.values())))

    @cached_property
    def noise(self) -> dict[str, list[float]]:
        """How far rounding may put the numbers off: by more than their own size, where terms cancel.

        It is a bound for each number by itself: a number of 1e100 elsewhere allows nothing here.
        """
        results = flat(self._again())
        if self._of_values is not None and not any(isinstance(result, Value) for result in results):
            return self._of_values().noise
        found = {"result": [spread(result)[result] if isinstance(result, Value) else 0.0 for result in results]}
        if not self._by or not isinstance(results[0], Value):
            return {**found, "gradient": [0.0] * len(self._by)}
        errors, more = rounding(results[0]).derivatives, inherited(results[0], spread(results[0]))
        return {**found, "gradient": [errors.get(value, 0.0) + more.get(value, 0.0) for value in self._by]}


def agree(eager: Eager, compiled: Results, tolerance: float, when: str = "") -> None:
    """Compare the numbers of the eager engine for a sample with those of a program.

    Args:
        eager: the eager engine's numbers.
        compiled: the program's numbers.
        tolerance: the largest difference, as a share of the largest number.
        when: for the message: when they differ.

    Raises:
        TraceError: they differ by more, and by more than rounding.
    """
    for what, expected in eager.numbers.items():
        found, bound = compiled[what], tolerance * _largest(expected)
        if len(found) == len(expected) and _are_near(expected, found, bound):
            continue  # as nearly always, and seen in a third of the time
        for k, (x, y) in enumerate(zip(map(float, expected), map(float, found), strict=True)):
            if x == y or (x != x and y != y) or abs(x - y) <= bound or abs(x - y) <= eager.noise[what][k]:
                continue
            raise TraceError(
                f"the compiled {what} {y!r} differs from the eager engine's {x!r}{when}: the function depends on "
                "something that changes from call to call or on the type of its arguments (isinstance), or uses a "
                "label as an object, such as the key of a dict, or a rule of a primitive is wrong; pass what changes "
                "as an argument, and look labels up with take()"
            )


def _largest(numbers: Any) -> float:
    """The largest absolute value of the finite ones, at least 1e-300."""
    if isinstance(numbers, list):
        largest: float = max(map(abs, filter(math.isfinite, chain([1e-300], numbers))))
        return largest
    import numpy as np

    return max([1e-300, *[float(np.abs(piece[np.isfinite(piece)]).max(initial=0.0)) for (piece,) in _pieces(numbers)]])


def _are_near(expected: Any, found: Any, bound: float) -> bool:
    """Whether each number is that near to the expected one; False also for infinities and nan."""
    if isinstance(expected, list):
        return all(map(le, map(abs, map(sub, expected, found)), repeat(bound)))
    import numpy as np

    with np.errstate(all="ignore"):
        return all(bool((np.abs(x - y) <= bound).all()) for x, y in _pieces(expected, found))


def _pieces(*arrays: Any) -> Iterator[list[Any]]:
    """Arrays of one length in pieces that fit a cache, since results for a million numbers take memory too."""
    for start in range(0, len(arrays[0]), 1 << 14):
        yield [array[start : start + (1 << 14)] for array in arrays]
