"""Machine code: made by LLVM, kept in a cache.

- machine_code: IR to functions in memory; cache: files on disk; artifact: all that running them needs
- python_function: as Python's own functions
- cpu_caches: what the CPU has close at hand
- peak: what the core can do at best
"""
