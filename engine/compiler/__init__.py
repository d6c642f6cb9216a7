"""The compiler: a function of Values, traced once, differentiated as a graph, planned, and run by a back end.

The way of a program, in the order of the folders:

    a function -> frontend -> passes -> plan -> backends/{python, numpy, llvm}
                                                training/ makes steps of it

- compiled: what a user calls; calls/: which program answers; specialisation: the program for samples of one shape
- batch: the arguments; pipeline: the passes in order
- loss_structure: how the loss of a batch is made of the losses of its samples; update: an optimiser's rule, traced
- comparison/: the program against the eager engine; explain: reports on a program; errors: refusals; forking: locks
- requirements: what samples, such as labels, must satisfy, checked at every call
- showing: Values shown with other numbers than their own; places: the places of Values among a million
- masks: of dropout, columns of a batch that are drawn anew for each step
- lending: the Values' numbers, lent to the programs that read or train them
"""

from .backends.llvm import TreeReader as TreeReader
from .backends.signatures import Description as Description
from .batch import Batch as Batch
from .compiled import Compiled as Compiled
from .compiled import compile as compile
from .errors import LeafReadError as LeafReadError
from .errors import TraceError as TraceError
from .forking import new_lock as new_lock
from .frontend.given.types import TypeGuard as TypeGuard
from .frontend.reads.objects import all_same as all_same
from .frontend.reads.surroundings import Surroundings as Surroundings
from .frontend.reads.word_guard import Guards as Guards
from .lending import classes_of as classes_of
from .loss_structure import BatchLoss as BatchLoss
from .loss_structure import batch_loss as batch_loss
from .masks import Drop as Drop
from .masks import Masks as Masks
from .training.optimizer import update_step as update_step
from .training.repeated import RepeatedStep as RepeatedStep
from .training.session import Session as Session
from .training.session import open_session as open_session
