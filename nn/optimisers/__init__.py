"""Optimisers: how parameters follow their gradients.

- base: Optimizer, whose steps are a rule for one parameter
- sgd, adam: the rules
- declaration: the settings and memories that an optimiser's class declares
- clipping: gradients cut to a norm or a bound before a step
"""
