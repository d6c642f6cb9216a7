"""Numbers as the engine takes them: what is one real number becomes a float; requirements on numbers; their types."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from numbers import Integral, Number, Rational
from typing import Any, Protocol

from .modes import open_modes, tracer

_INF = float("inf")


def as_float(number: Any, where: str) -> float:
    """The float of anything that is one real number: int, bool, NumPy scalar, Fraction, Decimal, ...

    Raises:
        TypeError: it is not one real number (text, None, complex, containers, arrays, functions).
        OverflowError: an integer or a fraction beyond the range of floats.
    """
    if number.__class__ is float:
        return number
    if number.__class__ is bool:  # conditions in rules
        return 1.0 if number else 0.0
    try:
        if not is_number(number):
            raise TypeError
        found = float(number)
        if found not in (_INF, -_INF) or number == found:  # a Decimal beyond the range silently gives inf
            return found
        raise OverflowError
    except OverflowError:
        raise OverflowError(f"{where}: {shortened(number)} is beyond the range of a float (about 1.8e308)") from None
    except (TypeError, ValueError):
        several = hasattr(type(number), "__len__") and not isinstance(number, (str, bytes))
        remedy = ": one number at a time" if several else ""
        raise TypeError(
            f"{where} takes real numbers, got {shortened(number)} of type {type(number).__name__}{remedy}"
        ) from None


def true_or_false(name: str, flag: object) -> None:
    """Refuse what is meant as a yes or no and is neither: the text "no" would be a yes.

    Raises:
        TypeError: it is not True or False.
    """
    if flag not in (True, False):
        raise TypeError(f"{name} is True or False, got {flag!r}")


def are_plain(numbers: Iterable[Any]) -> bool:
    """Whether all are ints or floats, of which equal ones are interchangeable, as True and 1 are not."""
    return {*map(type, numbers)} <= {int, float}


def is_number(number: Any) -> bool:
    """Whether this is one real number of any kind: it has ``__float__``, no length, and is neither text nor complex."""
    return isinstance(number, (float, int)) or (
        hasattr(type(number), "__float__")
        and not hasattr(type(number), "__symbolic__")  # a traced value has a number only when the program runs
        and not isinstance(number, (str, bytes, complex))
        and getattr(number, "shape", ()) == ()
        and getattr(getattr(number, "dtype", None), "kind", "f") in "biuf"
    )


def as_operand(other: Any) -> float | None:
    """The float of a number on either side of an operator; None for anything else."""
    return as_float(other, "an operator of Value") if is_number(other) else None


def comparable(x: float, other: object) -> Any:
    """What x is compared with in place of a number; None for other things.

    Numbers of any size stay exact; a Decimal's nan compares False, as a float's does, where it would raise.
    """
    if isinstance(other, (int, float, Rational)):
        return other
    is_nan = getattr(type(other), "is_nan", None)
    if is_nan is not None:  # a Decimal: with nan on either side it would raise, where a float is False
        return math.nan if is_nan(other) or x != x else other
    try:
        return as_operand(other)
    except OverflowError:  # of a wider float, such as NumPy's longdouble
        return other


def shortened(thing: object, most: int = 40) -> str:
    """A repr that stays on its line, whatever the thing."""
    if isinstance(thing, int) and thing.bit_length() > 128:
        return f"an integer of {thing.bit_length()} bits"
    text = " ".join(repr(thing).split())
    return text if len(text) <= most else text[: most - 3] + "..."


def same_number(x: float, y: float) -> bool:
    """Whether two floats are the same: nan is, and the zeros of either sign are not.

    >>> same_number(float("nan"), float("nan")), same_number(0.0, -0.0)
    (True, False)
    """
    return equal_numbers(x, y) and (x != 0.0 or math.copysign(1.0, x) == math.copysign(1.0, y))


def equal_numbers(x: float, y: float) -> bool:
    """Whether two floats are equal; nan equals nan.

    >>> equal_numbers(float("nan"), float("nan")), equal_numbers(0.0, -0.0)
    (True, True)
    """
    return x == y or (x != x and y != y)


def could_be_written(x: float) -> bool:
    """Whether a number looks as if somebody wrote it: results of operations have more digits.

    >>> could_be_written(0.25), could_be_written(1 / 3)
    (True, False)
    """
    return not math.isfinite(x) or len(f"{x!r}".replace(".", "").strip("-0")) < 10


# ---- what is required of numbers, such as labels ----


class Requirement(Protocol):
    """A condition on numbers, such as to be a class index; equal ones are the same, and can be hashed.

    One that accepts all whole numbers from 0 to n - 1 may have an attribute `indices` that is n.
    """

    def check(self, *numbers: Any) -> Any:
        """Raise an error that says what is wrong unless the numbers, as they were given, are what is required."""

    def accepts(self, least: float, most: float) -> bool:
        """Whether all finite numbers from `least` to `most` are accepted; False where these two do not tell."""
        return False


def is_traced(value: Any) -> bool:
    """Whether a value has no number yet, because a function that computes with it is being compiled.

    That is what stands for its arguments, all that it computes from them, and every Value that it reads from outside.
    """
    if hasattr(type(value), "__symbolic__"):
        return True
    tracing = tracer.get() if open_modes else None
    return tracing is not None and tracing.is_bound(value)


def require(requirement: Requirement, *values: Any) -> bool:
    """Check numbers; while a function is compiled, note what the samples of its later calls have to be.

    What is computed from the arguments of a compiled function alone is checked for every sample of every call, as it
    was given, before it is rounded to single precision.

    Args:
        requirement: what they must be.
        values: one or more numbers or Values.

    Returns:
        Whether they are or will be checked; False for Values, and for what is computed from them.

    >>> from engine import Value
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
        if hasattr(type(value), "__require__"):
            return bool(type(value).__require__(requirement, values))
    if any(hasattr(type(value), "__apply_primitive__") for value in values):
        return False
    requirement.check(*values)
    return True


# ---- types that do not compute as floats do: of few bits, of fewer digits, of more ----


_USUAL = {float, int, bool}


def is_narrow(kind: type[Any]) -> bool:
    """Whether NumPy's sums or differences of such numbers overflow: of few bits, or whole and without a sign.

    >>> is_narrow(float), is_narrow(bool)
    (False, False)
    """
    numpy = sys.modules.get("numpy")
    if numpy is None or not issubclass(kind, numpy.generic):
        return False
    few = kind().itemsize < (8 if issubclass(kind, (numpy.integer, numpy.bool_)) else 4)
    return bool(few or issubclass(kind, numpy.unsignedinteger))


def is_coarse(kind: type[Any]) -> bool:
    """Whether numbers of this type have fewer digits than a float: NumPy computes with them in these.

    >>> is_coarse(float)
    False
    """
    numpy = sys.modules.get("numpy")
    return numpy is not None and issubclass(kind, numpy.floating) and kind().itemsize < 8


def is_fine(kind: type[Any]) -> bool:
    """Whether numbers of this type may have more digits than a float, as fractions, decimals and long doubles have.

    >>> from fractions import Fraction
    >>> is_fine(Fraction), is_fine(float), is_fine(int)
    (True, False, False)
    """
    if kind in _USUAL or not issubclass(kind, Number) or issubclass(kind, (float, Integral)):
        return False
    numpy = sys.modules.get("numpy")
    return numpy is None or not issubclass(kind, numpy.generic) or kind().itemsize > 8  # type: ignore[attr-defined]  # it is NumPy's


def differs_from_float(kind: type[Any]) -> bool:
    """Whether sums of such numbers overflow, or keep more digits than a float has."""
    return is_narrow(kind) or is_fine(kind)


def unusual_kinds(samples: Any) -> set[type[Any]]:
    """The types of few bits, or of fewer or more digits than a float, that numbers in nested lists have."""
    return {kind for kind in kinds_in(samples) - _USUAL if is_coarse(kind) or differs_from_float(kind)}


def kinds_in(samples: Any) -> set[type[Any]]:
    """The types that numbers in nested lists have.

    >>> sorted(kind.__name__ for kind in kinds_in([[1, 2.0], [True, 3]]))
    ['bool', 'float', 'int']
    """
    if hasattr(samples, "dtype"):
        return {samples.dtype.type}
    kinds = {*map(type, samples)}
    others = kinds - _USUAL
    rows = {kind for kind in others if issubclass(kind, (list, tuple)) or hasattr(kind, "__array_finalize__")}
    return (kinds - rows).union(*[kinds_in(sample) for sample in samples if type(sample) in rows] if rows else ())
