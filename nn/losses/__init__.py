"""Losses: from the outputs and labels of a batch to one Value.

- losses: the losses by name; reduction: from those of samples to one, and from a loss of one sample to one of a batch
- remarks: what a reader of their graphs is told, such as a cross-entropy of probabilities
"""
