"""Data: splits, random batches too."""
