"""Data: samples and labels for training and evaluation.

- tables: pandas tables: rows that belong to labels, columns that belong to the model's inputs
- entries: which of them are no numbers, or not finite, for errors
- splits: random batches, and a part held out
"""
