"""Machine code: made by LLVM, kept in a cache.

- machine_code: from IR to functions in memory
- emission: the longest step of that, for several modules at a time
- side_by_side: the threads that do it
- cache: files on disk
- artifact: all that is needed to run a program
- object_file: loads object code without LLVM
- executable_memory: the memory for it
- python_function: native code as Python's own functions
- cpu: which CPU this is
- cpu_caches: the sizes of its caches
- peak: how fast a core can be at best
"""
