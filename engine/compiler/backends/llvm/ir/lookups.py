"""Lookups: the one place where a number of the user's becomes an address."""

from __future__ import annotations

from .builder import Code
from .vector import Vector


def lookup(code: Code, x: Vector, count: int) -> tuple[list[str], Vector]:
    """The index in 0 .. count - 1 that each number gives, as i64 (else 0), and the mask of those that give one.

    Nan, a fraction and what is out of range give none.
    """
    inside = (x >= 0.0) & (x < float(count))
    safe, kind = code.select(inside, x, 0.0), code.type("i")
    indices = code.emit(f"fptosi {code.type()} {safe.name} to {kind}", "i")
    back = code.emit(f"sitofp {kind} {indices.name} to {code.type()}")
    numbers = code.elements(indices)
    if code.bits == 32:
        numbers = [code.value(f"zext i32 {number} to i64") for number in numbers]
    return numbers, inside & back.equals(x)
