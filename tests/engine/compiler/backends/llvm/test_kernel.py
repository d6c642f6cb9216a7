"""Kernels as text: which offsets are looked up."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from engine import ops
from engine.compiler.backends.llvm.ir.builder import Code
from engine.compiler.backends.llvm.jit.machine_code import Library
from engine.compiler.backends.llvm.kernels.formula import elementwise
from engine.compiler.backends.llvm.kernels.kernel import Context, Kernels
from engine.compiler.backends.llvm.kernels.shape import Shape
from engine.compiler.plan.plan import Group, Run


def sums_of_two(*places: tuple[int, int, int]) -> Kernels:
    """Kernels that add two rows of S to a third, as many as there are places."""
    shape, kernels = Shape(64, 4, 20), Kernels()
    calls = []
    for result, left, right in places:
        group = Group(ops.add, 3, ((Run("S", left, 1),), (Run("S", right, 1),)), Run("S", result, 1))
        calls.append(kernels.add(elementwise(Context(shape, stored=frozenset({id(group)})), [group])))
    assert len(kernels.codes) == 1
    kernels.settle(calls)
    return kernels


@pytest.mark.parametrize(
    ("places", "looked_up"),
    [
        ([(6, 0, 3)], 0),  # one call: all is known
        ([(6, 0, 3), (15, 9, 12)], 1),  # the same distances
        ([(6, 0, 3), (15, 0, 12)], 1),  # the left factor is where it was
        ([(6, 0, 3), (15, 3, 9)], 3),
    ],
)
def test_offsets_are_looked_up_where_the_calls_of_a_kernel_differ(places: Any, looked_up: int) -> None:
    assert sums_of_two(*places).codes[0].body().count("ptr %T") == looked_up


def test_a_number_that_was_made_of_a_mask_is_that_mask_again() -> None:
    """Conditions are numbers between primitives: no second comparison finds out what the first one has."""
    code = Code("picked", 64, 4, ["ptr %x", "ptr %y"])
    x = code.load("%x", "0")
    positive = code.as_number(x > 0.0)
    assert positive.differs(0.0).name == positive.differs(code.lift(0.0)).name == code.masks[positive.name].name
    code.store(code.select(positive.differs(0.0), x, code.select(positive.equals(0.0), 7.0, 8.0)), "%y", "0")
    code.ret()
    assert code.body().count("fcmp") == 1
    library = Library("", quick=code.text())
    numbers, found = np.array([1.0, -1.0, np.nan, 0.0]), np.zeros(4)
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    kind(library.address("picked"))(numbers.ctypes.data, found.ctypes.data)
    assert found.tolist() == [1.0, 7.0, 7.0, 7.0]
