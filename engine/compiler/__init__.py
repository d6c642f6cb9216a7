"""The compiler: a function of Values, traced once, differentiated as a graph, planned, and run by a back end.

To read it in order:

- what a user calls: compiled, batch, errors, report; for training: session, lending, optimizer
- tracing: symbol (the traced graph), conditions, trace, watching, checks
- passes over the graph: simplify, raising, differentiate
- the plan: plan (what it is), planning (the passes in order), grouping, runs, reductions, scatters
- back ends: backend_python, backend_numpy, llvm; recipe and fingerprint spare them a plan that is known already
"""

from .batch import Batch as Batch
from .compiled import Compiled as Compiled
from .compiled import compile as compile
from .errors import TraceError as TraceError
from .optimizer import OptimizerSettings as OptimizerSettings
from .session import Session as Session
