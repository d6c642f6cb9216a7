"""`x[0] is x[1]` for symbols: whether numbers are one object depends on how the samples are held, so it is refused.

There is no hook for `is` and `id`. Like `x is True` they are looked for in the code; what local names hold on such a
line is examined when their function returns.
"""

from __future__ import annotations

import dis
from functools import cache
from types import CodeType, FrameType

from ....text.callers import is_users
from .type_calls import has_symbols

_SINGLE = (None, True, False, ...)
_CALLED = frozenset({"id", "is_", "is_not"})


def may_test_identity(code: CodeType) -> bool:
    """Whether some code, or a function inside it, may ask whether two things are one."""
    inside = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return bool(_names(code)) or any(map(may_test_identity, inside))


def is_identity_tested(frame: FrameType) -> bool:
    """Whether the function that returns from a frame may have asked whether a value without a number is another one."""
    names = _names(frame.f_code) if is_users(frame.f_code.co_filename) else ()
    return any(has_symbols(frame.f_locals.get(name)) for name in names)


@cache
def _names(code: CodeType) -> frozenset[str]:
    """The local names on lines that compare by `is`, other than with None and the like, or call `id`."""
    if dis.opmap["IS_OP"] not in code.co_code[::2] and _CALLED.isdisjoint(code.co_names):
        return frozenset()
    lines, names, line = set[int](), dict[str, set[int]](), 0
    steps = [*dis.get_instructions(code)]
    for k, step in enumerate(steps):
        line = getattr(step, "line_number", None) or step.starts_line or line  # the first from Python 3.13 on
        if (step.opname == "IS_OP" and not any(map(_is_single, steps[max(0, k - 2) : k]))) or step.argval in _CALLED:
            lines.add(line)
        if "FAST" in step.opname or "DEREF" in step.opname:
            for name in step.argval if isinstance(step.argval, tuple) else (step.argval,):
                names.setdefault(name, set()).add(line)
    return frozenset(name for name, where in names.items() if not lines.isdisjoint(where))


def _is_single(step: dis.Instruction) -> bool:
    """Whether this gives what there is only one of: such a constant, or what a global names, as a class."""
    constant = step.opname.startswith("LOAD_CONST") and any(step.argval is single for single in _SINGLE)
    return constant or step.opname == "LOAD_GLOBAL"
