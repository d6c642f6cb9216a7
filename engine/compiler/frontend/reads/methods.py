"""The operators and methods of Values: symbols have those of the table, so nobody may replace them unnoticed."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from ....text.callers import is_ours
from ....value import Value
from ..conditions import OWN
from .objects import ComputedEntries, functions_of, is_a

_DUNDERS = {primitive.dunder for primitive in OWN if primitive.dunder}
_METHODS = {name for primitive in OWN for name in primitive.methods}
OF_TABLE = [n for n in vars(Value) if n in _METHODS or (n[:2] == "__" and n[2:-2].removeprefix("r") in _DUNDERS)]
"""The names of these operators and methods."""
METHODS = ComputedEntries(lambda: map(vars(Value).get, OF_TABLE), are_near=False)
"""What Values have under these names."""


def is_of_engine(content: Any) -> bool:
    """Whether something in the class `Value` runs no function of the user's."""
    functions = [content] if type(content) is FunctionType else functions_of(content)
    return all(is_ours(part.__code__.co_filename) for part in functions if is_a(part, FunctionType))
