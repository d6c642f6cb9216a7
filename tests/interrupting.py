"""Ctrl-C at a chosen moment, by a trace of Python's own: without a signal, a timer and a clock."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from types import CodeType, FrameType
from typing import Any

_LOOKS = ("CALL", "JUMP_BACKWARD", "JUMP_ABSOLUTE", "RESUME")  # the instructions at whose end Python looks for signals


class Pressed:
    """Stands for a context variable: Ctrl-C is pressed just after it is set first.

    Python measures no coverage inside `interrupted`, so what handles a Ctrl-C is run by this as well.
    """

    def __init__(self, variable: ContextVar[Any]) -> None:
        self._variable, self._is_due = variable, True
        self.get = variable.get

    def set(self, setting: Any) -> None:
        self._variable.set(setting)
        if self._is_due:
            self._is_due = False
            raise KeyboardInterrupt


def interrupted(action: Callable[[], object], moment: int, modules: tuple[str, ...] = ("engine.", "nn.")) -> int:
    """Call `action`, and press Ctrl-C the `moment`-th time that Python looks for signals in this project; 0: never.

    Args:
        action: what is interrupted.
        moment: when.
        modules: the beginnings of the names of the modules that count: few make it quicker.

    Returns:
        How many such moments there were up to the end.
    """
    moments = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal moments
        if not f"{frame.f_globals.get('__name__', '')}.".startswith(modules):
            return None  # what libraries do in between, such as a call-back of the collector, may swallow an error
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_lasti in _moments(frame.f_code):
            moments += 1
            if moments == moment:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()  # such as that of coverage.py
    sys._getframe().f_trace_opcodes = True  # Python 3.12 sees only then that some frame will ask for them
    sys.settrace(trace)
    try:
        action()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return moments


@cache
def _moments(code: CodeType) -> frozenset[int]:
    """The instructions before which Python looks: never between the body of a `with` and its exit, for one."""
    found, looked, special = {0}, False, False
    for instruction in dis.get_instructions(code):
        if looked:
            found.add(instruction.offset)
        looked = instruction.opname.startswith(_LOOKS) and "INTRINSIC" not in instruction.opname and not special
        special = instruction.opname == "LOAD_SPECIAL"  # `__enter__`, see `engine.process.locks`
        if looked and "JUMP" in instruction.opname:
            found.add(instruction.argval)
    return frozenset(found)
