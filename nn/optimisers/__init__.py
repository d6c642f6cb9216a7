"""Optimisers: how parameters follow their gradients.

- declaration: the settings and memories that an optimiser's class declares
- base: Optimizer, whose steps are a rule for one parameter; sgd, adam: the rules; clipping
"""
