"""Many nets, one for each configuration.

- table: fit_many, and what a worker does; job: what is asked for; executors: jobs over an executor, and which of them
  killed a worker
- workbench: nets one after the other; program: those of one structure by one program; structure: what is
  the same in them
"""
