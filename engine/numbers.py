"""Numbers as the engine takes them: whatever is one real number becomes a float, and nothing else does."""

from __future__ import annotations

from typing import Any


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
    if not is_number(number):
        raise TypeError(f"{where} takes real numbers, got {_short(number)} of type {type(number).__name__}")
    try:
        return float(number)
    except OverflowError:
        raise OverflowError(f"{where}: {_short(number)} is beyond the range of a float (about 1.8e308)") from None
    except (TypeError, ValueError):
        raise TypeError(f"{where} takes real numbers, got {_short(number)} of type {type(number).__name__}") from None


def is_number(number: Any) -> bool:
    """Whether this is one real number of any kind: it has ``__float__``, no length, and is no text or complex."""
    return isinstance(number, (float, int)) or (
        hasattr(type(number), "__float__")
        and not hasattr(type(number), "__symbolic__")  # a traced value has a number only when the program runs
        and not isinstance(number, (str, bytes, complex))
        and getattr(number, "shape", ()) == ()
        and getattr(getattr(number, "dtype", None), "kind", "f") in "biuf"
    )


def _short(thing: object, most: int = 40) -> str:
    """A repr that stays on its line, whatever the thing."""
    if isinstance(thing, int) and thing.bit_length() > 128:
        return f"an integer of {thing.bit_length()} bits"
    text = repr(thing)
    return text if len(text) <= most else text[: most - 3] + "..."
