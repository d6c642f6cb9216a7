"""Many nets, one for each configuration.

- table: fit_many, and what a worker does; executors: jobs over an executor, and which of them killed a worker
- workbench: nets of one structure by one program; structure: what is the same in them
"""
