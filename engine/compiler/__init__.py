"""The compiler: a function of Values, traced once, differentiated as a graph, planned, and run by a back end.

How a function becomes a program, folder by folder:

    a function -> frontend/ -> passes/ -> plan/ -> backends/{python, numpy, llvm}

- pipeline: all of this in order
- specialisation: the result, for samples of one shape
- live_trace: its trace, as long as the function does the same
- described: functions that describe themselves, and are traced once for all processes
- compiled: what a user calls
- calls: which program answers
- training: steps of an optimiser
- samples: what comes in and goes out
- requirements, labels: what samples and labels must satisfy, checked at every call
- values: the numbers of parameters, lent to the programs that read or train them
- comparison: the program against the eager engine
- explain: reports on a program
- loss_structure: how the loss of a batch is made of the losses of its samples
- update: an optimiser's rule, traced
- errors: refusals
"""

from ..process.forking import new_lock as new_lock
from .backends.llvm import TreeReader as TreeReader
from .calls.traced import Traces as Traces
from .compiled import Compiled as Compiled
from .compiled import compile as compile
from .compiled import traces_of as traces_of
from .described.description import Description as Description
from .described.rules import let_rule_describe_itself as let_rule_describe_itself
from .errors import LeafReadError as LeafReadError
from .errors import TraceError as TraceError
from .frontend.given.types import TypeGuard as TypeGuard
from .frontend.reads.objects import all_same as all_same
from .frontend.reads.surroundings import Surroundings as Surroundings
from .frontend.reads.word_guard import Due as Due
from .frontend.reads.word_guard import Guards as Guards
from .loss_structure import BatchLoss as BatchLoss
from .loss_structure import batch_loss as batch_loss
from .samples.batch import Batch as Batch
from .samples.masks import Drop as Drop
from .samples.masks import Masks as Masks
from .training.failure import lost_loss as lost_loss
from .training.optimizer import counts_steps as counts_steps
from .training.optimizer import update_step as update_step
from .training.repeated import RepeatedStep as RepeatedStep
from .training.session import Session as Session
from .training.session import open_session as open_session
from .values.lending import classes_of as classes_of
from .values.lending import lent_numbers as lent_numbers
