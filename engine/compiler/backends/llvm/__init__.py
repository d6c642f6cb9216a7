"""The native back end: a plan becomes LLVM kernels and a driver that trains in one call.

In the order of the work:

- schedule: the native passes in order, and the calls of kernels
- fused_plan: the record that these passes map
- fusion, skipping: the passes
- verify: what must be true after each
- kernels: the code of each group, written with ir
- jit: machine code of kernels
- runtime: the loop around them
- direct: reads Python's objects in place
- program: a plan's code with its buffers
- variants: one program for many samples, one for few
- training: whole steps, with the parameters in native memory
"""

from .direct.tree import TreeReader as TreeReader
from .variants import Variants as Variants
from .variants import build as build
