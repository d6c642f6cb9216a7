"""Many nets, one for each configuration.

- table: fit_many; job: one configuration
- workers: what is sent to them, and what they do; executors: jobs over an executor, and which of them killed a worker
- workbench: nets trained one after another; program: nets of one structure trained by one program; trainer: its
  trainer, which takes them over; structure: what such nets have in common
"""
