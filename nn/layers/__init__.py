"""What networks are built of.

- module: parameters by name, and all that holds some
- dense: neurons, layers, MLPs; activations; initializers
"""
