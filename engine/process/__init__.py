"""What holds whatever else the process does: Ctrl-C, other threads, a fork, a full disk.

- locks: locks that Ctrl-C leaves free
- forking: locks that are free in a forked child, and steps that end before a fork
- threads: the engine's own, and whether there are others
- collector: the garbage collector, at rest while a graph is built
- files: written as a whole, or not at all
"""
