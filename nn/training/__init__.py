"""Training.

- loop: fit; checks: its arguments; preparation: the data as it takes them
- rows: samples and labels, read anew when they may have changed; weighting, validation: weighted and held-out samples
- epochs: how the steps of an epoch are made; steps: an eager step; batch_loss: the loss that it lowers
- patience: when to stop, and the best epoch; failures: the report on a nan
- mistakes: what training would hide, refused or warned of
- history: what `fit` returns; curves: its picture; resuming: whether training goes on with what it was made of before
- progress: what is shown meanwhile
- trainer: whole steps in compiled code
"""
