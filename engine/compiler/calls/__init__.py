"""Calls of a compiled function.

- traced: which program answers a call: one for each shape of the arguments, as long as the function does the same
- changing: a remark where a number that the function reads keeps changing
- repeated: a shorter way for calls like the last one
"""
