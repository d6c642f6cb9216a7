"""Compares a program with the eager engine, on single samples: is it the function that was written?

- single: a sample through both
- selfcheck: the engine's numbers for it, and whether a program agrees
- trials: the most telling samples and parameters
- leaf_gradient: the engine's gradient with respect to a million weights
- templates: templates of primitives that users declare, compared at more points than samples have
- heap: the memory that all this took, given back
"""
