"""The native back end: a plan becomes LLVM kernels and a driver that trains in one call.

In the order of the work:

- schedule: the native passes in order, and the calls of kernels -> kernels/, written with ir/
- fusion, skipping: the passes; fused_plan: the record that they map; verify: what must be true of it after each
- jit/ makes machine code of kernels; runtime/ is the loop around them; direct/ reads Python's objects in place
- program: a plan's code with its buffers; variants: one program for many samples, one for few
- training: whole steps, with the parameters in native memory
"""

from .direct.tree import TreeReader as TreeReader
from .variants import Variants as Variants
from .variants import build as build
