"""Training a compiled loss, which holds the parameters meanwhile.

- optimizer: what the engine asks of an optimiser, and its steps on Values
- session: whole steps of an optimiser on a compiled loss; repeated: a shorter way for single steps like the last
- failure: why a step was not made
"""
