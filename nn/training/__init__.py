"""Training.

- loop: fit; preparation: the data as it takes them; weighting, validation: samples that count more, or are held out
- epochs: how the steps of an epoch are made; steps: a step in the open; failures: what to say of a nan
- ownership: whether the optimiser holds the model's parameters; idle: what to say where nothing is learned
- purity: which schedules may be asked ahead
- history: what comes back; progress: what is shown meanwhile
- trainer: whole steps in compiled code
"""
