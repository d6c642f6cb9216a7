"""Training.

- loop: fit and its history; steps: what it calls for every batch; progress: what it shows meanwhile
- compiled: Trainer, whole steps in compiled code; samples: what it is given; ways: how it makes a step
- sample_loss: what it compiles, so that the mean is the loss of the batch
"""
