"""Whole steps in compiled code.

- compiled: Trainer; settings: what it may be told at any time; samples: what it is given; ways: how it makes a step
- preparation: which program makes it, compiled when it is needed
- model_watch: whether a model is still what was compiled
- sample_loss: what it compiles, so that the mean is the loss of the batch
- kept: one that a call of `fit` leaves to the next
"""
