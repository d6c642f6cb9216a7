"""Positions that numbers name: the one place where a number of the user's becomes an address."""

from __future__ import annotations

from .builder import Code
from .vector import Vector


def named(code: Code, x: Vector, count: int) -> tuple[list[str], Vector]:
    """Which of `count` positions each number names, as i64, and the mask of those that name one; 0 for the others.

    Nan, a fraction and what is out of range name none.
    """
    inside = (x >= 0.0) & (x < float(count))
    safe, kind = code.select(inside, x, 0.0), code.type("i")
    positions = code.emit(f"fptosi {code.type()} {safe.name} to {kind}", "i")
    back = code.emit(f"sitofp {kind} {positions.name} to {code.type()}")
    numbers = code.elements(positions)
    if code.bits == 32:
        numbers = [code.value(f"zext i32 {number} to i64") for number in numbers]
    return numbers, inside & back.equals(x)
