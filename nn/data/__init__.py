"""Data: what is trained with and judged by.

- tables: which row of a table of pandas belongs to which label, and which column is which
- splits: random batches, and a part held out
"""
