"""Functions that describe themselves, as those of networks do: they are not traced again by later processes.

- description: all that determines a function, if it says so itself
- signatures: what a program needs of its trace; records: signatures on disk, by descriptions
- self_description: all of this for one function; rules: the same for the rules of optimisers
"""
