"""Whether code may catch an error, whatever name it has for the class of that error."""

from __future__ import annotations

import dis
from contextlib import suppress
from functools import cache
from itertools import pairwise
from types import CodeType, FrameType
from typing import Any

_ERRORS = (ZeroDivisionError, OverflowError)
_NAMES = frozenset({"ZeroDivisionError", "OverflowError", "ArithmeticError", "Exception", "BaseException"})
_BARE: tuple[str, ...] = ("PUSH_EXC_INFO", "POP_TOP")
_NOT_AFTER: tuple[str, ...] = ()
if _BARE[0] not in dis.opmap:  # before Python 3.11
    _BARE, _NOT_AFTER = ("POP_TOP",) * 3, ("RERAISE", "JUMP_IF_NOT_EXC_MATCH")
_HANDLING = dis.opmap["SETUP_FINALLY" if _NOT_AFTER else "PUSH_EXC_INFO"]


@cache
def catches_all(code: CodeType) -> bool:
    """Whether some code may have an `except` without a class."""
    if _HANDLING not in code.co_code[::2]:
        return False
    steps = [*dis.get_instructions(code)]
    found = zip(*[steps[k:] for k in range(len(_BARE))])
    for k, part in enumerate(found):
        if tuple(step.opname for step in part) == _BARE and steps[k - 1].opname not in _NOT_AFTER:
            return True
    others = {jump.argval for match, jump in pairwise(steps) if match.opname == "CHECK_EXC_MATCH"}
    return any(step.opname == "POP_TOP" and step.offset in others for step in steps)  # behind an `except` with one


def may_catch(frame: FrameType) -> bool:
    """Whether the code that runs in a frame may catch an error of arithmetic."""
    code = frame.f_code
    if catches_all(code) or not _NAMES.isdisjoint(code.co_names):
        return True
    return any(map(_catches, (*map(frame.f_globals.get, code.co_names), *frame.f_locals.values())))


def _catches(thing: Any) -> bool:
    """Whether it is a class of such errors, several classes, or what suppresses such errors."""
    if type(thing) is suppress:
        return _catches(thing._exceptions)  # type: ignore[attr-defined]  # typeshed leaves it out
    if type(thing) is tuple:
        return any(map(_catches, thing))
    of_errors = issubclass(type(thing), type) and issubclass(thing, BaseException)
    return of_errors and any(issubclass(error, thing) for error in _ERRORS)
