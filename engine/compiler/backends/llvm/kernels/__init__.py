"""Kernels: the code of groups of a plan, each body once.

- shape: the shape of vectors and blocks
- kernel: what all kernels share
- formula: groups row by row, element by element
- matmul: dots that read the same vector
- tiles: how loops are cut for the registers
- outer_samples, lane_sums: the gradient's sums over the samples
- guard: whether the kernels after it would only add zeros
- single, single_sums: the same for one sample at a time, vectors along its rows
"""
