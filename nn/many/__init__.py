"""Many nets, one for each configuration.

- table: fit_many, and what a worker does; job: one configuration; executors: jobs over an executor, and which of them
  killed a worker
- workbench: nets trained one after another; program: nets of one structure trained by one program; structure: what
  such nets have in common
"""
