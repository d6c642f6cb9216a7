"""Trained networks in files: read by anybody, and nothing in them is ever executed.

- files: save and load, as JSON by path or as tensors; state: optimiser, history and what modules keep, as plain data
- structure: a warning where a model's layers are others than those that were saved
- tensors: parameters as matrices under PyTorch's names; changes: made all or none
"""
