"""Whether code may catch an error of arithmetic, under whatever name it has the class of the error."""

from __future__ import annotations

import dis
from contextlib import ExitStack, suppress
from functools import cache
from inspect import getattr_static
from itertools import pairwise
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

from ...text.callers import is_users
from .bytecode import gives_constant, has_instruction, in_attributes

_ERRORS = (ZeroDivisionError, OverflowError)
_NAMES = frozenset({"ZeroDivisionError", "OverflowError", "ArithmeticError", "Exception", "BaseException"})
_BARE, _NOT_AFTER = (  # other instructions before Python 3.11
    (("PUSH_EXC_INFO", "POP_TOP"), ())
    if "PUSH_EXC_INFO" in dis.opmap
    else (("POP_TOP",) * 3, ("RERAISE", "JUMP_IF_NOT_EXC_MATCH"))
)
_WITH = frozenset({"SETUP_WITH", "BEFORE_WITH", "LOAD_SPECIAL"})  # in different versions
_MATCHING = frozenset({"CHECK_EXC_MATCH", "CHECK_EG_MATCH", "JUMP_IF_NOT_EXC_MATCH"})
_BY_NAME = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF")
_RETURNS = ("RETURN_VALUE", "RETURN_CONST")
_HANDLING = "SETUP_FINALLY" if _NOT_AFTER else "PUSH_EXC_INFO"


@cache
def catches_all(code: CodeType) -> bool:
    """Whether some code may have an `except` without a class."""
    if not has_instruction(code, _HANDLING):
        return False
    steps = [*dis.get_instructions(code)]
    found = zip(*[steps[k:] for k in range(len(_BARE))])
    for k, part in enumerate(found):
        if tuple(step.opname for step in part) == _BARE and steps[k - 1].opname not in _NOT_AFTER:
            return True
    others = {jump.argval for match, jump in pairwise(steps) if match.opname == "CHECK_EXC_MATCH"}
    return any(step.opname == "POP_TOP" and step.offset in others for step in steps)  # after an `except` with a class


def may_catch(frame: FrameType) -> bool:
    """Whether the code that runs in a frame may catch one."""
    code = frame.f_code
    if _names_errors(code):
        return True
    held = [*map(frame.f_globals.get, code.co_names), *frame.f_locals.values()]
    if any(map(_catches, held)):
        return True
    if _WITH.isdisjoint(dis.opname[step] for step in code.co_code[::2]):
        return False
    return any(_catches(thing) or _swallows(thing) for thing in (*held, *in_attributes(frame, _attributes(code))))


@cache
def _attributes(code: CodeType) -> tuple[str, ...]:
    return tuple(step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_ATTR", "LOAD_METHOD"))


@cache
def _names_errors(code: CodeType) -> bool:
    return catches_all(code) or not _NAMES.isdisjoint(code.co_names) or _computes_class(code)


def _computes_class(code: CodeType) -> bool:
    """Whether an `except` takes its class from an attribute, a call or the like: then it may be any class."""
    steps = [*dis.get_instructions(code)]
    for k, step in enumerate(steps):
        if step.opname in _MATCHING:
            several = steps[k - 1].opname == "BUILD_TUPLE"
            classes = steps[k - 1 - (steps[k - 1].arg or 0) : k - 1] if several else steps[k - 1 : k]
            if not all(load.opname.startswith(_BY_NAME) for load in classes):
                return True
    return False


def _swallows(thing: Any) -> bool:
    """Whether it is a user's context manager that may catch an error: a function, a class or an object."""
    function = thing.__func__ if type(thing) is MethodType else thing
    within = vars(function).get("__wrapped__") if type(function) is FunctionType else None
    if type(within) is FunctionType:
        return _handles_errors(within)
    leave = getattr_static(thing if issubclass(type(thing), type) else type(thing), "__exit__", None)
    if type(leave) is not FunctionType or not is_users(leave.__code__.co_filename):
        return False
    return _handles_errors(leave) or not _returns_nothing(leave.__code__)


def _handles_errors(function: FunctionType) -> bool:
    code = function.__code__
    held = map(function.__globals__.get, code.co_names)
    return _names_errors(code) or "suppress" in code.co_names or any(map(_catches, held))


def _returns_nothing(code: CodeType) -> bool:
    """Whether a function returns nothing but None or False."""
    steps = pairwise(dis.get_instructions(code))
    results = [before if step.opname == "RETURN_VALUE" else step for before, step in steps if step.opname in _RETURNS]
    constant = [gives_constant(result) or result.opname == "RETURN_CONST" for result in results]
    return all(constant) and not any(result.argval for result in results)


def _catches(thing: Any) -> bool:
    """Whether it is a class of such errors, a tuple with one, or a context manager that may suppress them."""
    if issubclass(type(thing), ExitStack):
        return True
    if issubclass(type(thing), suppress):
        return _catches(thing._exceptions)
    if type(thing) is tuple:
        return any(map(_catches, thing))
    of_errors = issubclass(type(thing), type) and issubclass(thing, BaseException)
    return of_errors and any(issubclass(error, thing) for error in _ERRORS)
