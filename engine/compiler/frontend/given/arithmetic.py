"""What operators do with plain numbers but not with Values: bits, errors that somebody catches, sums that overflow.

In place of an input the eager function has a number of Python or NumPy, and Python's own operators work on it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

from ....primitive import PRIMITIVES
from ....text.callers import is_ours
from ....value import Value
from ...batch import is_narrow
from ...errors import refusal
from ..catching import may_catch
from ..conditions import CONDITIONS
from ..symbol import Symbol
from .asking import TRACE
from .digits import as_compared, check_step, inputs_of, is_long

_FIX_BITS = (
    "A number that is not known yet has no bits: write a != b for two conditions, x % 2 or engine.floor(x / 2), or "
    "compute it outside of the function."
)
_FIX_CAUGHT = (
    "In compiled code there are inf and nan where Python's numbers raise errors: write where(x == 0, a, b), or compute "
    "it outside of the function, and pass it as an argument."
)
_FIX_NARROW = (
    "NumPy computes with such numbers in their own few bits, in which sums and products overflow; compiled code does "
    "not. Give floats, as by X.astype(float)."
)
_FIX_WHOLE = (
    "Of whole numbers NumPy gives 0 for x % 0 and x // 0, and no negative powers: compiled code gives nan and inf, and "
    "the powers. Give floats, as by X.astype(float)."
)
_FIX_LARGE = (
    "Python's integers are exact, and a float is not beyond 2**53: write the number as a float if that is meant, or "
    "compute it outside of the function."
)
_RAISING = ("truediv", "floordiv", "mod", "divmod", "pow")
_OVERFLOWING = ("add", "sub", "mul", "floordiv", "mod", "divmod", "pow", "neg", "abs")
_OF_WHOLE = ("floordiv", "mod", "divmod", "pow")
_OF_BITS = ("mul", "pow", "abs")
"""Operators for which NumPy treats truth values as the numbers 0 and 1; their sum is at most True."""
_SMALL = 16.0
"""The largest power that does not usually overflow."""
_LARGE = 2**53
"""The largest integer up to which a float holds all of them."""
_JUMPING = ("floordiv", "mod", "divmod")


class Arithmetic(Symbol):
    """A symbol in whose place the eager function has a plain number."""

    __slots__ = ()
    __array_priority__ = -1.0  # above NumPy's scalars, which come with their types then, and below its arrays


def _operator(name: str, reflected: bool) -> Callable[..., Any]:
    of_symbol = getattr(Symbol, f"__{'r' * reflected}{name}__")

    def operator(self: Arithmetic, *others: Any) -> Any:
        if all(isinstance(other, Arithmetic) or not isinstance(other, Value) for other in others):
            numbers = (*others, self) if reflected else (self, *others)
            if name in _RAISING and _may_raise(name, numbers[1]) and _is_caught():
                raise refusal(f"{name} of {numbers[0]!r} and {numbers[1]!r} where an error is caught", _FIX_CAUGHT)
            if name in _OF_WHOLE and is_of_numpy(numbers[1], "integer"):
                raise refusal(f"{name} of whole numbers of NumPy, {numbers[0]!r} and {numbers[1]!r}", _FIX_WHOLE)
            _refuse_large(name, numbers)
            if name in _JUMPING and any(map(is_long, numbers)):
                check_step([number for number in numbers if isinstance(number, Arithmetic)])
            self.graph.computes = True
            narrow = name in _OVERFLOWING and _may_overflow(name, *numbers)
            if narrow and not is_ours(sys._getframe(1).f_code.co_filename):
                raise refusal(f"{name} of numbers of few bits: {', '.join(map(repr, numbers))}", _FIX_NARROW)
            result = of_symbol(self, *others)
            if name == "mul" and all(map(_is_truth, numbers)):
                self.graph.truths.add(result)
                if not self.graph.in_arrays.isdisjoint(numbers):
                    self.graph.in_arrays.add(result)
            elif name not in ("neg", "abs"):
                self.graph.computed.update(result if isinstance(result, tuple) else (result,))
            return result
        return of_symbol(self, *others)

    return operator


def _comparison(name: str) -> Callable[..., Any]:
    of_symbol = getattr(Symbol, f"__{name}__")

    def compare(self: Arithmetic, other: Any) -> Any:
        if isinstance(other, Arithmetic) or not isinstance(other, Value):
            _refuse_large(name, (self, other))
            self.graph.computes = True
            other = as_compared(self, other)
        return of_symbol(self, other)

    return compare


def _ufunc(name: str) -> Callable[..., Any]:
    """What a NumPy function calls for an object; for a number of few bits it would give one of few digits."""
    of_symbol = getattr(Symbol, name)

    def method(self: Arithmetic, *others: Any, **named: Any) -> Any:
        if _kind(self) or _is_truth(self):
            raise refusal(f"{name} of numbers of few bits: {self!r}", _FIX_NARROW)
        self.graph.computes = True
        result = of_symbol(self, *others, **named)
        self.graph.computed.add(result)
        return result

    return method


def _refuse_large(name: str, numbers: Sequence[Any]) -> None:
    """Refuse an integer that is no float where inputs may be integers, with which Python computes exactly."""
    if any(type(number) is int and abs(number) > _LARGE for number in numbers):
        inputs = inputs_of([number for number in numbers if isinstance(number, Arithmetic)])
        if any(issubclass(symbol.graph.type_of(symbol), Integral) for symbol in inputs):
            raise refusal(f"{name} of {numbers[0]!r} and {numbers[1]!r}, one of them beyond 2**53", _FIX_LARGE)


def _bits(name: str) -> Callable[..., Any]:
    of_symbol = getattr(Symbol, f"__{name}__", None)

    def operator(self: Arithmetic, other: Any) -> Any:
        found = of_symbol(self, other) if of_symbol else NotImplemented
        if found is NotImplemented and (isinstance(other, Arithmetic) or not isinstance(other, Value)):
            raise refusal(f"the bits of {self!r} and {other!r}", _FIX_BITS)
        return found

    return operator


def _may_raise(name: str, second: Any) -> bool:
    """Whether an operator with such a second operand raises an error for some numbers."""
    if isinstance(second, Arithmetic):
        return True
    return not 0.0 <= second <= _SMALL if name == "pow" else second == 0.0


def _is_caught() -> bool:
    """Whether the user's code that is running may catch an error."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename != TRACE:
        if may_catch(frame):
            return True
        frame = frame.f_back
    return False


def _may_overflow(name: str, *numbers: Any) -> bool:
    """Whether all operands have few bits, or are Python numbers, which take the type of NumPy's."""
    truths = [isinstance(number, bool) or _is_truth(number) for number in numbers]
    if all(truths):
        return name not in _OF_BITS and any(is_of_numpy(number, "generic") for number in numbers)
    kinds = [*map(_kind, numbers)]
    if not any(kinds):
        return False
    import numpy as np

    weak = {int, bool, float} if all(issubclass(kind, np.floating) for kind in kinds if kind) else {int, bool}
    constant = any(kind and not isinstance(number, Arithmetic) for kind, number in zip(kinds, numbers))
    types = [_type(number, constant) for number in numbers]
    others = [truth or of in weak for kind, of, truth in zip(kinds, types, truths) if not kind]
    return all(others) and not all(issubclass(kind, np.bool_) for kind in kinds if kind)


def _kind(number: Any) -> Any:
    """The class of an input, or of a constant, that is a NumPy number of few bits."""
    kind = _type(number)
    return kind if kind is not None and is_narrow(kind) else None


def _type(number: Any, asked: bool = False) -> Any:
    """The class of an input or a constant; None for what is computed. The graph may note that it was asked."""
    if not isinstance(number, Arithmetic):
        return type(number)
    if number.kind != "input":
        return None
    return number.graph.type_of(number) if asked else number.graph.types[number.value]


def _is_truth(number: Any) -> bool:
    """Whether it is a condition, a number that is given as a bool, or a product of these."""
    if not isinstance(number, Arithmetic):
        return False
    if number.kind == "input":
        kind = number.graph.types[number.value]
        return kind is bool or (is_narrow(kind) and "bool" in kind.__name__)
    return number.primitive in CONDITIONS or number in number.graph.truths


def is_of_numpy(number: Any, kind: str) -> bool:
    """Whether it is computed from numbers of a NumPy class; the graph notes that this was asked."""
    numpy = sys.modules.get("numpy")
    waiting, seen = [number] if numpy and isinstance(number, Arithmetic) else [], set[Symbol]()
    while waiting:
        symbol = waiting.pop()
        if symbol in seen:
            continue
        if symbol in symbol.graph.in_arrays and _is_truth(symbol):
            return True
        seen.add(symbol)
        if symbol.kind == "input" and issubclass(symbol.graph.type_of(symbol), getattr(numpy, kind)):
            return True
        waiting += symbol.operands
    return False


for _name in dict.fromkeys((*_RAISING, *_OVERFLOWING)):
    setattr(Arithmetic, f"__{_name}__", _operator(_name, False))
    if _name not in ("neg", "abs"):
        setattr(Arithmetic, f"__r{_name}__", _operator(_name, True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Arithmetic, f"__{_name}__", _comparison(_name))
for _primitive in PRIMITIVES.values():
    for _name in (_primitive.name, *_primitive.aliases) if _primitive.method else ():
        setattr(Arithmetic, _name, _ufunc(_name))
for _name in ("and", "or", "xor", "lshift", "rshift"):
    setattr(Arithmetic, f"__{_name}__", _bits(_name))
    setattr(Arithmetic, f"__r{_name}__", _bits(f"r{_name}"))
