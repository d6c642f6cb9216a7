"""Ctrl-C at a chosen moment, by a trace of Python's own: without a signal, a timer and a clock."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from functools import cache
from types import CodeType, FrameType
from typing import Any


def interrupted(action: Callable[[], object], moment: int) -> int:
    """Call `action`, and press Ctrl-C at that line, call or return of this project's Python; 0: never.

    Returns:
        How many such moments there were up to the end.
    """
    moments = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal moments
        if frame.f_globals.get("__name__", "").split(".")[0] not in ("engine", "nn"):
            return None  # what libraries do in between, such as a call-back of the collector, may swallow an error
        if event == "line" and frame.f_lasti in _exits(frame.f_code):
            return trace  # Python handles no signal between the body of a `with` and its exit: locks are released
        moments += 1
        if moments == moment:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()  # such as that of coverage.py
    sys.settrace(trace)
    try:
        action()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return moments


@cache
def _exits(code: CodeType) -> frozenset[int]:
    """Where a `with` calls its exit after its body: with three times None."""
    found = []
    start, nones = 0, 0
    for instruction in dis.get_instructions(code):
        if instruction.starts_line:
            start, nones = instruction.offset, 0
        is_none = instruction.opname == "LOAD_CONST" and instruction.argval is None
        if is_none or (nones and instruction.opname == "DUP_TOP"):
            nones += 1
        elif instruction.opname.startswith("CALL") and nones == 3:
            found.append(start)
        elif instruction.opname not in ("PRECALL", "CACHE"):
            nones = 0
    return frozenset(found)
