"""Breakpoints: conditions on a step at which a stepper stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..primitive import Primitive
from .steps import AnyStep

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, eq=False, repr=False)
class Breakpoint:
    """A condition to stop at, after the step that meets it.

    Attributes:
        description: in words.
        condition: from a step to whether to stop.
    """

    description: str
    condition: Callable[[AnyStep], bool]

    def __repr__(self) -> str:
        return f"<breakpoint: {self.description}>"


def _at_primitive(primitive: Primitive) -> Breakpoint:
    return Breakpoint(f"a step of {primitive.name}", lambda step: step.primitive is primitive)
