"""Bytecode: the code of functions inside a function, and the instructions in it."""

from __future__ import annotations

import dis
from functools import cache
from itertools import chain
from types import CodeType


@cache
def nested_code(code: CodeType) -> tuple[CodeType, ...]:
    """Some code, and that of all functions inside it."""
    inside = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return (code, *chain.from_iterable(map(nested_code, inside)))


def has_instruction(code: CodeType, name: str) -> bool:
    """Whether an instruction occurs in some code itself: most often it does not, and disassembling takes far longer."""
    return dis.opmap[name] in code.co_code[::2]
