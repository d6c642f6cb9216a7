"""Training a compiled loss, where the parameters live meanwhile.

- optimizer: what the engine asks of an optimiser, and its steps on Values
- session: whole steps of an optimiser on a compiled loss; repeated: single ones like the last, in a shorter way
- failure: why a step was not made
"""
