"""Benchmarks: what README claims, measured beside its peers; `python -m tests.benchmarks` lists them.

NumPy, PyTorch and JAX read the number of threads that they may use when they are imported. It is set to one here, since
a package is imported before its modules.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
