"""Kernels: the code of groups of a plan, each body once.

- kernel: element by element, and what all kernels share
- matmul: dots that read the same vector; outer_samples, lane_sums: the gradient's sums over the samples
- guard: whether the kernels after it would only add zeros
- tiles: how loops are cut for the registers
- single, single_sums: the same for one sample at a time, vectors along its rows
"""
