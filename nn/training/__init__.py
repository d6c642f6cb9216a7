"""Training.

- loop: fit
- checks: its arguments
- preparation: the data as it takes them
- rows: samples and labels, read anew when they may have changed
- weighting: samples that count more than others
- validation: samples that are held out
- epochs: how the steps of an epoch are made
- steps: an eager step
- batch_loss: the loss that it lowers
- trainer: whole steps in compiled code
- patience: when to stop, and the best epoch
- failures: the report on a nan
- mistakes: what training would hide, refused or warned of
- history: what `fit` returns
- curves: a picture of it
- resuming: whether training goes on with what it was made of before
- progress: what is shown meanwhile
"""
