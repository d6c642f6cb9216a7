"""What a function reads from outside besides Values, to see when something changes.

- surroundings: all of it, watched; found: what a walk has met and found; walk: how, with functions and attributes for
  these; moved: what a function changes whenever it runs
- objects: the content of an object; code: the names in a piece of code; owners: whose a class is; methods: those of
  Values, which symbols have from the table
- read_guard: whether anything has changed, checked at every call; ranks: in which order; word_guard: the same, compared
  by native code in memory; layout: where CPython keeps these words
"""
