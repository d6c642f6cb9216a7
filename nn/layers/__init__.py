"""The building blocks of networks.

- module: the base class of everything with parameters; train and eval mode
- dense: neurons, layers, MLPs
- sequential: modules in a row, and around a shortcut
- dropout: masks that depend only on seed, step, sample and unit
- embedding, normalization, attention: a class of layers each
- activations: functions without parameters, by name
- initializers: how weights are drawn
- contents: the Values and modules that a module holds
- held: Values of a whole part, or where no parameters are looked for
- misplaced: what stands where parameters are expected
- structure: the layers of a model in words
- ending: the activation that a model ends with
"""
