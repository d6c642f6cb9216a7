"""Native functions that look into Python's objects, and refuse what is not as expected."""

from __future__ import annotations

from ..ir.builder import Code
from ..ir.control import leave


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


def internal_function(name: str, bits: int, arguments: list[str], result: str) -> Code:
    """A function that only native code calls."""
    return Code(name, bits, 1, arguments, result, internal=True)
