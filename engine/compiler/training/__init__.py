"""Training a compiled loss, where the parameters live meanwhile.

- session: whole steps of an optimiser on a compiled loss
"""
