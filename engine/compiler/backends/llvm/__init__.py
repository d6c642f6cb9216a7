"""The native back end: a plan becomes LLVM kernels and a driver that trains in one call.

In the order of the work:

- schedule: the native passes in order, and the calls of their kernels -> kernels/, written in ir/
- fusion, skipping: the passes; fused_plan: the record that they map; verify: what is true of it after each
- jit/ makes machine code of them; runtime/ is the loop around it; direct/ reads Python's objects where they are
- program: a plan's code with its buffers; variants: one program for many samples, one for few
- training: whole steps, with the parameters in native memory
"""

from .direct.tree import TreeReader as TreeReader
from .variants import Variants as Variants
from .variants import build as build
