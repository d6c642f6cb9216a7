"""The order in which a look compares what a function reads: at every call, there may not be time for all of it."""

from __future__ import annotations

from enum import IntEnum, auto
from numbers import Number
from types import FunctionType, ModuleType
from typing import Any

from ....primitive import Primitive
from ....value import Value
from .objects import PLAIN, is_a, is_array


class Rank(IntEnum):
    """When something is compared: the first ranks at every call."""

    NUMBER = 0
    """A cell, global or attribute that holds a number, an array or a container: what most often changes."""
    NAMED_CONTAINER = auto()
    """What is in a list, dict, ... that a function itself names, or has as a default."""
    FUNCTION = auto()
    OBJECT = auto()
    CONTAINER = auto()
    """What is in any other list, dict, ..."""
    CLASS = auto()
    """Also a module, or a method, which may never be called."""
    SETTING = auto()
    """A name of an installed module, or a part that is rarely set."""
    RARE = auto()
    """A name that is absent, for example, and would hide another one."""
    FAR = auto()
    """Compared only from time to time, like builtin types where no builtin function is read."""
    ANNOUNCED = auto()
    """An attribute of an object that announces what is set on it, so that no look need compare it."""


def rank_of(content: Any) -> Rank:
    """The rank of a part or name with this content."""
    if type(content) in PLAIN or is_a(content, (Value, Number, list, dict, set)) or is_array(content):
        return Rank.NUMBER
    if is_a(content, (FunctionType, Primitive)):
        return Rank.FUNCTION
    return Rank.CLASS if is_a(content, (ModuleType, type)) else Rank.OBJECT
