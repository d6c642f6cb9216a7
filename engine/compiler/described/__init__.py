"""Functions that describe themselves, as those of networks do: they are not traced again by later processes.

- self_description: all that follows, for one function
- description: all that determines a function, if it says so itself
- signatures: what a program needs of its trace
- records: signatures on disk, by descriptions
- rules: the same for the rules of optimisers
"""
