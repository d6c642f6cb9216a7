"""The parameters of a direct step's native code: a record of words, followed by a form for each argument."""

from __future__ import annotations

from ..ir.builder import Code
from ..ir.control import leave

NUMBERS = {"float64": "double", "float32": "float", "int64": "i64"}
"""The types of arrays that are read, with LLVM's types of their numbers."""

QUICK = ("ready", "own", "far", "until", "clock", "slow", "failed")
RECORD = (
    *QUICK, "frame", "words", "drive",
    "nothing", "no", "yes", "ndarray", "list", "float", "int", *NUMBERS, "ints", "int_count",
)  # fmt: skip  # names of fields
"""What only `quick` reads; the last step; objects that are known by their addresses, and where small ints lie."""

FORM = ("rank", "dimensions", "samples", "columns", "own", "place", "rows", "known", "least", "most", "whole")
"""Of an argument: how many dimensions it has, and where they are; memory for a copy, or 0; where to put its address.
Where the valid rows are, and how many, -1 for any; numbers from `least` to `most` are valid as well, if `whole` is 1.0
only whole ones."""

HEAD_OF_WORDS = ("words", "blocks")
"""See `WordGuard.head`."""


def inside(code: Code, thing: str, offset: int | str, kind: str = "ptr") -> str:
    """A field of an object."""
    return code.value(f"load {kind}, ptr {code.pointer(thing, str(offset), 'i8')}")


def refuse_unless(code: Code, condition: str) -> None:
    """Go to the end of the function, which returns its refusal, unless the condition holds."""
    go_unless(code, condition, "refused")


def go_unless(code: Code, condition: str, label: str) -> None:
    """Go to a label unless the i1 of that name holds."""
    leave(code, code.value(f"xor i1 {condition}, true"), label)


def refusal(code: Code, result: str) -> str:
    """The text of a function that returns that result if it refuses."""
    code.label("refused")
    code.lines.append(f"ret {result}")
    return code.text()


def function(name: str, bits: int, arguments: list[str], result: str) -> Code:
    """A function that only native code calls."""
    return Code(name, bits, 1, arguments, result, internal=True)
