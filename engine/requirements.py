"""What a function requires of numbers that it is given, such as labels: checked at once, or in every compiled call."""

from __future__ import annotations

from typing import Any, Protocol

from .value import Value


class Requirement(Protocol):
    """A condition on numbers, such as to be a class index; equal ones are the same, and can be hashed."""

    def check(self, *numbers: Any) -> Any:
        """Raise an error that says what is wrong unless the numbers, as they were given, are what is required."""

    def accepts(self, least: float, most: float) -> bool:
        """Whether all finite numbers from `least` to `most` are fine; False where that cannot be told from these."""


def is_traced(value: Any) -> bool:
    """Whether a value has no number yet, because a function that computes with it is being compiled."""
    return hasattr(type(value), "__symbolic__")


def require(requirement: Requirement, *values: Any) -> bool:
    """Check numbers; while a function is compiled, note what the samples of its later calls have to be.

    What is computed from the arguments of a compiled function alone is checked for every sample of every call, as it
    was given, before it is rounded to single precision.

    Args:
        requirement: what they must be.
        values: one or more numbers or Values.

    Returns:
        Whether they are or will be checked; False for Values, and for what is computed from them.

    >>> class Positive:
    ...     def check(self, number):
    ...         if not number > 0.0:
    ...             raise ValueError(f"{number} is not positive")
    ...     def accepts(self, least, most):
    ...         return least > 0.0
    >>> require(Positive(), 1.0), require(Positive(), Value(-1.0))
    (True, False)
    """
    for value in values:
        if is_traced(value):
            return bool(type(value).__require__(requirement, values))
    if any(isinstance(value, Value) for value in values):
        return False
    requirement.check(*values)
    return True
