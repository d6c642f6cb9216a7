"""The compiler: a function of Values, traced once, differentiated as a graph, planned, and run by a back end.

trace -> symbols -> raise -> differentiate -> lower -> group -> plan -> llvm, numpy or python
"""

from .batch import Batch as Batch
from .compiled import Compiled as Compiled
from .compiled import compile as compile
from .errors import TraceError as TraceError
from .optimizer import OptimizerSettings as OptimizerSettings
from .session import Session as Session
