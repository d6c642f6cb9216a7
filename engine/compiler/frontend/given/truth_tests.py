"""`x is True` of a symbol: there is no hook for it, so it is looked for in the code, like patterns with `True`.

Whatever gives a condition to such a comparison, an operator or a call, returns just before it; and local names are
examined when their function returns.
"""

from __future__ import annotations

import dis
from collections import deque
from collections.abc import Sequence
from functools import cache
from itertools import chain
from types import CodeType, FrameType
from typing import Any, NamedTuple

from ....text.callers import is_users
from ..bytecode import gives_bool, gives_constant, has_instruction, in_attributes, is_bool, nested_code
from ..conditions import CONDITIONS
from ..symbol import Symbol
from .rows import Row

_COPIES = frozenset({"COPY", "DUP_TOP"})


class _Tests(NamedTuple):
    """Where some code compares by `is` with True or False.

    Attributes:
        places: the offsets of the instructions that give what is compared.
        names: local names that are compared.
        attributes: names of attributes that are compared, or whose attributes are.
        parts: whether what is compared may be inside a local, as in ``x[0] is True``.
        rebound: whether one of the names is bound anew later, so that what was compared is not there at the end.
        unpacked: whether it may be inside what a pattern unpacks, wherever that comes from.
    """

    places: frozenset[int]
    names: frozenset[str]
    attributes: tuple[str, ...]
    parts: bool
    rebound: bool
    unpacked: bool


@cache
def may_test_truth(code: CodeType) -> bool:
    """Whether some code, or a function inside it, may compare by `is` with True or False."""
    return any(has_instruction(part, "IS_OP") and gives_bool(part) for part in nested_code(code))


def is_truth_tested(frame: FrameType, returned: Any) -> bool:
    """Whether the function that returns from a frame, or the one it returns to, may test a symbol."""
    asking = frame.f_back
    if _is_truth(returned) and asking is not None and is_users(asking.f_code.co_filename):
        asked = _tests(asking.f_code)
        if asked.unpacked or asked.rebound or asking.f_lasti in asked.places:
            return True
    if not is_users(frame.f_code.co_filename):
        return False
    tests = _tests(frame.f_code)
    contents = frame.f_locals if tests.names or tests.parts else {}
    return (
        any(_is_truth(contents.get(name)) for name in tests.names)
        or any(map(_is_truth, in_attributes(frame, tests.attributes) if tests.attributes else ()))
        or (tests.parts and any(map(_holds_truth, contents.values())))
    )


def _holds_truth(thing: Any, depth: int = 2) -> bool:
    """Whether a container, or one inside it, holds what stands for a bool."""
    if isinstance(thing, dict):
        return _holds_truth([*thing.values()], depth)
    if not isinstance(thing, (list, tuple, deque, Row)):
        return False
    return any(map(_is_truth, thing)) or (depth > 0 and any(_holds_truth(part, depth - 1) for part in thing))


def _is_truth(thing: Any) -> bool:
    """Whether it stands for a bool: a condition, or a number that is given as a bool; the graph notes the question."""
    if not issubclass(type(thing), Symbol):
        return False
    if thing.kind == "input":
        return bool(thing.graph.given.types) and issubclass(thing.graph.given.type_of(thing), bool)
    return thing.kind == "constant" or thing.primitive in CONDITIONS


@cache
def _tests(code: CodeType) -> _Tests:
    places, names, attributes = set[int](), set[str](), list[str]()
    parts = rebound = unpacked = False
    steps = [step for step in dis.get_instructions(code) if step.opname not in _COPIES] if may_test_truth(code) else []
    for k, test in enumerate(steps):
        if test.opname != "IS_OP":
            continue
        is_last = not gives_constant(steps[k - 1])  # True is x; or x is y, where no constant is found
        compared = k - 1 if is_last else k - 2
        step, (path, start) = steps[compared], _path(steps, compared)
        with_bool = is_bool(steps[start - 1] if is_last else steps[k - 1])
        if is_last or with_bool:
            places.update(range(step.offset, steps[compared + 1].offset, 2))  # with the caches of a call
        if with_bool:
            attributes += path
            if "FAST" in step.opname or "DEREF" in step.opname:
                names.add(step.argval[-1] if isinstance(step.argval, tuple) else step.argval)
            parts = parts or step.opname.startswith("BINARY")
            rebound = rebound or not {*names, *attributes}.isdisjoint(chain.from_iterable(map(_bound, steps[k:])))
            unpacked = unpacked or step.opname.startswith("UNPACK")
    return _Tests(frozenset(places), frozenset(names), tuple(attributes), parts, rebound, unpacked)


def _bound(step: dis.Instruction) -> Sequence[str]:
    """The local names and attributes that a step binds, deletes or, at the end of a comprehension, clears."""
    if not (step.opname.startswith(("STORE", "DELETE")) or "CLEAR" in step.opname):
        return ()
    if isinstance(step.argval, tuple):  # two steps in one
        return step.argval[: 1 + step.opname.endswith("STORE_FAST")]
    return (step.argval,)


def _path(steps: list[dis.Instruction], end: int) -> tuple[list[str], int]:
    """The chain of attributes that is read up to a step, and the place of the step that gives what it is read from."""
    start = end
    while steps[start].opname == "LOAD_ATTR":
        start -= 1
    return [step.argval for step in steps[start + 1 : end + 1]], start
