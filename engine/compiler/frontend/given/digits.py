"""Numbers of few digits, such as float32: NumPy computes with that many digits, compiled code with those of a float.

The results agree to rounding, until something depends on the last digit: a comparison, a rounding, a remainder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from .... import ops
from ....numbers import is_coarse, is_fine, shortened
from ....primitive import Primitive
from ...errors import refusal
from ..conditions import EQUAL, LESS, LESS_EQUAL, NOT_EQUAL
from ..symbol import Symbol, computed_from

STEPS: frozenset[Primitive | None] = frozenset(
    {LESS, LESS_EQUAL, EQUAL, NOT_EQUAL, ops.floor, ops.ceil, ops.round, ops.sign, ops.mod, ops.floordiv}
)
"""Operations whose results jump."""
_EXACT = frozenset({ops.neg, ops.abs})
_FIX = (
    "Eager code computes with them in their own digits, compiled code in those of a float: a comparison, rounding or "
    "remainder may come out differently. Give floats, as with X.astype(float)."
)


def is_long(number: Any) -> bool:
    """Whether NumPy would round a Python number to compute with it and an input of few digits."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(number) in (int, float) and _shortened(number, numpy.float32) != number


def check_step(operands: Sequence[Symbol]) -> None:
    """Note that the result of an operation jumps, so that the types of the inputs of its operands matter.

    Raises:
        TraceError: one of these inputs has fewer digits than a float, or more.
    """
    for symbol in inputs_of(operands):
        kind = symbol.graph.given.type_of(symbol)
        if is_coarse(kind) or is_fine(kind):
            digits = "few digits" if is_coarse(kind) else "more digits than a float"
            raise refusal(f"{operands[0]!r} is compared or rounded, and computed from numbers of {digits}", _FIX)


def as_compared(symbol: Symbol, other: Any) -> Any:
    """What an input is compared with: NumPy rounds a Python number to the digits of the input.

    Raises:
        TraceError: NumPy would round the input itself, or a number has more digits than a float.
    """
    while symbol.primitive in _EXACT:
        (symbol,) = symbol.operands
    types = symbol.graph.given.types
    kind = types[symbol.value] if symbol.kind == "input" else float
    theirs = types[other.value] if isinstance(other, Symbol) and other.kind == "input" else type(other)
    if is_fine(kind) or is_fine(theirs) or _is_between_floats(other):
        raise refusal(f"{symbol!r} is compared with {shortened(other)}, one of them of more digits than a float", _FIX)
    if symbol.kind != "input" or "numpy" not in sys.modules:
        return other
    if type(other) in (int, float):
        if is_long(other):
            symbol.graph.given.type_of(symbol)
        return _shortened(other, kind) if is_coarse(kind) and bool(kind(other) == other) else other
    if (is_coarse(theirs) and symbol.graph.given.type_of(symbol) is float) or (is_coarse(kind) and theirs is float):
        raise refusal(f"{symbol!r} is compared with {other!r}, and one of them has few digits", _FIX)
    return other


def _is_between_floats(number: Any) -> bool:
    """Whether it is an integer that no float equals: Python compares it exactly."""
    try:
        return type(number) is int and float(number) != number
    except OverflowError:
        return True


@lru_cache(maxsize=1024)  # each sample is compared with the same few numbers
def _shortened(number: float, kind: type[Any]) -> float:
    with sys.modules["numpy"].errstate(all="ignore"):
        return float(kind(number))


def inputs_of(symbols: Sequence[Symbol]) -> Iterator[Symbol]:
    """The inputs that some symbols are computed from."""
    return (symbol for symbol in computed_from(symbols) if symbol.kind == "input")
