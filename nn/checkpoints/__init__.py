"""Trained networks in files that are safe to read: nothing in them is ever executed.

- files: save and load, as JSON by path or as tensors
- state: optimiser, history and what modules keep, as plain data and back
- tensors: parameters as matrices under PyTorch's names
- changes: attributes of many objects, changed all or none
"""
