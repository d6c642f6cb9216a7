"""What takes float() of a Value though nobody wrote float(): the plain number has no graph.

Functions of NumPy, SciPy and the like are known by their own frames. Those of `math`, random numbers, and arrays that
Values are assigned to are written in C: only the instructions of their caller tell.
"""

from __future__ import annotations

import dis
from inspect import CO_OPTIMIZED
from types import CodeType, FrameType, ModuleType
from typing import Any

from ..primitive import PRIMITIVES
from .callers import is_ours, warn_at

_FLOATS_ONLY = frozenset({"gradient", "i0", "interp", "qr", "roots", "sort_complex"})
"""NumPy's functions that make floats of whatever they get, even of Values in an array, which others leave alone."""

_FLAT = frozenset({"ceil", "floor", "frexp", "isclose", "isfinite", "isinf", "isnan", "trunc", "ulp"})
_WHOLE = frozenset(
    {"binomial", "choice", "geometric", "integers", "multinomial", "negative_binomial", "poisson", "zipf"}
)
"""Functions of `math`, and of `numpy.random`, whose results have no derivative, or none that anybody wants."""

_LIBRARIES = frozenset({"numpy", "pandas", "scipy", "statistics", "sympy"})
"""Packages whose functions call each other before one of them takes a number."""

_ASKED = frozenset({"astype", "to_numeric", "to_numpy"})
"""Their functions by which a user asks for numbers."""

ASSIGNMENT = "[]="
"""In place of a name, for an instruction that assigns to an element or a slice."""

_MOST = 1000  # places that are known at a time

_OTHER_NAMES = {"fabs": "abs", "fsum": "sum", "sumprod": "dot"}
"""The engine's names for some of `math`'s functions."""


def refuse_numpys(caller: FrameType) -> None:
    """Refuse float() in one of NumPy's functions that need none.

    Raises:
        TypeError: it is one of NumPy's, and not another of that name.
    """
    name = caller.f_code.co_name
    if name in _FLOATS_ONLY and _package(caller) == "numpy":
        raise TypeError(
            f"NumPy's {name} makes floats of Values, which drops the graph: write it out with their operators, which "
            "np.diff, np.dot and np.convolve use, too; where numbers are meant, give it v.data of each"
        )


def warn_of_taker(caller: FrameType) -> None:
    """Warn of what takes a number by itself, as in ``x * math.exp(x)``, ``quad(lambda t: x * t, 0, 1)``, ``z[0] = x``.

    Args:
        caller: the frame in which float() is taken.
    """
    if is_ours(caller.f_code.co_filename):  # it takes float() of what users' functions return
        return
    entered: list[FrameType] = []  # from the innermost function of a library to the one that the user called
    users = caller
    while _package(users) in _LIBRARIES and users.f_back is not None:
        entered.append(users)
        users = users.f_back
    if entered and (_package(entered[-1]) != "numpy" or _module(entered[-1]).startswith("numpy.ma.")):
        _warn_of_library(users, entered)
    else:
        _warn_of_c(users, caller)


def _warn_of_library(users: FrameType, entered: list[FrameType]) -> None:
    names = [getattr(frame.f_code, "co_qualname", frame.f_code.co_name) for frame in entered]  # from Python 3.11 on
    *_, name = [name for name in names if "<locals>" not in name] or names  # not that of a decorator
    if name.rpartition(".")[2] not in _ASKED:
        _warn(users, f"{name} of {_package(entered[-1])}", "it with the engine's functions")


def _warn_of_c(users: FrameType, caller: FrameType) -> None:
    names = names_called(caller.f_code, caller.f_lasti)
    if names == (ASSIGNMENT,) or names[-1:] == ("fill",):
        warn_at(
            users,
            "an array of floats took the plain number of a Value, and no gradient flows through it: use a list or an "
            "array of dtype=object, or assign the Value's .data where the number is meant",
            UserWarning,
        )
    elif names and names != ("float",):
        function = _found(names, caller)
        name = getattr(function, "__name__", "")
        if _draws(getattr(function, "__self__", None)) and name not in _WHOLE:
            _warn(users, f"{name} of numpy.random", "mean + width * rng.normal(), say")
        elif getattr(function, "__module__", None) in ("math", "cmath") and name not in _FLAT:
            ours = _OTHER_NAMES.get(name, name)
            remedy = f"engine.{ours}" if ours in PRIMITIVES else "it with the engine's functions"
            _warn(users, f"{function.__module__}.{name}", remedy)


def _warn(frame: FrameType, taker: str, remedy: str) -> None:
    warn_at(
        frame,
        f"{taker} took the plain number of a Value, and no gradient flows through its result: write {remedy}, or give "
        "it the Value's .data where the number is meant",
        UserWarning,
    )


def _module(frame: FrameType) -> str:
    return frame.f_globals.get("__name__") or ""


def _package(frame: FrameType) -> str:
    return _module(frame).partition(".")[0]


def _found(names: tuple[str, ...], frame: FrameType) -> Any:
    """What dotted names such as ("math", "exp") stand for in a frame, if all but the last are of modules; else None."""
    first, *rest = names
    code = frame.f_code
    is_local = first in (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
    if is_local or not code.co_flags & CO_OPTIMIZED:  # the second in the body of a class
        found = frame.f_locals.get(first, frame.f_globals.get(first))
    else:
        found = frame.f_globals.get(first)
    for name in rest:
        if isinstance(found, ModuleType):
            found = vars(found).get(name)
        else:  # to look up a name in anything else may run code
            found = getattr(found, name) if _draws(found) else None
    return found


def _draws(source: Any) -> bool:
    """Whether it is one of NumPy's sources of random numbers."""
    return type(source).__module__.startswith("numpy.random.")


_known: dict[tuple[int, int], tuple[CodeType, tuple[str, ...]]] = {}  # the code is kept, so that its id is its own


def names_called(code: CodeType, at: int) -> tuple[str, ...]:
    """The names of what an instruction calls, such as ("math", "exp"); empty if it is no call of something by its name.

    >>> code = compile("math.exp(x + 1)", "", "eval")
    >>> call = next(each.offset for each in dis.get_instructions(code) if each.opname.startswith("CALL"))
    >>> names_called(code, call)
    ('math', 'exp')
    """
    known = _known.get((id(code), at))
    if known is None:
        if len(_known) >= _MOST:
            _known.clear()
        known = _known[id(code), at] = code, _names(code, at)
    return known[1]


def _names(code: CodeType, at: int) -> tuple[str, ...]:
    # The arguments were put on the stack by the instructions before the call, what it calls by those before them.
    instructions = [each for each in dis.get_instructions(code) if each.offset <= at]
    call = instructions.pop()
    if call.opname in ("STORE_SUBSCR", "STORE_SLICE"):
        return (ASSIGNMENT,)
    if "CALL" not in call.opname or call.arg is None or call.opname == "CALL_FUNCTION_EX":
        return ()
    if instructions and instructions[-1].opname == "PRECALL":  # of 3.11, for the same arguments; it may call, too
        instructions.pop()
    arguments = call.arg + call.opname.endswith("_KW")  # their names are on the stack, too
    while arguments > 0 and instructions:
        each = instructions.pop()
        arguments -= dis.stack_effect(each.opcode, each.arg)
    names: list[str] = []
    while instructions and not arguments:
        each = instructions.pop()
        if each.opname == "PUSH_NULL":
            continue
        if not each.opname.startswith("LOAD_") or not isinstance(each.argval, str):
            break
        names.insert(0, each.argval)
        if not each.opname.startswith(("LOAD_ATTR", "LOAD_METHOD")):
            return tuple(names)
    return ()
