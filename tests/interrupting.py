"""Ctrl-C at a chosen moment, by a trace of Python's own: without a signal, a timer and a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
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
