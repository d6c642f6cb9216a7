"""Trained networks in files that are safe to read: nothing in them is ever executed.

- files: save and load, as JSON by path or as tensors; state: optimiser, history and what modules keep, as plain data
- tensors: parameters as matrices under PyTorch's names; changes: of attributes, all or none
"""
