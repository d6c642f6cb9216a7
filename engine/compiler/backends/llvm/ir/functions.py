"""Functions on whole vectors, each written once, as an LLVM function, in the modules whose kernels call it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .builder import Code
from .vector import Vector

FUNCTIONS: dict[str, Callable[..., Vector]] = {}
"""Their formulas, by name."""


def function(build: Callable[..., Vector]) -> Callable[..., Vector]:
    """Register a formula: what it returns writes a call of the LLVM function, instead of repeating its text."""
    name = build.__name__
    FUNCTIONS[name] = build

    def call(code: Code, *operands: Any) -> Vector:
        return code.call(f"vector_{name}_{code.width}", *operands)

    call.__name__, call.__doc__ = name, build.__doc__
    return call


def definitions(names: Iterable[str], bits: int, width: int) -> tuple[list[str], set[str]]:
    """The LLVM text of the functions called ``vector_<name>``, with those they call, and their declarations."""
    texts: dict[str, str] = {}
    declared: set[str] = set()
    todo = sorted(names)
    while todo:
        name = todo.pop()
        if name in texts:
            continue
        code = Code(f"vector_{name}_{width}", bits, width, [], internal=True)
        formula = FUNCTIONS[name]
        count = formula.__code__.co_argcount - 1
        operands = [Vector(code, f"%x{k}") for k in range(count)]
        code.arguments = [f"{code.type()} {x.name}" for x in operands]
        code.result, code.attributes = code.type(), "alwaysinline nounwind memory(none)"
        code.ret(formula(code, *operands))
        texts[name] = code.text()
        declared |= code.declared
        todo += called(texts[name], width, but=name)
    return list(texts.values()), declared


def called(text: str, width: int, but: str = "") -> list[str]:
    """Which of the functions a piece of IR calls."""
    return [name for name in FUNCTIONS if name != but and f"@vector_{name}_{width}(" in text]
