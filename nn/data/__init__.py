"""Data: samples and labels for training and evaluation.

- splits: random batches, and a part held out
- tables: pandas tables: rows that belong to labels, columns that belong to the model's inputs
- entries: which entries are not numbers, or not finite, for errors
"""
