"""Optimisers: how parameters follow their gradients; see optimisers."""
