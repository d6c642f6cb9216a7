"""Machine code: made by LLVM, kept in a cache.

- machine_code: IR to functions in memory; cache: files on disk; artifact: all that running them needs
- emission: the longest step of that, of several modules at a time; side_by_side: who makes them
- object_file: such files into memory without LLVM; executable_memory: where to
- python_function: as Python's own functions
- cpu: which one this is; cpu_caches: what it has close at hand
- peak: what the core can do at best
"""
