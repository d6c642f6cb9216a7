"""`x is True` for a symbol: there is no hook for it, so it is looked for in the code, like patterns with `True`.

Whatever gives a condition to such a comparison, be it an operator or a call, returns just before it; and local names
are examined when their function returns.
"""

from __future__ import annotations

import dis
from functools import cache
from types import CodeType, FrameType
from typing import Any, NamedTuple

from ....text.callers import is_users
from ..bytecode import has_instruction, nested_code
from ..conditions import CONDITIONS
from ..symbol import Symbol
from .rows import Row

_COPIES = frozenset({"COPY", "DUP_TOP"})


class _Tests(NamedTuple):
    """Where some code compares by `is` with True or False.

    Attributes:
        places: the places of the instructions before, which give what is compared.
        names: local names that are compared.
        parts: whether what is compared may be inside a local, as in ``x[0] is True``.
        unpacked: whether it may be inside what a pattern takes apart, wherever that comes from.
    """

    places: frozenset[int]
    names: frozenset[str]
    parts: bool
    unpacked: bool


@cache
def may_test_truth(code: CodeType) -> bool:
    """Whether some code, or a function inside it, may compare by `is` with True or False."""
    return any(
        has_instruction(part, "IS_OP") and any(isinstance(constant, bool) for constant in part.co_consts)
        for part in nested_code(code)
    )


def is_truth_tested(frame: FrameType, returned: Any) -> bool:
    """Whether the function that returns from a frame, or the one it returns to, tests a value without a number yet."""
    asking = frame.f_back
    if _is_truth(returned) and asking is not None and is_users(asking.f_code.co_filename):
        asked = _tests(asking.f_code)
        if asked.unpacked or asking.f_lasti in asked.places:
            return True
    if not is_users(frame.f_code.co_filename):
        return False
    tests = _tests(frame.f_code)
    if not tests.names and not tests.parts:
        return False
    contents = frame.f_locals
    return any(_is_truth(contents.get(name)) for name in tests.names) or (
        tests.parts
        and any(any(map(_is_truth, thing)) for thing in contents.values() if isinstance(thing, (list, tuple, Row)))
    )


def _is_truth(thing: Any) -> bool:
    """Whether it stands for a bool: a condition, or a number that is given as one, which the graph notes."""
    if not issubclass(type(thing), Symbol):
        return False
    if thing.kind == "input":
        return bool(thing.graph.given.types) and issubclass(thing.graph.given.type_of(thing), bool)
    return thing.kind == "constant" or thing.primitive in CONDITIONS


@cache
def _tests(code: CodeType) -> _Tests:
    places, names, parts, unpacked = set[int](), set[str](), False, False
    if may_test_truth(code):
        steps = [step for step in dis.get_instructions(code) if step.opname not in _COPIES]
        for first, second, test in zip(steps, steps[1:], steps[2:]):
            if test.opname != "IS_OP":
                continue
            constant = second.opname.startswith("LOAD_CONST")
            if constant and isinstance(second.argval, bool):
                places.update(range(first.offset, second.offset, 2))  # including its caches, since a call may be there
                if "FAST" in first.opname or "DEREF" in first.opname:
                    names.add(first.argval[-1] if isinstance(first.argval, tuple) else first.argval)
                parts = parts or first.opname.startswith("BINARY")
                unpacked = unpacked or first.opname.startswith("UNPACK")
            elif not constant:  # True is x
                places.update(range(second.offset, test.offset, 2))
    return _Tests(frozenset(places), frozenset(names), parts, unpacked)
