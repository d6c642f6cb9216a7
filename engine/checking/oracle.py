"""Values and derivatives of primitives to fifty digits, by their formulas in the table (needs mpmath)."""

from __future__ import annotations

import builtins
import math
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

from ..primitive import Primitive

DIGITS = 50
_ENOUGH_FOR_ZERO = 800  # a third goes to the step; the rest shows the smallest float beside 1
_MOST_DIGITS = 1600
AGREEMENT = 1e-6  # rules are right to a few units in the last place; this asks for six digits


def available() -> bool:
    """Whether mpmath is installed."""
    from importlib.util import find_spec

    return find_spec("mpmath") is not None


def warm() -> None:
    """Import what the first derivative needs, if installed, so that no test's first example takes longer."""
    if available():
        _names(context())


def context() -> Any:
    """A context of mpmath for this module and this thread, so that nobody else changes its precision meanwhile.

    Raises:
        ImportError: mpmath is not installed.
    """
    return _context_of(threading.get_ident())


@cache
def _context_of(thread: int) -> Any:
    try:
        import mpmath
    except ImportError:
        raise ImportError("fifty digits need mpmath: pip install mpmath") from None
    mp = mpmath.mp.clone()
    mp.dps = DIGITS
    return mp


@cache
def _compiled(formula: str) -> Any:
    return compile(formula, "<formula of a primitive>", "eval")


@cache
def _names(mp: Any) -> dict[str, Any]:
    """What a formula may use: the functions of a context of mpmath, and Python's where mpmath has none."""
    functions = {name: getattr(mp, name) for name in dir(mp) if not name.startswith("_")}
    for name in ("erfc", "ncdf"):  # mpmath cannot evaluate them far out, where they are 0, 1 or 2 to any precision
        functions[name] = _clipped(functions[name])
    return {**{name: getattr(builtins, name) for name in ("abs", "max", "min", "len", "int", "map")}, **functions}


def _clipped(function: Any) -> Any:
    return lambda x: function(max(min(x, 10000), -10000))


def value(primitive: Primitive, inputs: Sequence[Any]) -> Any:
    """The value of a primitive's formula at `inputs`, as a number of mpmath.

    Raises:
        ValueError: the primitive was declared without a formula, or the formula names what mpmath does not have.

    >>> import engine
    >>> print(value(engine.tanh, [1.0]))
    0.76159415595576488811945828260479359041276859725794
    """
    if not primitive.formula:
        raise ValueError(f"{primitive.name} was declared without a formula")
    mp = context()
    exact = [mp.mpf(x) for x in inputs]
    named = {primitive.operands[0]: exact} if primitive.arity is None else dict(zip(primitive.operands, exact))
    try:
        return eval(_compiled(primitive.formula), {**_names(mp), **named})
    except (NameError, TypeError) as error:
        raise ValueError(
            f"the formula of {primitive.name}, {primitive.formula!r}, cannot be computed: {error}; it is written with "
            f"{', '.join(primitive.operands)} and the functions of mpmath"
        ) from None


def derivative(primitive: Primitive, inputs: Sequence[float], position: int) -> Any:
    """The derivative of a primitive with respect to one of its operands, as a number of mpmath.

    It is a central difference whose step is far smaller than the gap between floats, and so stays clear of kinks. In
    a function's tail nearly all digits of its values cancel, so the precision is doubled until two results agree.

    >>> import engine
    >>> float(derivative(engine.tanh, [1.0], 0)), float(derivative(engine.tanh, [300.0], 0))
    (0.4199743416140261, 1.0601586212017243e-260)
    """
    return _quotient(primitive, inputs, position, 1, -1)[0]


def slopes(primitive: Primitive, inputs: Sequence[float], position: int) -> tuple[float, float] | None:
    """The slopes on both sides of a kink, likewise; None if one is not finite.

    >>> import engine
    >>> slopes(engine.abs, [0.0], 0), slopes(engine.floor, [2.0**53], 0), slopes(engine.sqrt, [0.0], 0)
    ((-1.0, 1.0), (0.0, 0.0), None)
    """
    found = [_quotient(primitive, inputs, position, 2 * sign, sign) for sign in (-1, 1)]
    left, right = (_real(slope) if settled else None for slope, settled in found)
    return None if left is None or right is None else (left, right)


def _quotient(
    primitive: Primitive, inputs: Sequence[float], position: int, first: int, second: int
) -> tuple[Any, bool]:
    """The difference quotient between two places, `first` and `second` steps away, and whether finer steps agree.

    None and False where another operand is at a pole.
    """
    mp = context()
    before, after = list(inputs[:position]), list(inputs[position + 1 :])

    x = mp.mpf(inputs[position])
    small = max(0, -math.frexp(inputs[position])[1] // 3)  # about as many zeros as a tiny x has after the point
    close = 0  # more zeros, for kinks as close together as those of x % y in y: about y * y / x
    if primitive.kink is not None and len(inputs) <= 2:
        close = sum(2 * abs(math.frexp(number)[1]) // 3 for number in inputs)

    def at_precision(digits: int) -> Any:
        with mp.workdps(digits + small + 2 * close):  # so that the step shows beside the other operands
            step = mp.mpf(10) ** -(digits // 3 + close) * min(1, abs(x) or 1)
            one, other = (value(primitive, [*before, x + count * step, *after]) for count in (first, second))
            return (one - other) / ((first - second) * step)

    digits = 2 * DIGITS
    try:
        found, settled = at_precision(digits), False
        while digits < _MOST_DIGITS and not settled:
            digits *= 2
            coarse, found = found, at_precision(digits)
            settled = abs(coarse - found) <= 1e-25 * abs(found) and (found != 0 or digits >= _ENOUGH_FOR_ZERO)
    except ZeroDivisionError:  # where another operand is a pole
        return None, False
    return found, settled


def rounded(primitive: Primitive, inputs: Sequence[float], position: int) -> float | None:
    """The derivative as a float; None outside the formula's domain.

    >>> import engine
    >>> rounded(engine.tanh, [1.0], 0), rounded(engine.sqrt, [-1.0], 0)
    (0.4199743416140261, None)
    """
    return _real(derivative(primitive, inputs, position))


def _real(number: Any) -> float | None:
    return float(number.real) if hasattr(number, "imag") and number.imag == 0 else None


def confirms(got: float, exact: float | None, part: float = AGREEMENT) -> bool:
    """Whether a local derivative agrees with the exact one, up to a part of it; nan agrees with None."""
    if exact is None:
        return math.isnan(got)
    return got == exact or (math.isfinite(exact) and abs(got - exact) <= part * abs(exact) + 1e-300)
