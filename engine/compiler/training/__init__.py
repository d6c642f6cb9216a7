"""Training a compiled loss, which holds the parameters while it is trained.

- optimizer: the protocol of optimisers, and their steps on Values
- session: whole steps of an optimiser on a compiled loss
- repeated: a shorter way for single steps like the last
- custody: the numbers and memories that the training holds meanwhile
- places: where the Values of an optimiser, or of a caller, stand among the leaves
- failure: why a step was not made
"""
