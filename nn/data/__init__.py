"""Data: splits (batches too), and checkpoint, networks in files."""
