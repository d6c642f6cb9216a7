"""Watching Values while a function is traced: which ones it makes, which it assigns to, and what it reads of them.

For the while, accessors stand in place of the slot that holds the number of a Value: the engine too reads it from
there. They serve the thread that traces; to any other thread they are the slot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from ...primitive import Primitive
from ...value import Constant, Value
from ..errors import refusal

_slot = vars(Value)["_data"]


@contextmanager
def watched(disturbed: bool = False) -> Iterator[set[Value]]:
    """Gives the Values that are made meanwhile.

    Args:
        disturbed: whether all other Values show another number than their own to those who read it.

    Raises:
        TraceError: another number was assigned to one of the others; it keeps its own.
    """
    made: set[Value] = set()
    me, accessors = get_ident(), {name: vars(Value)[name] for name in ("_data", "__apply_primitive__")}

    def read(value: Value) -> float:
        number: float = _slot.__get__(value)
        if disturbed and value not in made and value.__class__ is not Constant and get_ident() == me:
            return 0.61 - 1.37 * number
        return number

    def write(value: Value, number: float) -> None:
        if value not in made and get_ident() == me:
            try:
                before = _slot.__get__(value)
            except AttributeError:  # an empty slot: the Value is being made
                made.add(value)
            else:
                if number != before and (number == number or before == before):
                    raise refusal(
                        f"the function assigned {number!r} to {value!r}",
                        "A compiled function must not change Values: change parameters outside of it.",
                    )
        _slot.__set__(value, number)

    def apply(primitive: Primitive, operands: Sequence[Any]) -> Any:
        """What a primitive does when its first operand is a Value: no number is read if there is a symbol too."""
        for operand in reversed(operands):  # what comes last in a dot are inputs
            if hasattr(type(operand), "__symbolic__"):
                return type(operand).__apply_primitive__(primitive, operands)
        return accessors["__apply_primitive__"].__func__(primitive, operands)

    setattr(Value, "_data", property(read, write))  # noqa: B010  # an assignment is an error to mypy
    setattr(Value, "__apply_primitive__", staticmethod(apply))  # noqa: B010  # as above
    try:
        yield made
    finally:
        for name, accessor in accessors.items():
            setattr(Value, name, accessor)
