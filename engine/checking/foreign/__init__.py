"""The check of any other code: functions of floats, lists, or arrays of NumPy, PyTorch or JAX.

- blackbox: the check itself, coordinate by coordinate or along directions
- function: what is checked, at its point
- modes: what is claimed of it, a gradient or slopes
- points: arguments as numbers, and the way back
"""
