"""Data: samples and labels for training and evaluation.

- tables: pandas tables: rows that belong to labels, columns that belong to the model's inputs
- splits: random batches, and a part held out
"""
