"""Training.

- loop: fit and its history; steps: what it calls for every batch; progress: what it shows meanwhile
- compiled: whole steps in compiled code; sample_loss: what it compiles, so that the mean is the loss of the batch
"""
