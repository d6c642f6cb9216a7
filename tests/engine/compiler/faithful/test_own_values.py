"""Values of classes of one's own: their attributes, slots and operators."""

from __future__ import annotations

from typing import Any

from engine import Value

from .cases import Case, equal


class Scaled(Value):
    """A Value with a setting."""

    factor = 2.0
    scale: float

    def __mul__(self, other: Any) -> Any:
        return Value.__mul__(self, other) * self.factor


class Slotted(Value):
    __slots__ = ("scale",)

    def __init__(self, number: float) -> None:
        super().__init__(number)
        self.scale = 2.0


@equal
def test_an_attribute_of_a_value_of_ones_own() -> Case:
    w = Scaled(2.0)
    w.scale = 2.0
    return Case(lambda x: w * x * w.scale, lambda: setattr(w, "scale", 5.0))


@equal
def test_a_slot_of_a_value_of_ones_own() -> Case:
    w = Slotted(2.0)
    return Case(lambda x: w * x * w.scale, lambda: setattr(w, "scale", 5.0))


@equal
def test_an_operator_of_a_value_of_ones_own() -> Case:
    w = Scaled(2.0)
    Scaled.factor = 2.0
    return Case(lambda x: w * x, lambda: setattr(Scaled, "factor", 5.0), far=True)
