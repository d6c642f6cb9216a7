"""Numbers nearer to 0 than any normal one, 2.2e-308 in doubles and 1.2e-38 in floats: while training they are 0.

Many x86 CPUs take a hundred times as long for an operation on such a number, and in training some of these stay.
Where a gradient is always 0, like that of a relu that no sample reaches, the optimiser's memories shrink to such
numbers: after some thousand steps, a network's steps take 1.6 to 5 times as long as the first ones. So results of an
update that are that small are rounded to 0. No parameter above 1e-290 notices, but an optimiser's rule might, if it
divides by a memory or asks for its sign: then nothing is rounded, see `Update.bears_rounding`.

In floats, gradients become so small too, and all kernels of a training step round them to 0: otherwise a step may take
8 times as long. In doubles nothing but the update is rounded, and nothing at all where no update is made. Other CPUs
are as fast with such numbers as with any, and compute with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..ir.builder import Code
from ..ir.control import Cell
from ..jit.cpu import family

DECLARED = """
declare void @llvm.x86.sse.ldmxcsr(ptr)
declare void @llvm.x86.sse.stmxcsr(ptr)
"""

FLUSH_TO_ZERO = 1 << 15
"""The bit for that in the control register of x86's vector instructions, of which every thread has its own."""


@contextmanager
def rounded_to_zero(code: Code, condition: str) -> Iterator[None]:
    """Do the block with such results rounded to 0 if the i1 of that name holds."""
    if family() != "x86_64":
        yield
        return
    before, now = Cell(code, 0, "i32"), Cell(code, 0, "i32")
    code.lines.append(f"call void @llvm.x86.sse.stmxcsr(ptr {before.place})")
    bit = code.value(f"select i1 {condition}, i32 {FLUSH_TO_ZERO}, i32 0")
    now.write(code.value(f"or i32 {before.read()}, {bit}"))
    code.lines.append(f"call void @llvm.x86.sse.ldmxcsr(ptr {now.place})")
    yield
    code.lines.append(f"call void @llvm.x86.sse.ldmxcsr(ptr {before.place})")
