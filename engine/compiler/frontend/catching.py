"""Whether code may catch an error, whatever name it has for the class of that error."""

from __future__ import annotations

import dis
from contextlib import suppress
from functools import cache
from itertools import pairwise
from types import CodeType, FrameType, FunctionType
from typing import Any

from ...text.callers import is_users

_ERRORS = (ZeroDivisionError, OverflowError)
_NAMES = frozenset({"ZeroDivisionError", "OverflowError", "ArithmeticError", "Exception", "BaseException"})
_BARE, _NOT_AFTER = (  # differently before Python 3.11
    (("PUSH_EXC_INFO", "POP_TOP"), ())
    if "PUSH_EXC_INFO" in dis.opmap
    else (("POP_TOP",) * 3, ("RERAISE", "JUMP_IF_NOT_EXC_MATCH"))
)
_WITH = frozenset({"SETUP_WITH", "BEFORE_WITH", "LOAD_SPECIAL"})  # from version to version
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
    if _names_errors(code):
        return True
    held = [*map(frame.f_globals.get, code.co_names), *frame.f_locals.values()]
    has_with = not _WITH.isdisjoint(dis.opname[step] for step in code.co_code[::2])
    return any(map(_catches, held)) or (has_with and any(map(_swallows, held)))


def _names_errors(code: CodeType) -> bool:
    return catches_all(code) or not _NAMES.isdisjoint(code.co_names)


def _swallows(thing: Any) -> bool:
    """Whether it is a context manager of the user's that may catch an error: a function, a class or an object."""
    within = vars(thing).get("__wrapped__") if type(thing) is FunctionType else None
    if type(within) is FunctionType:
        return _names_errors(within.__code__)
    kind = thing if issubclass(type(thing), type) else type(thing)
    leave = vars(kind).get("__exit__")
    if type(leave) is not FunctionType or not is_users(leave.__code__.co_filename):
        return False
    return _names_errors(leave.__code__) or any(constant is True for constant in leave.__code__.co_consts)


def _catches(thing: Any) -> bool:
    """Whether it is a class of such errors, several classes, or what suppresses such errors."""
    if type(thing) is suppress:
        return _catches(thing._exceptions)  # type: ignore[attr-defined]  # typeshed leaves it out
    if type(thing) is tuple:
        return any(map(_catches, thing))
    of_errors = issubclass(type(thing), type) and issubclass(thing, BaseException)
    return of_errors and any(issubclass(error, thing) for error in _ERRORS)
