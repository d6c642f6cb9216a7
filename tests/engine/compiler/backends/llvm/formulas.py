"""Formulas of vector mathematics as functions from array to array, and how close they are to mpmath."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from engine.compiler.backends.llvm.ir.builder import Code
from engine.compiler.backends.llvm.ir.functions import called, definitions
from engine.compiler.backends.llvm.jit.cpu import vector_bytes
from engine.compiler.backends.llvm.jit.machine_code import Library


def text(formula: Any, bits: int, width: int) -> str:
    """The formula as a function ``apply`` from array to array, in IR."""
    code = Code("apply", bits, width, ["ptr %x", "ptr %y", "i64 %n"])
    with code.loop(0, "%n", width) as i:
        code.store(formula(code, code.load("%x", i)), "%y", i)
    code.ret()
    functions, declared = definitions(called(code.text(), width), bits, width)
    return "\n".join([*sorted(declared | code.declared), *functions, code.text()])


@functools.cache
def compiled(formula: Any, bits: int, width: int = 0) -> Any:
    """The formula as a function from array to array, by vectors of that width; by default by the widest."""
    width = width or vector_bytes() * 8 // bits
    library = Library(text(formula, bits, width))
    native = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(library.address("apply"))

    def apply(x: Any) -> Any:
        padded = np.zeros(-(-len(x) // width) * width, np.float64 if bits == 64 else np.float32)
        padded[: len(x)] = x
        y = np.empty_like(padded)
        native(padded.ctypes.data, y.ctypes.data, len(padded))
        assert library is not None
        return y[: len(x)]

    return apply


def assert_accurate(function: Callable[[Any], Any], exact: Callable[[Any], Any], x: Any, units: float) -> None:
    """Within so many units in the last place of the numbers' own type."""
    with mpmath.workprec(300):
        for a, z in zip(x, function(x)):
            true = exact(mpmath.mpf(float(a)))
            unit = float(np.spacing(x.dtype.type(abs(float(true)))))
            assert abs(mpmath.mpf(float(z)) - true) <= units * unit, f"of {float(a)!r}: {float(z)!r}"
