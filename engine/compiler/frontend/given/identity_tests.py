"""`x[0] is x[1]` of symbols: whether numbers are one object depends on how the samples are held, so it is refused.

There is no hook for `is` and `id`. Like `x is True` they are looked for in the code; what the local names in their
operands hold is examined when the function begins, returns, or calls another, as it does by each operator of a symbol.
"""

from __future__ import annotations

import dis
from functools import cache
from itertools import chain
from types import CodeType, FrameType
from typing import Any, NamedTuple

from ....text.callers import is_users
from ..bytecode import gives_constant, has_instruction, in_attributes, nested_code
from .type_calls import has_symbols

_SINGLE = (None, True, False, ...)
_CALLED = frozenset({"id", "is_", "is_not"})
_OF_OBJECTS = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_GIVING = _OF_OBJECTS | {"LOAD_GLOBAL", "LOAD_NAME"}


class _Compared(NamedTuple):
    """What some code compares by `is`, or passes to `id`.

    Attributes:
        names: local names in it.
        attributes: names of attributes in it.
        places: the offsets of the instructions that give it.
    """

    names: frozenset[str]
    attributes: tuple[str, ...]
    places: frozenset[int]


def may_test_identity(code: CodeType) -> bool:
    """Whether some code, or a function inside it, may ask whether two things are one."""
    return any(_compared(part).places for part in nested_code(code))


def is_identity_tested(frame: FrameType, returned: Any) -> bool:
    """Whether a function, or the one that called it, may ask whether a symbol and something else are one.

    Args:
        frame: of the function, which begins or returns.
        returned: what it returns; None when it begins.
    """
    asking = frame.f_back
    if _holds_compared(frame):
        return True
    if asking is None or not is_users(asking.f_code.co_filename):
        return False
    return _holds_compared(asking) or (asking.f_lasti in _compared(asking.f_code).places and has_symbols(returned))


def _holds_compared(frame: FrameType) -> bool:
    if not is_users(frame.f_code.co_filename):
        return False
    names, attributes, _ = _compared(frame.f_code)
    return any(_has_symbols(frame.f_locals.get(name)) for name in names) or (
        bool(attributes) and any(map(_has_symbols, in_attributes(frame, attributes)))
    )


def _has_symbols(thing: Any) -> bool:
    return has_symbols([*thing.values()] if type(thing) is dict else thing)


@cache
def _compared(code: CodeType) -> _Compared:
    """Comparisons with None and the like are left out."""
    if not has_instruction(code, "IS_OP") and _CALLED.isdisjoint(code.co_names):
        return _Compared(frozenset(), (), frozenset())
    steps, read, places = [*dis.get_instructions(code)], list[dis.Instruction](), set[int]()
    for k, step in enumerate(steps):
        if step.opname == "IS_OP" and not any(map(_is_single, steps[max(0, k - 2) : k])):
            first, end = _operands(steps, k), k
        elif _is_of_identity(steps, k):
            first, end = k, _end_of_arguments(steps, k)
        else:
            continue
        read += steps[first:end]
        places.update(range(steps[first].offset, steps[end].offset))  # with the caches of the last
    names = (step.argval for step in read if "FAST" in step.opname or "DEREF" in step.opname)
    attributes = tuple(step.argval for step in read if step.opname == "LOAD_ATTR")
    single = frozenset(chain.from_iterable(name if isinstance(name, tuple) else (name,) for name in names))
    return _Compared(single, attributes, frozenset(places))


def _is_of_identity(steps: list[dis.Instruction], k: int) -> bool:
    """Whether a step gives the builtin `id`, not an attribute of that name, or a function of `operator`."""
    step = steps[k]
    if step.argval not in _CALLED or step.opname not in _GIVING:
        return False
    return step.argval != "id" or step.opname not in _OF_OBJECTS or steps[k - 1].argval == "builtins"


def _operands(steps: list[dis.Instruction], comparison: int) -> int:
    """The first step that gives the operands of a comparison, or the first of its line if branches meet there."""
    first, given = comparison, 0
    while first > 0 and given < 2:
        first -= 1
        given += _pushed(steps[first])
    if steps[first].is_jump_target:
        while first > 0 and not steps[first].starts_line:
            first -= 1
    return first


def _end_of_arguments(steps: list[dis.Instruction], function: int) -> int:
    """The step that calls the function that a step gives, or another function that it is passed to."""
    given = 0
    for k in range(function + 1, len(steps)):
        given += _pushed(steps[k])
        if given <= 0 and "CALL" in steps[k].opname:
            return k
    return len(steps) - 1


def _pushed(step: dis.Instruction) -> int:
    """How many more objects are on the stack after a step than before it."""
    return dis.stack_effect(step.opcode, step.arg if step.opcode >= dis.HAVE_ARGUMENT else None)


def _is_single(step: dis.Instruction) -> bool:
    """Whether this gives something that exists only once: a constant such as None, or a global such as a class."""
    constant = gives_constant(step) and any(step.argval is single for single in _SINGLE)
    return constant or step.opname == "LOAD_GLOBAL"
