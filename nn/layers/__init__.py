"""The building blocks of networks.

- module: the base class of everything with parameters; train and eval mode
- contents: the Values and modules that one holds; misplaced: what stands where parameters are expected
- dense: neurons, layers, MLPs; activations; initializers
- sequential: modules in a row and around a shortcut; embedding, normalization, attention
- structure: the layers of a model in words; ending: the activation that it ends with; held: the Values that it holds
- dropout: masks that depend only on seed, step, sample and unit
"""
