"""The order in which a look compares what a function reads, since there may be no time for all of it at every call."""

from __future__ import annotations

from enum import IntEnum, auto
from numbers import Number
from types import FunctionType, ModuleType
from typing import Any

from ....primitive import Primitive
from ....value import Value
from .objects import PLAIN, is_a, is_array


class Rank(IntEnum):
    """When something is compared, the first ones at every call."""

    NUMBER = 0
    """A cell, global or attribute that holds a number, an array or a container: what most often changes."""
    NAMED_CONTAINER = auto()
    """What is in a list, dict, ... that a function itself names, or has as a default."""
    FUNCTION = auto()
    OBJECT = auto()
    CONTAINER = auto()
    """What is in any other list, dict, ..."""
    CLASS = auto()
    """A module too, or a method, which is perhaps never called."""
    SETTING = auto()
    """A name of an installed module, or a part that is rarely set."""
    RARE = auto()
    """Such as a name that is not there, and hides another one once it is."""
    FAR = auto()
    """Compared from time to time only, like builtin functions."""
    ANNOUNCED = auto()
    """An attribute of an object that announces what is set on it, so that a look need not compare it."""


def rank_of(content: Any) -> Rank:
    """The rank of a part or name with this content."""
    if type(content) in PLAIN or is_a(content, (Value, Number, list, dict, set)) or is_array(content):
        return Rank.NUMBER
    if is_a(content, (FunctionType, Primitive)):
        return Rank.FUNCTION
    return Rank.CLASS if is_a(content, (ModuleType, type)) else Rank.OBJECT
