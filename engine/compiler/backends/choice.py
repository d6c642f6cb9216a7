"""Which back end runs a plan: the best that is installed, or the one that was asked for."""

from __future__ import annotations

import functools
import importlib.util
import operator
from typing import Any

from ..errors import Unsupported
from ..frontend.fingerprint import has_template
from ..plan.lazy import LazyPlan
from .protocol import Program

_NEEDS = {"llvm": ("llvmlite", "numpy"), "numpy": ("numpy",), "python": ()}
BACKENDS = tuple(_NEEDS)  # the best first
_RECENT = "llvmlite 0.46 or later"
_INSTALL = {"llvmlite": "pip install llvmlite numpy", _RECENT: "pip install -U llvmlite", "numpy": "pip install numpy"}


def choose(wanted: str, lazy_plan: LazyPlan, dtype: str, threads: int) -> tuple[Program, list[str]]:
    """The program of the wanted back end ("auto": the best there is), and why it is not that of a better one.

    Raises:
        Unsupported: the back end was asked for by name, and has no code for a primitive.
    """
    reasons: list[str] = []
    for backend in BACKENDS if wanted == "auto" else (wanted,):
        missing = _missing(backend)
        if missing:
            reasons.append(f"{backend}: {missing} is not installed: {_INSTALL[missing]}")
            continue
        try:
            return build(backend, lazy_plan, dtype, threads), reasons
        except Unsupported as lacking:
            if wanted != "auto":
                raise
            reasons.append(f"{backend}: {lacking}")
    raise AssertionError("the python back end takes every plan")


def build(backend: str, lazy_plan: LazyPlan, dtype: str, threads: int = 1) -> Program:
    """A program for a plan.

    Raises:
        Unsupported: a primitive of the plan has no native template, which only plain Python can do without.
    """
    if backend == "python":
        from .python import PythonProgram

        return PythonProgram(lazy_plan.plan)
    if not lazy_plan.fingerprint:  # with a fingerprint it is made of the table's own primitives, which have templates
        for primitive in {group.primitive for group in lazy_plan.plan.groups}:
            if not has_template(primitive):
                raise Unsupported(
                    f"the primitive {primitive.name} has no native template, and its forward cannot be traced: write "
                    "it with engine's functions, such as engine.exp for math.exp, or declare it with native="
                )
    if backend == "numpy":
        from .numpy import NumpyProgram

        return NumpyProgram(lazy_plan.plan, dtype)
    from . import llvm

    return llvm.build(lazy_plan, dtype, threads)


def require(backend: str) -> None:
    """Refuse a back end whose packages are not installed.

    Raises:
        ImportError: it needs a package that is not installed, or a later version of it.
    """
    missing = _missing(backend)
    if missing:
        raise ImportError(f"the {backend} back end needs {missing}: {_INSTALL[missing]}")


@functools.cache
def installed(package: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


def takes_lists(backend: str) -> bool:
    """Whether the back end's programs read lists of numbers instead of arrays."""
    return backend == "python" or (backend == "auto" and not installed("numpy"))


def is_native(backend: str) -> bool:
    """Whether this back end, or the best one for "auto", makes native code."""
    return backend in ("auto", "llvm") and not _missing("llvm")


def _missing(backend: str) -> str:
    """What the back end needs that is not installed: a package, or a later version of it; "" if there is nothing."""
    absent = next((package for package in _NEEDS[backend] if not installed(package)), "")
    return absent or (_RECENT if backend == "llvm" and _llvmlite_is_too_old() else "")


@functools.cache
def _llvmlite_is_too_old() -> bool:
    """Whether llvmlite is older than the version that this code is written for, as an older Numba's is."""
    from llvmlite import __version__

    return tuple(map(int, __version__.split(".")[:2])) < (0, 46)


def thread_count(threads: Any, backend: str) -> int:
    """How many threads may share a call.

    Raises:
        TypeError, ValueError: it is not a whole number from 1, or more than the back end has.
    """
    if isinstance(threads, bool) or not hasattr(threads, "__index__"):
        raise TypeError(f"threads must be a whole number, got {threads!r}: give an int of at least 1")
    count = operator.index(threads)
    if count < 1:
        raise ValueError(f"threads must be at least 1, got {count}")
    if count > 1 and backend in ("numpy", "python"):
        raise ValueError(f"the {backend} back end has one thread: leave out threads={count}, or take backend='llvm'")
    return count
