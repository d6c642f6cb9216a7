"""What operators do with plain numbers but not with Values: bits, errors that somebody catches, sums that overflow.

In place of an input the eager function has a number of Python's or NumPy's, to which their own operators apply.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

from ....numbers import is_coarse, is_fine
from ....primitive import PRIMITIVES
from ....text.callers import is_ours
from ....value import Value
from ...errors import refusal
from ..catching import may_catch
from ..symbol import Symbol
from . import rows
from .asking import RUNS
from .digits import as_compared, check_step, inputs_of, is_long
from .kinds import given_type, is_in_array, is_numpys, is_of_numpy, is_truth, is_weak, is_whole, short_kind
from .noted import Noted

_FIX_BITS = (
    "A number that is not known yet has no bits: write a != b for two conditions, x % 2 or engine.floor(x / 2), or "
    "compute it outside of the function."
)
_FIX_CAUGHT = (
    "Compiled code gives inf and nan where Python's numbers raise errors: write where(x == 0, a, b), or compute it "
    "outside of the function, and pass it as an argument."
)
_FIX_NARROW = (
    "NumPy computes with such numbers in their own few bits, in which sums and products overflow; compiled code does "
    "not. Give floats, as with X.astype(float)."
)
_FIX_FEW = "NumPy rounds the other to as few digits; compiled code does not. Write float(c) for such a constant c."
_FIX_WHOLE = (
    "For whole numbers NumPy gives 0 for x % 0, x // 0 and reciprocal(x), and refuses negative powers; compiled code "
    "gives nan, inf, 1 / x and the powers. Give floats, as with X.astype(float)."
)
_FIX_LARGE = (
    "Python's integers are exact, and floats beyond 2**53 are not: write the number as a float if you mean one, or "
    "compute it outside of the function."
)
_RAISING = ("truediv", "floordiv", "mod", "divmod", "pow")
_OVERFLOWING = ("add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow", "neg", "abs")
_OF_WHOLE = ("floordiv", "mod", "divmod", "pow")
_OF_BITS = ("mul", "pow", "abs")
"""Operators that give the same for NumPy's truth values as for 0 and 1, unlike `add`: True + True is True."""
_SMALL = 16.0
"""The largest power that usually does not overflow."""
_LARGE = 2**53
"""Floats hold all integers up to this one."""
_JUMPING = ("floordiv", "mod", "divmod")


class Arithmetic(Symbol):
    """A symbol in whose place the eager function has a plain number."""

    __slots__ = ()
    __array_priority__ = -1.0  # above NumPy's scalars, which then keep their types, and below its arrays


def _operator(name: str, reflected: bool) -> Callable[..., Any]:
    of_symbol = getattr(Symbol, f"__{'r' * reflected}{name}__")

    def operator(self: Arithmetic, *others: Any) -> Any:
        if not all(map(_is_number, others)):
            return of_symbol(self, *others)
        numbers = (*others, self) if reflected else (self, *others)
        _refuse_other_results(name, self, numbers)
        result = of_symbol(self, *others)
        _note_result(name, self.graph.given, numbers, result)
        return result

    return operator


def _is_number(operand: Any) -> bool:
    """Whether the eager function has a plain number there, too."""
    return isinstance(operand, Arithmetic) or not isinstance(operand, Value)


def _refuse_other_results(name: str, symbol: Arithmetic, numbers: Sequence[Any]) -> None:
    """Refuse an operator that gives something else for these numbers than for Values; the operator calls this."""
    if name in _RAISING and _may_raise(name, numbers[1]) and _is_caught():
        raise refusal(f"{name} of {numbers[0]!r} and {numbers[1]!r} where an error is caught", _FIX_CAUGHT)
    if _wraps(name, *numbers):
        raise refusal(f"{name} of whole numbers of NumPy, {numbers[0]!r} and {numbers[1]!r}", _FIX_WHOLE)
    if any(is_coarse(type(number)) for number in numbers) and is_weak(symbol, {int, bool, float}, True):
        raise refusal(f"{name} of {numbers[0]!r} and {numbers[1]!r}, one of few digits", _FIX_FEW)
    _refuse_large(name, numbers)
    if name in _JUMPING and any(is_long(number) or is_fine(given_type(number) or float) for number in numbers):
        check_step([number for number in numbers if isinstance(number, Arithmetic)])
    symbol.graph.given.computes = True
    narrow = name in _OVERFLOWING and _may_overflow(name, *numbers)
    caller = sys._getframe(2).f_code.co_filename
    if narrow and (caller == rows.__file__ or not is_ours(caller)):  # a row does what the user's code says
        raise refusal(f"{name} of numbers of few bits: {', '.join(map(repr, numbers))}", _FIX_NARROW)


def _note_result(name: str, noted: Noted, numbers: Sequence[Any], result: Any) -> None:
    if any(number is result for number in numbers):
        noted.retyped.add(result)
    if name == "mul" and all(map(is_truth, numbers)):
        noted.truths.add(result)
        if not noted.in_arrays.isdisjoint(numbers):
            noted.in_arrays.add(result)
    elif name not in ("neg", "abs"):
        noted.computed.update(result if isinstance(result, tuple) else (result,))


def _of_no_truth(name: str) -> Callable[..., Any]:
    """An operator that NumPy's truth values do not have."""
    of_symbol = getattr(Symbol, f"__{name}__")

    def operator(self: Arithmetic, *others: Any) -> Any:
        self.graph.given.computes = True
        if is_truth(self) and is_of_numpy(self):
            raise refusal(f"{name} of a truth value of NumPy, {self!r}", _FIX_NARROW)
        if name == "pos":
            self.graph.given.retyped.add(self)
        return of_symbol(self, *others)

    return operator


def _comparison(name: str) -> Callable[..., Any]:
    of_symbol = getattr(Symbol, f"__{name}__")

    def compare(self: Arithmetic, other: Any) -> Any:
        if _is_number(other):
            _refuse_large(name, (self, other))
            self.graph.given.computes = True
            other = as_compared(self, other)
        return of_symbol(self, other)

    return compare


def _ufunc(name: str) -> Callable[..., Any]:
    """The method that a NumPy function calls of an object; for numbers of few bits NumPy itself gives few digits."""
    of_symbol = getattr(Symbol, name)

    def method(self: Arithmetic, *others: Any, **named: Any) -> Any:
        if short_kind(self) or is_truth(self):
            raise refusal(f"{name} of numbers of few bits: {self!r}", _FIX_NARROW)
        self.graph.given.computes = True
        result = of_symbol(self, *others, **named)
        self.graph.given.computed.add(result)
        return result

    return method


def _refuse_large(name: str, numbers: Sequence[Any]) -> None:
    """Refuse an integer that may not be a float beside inputs that are integers, where Python computes exactly."""
    if [number for number in numbers if type(number) is int and abs(number) > _LARGE]:
        inputs = inputs_of([number for number in numbers if isinstance(number, Arithmetic)])
        if any(issubclass(symbol.graph.given.type_of(symbol), Integral) for symbol in inputs):
            raise refusal(f"{name} of {numbers[0]!r} and {numbers[1]!r}, one of them beyond 2**53", _FIX_LARGE)


def _bits(name: str) -> Callable[..., Any]:
    of_symbol = getattr(Symbol, f"__{name}__", None)

    def operator(self: Arithmetic, other: Any) -> Any:
        found = of_symbol(self, other) if of_symbol else NotImplemented
        if found is NotImplemented and _is_number(other):
            raise refusal(f"the bits of {self!r} and {other!r}", _FIX_BITS)
        return found

    return operator


def _may_raise(name: str, second: Any) -> bool:
    """Whether an operator with such a second operand raises an error for some numbers."""
    if isinstance(second, Arithmetic):
        return True
    return not 0.0 <= second <= _SMALL if name == "pow" else second == 0.0


def _is_caught() -> bool:
    """Whether the user's code that applies an operator may catch an error of it."""
    frame: Any = sys._getframe(3)
    while frame is not None and frame.f_code.co_filename != RUNS:
        if may_catch(frame):
            return True
        frame = frame.f_back
    return False


def _wraps(name: str, first: Any, second: Any = None) -> bool:
    """Whether an operator gives something else for these numbers than for floats: whole ones, some of them NumPy's.

    `numpy.reciprocal` divides 1 by the objects in an array, where for whole numbers it gives whole ones.
    """
    if name == "truediv":
        return type(first) is int and first == 1 and is_in_array(second) and is_whole(second)
    if name not in _OF_WHOLE or not (isinstance(second, Arithmetic) or (second < 0 if name == "pow" else second == 0)):
        return False
    return is_whole(first) and is_whole(second) and (is_numpys(first) or is_numpys(second))


def _may_overflow(name: str, *numbers: Any) -> bool:
    """Whether all operands have few bits, or are Python numbers, which take the type of NumPy's."""
    truths = [isinstance(number, bool) or is_truth(number) for number in numbers]
    if all(truths):
        return name not in _OF_BITS and any(is_of_numpy(number) for number in numbers)
    kinds = [*map(short_kind, numbers)]
    if not any(kinds):
        return False
    import numpy as np

    are_floats = [issubclass(kind, np.floating) for kind in kinds if kind]
    if name == "truediv" and not any(are_floats):  # whole numbers become floats of 64 bits
        return False
    weak = {int, bool, float} if all(are_floats) else {int, bool}
    constant = any(kind and not isinstance(number, Arithmetic) for kind, number in zip(kinds, numbers))
    others = [(number, truth) for kind, number, truth in zip(kinds, numbers, truths) if not kind]
    are_weak = all(truth or is_weak(number, weak, constant) for number, truth in others)
    return are_weak and not all(issubclass(kind, np.bool_) for kind in kinds if kind)


for _name in dict.fromkeys((*_RAISING, *_OVERFLOWING)):
    setattr(Arithmetic, f"__{_name}__", _operator(_name, False))
    if _name not in ("neg", "abs"):
        setattr(Arithmetic, f"__r{_name}__", _operator(_name, True))
for _name in ("pos", "round"):
    setattr(Arithmetic, f"__{_name}__", _of_no_truth(_name))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Arithmetic, f"__{_name}__", _comparison(_name))
for _primitive in PRIMITIVES.values():
    for _name in _primitive.methods:
        setattr(Arithmetic, _name, _ufunc(_name))
for _name in ("and", "or", "xor", "lshift", "rshift"):
    setattr(Arithmetic, f"__{_name}__", _bits(_name))
    setattr(Arithmetic, f"__r{_name}__", _bits(f"r{_name}"))
