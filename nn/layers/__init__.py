"""The building blocks of networks.

- module: the base class of everything with parameters; their names; train and eval mode; modes: eval mode in a thread
- dense: neurons, layers, MLPs; activations; initializers
- sequential: modules in a row and around a shortcut; embedding, normalization, attention
- structure: the layers of a model in words; ending: the activation that it ends with; held: the Values that it holds
- dropout: masks that depend only on seed, step, sample and unit
"""
