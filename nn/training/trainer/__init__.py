"""Whole steps in compiled code.

- compiled: Trainer, as users see it
- settings: what may be set at any time
- running: how it makes steps, one or an epoch of them
- preparation: the program that makes a step, compiled when it is needed
- ways: who changes the parameters, the program or the optimiser
- sample_loss: the loss of one sample, compiled so that its mean is the loss of the batch
- samples: the batches that it takes
- model_watch: whether a model is still what was compiled
- described_watch: the same, for a model that describes itself
- kept: a Trainer that one call of `fit` leaves for the next
- pickling: which trainers pickle
"""
