"""What networks are built of.

- module: parameters by name, and all that holds some; train and eval mode
- dense: neurons, layers, MLPs; activations; initializers
- sequential: modules in a row and around a shortcut; embedding, normalization, attention
- ending: what a model's outputs have gone through last
- dropout: masks that are functions of where in a training they are drawn
"""
