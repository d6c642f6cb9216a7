"""Bytecode: its instructions, the code of functions inside it, and what the attributes hold that it reads."""

from __future__ import annotations

import dis
from collections.abc import Iterable
from functools import cache
from inspect import getattr_static
from itertools import chain
from types import CodeType, FrameType, MemberDescriptorType
from typing import Any


@cache
def nested_code(code: CodeType) -> tuple[CodeType, ...]:
    """Some code, and that of all functions inside it."""
    inside = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return (code, *chain.from_iterable(map(nested_code, inside)))


def has_instruction(code: CodeType, name: str) -> bool:
    """Whether some code itself has an instruction, found without disassembling, which takes far longer.

    None has an instruction that this version of Python lacks.
    """
    number = dis.opmap.get(name)
    return number is not None and number in code.co_code[::2]


_COMMON = "LOAD_COMMON_CONSTANT"
"""The instruction that gives True, False and None from Python 3.15 on, where they are not in `co_consts`."""


def gives_bool(code: CodeType) -> bool:
    """Whether True or False is a constant in some code itself."""
    if any(isinstance(constant, bool) for constant in code.co_consts):
        return True
    return has_instruction(code, _COMMON) and any(map(is_bool, dis.get_instructions(code)))


def is_bool(step: dis.Instruction) -> bool:
    """Whether an instruction gives True or False."""
    return gives_constant(step) and isinstance(step.argval, bool)


def gives_constant(step: dis.Instruction) -> bool:
    """Whether an instruction does nothing but give a constant."""
    return step.opname == _COMMON or step.opname.startswith("LOAD_CONST")


def in_attributes(frame: FrameType, names: Iterable[str]) -> list[Any]:
    """What attributes hold now of all that the code in a frame has under a name, and in turn of what these hold.

    Args:
        frame: where the code runs.
        names: those of the attributes, in the order in which they are read.
    """
    held = [*map(frame.f_globals.get, frame.f_code.co_names), *frame.f_locals.values()]
    found: dict[int, Any] = {}
    for name in names:
        found.update({id(content): content for thing in (*held, *found.values()) for content in _static(thing, name)})
    return [*found.values()]


def _static(thing: Any, name: str) -> list[Any]:
    """What an attribute holds, found without running the user's code; nothing if it cannot be."""
    found = getattr_static(thing, name, None)
    if type(found) is MemberDescriptorType:
        try:
            found = found.__get__(thing)
        except (AttributeError, TypeError):  # it is not set; or `thing` is the class
            return []
    return [] if found is None else [found]
