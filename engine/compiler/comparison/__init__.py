"""A program against the eager engine, on single samples: whether it is the function that was written.

- single: a sample through both; selfcheck: what the engine gives for it, and whether a program gives that
- second_net: which samples and numbers tell most; leaf_gradient: the engine's gradient by a million weights
- templates: of primitives that users have declared, at more points than samples are
- heap: the memory that all this took, given back
"""
