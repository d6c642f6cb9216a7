"""A vector value of LLVM's language, with Python's operators."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .builder import Code


INTEGER_OPERATIONS = {"+": "add", "-": "sub", "*": "mul", "<<": "shl", ">>": "lshr", "&": "and", "|": "or", "^": "xor"}


def literal(number: float, bits: int) -> str:
    """A float as IR writes it: the hexadecimal digits of the double, after rounding to `bits`.

    >>> literal(1.0, 64), literal(0.1, 32)
    ('0x3FF0000000000000', '0x3FB99999A0000000')
    """
    if bits == 32:
        try:
            number = struct.unpack("<f", struct.pack("<f", number))[0]
        except OverflowError:
            number = float("inf") if number > 0 else float("-inf")
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


class Vector:
    """The name of a vector value; `kind` is "f" for floats, "i" for integers of the same size, "m" for masks."""

    __slots__ = ("code", "kind", "name")

    def __init__(self, code: Code, name: str, kind: str = "f"):
        self.code, self.name, self.kind = code, name, kind

    def _arith(self, operation: str, other: Any, swap: bool = False) -> Vector:
        code = self.code
        other = code.lift(other, self.kind)
        a, b = (other, self) if swap else (self, other)
        if self.kind == "f":
            # Contraction (a * b + c rounded once) is allowed, nothing else: it only ever adds digits.
            word = {"+": "fadd contract", "-": "fsub contract", "*": "fmul contract", "/": "fdiv"}[operation]
        else:
            word = INTEGER_OPERATIONS[operation]
        return code.emit(f"{word} {code.type(self.kind)} {a.name}, {b.name}", self.kind)

    def __add__(self, other: Any) -> Vector:
        return self._arith("+", other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Vector:
        return self._arith("-", other)

    def __rsub__(self, other: Any) -> Vector:
        return self._arith("-", other, swap=True)

    def __mul__(self, other: Any) -> Vector:
        return self._arith("*", other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Vector:
        return self._arith("/", other)

    def __rtruediv__(self, other: Any) -> Vector:
        return self._arith("/", other, swap=True)

    def __neg__(self) -> Vector:
        return self.code.emit(f"fneg {self.code.type('f')} {self.name}")

    def __lshift__(self, count: int) -> Vector:
        return self._arith("<<", count)

    def __rshift__(self, count: int) -> Vector:
        return self._arith(">>", count)

    def __and__(self, other: Any) -> Vector:
        return self._arith("&", other)

    def __or__(self, other: Any) -> Vector:
        return self._arith("|", other)

    def __xor__(self, other: Any) -> Vector:
        return self._arith("^", other)

    def __invert__(self) -> Vector:
        return self._arith("^", True)

    def compare(self, predicate: str, other: Any) -> Vector:
        """The mask of lanes where `fcmp predicate` holds; ordered predicates are false for nan, unordered true."""
        code, mask = self.code, self.code.masks.get(self.name)
        if mask is not None and predicate in ("une", "oeq") and code.lift(other).name == code.lift(0.0).name:
            return mask if predicate == "une" else ~mask  # conditions are numbers between primitives
        return code.emit(f"fcmp {predicate} {code.type('f')} {self.name}, {code.lift(other).name}", "m")

    def __gt__(self, other: Any) -> Vector:
        return self.compare("ogt", other)

    def __lt__(self, other: Any) -> Vector:
        return self.compare("olt", other)

    def __ge__(self, other: Any) -> Vector:
        return self.compare("oge", other)

    def equals(self, other: Any) -> Vector:
        """The mask of lanes that are equal."""
        return self.compare("oeq", other)

    def differs(self, other: Any) -> Vector:
        """The mask of lanes that are not equal; nan differs from everything."""
        return self.compare("une", other)

    def has(self, bit: int) -> Vector:
        """The mask of lanes of integers that have that bit."""
        code = self.code
        zero = code.lift(0, "i")
        return code.emit(f"icmp ne {code.type('i')} {(self & bit).name}, {zero.name}", "m")

    @property
    def bits(self) -> Vector:
        """The same bits as integers."""
        code = self.code
        return code.emit(f"bitcast {code.type('f')} {self.name} to {code.type('i')}", "i")

    @property
    def float(self) -> Vector:
        """The same bits as floats."""
        code = self.code
        return code.emit(f"bitcast {code.type('i')} {self.name} to {code.type('f')}")

    def __bool__(self) -> bool:
        raise TypeError("a vector in the making has no truth value: use code.select()")
