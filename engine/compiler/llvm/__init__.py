"""The native back end: a plan becomes LLVM kernels and a driver that trains in one call.

To read it in order:

- programs and program: the native programs of a plan and their calls; training, memory: parameters and samples
- text: ir (how LLVM's language is written), templates, vectormath, trigonometry, error_function, positions
- kernels: clusters (which groups share one), kernels, products, reductions, outer; for single samples rows, row_sums
- the loop around them: fields, packing, samples, driver, optimisers, shuffle
- threads: partition, sharing, helpers
- machine code: jit, cache, blueprint; peak measures what the core can do
"""

from .programs import Programs as Programs
from .programs import build as build
