"""The command line, ``python -m engine``.

- tour: a guided minute
- commands: an expression's value and gradients, a walk through its passes, a check of it
- adopting: a student's file, judged
- selftest: the table against 50 digits
- streams: what becomes of a program whose output has nowhere to go, here and in the demos
"""
