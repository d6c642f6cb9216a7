"""What messages call a function."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

from .reads.objects import attribute_of
from .reads.owners import is_of_compiler


def described(function: Callable[..., Any]) -> str:
    """What messages call a function: its name, and where it is defined unless it was renamed."""
    if is_of_compiler(type(function)):
        function = getattr(function, "function", function)
    code, name = attribute_of(function, "__code__"), name_of(function)
    has_own_name = isinstance(code, CodeType) and code.co_name == name.rpartition(".")[2]
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if has_own_name else name


def name_of(function: Callable[..., Any]) -> str:
    """The name of a function, or of the class of an object with a `__call__`."""
    name = attribute_of(function, "__qualname__")
    return name if isinstance(name, str) else type(function).__qualname__
