"""Calls of a compiled function.

- traced: which program answers a call: one for each shape of the arguments, as long as the function does the same
- changing: warnings where what the function reads has changed
- repeated: a shorter way for calls like the last one
"""
