"""What a function reads from outside besides Values, to see when something changes.

- surroundings: all of it, as it is now; walk: how it is found, functions: of these; lengths: of lists, which may grow
- objects: what is in an object; code: what a piece of code names; owners: whose a class is
- look: whether it is as it was, at every call; words: the same of what native code sees in memory; layout: where
- outside: what it asks the world outside of Python
"""
