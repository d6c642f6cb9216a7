"""What a function reads from outside besides Values, to see when something changes.

- surroundings: all of it, watched: the entry
- walk: finds it
- functions, attributes: parts of the walk
- found: what a walk has met and found
- moved: what a function changes whenever it runs
- objects: the content of an object
- code: the names in a piece of code
- owners: whose a class or module is
- methods: those of Values, which symbols have from the table
- read_guard: whether anything has changed, checked at every call
- ranks: what is compared first
- word_guard: the same as read_guard, by words of memory that native code compares
- layout: where CPython keeps these words
"""
