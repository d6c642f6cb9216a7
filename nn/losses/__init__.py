"""Losses: from the outputs and labels of a batch to one Value; see losses."""
