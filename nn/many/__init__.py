"""Many nets, one for each configuration.

- table: fit_many
- job: one configuration
- workbench: nets trained one after another
- program: nets of one structure trained by one program
- structure: what such nets have in common
- trainer: the program's trainer, which takes over one net after another
- executors: jobs over an executor, and which of them killed a worker
- workers: what is sent to workers, and what they do
"""
