"""A program against the eager engine, on single samples: whether it is the function that was written.

- single: a sample through both; selfcheck: the engine's numbers for it, and whether a program agrees
- trials: the samples and parameters that are most telling
- leaf_gradient: the engine's gradient with respect to a million weights
- templates: templates of primitives that users declare, compared at more points than samples have
- heap: the memory that all this took, given back
"""
