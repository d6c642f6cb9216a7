"""Training.

- loop: fit; checks: its arguments; preparation: the data as it takes them
- rows: samples and labels, read again; weighting, validation: samples that count more, or are held out; patience: when
  to stop, and the best epoch
- epochs: how the steps of an epoch are made; steps: an eager step; batch_loss: what it goes by; failures: the report
  on a nan
- mistakes: what training would hide, refused or warned of
- history: what `fit` returns; resuming: whether it is continued with what it tells of; progress: what is shown
- trainer: whole steps in compiled code
"""
