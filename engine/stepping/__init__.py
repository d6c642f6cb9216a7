"""Going through the passes of a graph: one step at a time, back and forth, and asking why.

- steps: the records of single steps
- backward_pass: a pass that can be moved in both directions
- stepper: the debugger on top of it
- breakpoints: where it stops
- standing: the table that it shows
- console: the stepper at the command line
- paths: the gradient as a sum over paths (why)
- explanation: a table of the graph
- anomaly: which operation made the inf or the nan
"""

from .anomaly import AnomalyError as AnomalyError
from .anomaly import detect_anomaly as detect_anomaly
from .anomaly import find_anomaly as find_anomaly
from .backward_pass import backward_steps as backward_steps
from .breakpoints import Breakpoint as Breakpoint
from .explanation import explain as explain
from .paths import why as why
from .stepper import Stepper as Stepper
from .steps import ForwardStep as ForwardStep
from .steps import Step as Step
from .steps import forward_steps as forward_steps
