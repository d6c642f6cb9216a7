"""Which code asks by `type(x)` for the class of a symbol: that has no hook, and so is read off code and local names."""

from __future__ import annotations

import dis
from functools import cache
from types import CodeType, FrameType
from typing import Any

from ..rows import Row

_LOADING = ("LOAD_GLOBAL", "LOAD_NAME")
_CALLING = ("CALL", "CALL_FUNCTION", "PRECALL")


def asks_for_a_type(frame: FrameType) -> bool:
    """Whether the code of a frame, which is about to return, has asked for the type of a symbol, as far as one sees.

    What it has asked for is looked up among its names as they are in the end; where it is not seen what that was, any
    symbol there counts.
    """
    named = _asked_by(frame.f_code)
    if named is None:
        return any(map(_has_symbols, frame.f_locals.values()))
    return any(name not in frame.f_locals or _has_symbols(frame.f_locals[name]) for name in named)


@cache
def _asked_by(code: CodeType) -> tuple[str, ...] | None:
    """The local names in what some code gives to `type`; None where it does anything else with it than to call it."""
    found: dict[str, None] = {}
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("CACHE", "PUSH_NULL", "RESUME")]
    for k, step in enumerate(steps):
        if step.opname not in _LOADING or step.argval != "type":
            continue
        argument = 1
        while not steps[k + argument].opname.startswith(_CALLING):
            inside = steps[k + argument]
            if inside.opname.startswith("LOAD_"):
                if inside.opname in ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW", "LOAD_DEREF", "LOAD_CLOSURE"):
                    found[inside.argval] = None
                elif inside.opname.startswith("LOAD_FAST"):  # two of them in one
                    found.update(dict.fromkeys(inside.argval))
            elif not inside.opname.startswith(("BINARY_", "COPY", "EXTENDED")):
                return None
            argument += 1
        call = next(s for s in steps[k + argument :] if s.opname.startswith("CALL"))
        if argument == 1 or call.arg != 1:
            return None
    return tuple(found)


def _has_symbols(thing: Any) -> bool:
    if isinstance(thing, (list, tuple, Row)):
        return any(map(_has_symbols, thing))
    return hasattr(type(thing), "__symbolic__")
