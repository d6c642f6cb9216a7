"""Training.

- loop: fit and its history; steps: what it calls for every batch; progress: what it shows meanwhile
- compiled: whole steps in compiled code
"""
