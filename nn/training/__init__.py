"""Training.

- loop: fit; preparation: the data as it takes them; weighting, validation: samples that count more, or are held out
- epochs: how the steps of an epoch are made; steps: a step in the open; failures: what to say of a nan
- history: what comes back; progress: what is shown meanwhile
- compiled: Trainer, whole steps in compiled code; samples: what it is given; ways: how it makes a step
- model_watch: whether a model is still what was compiled;
- sample_loss: what it compiles, so that the mean is the loss of the batch
"""
