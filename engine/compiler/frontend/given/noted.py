"""What a trace notes of plain numbers: their types, and what the function does that depends on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..symbol import Symbol
    from .numbers import Given


@dataclass(eq=False)
class Noted:
    """What is noted in one graph.

    Attributes:
        types: the type of each input; empty if the function is known not to ask, or there is no sample yet.
        asked: the positions of the inputs whose type the function has asked for.
        minds_arrays: whether the function may write into an array, or ask for the type of its numbers.
        symbols: those that stand for plain numbers.
        computes: whether operators of plain numbers were applied to some.
        computed: the results of these operators, except exact ones.
        truths: products of conditions, which are conditions to NumPy.
        in_arrays: those of which NumPy has made an array.
        retyped: operands that an operator gave back unchanged, where the eager function may get another type.
    """

    types: Sequence[Any] = ()
    asked: set[int] = field(default_factory=set)
    minds_arrays: bool = False
    symbols: list[Given] = field(default_factory=list)
    computes: bool = False
    computed: set[Symbol] = field(default_factory=set)
    truths: set[Symbol] = field(default_factory=set)
    in_arrays: set[Symbol] = field(default_factory=set)
    retyped: set[Symbol] = field(default_factory=set)

    def type_of(self, given: Symbol) -> type[Any]:
        """The type of an input, for a function that asks, which is noted."""
        self.asked.add(given.value)
        found: type[Any] = self.types[given.value]
        return found
