"""`x[0] is x[1]` for symbols: whether numbers are one object depends on how the samples are held, so it is refused.

There is no hook for `is` and `id`. Like `x is True` they are looked for in the code; what the local names in their
operands hold is examined when the function returns.
"""

from __future__ import annotations

import dis
from functools import cache
from itertools import chain
from types import CodeType, FrameType

from ....text.callers import is_users
from ..bytecode import has_instruction, in_attributes, nested_code
from .type_calls import has_symbols

_SINGLE = (None, True, False, ...)
_CALLED = frozenset({"id", "is_", "is_not"})


def may_test_identity(code: CodeType) -> bool:
    """Whether some code, or a function inside it, may ask whether two things are one."""
    return any(names or attributes for names, attributes in map(_compared, nested_code(code)))


def is_identity_tested(frame: FrameType) -> bool:
    """Whether the function that returns from a frame may have asked whether a value without a number is another one."""
    if not is_users(frame.f_code.co_filename):
        return False
    names, attributes = _compared(frame.f_code)
    return any(has_symbols(frame.f_locals.get(name)) for name in names) or (
        bool(attributes) and any(map(has_symbols, in_attributes(frame, attributes)))
    )


@cache
def _compared(code: CodeType) -> tuple[frozenset[str], tuple[str, ...]]:
    """The local names, and those of attributes, in what some code compares by `is`, or passes to `id`.

    Comparisons with None and the like are left out.
    """
    if not has_instruction(code, "IS_OP") and _CALLED.isdisjoint(code.co_names):
        return frozenset(), ()
    steps, read = [*dis.get_instructions(code)], list[dis.Instruction]()
    for k, step in enumerate(steps):
        if step.opname == "IS_OP" and not any(map(_is_single, steps[max(0, k - 2) : k])):
            read += _operands(steps, k)
        elif step.argval in _CALLED:
            read += _arguments(steps, k)
    names = (step.argval for step in read if "FAST" in step.opname or "DEREF" in step.opname)
    attributes = tuple(step.argval for step in read if step.opname == "LOAD_ATTR")
    return frozenset(chain.from_iterable(name if isinstance(name, tuple) else (name,) for name in names)), attributes


def _operands(steps: list[dis.Instruction], comparison: int) -> list[dis.Instruction]:
    """The steps that give the two operands of a comparison; where branches meet before it, those of all its line."""
    first, given = comparison, 0
    while first > 0 and given < 2:
        first -= 1
        given += _pushed(steps[first])
    if steps[first].is_jump_target:
        while first > 0 and not steps[first].starts_line:
            first -= 1
    return steps[first:comparison]


def _arguments(steps: list[dis.Instruction], function: int) -> list[dis.Instruction]:
    """The steps from the name of a function to its call, or to that of a function that it is passed to."""
    given = 0
    for k in range(function + 1, len(steps)):
        given += _pushed(steps[k])
        if given <= 0 and "CALL" in steps[k].opname:
            return steps[function:k]
    return steps[function:]


def _pushed(step: dis.Instruction) -> int:
    """How many objects more are on the stack after a step."""
    return dis.stack_effect(step.opcode, step.arg if step.opcode >= dis.HAVE_ARGUMENT else None)


def _is_single(step: dis.Instruction) -> bool:
    """Whether this gives what there is only one of: such a constant, or what a global names, as a class."""
    constant = step.opname.startswith("LOAD_CONST") and any(step.argval is single for single in _SINGLE)
    return constant or step.opname == "LOAD_GLOBAL"
